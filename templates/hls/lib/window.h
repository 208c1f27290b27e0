// Where a conv stage is: the window of input pixels under the current output pixel, and the beat in it.
//
// The beats of a pixel are output group, tap row, tap column, input group; pixels follow in raster order.
// All positions in the ring move by additions that wrap once, never by a multiplication. "Words" are
// ring words.
#ifndef TAILOR_WINDOW_H_
#define TAILOR_WINDOW_H_

#include "dialect.h"
#include "words.h"

namespace tailor {

// What follows from a stage's Config.
template <class C> struct ConvSizes {
    static const int kWordLanes = Larger<C::simd, C::in_lanes>::value;
    static const int kParts = kWordLanes / C::in_lanes; // stream words that fill a ring word
    static const int kSlices = kWordLanes / C::simd;    // beats that read one ring word
    static_assert(kWordLanes % C::in_lanes == 0 && kWordLanes % C::simd == 0, "simd and lanes do not pack");
    static const int kPixelWords = C::in_channels / kWordLanes;
    static const int kRowWords = C::in_width * kPixelWords;
    static const int kFrameWords = C::in_height * kRowWords;
    static const int kRingWords = C::ring_pixels * kPixelWords;

    static const int kInGroups = C::in_channels / C::simd;
    static const int kOutGroups = C::out_channels / C::pe;
    static const int kPixelBeats = kOutGroups * C::kernel_height * C::kernel_width * kInGroups;

    typedef typename Count<kRingWords>::type address_t;
    typedef typename Count<2 * (kFrameWords + kRingWords)>::type words_t;
    typedef typename Word<typename C::input_t, C::in_lanes>::type in_word_t;
    typedef typename Word<typename C::input_t, kWordLanes>::type ring_word_t;
    typedef typename Word<typename C::output_t, C::out_lanes>::type out_word_t;
};

// address + step in a ring of `Words`; step < Words.
template <int Words> int ring_add(int address, int step) {
    TAILOR_INLINE
    const int sum = address + step;
    return sum >= Words ? sum - Words : sum;
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
    // At the first beat of a frame whose first window lies at `origin` of the ring.
    explicit Window(typename S::address_t origin)
        : top_(-C::pad_height), left_(-C::pad_width), row_origin_(origin), origin_(origin), row_need_(kFirstRowNeed),
          column_need_(kFirstColumnNeed), row_release_(0), release_(0), row_(0), column_(0), beat_(0), group_(0),
          tap_row_(0), tap_column_(0), in_group_(0), slice_(0), address_(origin), computed_(false) {
        TAILOR_INLINE
    }

    // The first window of a frame begins in the padding: this far before the frame's first word.
    static const int kBefore = (C::pad_height * S::kRowWords + C::pad_width * S::kPixelWords) % S::kRingWords;
    static const int kFirstOrigin = (S::kRingWords - kBefore) % S::kRingWords;

    bool computed() const { return computed_; } // the whole frame
    bool starts_pixel() const { return beat_ == 0; }
    bool starts_group() const { return tap_row_ == 0 && tap_column_ == 0 && in_group_ == 0; }
    bool ends_group() const {
        return tap_row_ == C::kernel_height - 1 && tap_column_ == C::kernel_width - 1 && in_group_ == S::kInGroups - 1;
    }
    bool ends_pixel() const { return ends_group() && group_ == S::kOutGroups - 1; }
    bool in_centre() const { return tap_row_ == C::pad_height && tap_column_ == C::pad_width; }
    // Whether the tap's pixel exists; outside the frame all channels are zero.
    bool in_frame() const {
        const int row = top_ + tap_row_;
        const int column = left_ + tap_column_;
        return row >= 0 && row < C::in_height && column >= 0 && column < C::in_width;
    }

    int beat() const { return beat_; }         // row of the weights
    int group() const { return group_; }       // of pe output channels
    int in_group() const { return in_group_; } // of simd input channels
    int slice() const { return slice_; }       // of the ring word
    int address() const { return address_; }   // of the tap's word

    // Words of this frame that must be in the ring before the pixel starts; after the last pixel, all.
    int needed() const { return computed_ ? S::kFrameWords : row_need_ + column_need_; }
    // Words of this frame, from its first, that no later window needs.
    int released() const { return release_; }

    // To the next beat; at a pixel's last beat to the next pixel.
    void advance() {
        TAILOR_INLINE
        if (ends_pixel()) {
            next_pixel();
            beat_ = 0;
            group_ = 0;
            rewind();
        } else if (ends_group()) {
            ++beat_;
            ++group_;
            rewind();
        } else {
            ++beat_;
            next_tap();
        }
    }

  private:
    // Steps through the ring, each less than once around it.
    static const int kColumnStep = C::stride_width * S::kPixelWords % S::kRingWords;
    static const int kRowStep = C::stride_height * S::kRowWords % S::kRingWords;
    static const int kTapRowStep =
        ((C::in_width - C::kernel_width) * S::kPixelWords % S::kRingWords + S::kRingWords) % S::kRingWords;

    // What a window needs: the rows above its last one in full, and the pixels of its last one.
    static const int kFirstRowNeed =
        Smaller<C::kernel_height - 1 - C::pad_height, C::in_height - 1>::value * S::kRowWords;
    static const int kFirstColumnNeed = Smaller<C::kernel_width - C::pad_width, C::in_width>::value * S::kPixelWords;
    static const int kLastRowNeed = (C::in_height - 1) * S::kRowWords;

    // To the first tap of the current window.
    void rewind() {
        TAILOR_INLINE
        tap_row_ = 0;
        tap_column_ = 0;
        in_group_ = 0;
        slice_ = 0;
        address_ = origin_;
    }

    void next_tap() {
        TAILOR_INLINE
        if (++slice_ == S::kSlices) {
            slice_ = 0;
            address_ = ring_add<S::kRingWords>(address_, 1);
        }
        if (++in_group_ == S::kInGroups) {
            in_group_ = 0;
            if (++tap_column_ == C::kernel_width) {
                tap_column_ = 0;
                ++tap_row_;
                address_ = ring_add<S::kRingWords>(address_, kTapRowStep);
            }
        }
    }

    void next_pixel() {
        TAILOR_INLINE
        if (++column_ == C::out_width) {
            next_row();
            return;
        }
        left_ += C::stride_width;
        column_need_ = add_up_to(column_need_, C::stride_width * S::kPixelWords, S::kRowWords);
        origin_ = ring_add<S::kRingWords>(origin_, kColumnStep);
        // Where the next row's windows begin with the pixels of this row's, those stay.
        if (left_ > 0 && top_ + C::stride_height > 0) release_ = row_release_ + left_ * S::kPixelWords;
    }

    void next_row() {
        TAILOR_INLINE
        column_ = 0;
        left_ = -C::pad_width;
        column_need_ = kFirstColumnNeed;
        top_ += C::stride_height;
        row_need_ = add_up_to(row_need_, C::stride_height * S::kRowWords, kLastRowNeed);
        row_origin_ = ring_add<S::kRingWords>(row_origin_, kRowStep);
        origin_ = row_origin_;
        computed_ = ++row_ == C::out_height;
        row_release_ = top_ > 0 ? top_ * S::kRowWords : 0;
        release_ = computed_ ? S::kFrameWords : int(row_release_);
    }

    // The first tap's place in the frame, padding included, and in the ring.
    typename Count<C::in_height + C::kernel_height + C::stride_height>::type top_;
    typename Count<C::in_width + C::kernel_width + C::stride_width>::type left_;
    typename S::address_t row_origin_, origin_;
    typename S::words_t row_need_, column_need_, row_release_, release_;
    typename Count<C::out_height>::type row_;
    typename Count<C::out_width>::type column_;
    // The beat inside the pixel.
    typename Count<S::kPixelBeats>::type beat_;
    typename Count<S::kOutGroups>::type group_;
    typename Count<C::kernel_height>::type tap_row_;
    typename Count<C::kernel_width>::type tap_column_;
    typename Count<S::kInGroups>::type in_group_;
    typename Count<S::kSlices>::type slice_;
    typename S::address_t address_;
    bool computed_;
};

} // namespace tailor

#endif
