// How channels lie in the words of a stream, and counters that are no wider than they need to be.
//
// Channel i of a word of `ap_(u)fixed` channels of W bits is at bits [i * W + W - 1 : i * W].
#ifndef TAILOR_WORDS_H_
#define TAILOR_WORDS_H_

#include "ap_fixed.h"
#include "ap_int.h"
#include "dialect.h"

namespace tailor {

template <int A, int B> struct Larger { static const int value = A > B ? A : B; };
template <int A, int B> struct Smaller { static const int value = A < B ? A : B; };

// The narrowest integer that counts -Max ... Max.
template <int Bytes> struct Integer;
template <> struct Integer<1> { typedef signed char type; };
template <> struct Integer<2> { typedef short type; };
template <> struct Integer<4> { typedef int type; };
template <long long Max> struct Count {
    static_assert(Max <= 0x7fffffff, "a counter is too narrow for this stage");
    typedef typename Integer<(Max > 0x7fff ? 4 : Max > 0x7f ? 2 : 1)>::type type;
};

// The integer that a fixed-point number is, in units of its LSB.
template <class T> struct IntegerOf;
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct IntegerOf<ap_fixed<W, I, Q, O, N> > {
    typedef ap_int<W> type;
    static const bool is_signed = true;
};
template <int W, int I, ap_q_mode Q, ap_o_mode O, int N> struct IntegerOf<ap_ufixed<W, I, Q, O, N> > {
    typedef ap_uint<W> type;
    static const bool is_signed = false;
};
template <class T> typename IntegerOf<T>::type to_integer(const T &value) {
    TAILOR_INLINE
    return value.range(T::width - 1, 0);
}
// The other way round, for an integer that T can hold.
template <class T, class Number> T from_integer(const Number &integer) {
    TAILOR_INLINE
    T value;
    value.range(T::width - 1, 0) = typename IntegerOf<T>::type(integer);
    return value;
}

// A word of `Lanes` channels of type T.
template <class T, int Lanes> struct Word { typedef ap_uint<T::width * Lanes> type; };

// Channel `lane` of a word.
template <class T, int Bits> T get_lane(const ap_uint<Bits> &word, int lane) {
    TAILOR_INLINE
    T channel;
    channel.range(T::width - 1, 0) = word.range(lane * T::width + T::width - 1, lane * T::width);
    return channel;
}

// Sets channel `lane` of a word.
template <class T, int Bits> void set_lane(ap_uint<Bits> &word, int lane, const T &channel) {
    TAILOR_INLINE
    word.range(lane * T::width + T::width - 1, lane * T::width) = channel.range(T::width - 1, 0);
}

// Puts new bits above those that are held; the oldest fall out at the bottom.
template <int Bits, int NewBits> ap_uint<Bits> append(const ap_uint<Bits> &held, const ap_uint<NewBits> &added) {
    TAILOR_INLINE
    ap_uint<Bits> joined = held >> NewBits;
    joined.range(Bits - 1, Bits - NewBits) = added;
    return joined;
}

} // namespace tailor

#endif
