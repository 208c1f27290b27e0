// How stages see streams: what a word is, and accesses where compilers differ in what a waiting one holds up.
//
// A word is one vector of bits. With TAILOR_CHANNEL_STREAMS it is a struct of its channels, of which Vivado HLS
// makes a FIFO each, as in the networks that hls4ml emits; stages take it apart and put it together here.
#ifndef TAILOR_STREAMS_H_
#define TAILOR_STREAMS_H_

#include "dialect.h"
#include "hls_stream.h"
#include "words.h"

namespace tailor {

#ifdef TAILOR_CHANNEL_STREAMS

template <int Width, int Lanes> struct Channels { ap_uint<Width> channel[Lanes]; };

template <class T, int Lanes> struct Stream { typedef hls::stream<Channels<T::width, Lanes> > type; };

template <int Width, int Lanes> ap_uint<Width * Lanes> to_bits(const Channels<Width, Lanes> &word) {
    TAILOR_INLINE
    ap_uint<Width * Lanes> bits;
channel_loop:
    for (int lane = 0; lane < Lanes; ++lane) {
        TAILOR_UNROLL
        bits.range(lane * Width + Width - 1, lane * Width) = word.channel[lane];
    }
    return bits;
}
template <int Width, int Lanes> void from_bits(Channels<Width, Lanes> &word, const ap_uint<Width * Lanes> &bits) {
    TAILOR_INLINE
channel_loop:
    for (int lane = 0; lane < Lanes; ++lane) {
        TAILOR_UNROLL
        word.channel[lane] = bits.range(lane * Width + Width - 1, lane * Width);
    }
}

#else

// A stream of `Lanes` channels of type T a word.
template <class T, int Lanes> struct Stream { typedef hls::stream<typename Word<T, Lanes>::type> type; };

template <int Bits> ap_uint<Bits> to_bits(const ap_uint<Bits> &word) {
    TAILOR_INLINE
    return word;
}
template <int Bits> void from_bits(ap_uint<Bits> &word, const ap_uint<Bits> &bits) {
    TAILOR_INLINE
    word = bits;
}

#endif

// The next word of a stage's input.
template <class W> auto read_word(hls::stream<W> &in) -> decltype(to_bits(W())) {
    TAILOR_INLINE
    return to_bits(in.read());
}

template <class W, int Bits> void write_word(hls::stream<W> &out, const ap_uint<Bits> &bits) {
    TAILOR_INLINE
    W word;
    from_bits(word, bits);
    out.write(word);
}

// Writes the word if there is room.
template <class W, int Bits> bool try_write(hls::stream<W> &out, const ap_uint<Bits> &bits) {
    TAILOR_INLINE
    if (out.full()) return false;
    write_word(out, bits);
    return true;
}

// Whether a stage that can do nothing else may read now. In csim a read that waits holds up nothing, and
// one that never ends is named; its timed mode waits as the hardware does.
template <class W> bool may_read(hls::stream<W> &in) {
    TAILOR_INLINE
#if defined(__SYNTHESIS__) || defined(TAILOR_TIMED)
    return TAILOR_READS_MAY_WAIT || !in.empty();
#else
    (void)in;
    return true;
#endif
}

} // namespace tailor

#endif
