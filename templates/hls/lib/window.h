// Where a conv stage is: the window of input pixels under the current output pixel, and the beat in it.
//
// The beats of a pixel are output group, tap row, tap column, input group, as far as the read form walks
// through them; pixels follow in raster order. With skip_padding the rows and columns that lie outside the
// image are left out of the walk. All positions move by additions that wrap once, never by a modulo.
#ifndef TAILOR_WINDOW_H_
#define TAILOR_WINDOW_H_

#include "dialect.h"
#include "sizes.h"
#include "words.h"

namespace tailor {

// place + step in a ring of `Places`; step <= Places.
template <int Places> int ring_add(int place, int step) {
    TAILOR_INLINE
    const int sum = place + step;
    return sum >= Places ? sum - Places : sum;
}

// value + step, but at most `limit`.
inline int add_up_to(int value, int step, int limit) {
    TAILOR_INLINE
    const int sum = value + step;
    return sum > limit ? limit : sum;
}

template <class C> class Window {
    typedef ConvSizes<C> S;

  public:
    typedef typename Count<Larger<S::kBankWords, S::kBanks>::value>::type origin_t;

    // At the first beat of a frame. `origin`: the ring address of the frame's first word where there is one
    // bank, else the bank of its first row.
    explicit Window(origin_t origin)
        : top_(-C::pad_height), left_(-C::pad_width), bank_(first_bank(origin)), row_corner_(first_corner(origin)),
          corner_(first_corner(origin)), row_need_(kFirstRowNeed), column_need_(kFirstColumnNeed),
          row_base_(-C::pad_height * S::kRowWords), base_(row_base_ - C::pad_width * S::kPixelWords), row_(0),
          column_(0), group_(0), group_beat_(0), computed_(false) {
        TAILOR_INLINE
        rewind();
    }

    // What a window needs: the rows above its last one in full, and the pixels of its last one.
    static const int kFirstRowNeed =
        Smaller<C::kernel_height - 1 - C::pad_height, C::in_height - 1>::value * S::kRowWords;
    static const int kFirstColumnNeed = Smaller<C::kernel_width - C::pad_width, C::in_width>::value * S::kPixelWords;
    static const int kLastRowNeed = (C::in_height - 1) * S::kRowWords;

    // The origin of the frame after one with this origin.
    static int next_origin(origin_t origin) {
        TAILOR_INLINE
        return ring_add<kOrigins>(origin, (kSerial ? S::kFrameWords : C::in_height) % kOrigins);
    }

    bool computed() const { return computed_; } // the whole frame
    bool ends_row() const { return column_ == C::out_width - 1; }
    bool starts_pixel() const { return group_ == 0 && starts_group(); }
    bool starts_group() const { return tap_row_ == first_row() && tap_column_ == first_column() && in_group_ == 0; }
    bool ends_group() const {
        return tap_row_ == last_row() && tap_column_ == last_column() && in_group_ == S::kInGroups - 1;
    }
    bool ends_pixel() const { return ends_group() && group_ == S::kOutGroups - 1; }

    // Whether a row and a column of the kernel lie inside the image; outside all channels are zero.
    bool holds_row(int row) const { return top_ + row >= 0 && top_ + row < C::in_height; }
    bool holds_column(int column) const { return left_ + column >= 0 && left_ + column < C::in_width; }
    // Whether a beat has the centre tap among its taps.
    bool in_centre() const { return tap_row_ == S::kCentreRow && tap_column_ == S::kCentreColumn; }

    int tap_row() const { return tap_row_; }
    int tap_column() const { return tap_column_; }
    int beat() const { return beat_; }         // row of the weights
    int group() const { return group_; }       // of pe output channels
    int in_group() const { return in_group_; } // of the channels of a tap in a beat
    int slice() const { return slice_; }       // of the ring word
    int bank() const { return bank_; }         // of the kernel's first row
    int address() const { return address_; }   // of the tap's word in its bank

    // Words of this frame that must be in the ring before the pixel starts; after the last pixel, all.
    int needed() const { return computed_ ? S::kFrameWords : row_need_ + column_need_; }
    // Words of this frame, from its first, that no later window needs: all before the window's corner.
    int released() const { return computed_ ? S::kFrameWords : base_ > 0 ? int(base_) : 0; }

    // To the next beat; at a pixel's last beat to the next pixel.
    void advance() {
        TAILOR_INLINE
        if (!ends_group()) {
            next_tap();
            return;
        }
        if (group_ == S::kOutGroups - 1) {
            group_ = 0;
            group_beat_ = 0;
            next_pixel();
        } else {
            ++group_;
            group_beat_ += S::kGroupBeats;
        }
        rewind();
    }

  private:
    static const bool kSerial = C::form == READ_SERIAL;
    static const int kOrigins = kSerial ? S::kRingWords : S::kBanks;
    // Which taps outside the image cost no beat.
    static const bool kSkipsRows = C::skip_padding && S::kWalkRows > 1;
    static const bool kSkipsColumns = C::skip_padding && S::kWalkColumns > 1;

    // The corner is the first tap that is walked. Where the walk leaves out what is outside, it stays at the
    // image's edge until the window has come inside, and then takes a shorter step.
    static const int kFirstRowInside = (C::stride_height - C::pad_height % C::stride_height) % C::stride_height;
    static const int kFirstColumnInside = (C::stride_width - C::pad_width % C::stride_width) % C::stride_width;
    static const int kRowEntry = kSerial ? kFirstRowInside * S::kRowWords % S::kBankWords : 0;
    static const int kRowStep = kSerial ? C::stride_height * S::kRowWords % S::kBankWords : 0;
    static const int kColumnEntry = kFirstColumnInside * S::kPixelWords % S::kBankWords;
    static const int kColumnStep = C::stride_width * S::kPixelWords % S::kBankWords;
    static const int kBefore = ((kSerial && !kSkipsRows ? C::pad_height * S::kRowWords : 0) +
                                (kSkipsColumns ? 0 : C::pad_width * S::kPixelWords)) % S::kBankWords;

    static int first_corner(origin_t origin) {
        TAILOR_INLINE
        return ring_add<S::kBankWords>(kSerial ? origin : 0, S::kBankWords - kBefore);
    }
    // The bank of the kernel's first row at a frame's first window.
    static int first_bank(origin_t origin) {
        TAILOR_INLINE
        return kSerial ? 0 : ring_add<S::kBanks>(origin, S::kBanks - C::pad_height % S::kBanks);
    }

    // The walk's first and last row and column.
    int first_row() const { return kSkipsRows && top_ < 0 ? -top_ : 0; }
    int first_column() const { return kSkipsColumns && left_ < 0 ? -left_ : 0; }
    int last_row() const {
        const int below = C::in_height - 1 - top_;
        return kSkipsRows && below < S::kWalkRows - 1 ? below : S::kWalkRows - 1;
    }
    int last_column() const {
        const int right = C::in_width - 1 - left_;
        return kSkipsColumns && right < S::kWalkColumns - 1 ? right : S::kWalkColumns - 1;
    }

    // To the first tap of the current window.
    void rewind() {
        TAILOR_INLINE
        tap_row_ = first_row();
        tap_column_ = first_column();
        in_group_ = 0;
        slice_ = 0;
        row_address_ = corner_;
        address_ = corner_;
        row_beat_ = group_beat_ + first_row() * S::kRowBeats + first_column() * S::kInGroups;
        beat_ = row_beat_;
    }

    void next_tap() {
        TAILOR_INLINE
        ++beat_;
        if (++slice_ == S::kSlices) {
            slice_ = 0;
            address_ = ring_add<S::kBankWords>(address_, 1);
        }
        if (++in_group_ != S::kInGroups) return;
        in_group_ = 0;
        if (tap_column_ != last_column()) {
            ++tap_column_;
            return;
        }
        tap_column_ = first_column();
        ++tap_row_;
        row_address_ = ring_add<S::kBankWords>(row_address_, S::kRowWords % S::kBankWords);
        address_ = row_address_;
        row_beat_ += S::kRowBeats;
        beat_ = row_beat_;
    }

    void next_pixel() {
        TAILOR_INLINE
        if (++column_ == C::out_width) {
            next_row();
            return;
        }
        const bool was_outside = kSkipsColumns && left_ < 0;
        left_ += C::stride_width;
        corner_ = ring_add<S::kBankWords>(corner_, was_outside ? (left_ < 0 ? 0 : kColumnEntry) : kColumnStep);
        column_need_ = add_up_to(column_need_, C::stride_width * S::kPixelWords, S::kRowWords);
        base_ += C::stride_width * S::kPixelWords;
    }

    void next_row() {
        TAILOR_INLINE
        column_ = 0;
        left_ = -C::pad_width;
        column_need_ = kFirstColumnNeed;
        computed_ = ++row_ == C::out_height;
        const bool was_outside = kSkipsRows && top_ < 0;
        top_ += C::stride_height;
        bank_ = ring_add<S::kBanks>(bank_, C::stride_height % S::kBanks);
        row_corner_ = ring_add<S::kBankWords>(row_corner_, was_outside ? (top_ < 0 ? 0 : kRowEntry) : kRowStep);
        corner_ = row_corner_;
        row_need_ = add_up_to(row_need_, C::stride_height * S::kRowWords, kLastRowNeed);
        row_base_ += C::stride_height * S::kRowWords;
        base_ = row_base_ - C::pad_width * S::kPixelWords;
    }

    // The kernel's first row and column in the frame, padding included.
    typename Count<C::in_height + C::kernel_height + C::stride_height>::type top_;
    typename Count<C::in_width + C::kernel_width + C::stride_width>::type left_;
    // The ring's places of the row's first window and of this one.
    typename Count<S::kBanks>::type bank_;
    typename S::address_t row_corner_, corner_;
    // In words of the frame: what the window needs, and where it begins (before the frame in the padding).
    typename S::words_t row_need_, column_need_, row_base_, base_;
    typename Count<C::out_height>::type row_;
    typename Count<C::out_width>::type column_;
    // The beat inside the pixel.
    typename Count<S::kOutGroups>::type group_;
    typename Count<C::kernel_height>::type tap_row_;
    typename Count<C::kernel_width>::type tap_column_;
    typename Count<S::kInGroups>::type in_group_;
    typename Count<S::kSlices>::type slice_;
    typename Count<S::kPixelBeats>::type group_beat_, row_beat_, beat_;
    typename S::address_t row_address_, address_;
    bool computed_;
};

} // namespace tailor

#endif
