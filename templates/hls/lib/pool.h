// A global average pool: the exact sum of each channel over a frame, divided by the pixels, rounded once.
//
// Contract: one word a cycle; as each word of the frame's last pixel has come in, the means of its channels
// are made, one a cycle on one divider, and leave `out_lanes` a word. One call is one frame. The lanes of
// input and output are free of each other.
//
// With a = sum << dividend_shift, the mean in LSBs of output_t is a / pixels, rounded by `rounding`:
//   AP_TRN       floor(a / N)
//   AP_TRN_ZERO  sign(a) * floor(|a| / N)
//   AP_RND       floor((2a + N) / 2N)
//   AP_RND_CONV  the same, less 1 where (2a + N) is a multiple of 2N and the quotient is odd
// and then limited by output_t's overflow mode. The division is a multiplication that the generator has
// proved equal over the whole range: floor(b / divisor) = (((b + lift * divisor) * multiplier) >> shift) - lift.
//
// Config: input_t, accumulator_t, output_t, quotient_t (output_t's grid, as wide as dividend_t), integer_t
// (an accumulator's LSBs), dividend_t, lifted_t, product_t (integers); pixels, channels, in_lanes, out_lanes, dividend_shift,
// rounding; divisor(), lift(), multiplier(); shift.
#ifndef TAILOR_POOL_H_
#define TAILOR_POOL_H_

#include "dialect.h"
#include "loop_monitor.h"
#include "sender.h"
#include "streams.h"
#include "words.h"

namespace tailor {

// floor(dividend / C::divisor()).
template <class C> typename C::dividend_t floor_divide(const typename C::dividend_t &dividend) {
    TAILOR_INLINE
    const typename C::lifted_t lifted = dividend + C::lift() * C::divisor();
    const typename C::product_t product = lifted * C::multiplier();
    return (product >> C::shift) - C::lift();
}

// The rounded quotient a / N; `divisor` is N, or 2N for the modes that round to nearest.
template <class C> typename C::dividend_t divide(const typename C::dividend_t &a) {
    TAILOR_INLINE
    typedef typename C::dividend_t dividend_t;
    if (C::rounding == AP_TRN) return floor_divide<C>(a);
    if (C::rounding == AP_TRN_ZERO) {
        const bool negative = a < 0;
        const dividend_t magnitude = negative ? dividend_t(-a) : a;
        const dividend_t quotient = floor_divide<C>(magnitude);
        return negative ? dividend_t(-quotient) : quotient;
    }
    const dividend_t doubled = (a << 1) + (C::divisor() >> 1);
    const dividend_t quotient = floor_divide<C>(doubled);
    const bool tie = C::rounding == AP_RND_CONV && quotient * C::divisor() == doubled;
    return tie && quotient[0] ? dividend_t(quotient - 1) : quotient;
}

// The mean of one channel.
template <class C> typename C::output_t divide_sum(const typename C::accumulator_t &sum) {
    TAILOR_INLINE
    const typename C::integer_t integer = sum.range(C::accumulator_t::width - 1, 0);
    const typename C::dividend_t dividend = typename C::dividend_t(integer) << C::dividend_shift;
    typename C::quotient_t quotient;
    quotient.range(C::quotient_t::width - 1, 0) = divide<C>(dividend);
    return quotient;
}

template <class C>
void pool(typename Stream<typename C::input_t, C::in_lanes>::type &in,
          typename Stream<typename C::output_t, C::out_lanes>::type &out) {
    TAILOR_STAGE
    static const int kWords = C::channels / C::in_lanes; // of a pixel
    static const int kFrameWords = C::pixels * kWords;

    typename C::accumulator_t sums[kWords][C::in_lanes];
    TAILOR_WIDE(sums)
    TAILOR_LUTRAM(sums)
    typename C::accumulator_t finished[C::in_lanes]; // of one word, the next channel first
    TAILOR_REGISTERS(finished)
    Sender<typename C::output_t, 1, C::out_lanes> sender;
    typename Count<C::in_lanes>::type unsent = 0; // of the finished sums
    typename Count<kFrameWords>::type taken = 0;
    typename Count<kWords>::type place = 0; // of a word in its pixel

word_loop:
    while (taken != kFrameWords || unsent != 0 || !sender.ready()) {
        TAILOR_PIPELINE
        const bool divides = unsent != 0 && sender.ready();
        const bool takes = unsent == 0 && taken != kFrameWords && may_read(in);
        if (divides) {
            typename Word<typename C::output_t, 1>::type mean;
            set_lane(mean, 0, divide_sum<C>(finished[0]));
            sender.put(mean);
        shift_loop:
            for (int lane = 1; lane < C::in_lanes; ++lane) {
                TAILOR_UNROLL
                finished[lane - 1] = finished[lane];
            }
            --unsent;
        }
        const bool sends = sender.send(out);
        if (takes) {
            const typename Word<typename C::input_t, C::in_lanes>::type word = read_word(in);
        lane_loop:
            for (int lane = 0; lane < C::in_lanes; ++lane) {
                TAILOR_UNROLL
                typename C::accumulator_t sum = get_lane<typename C::input_t>(word, lane);
                if (taken >= kWords) sum += sums[place][lane];
                sums[place][lane] = sum;
                finished[lane] = sum;
            }
            if (taken >= kFrameWords - kWords) unsent = C::in_lanes;
            ++taken;
            if (++place == kWords) place = 0;
        }
        end_iteration(sends || divides || takes);
    }
}

} // namespace tailor

#endif
