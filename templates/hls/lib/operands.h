// The operands of a beat, out of the ring: three read forms behind one interface.
//
//   ready(window, loaded)      the beat may run, as far as input goes, when `loaded` words are in the ring
//   needed(window)             words that must be loaded for the next step; after the frame's last pixel, all
//   fetch(ring, loaded, ...)   once an iteration: what the form reads ahead of the beats; whether it did
//   read(x, ring, window, ...) the beat's C::simd operands, tap-major; zero outside the image
//   next_pixel(window)         the beat was its pixel's last
//   next_frame()               the call ends
//
// READ_SERIAL and READ_ROWS (BankReader) read in the beat itself. READ_WINDOW (WindowReader) holds the window in
// registers and reads kernel columns ahead of it, also the first ones of the next row, or frame, while the last
// windows of this one lie partly in the padding.
#ifndef TAILOR_OPERANDS_H_
#define TAILOR_OPERANDS_H_

#include "dialect.h"
#include "sizes.h"
#include "window.h"
#include "words.h"

namespace tailor {

// Cuts the channels of one tap out of its ring word.
template <class C>
void set_operands(typename C::input_t x[C::simd], int tap, const typename ConvSizes<C>::ring_word_t &word, int slice) {
    TAILOR_INLINE
    typedef ConvSizes<C> S;
channel_loop:
    for (int channel = 0; channel < S::kTapLanes; ++channel) {
        TAILOR_UNROLL
        x[tap * S::kTapLanes + channel] = get_lane<typename C::input_t>(word, slice * S::kTapLanes + channel);
    }
}

template <class C> class BankReader {
    typedef ConvSizes<C> S;

  public:
    bool ready(const Window<C> &window, int loaded) const {
        return !window.starts_pixel() || loaded >= window.needed();
    }
    int needed(const Window<C> &window) const { return window.needed(); }

    template <class Monitor>
    bool fetch(const typename S::ring_t &, int, Monitor &) {
        return false;
    }

    template <class Monitor>
    void read(typename C::input_t x[C::simd], const typename S::ring_t &ring, const Window<C> &window,
              Monitor &monitor) const {
        TAILOR_INLINE
    row_loop:
        for (int row = 0; row < S::kFormRows; ++row) {
            TAILOR_UNROLL
            typename S::ring_word_t word = 0;
            if (window.holds_row(window.tap_row() + row) && window.holds_column(window.tap_column())) {
                const int bank = ring_add<S::kBanks>(window.bank(), row % S::kBanks);
                word = ring[bank][window.address()];
                monitor.reads(bank * S::kBankWords + window.address());
            }
            set_operands<C>(x, row, word, window.slice());
        }
    }

    void next_pixel(const Window<C> &) {}
    void next_frame() {}
};

template <class C> class WindowReader {
    typedef ConvSizes<C> S;
    typedef typename S::ring_word_t word_t;

  public:
    bool ready(const Window<C> &, int) const { return formed_; }
    int needed(const Window<C> &) const { return ahead_ != 0 ? S::kFrameWords : needed_now(); }

    // Reads a word of the next column, and forms the next window when its columns are there.
    template <class Monitor> bool fetch(const typename S::ring_t &ring, int loaded, Monitor &monitor) {
        TAILOR_INLINE
        TAILOR_REGISTERS(window_)
        TAILOR_REGISTERS(queue_)
        const bool fetches = ahead_ != kAhead && staged_ != kQueue && loaded >= needed_now();
        if (fetches) {
        bank_loop:
            for (int row = 0; row < C::kernel_height; ++row) {
                TAILOR_UNROLL
                const int bank = ring_add<S::kBanks>(bank_, (S::kBanks - C::pad_height % S::kBanks + row) % S::kBanks);
                queue_[staged_][row][word_] = ring[bank][address_];
                const int in_row = row_ * C::stride_height - C::pad_height + row;
                if (in_row >= 0 && in_row < C::in_height) monitor.reads(bank * S::kBankWords + address_);
            }
            next_word();
        }
        if (!formed_ && staged_ >= due()) form();
        return fetches;
    }

    template <class Monitor>
    void read(typename C::input_t x[C::simd], const typename S::ring_t &, const Window<C> &window, Monitor &) const {
        TAILOR_INLINE
    row_loop:
        for (int row = 0; row < C::kernel_height; ++row) {
            TAILOR_UNROLL
        column_loop:
            for (int column = 0; column < C::kernel_width; ++column) {
                TAILOR_UNROLL
                word_t word = 0;
                if (window.holds_row(row) && window.holds_column(column)) {
                    word = window_[column][row][window.in_group() / S::kSlices];
                }
                set_operands<C>(x, row * C::kernel_width + column, word, window.slice());
            }
        }
    }

    void next_pixel(const Window<C> &window) {
        TAILOR_INLINE
        formed_ = false;
        if (window.ends_row()) consumed_ = 0;
    }
    void next_frame() { --ahead_; }

  private:
    // Columns that the windows of a row touch, that its first one takes, and that may wait.
    static const int kColumns =
        Smaller<(C::out_width - 1) * C::stride_width + C::kernel_width - C::pad_width, C::in_width>::value;
    static const int kFirst = Smaller<C::kernel_width - C::pad_width, kColumns>::value;
    // From the bank of a frame's last window to that of the next frame's first.
    static const int kFrameStep =
        ((C::in_height - (C::out_height - 1) * C::stride_height) % S::kBanks + S::kBanks) % S::kBanks;
    static const int kAhead = 2; // frames; that many is too far to go on
    static const int kQueue = Larger<C::kernel_width - C::pad_width, C::stride_width>::value;

    // Words of this frame that must be in the ring for the next one to be read.
    int needed_now() const {
        const int rows = add_up_to(Window<C>::kFirstRowNeed, row_words_, Window<C>::kLastRowNeed);
        return rows + (column_ + 1) * S::kPixelWords + (ahead_ != 0 ? S::kFrameWords : 0);
    }

    // New columns of the current window.
    int due() const {
        if (consumed_ == 0) return kFirst;
        return kColumns - consumed_ < C::stride_width ? kColumns - consumed_ : C::stride_width;
    }

    void next_word() {
        TAILOR_INLINE
        ++address_;
        if (++word_ != S::kPixelWords) return;
        word_ = 0;
        ++staged_;
        if (++column_ != kColumns) return;
        column_ = 0;
        address_ = 0;
        const bool ends_frame = row_ == C::out_height - 1;
        bank_ = ring_add<S::kBanks>(bank_, ends_frame ? kFrameStep : C::stride_height % S::kBanks);
        row_words_ = ends_frame ? 0 : row_words_ + C::stride_height * S::kRowWords;
        row_ = ends_frame ? 0 : row_ + 1;
        if (ends_frame) ++ahead_;
    }

    // Moves the columns that are due from the queue into the window.
    void form() {
        TAILOR_INLINE
        const int columns = due();
    window_loop:
        for (int column = 0; column < C::kernel_width; ++column) {
            TAILOR_UNROLL
            const int behind = column + C::stride_width; // its place a pixel ago
            if (consumed_ == 0) {
                if (column >= C::pad_width) copy_column(window_[column], queue_[column - C::pad_width]);
            } else if (behind < C::kernel_width) {
                copy_column(window_[column], window_[behind]);
            } else {
                copy_column(window_[column], queue_[behind - C::kernel_width]);
            }
        }
    queue_loop:
        for (int place = 0; place < kQueue; ++place) {
            TAILOR_UNROLL
            if (place + columns < kQueue) copy_column(queue_[place], queue_[place + columns]);
        }
        staged_ -= columns;
        consumed_ += columns;
        formed_ = true;
    }

    typedef word_t column_t[C::kernel_height][S::kPixelWords];
    static void copy_column(column_t &to, const column_t &from) {
        TAILOR_INLINE
    copy_row_loop:
        for (int row = 0; row < C::kernel_height; ++row) {
            TAILOR_UNROLL
        copy_word_loop:
            for (int word = 0; word < S::kPixelWords; ++word) {
                TAILOR_UNROLL
                to[row][word] = from[row][word];
            }
        }
    }

    // A static of the stage: all of it begins as zero.
    column_t window_[C::kernel_width];
    column_t queue_[kQueue]; // the columns that come next; the last one perhaps in part
    // Where the queue is filled: frames, from the one that is computed, rows of windows, columns, words.
    typename Count<kAhead>::type ahead_;
    typename Count<C::out_height>::type row_;
    typename S::words_t row_words_;         // of the rows that earlier windows have begun with
    typename Count<S::kBanks>::type bank_; // of the first of these windows' rows, had it no padding above
    typename Count<C::in_width>::type column_;
    typename Count<S::kPixelWords>::type word_;
    typename S::address_t address_;
    typename Count<kQueue>::type staged_;        // whole columns in the queue
    typename Count<C::in_width>::type consumed_; // columns of this row that the window has taken
    bool formed_;
};

// The reader of a form.
template <class C, ReadForm Form> struct Operands : BankReader<C> {};
template <class C> struct Operands<C, READ_WINDOW> : WindowReader<C> {};

} // namespace tailor

#endif
