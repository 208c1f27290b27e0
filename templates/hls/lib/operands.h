// The operands of a beat, out of the ring: three read forms behind one interface.
//
//   ready(window, loaded)      the beat may run, as far as input goes, when `loaded` words are in the ring
//   needed(window)             words that must be loaded for the next step; after the frame's last pixel, all
//   fetch(ring, loaded, ...)   once an iteration: what the form reads ahead of the beats; whether it did
//   read(x, ring, window, ...) the beat's C::simd operands, tap-major; zero outside the image
//   next_pixel()               the beat was its pixel's last
//
// READ_SERIAL and READ_ROWS (BankReader) read in the beat itself. READ_WINDOW (WindowReader) holds the window in
// registers and reads one kernel column ahead of it, also the first ones of the next row while the last
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
    explicit BankReader(int) {}
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

    void next_pixel() {}
};

template <class C, ReadForm Form> struct Operands : BankReader<C> {
    explicit Operands(int origin) : BankReader<C>(origin) {}
};

} // namespace tailor

#endif
