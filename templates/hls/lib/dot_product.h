// One beat of a conv stage: pe dot products of simd operands, onto the accumulators of the output group.
//
// Packed (packed_shift > 0): the products of two output channels with the same operand come from one
// multiplier, as ((second << packed_shift) + first) * operand. The lower packed_shift bits of a sum of such
// products are the first channel's sum, signed; the rest, plus one where that is negative, the second's. That
// is exact as long as the first channel's sum fits: kTerms products are added before they are taken apart,
// (2^(packed_shift - 1) - 1) / largest product, rounded down. For weights and operands of 8 bits:
//   DSP48E2 (27 x 18 bits; UltraScale)   shift 18: 7 products of signed operands, 4 of unsigned ones
//   DSP48E1 (25 x 18 bits; 7 series)     shift 16: 1 product
// The DSPs of other families (18 x 18 bits) are too narrow for two 8-bit weights.
#ifndef TAILOR_DOT_PRODUCT_H_
#define TAILOR_DOT_PRODUCT_H_

#include "dialect.h"
#include "multiply.h"
#include "sizes.h"
#include "window.h"

namespace tailor {

// Lane `i` of channel p's weights in this beat, as the join wants it.
template <class C, class W>
auto weight_of(const W weight[C::pe * C::simd], const Window<C> &window, int p, int i)
    -> decltype(C::skip_t::weight(weight[0], true)) {
    TAILOR_INLINE
    typedef ConvSizes<C> S;
    const bool same = window.in_group() * S::kTapLanes + i % S::kTapLanes == window.group() * C::pe + p;
    const bool diagonal = same && i / S::kTapLanes == S::kCentreTap && window.in_centre();
    return C::skip_t::weight(weight[p * C::simd + i], diagonal);
}

template <class C, bool Packed> struct DotProducts {
    static void add(typename C::accumulator_t sum[C::pe], const typename C::input_t x[C::simd],
                    const typename C::weight_t weight[C::pe * C::simd], const Window<C> &window) {
        TAILOR_INLINE
    pe_loop:
        for (int p = 0; p < C::pe; ++p) {
            TAILOR_UNROLL
        simd_loop:
            for (int i = 0; i < C::simd; ++i) {
                TAILOR_UNROLL
                sum[p] += Multiply<C::multiplier>::of(x[i], weight_of<C>(weight, window, p, i));
            }
        }
    }
};

template <class C>
void accumulate(typename C::accumulator_t accumulator[C::pe], const typename C::input_t x[C::simd],
                const typename C::weight_t weight[C::pe * C::simd], const typename C::accumulator_t bias[C::pe],
                const Window<C> &window) {
    TAILOR_INLINE
bias_loop:
    for (int p = 0; p < C::pe; ++p) {
        TAILOR_UNROLL
        if (window.starts_group()) accumulator[p] = bias[p];
    }
    DotProducts<C, false>::add(accumulator, x, weight, window);
}

} // namespace tailor

#endif
