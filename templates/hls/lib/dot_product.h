// One beat of a conv stage: pe dot products of simd operands, onto the accumulators of the output group.
//
// Packed (packed_shift > 0): the products of two output channels with the same operand come from one
// multiplier, as ((second << packed_shift) + first) * operand. The lower packed_shift bits of a sum of such
// products are the first channel's sum, signed; what is left without them is the second's. That is exact as
// long as the first channel's sum fits: kTerms products are added before they are taken apart,
// (2^(packed_shift - 1) - 1) / largest product, rounded down. For weights and operands of 8 bits:
//   DSP48E2 (27 x 18 bits; UltraScale)   shift 18: 7 products of signed operands, 4 of unsigned ones
//   DSP48E1 (25 x 18 bits; 7 series)     shift 16: 1 product of either
// The multipliers of ECP5 (18 x 18 bits) are too narrow for two 8-bit weights.
#ifndef TAILOR_DOT_PRODUCT_H_
#define TAILOR_DOT_PRODUCT_H_

#include "dialect.h"
#include "multiply.h"
#include "sizes.h"
#include "window.h"

namespace tailor {

// Lane `i` of channel p's weights in this beat, as the multiplier sees it.
template <class C>
typename C::multiplied_t weight_of(const typename C::weight_t weight[C::pe * C::simd], const Window<C> &window, int p,
                                   int i) {
    TAILOR_INLINE
    typedef ConvSizes<C> S;
    const bool same = window.in_group() * S::kTapLanes + i % S::kTapLanes == window.group() * C::pe + p;
    const bool diagonal = same && i / S::kTapLanes == S::kCentreTap && window.in_centre();
    return C::skip_t::template weight<typename C::multiplied_t>(weight[p * C::simd + i], diagonal);
}

// Channel p's dot product, a multiplier for each lane.
template <class C>
void add_products(typename C::accumulator_t &sum, const typename C::input_t x[C::simd],
                  const typename C::weight_t weight[C::pe * C::simd], const Window<C> &window, int p) {
    TAILOR_INLINE
simd_loop:
    for (int i = 0; i < C::simd; ++i) {
        TAILOR_UNROLL
        sum += Multiply<C::multiplier>::of(x[i], weight_of<C>(weight, window, p, i));
    }
}

// The dot products of channels p and p + 1, a multiplier for both.
template <class C> class PackedProducts {
    typedef typename C::input_t x_t;
    typedef typename C::multiplied_t w_t;
    static const int kShift = C::packed_shift;
    static const int kLargest = (1 << (w_t::width - 1)) * (IntegerOf<x_t>::is_signed ? 1 << (x_t::width - 1) : (1 << x_t::width) - 1);
    static const int kTerms = ((1 << (kShift - 1)) - 1) / kLargest;
    static_assert(kTerms > 0, "the products are too wide to share a multiplier");

    // Sums of products, of both channels and of one: on the grid of the products' LSBs.
    typedef ap_int<kShift + w_t::width + 1> pair_t;
    typedef ap_int<2 * kShift + 1> both_t;
    static const int kFraction = x_t::width - x_t::iwidth + w_t::width - w_t::iwidth;
    typedef ap_fixed<kShift + 1, kShift + 1 - kFraction> one_t;

  public:
    static void add(typename C::accumulator_t sum[C::pe], const x_t x[C::simd],
                    const typename C::weight_t weight[C::pe * C::simd], const Window<C> &window, int p) {
        TAILOR_INLINE
        both_t both = 0;
    simd_loop:
        for (int i = 0; i < C::simd; ++i) {
            TAILOR_UNROLL
            const pair_t pair = (pair_t(to_integer(weight_of<C>(weight, window, p + 1, i))) << kShift) +
                                to_integer(weight_of<C>(weight, window, p, i));
            const both_t products = pair * to_integer(x[i]);
            TAILOR_MULTIPLY_IN_DSP(products)
            both += products;
            if (i % kTerms == kTerms - 1 || i == C::simd - 1) {
                const ap_int<kShift> first = both.range(kShift - 1, 0);
                sum[p] += from_integer<one_t>(first);
                sum[p + 1] += from_integer<one_t>(both_t((both - first) >> kShift));
                both = 0;
            }
        }
    }
};

// The pairs of channels that share multipliers; there are none unless the stage is packed.
template <class C, bool Packed> struct Pairs {
    static const int kChannels = 0;
    static void add(typename C::accumulator_t *, const typename C::input_t *, const typename C::weight_t *,
                    const Window<C> &) {}
};

template <class C> struct Pairs<C, true> {
    static const int kChannels = C::pe / 2 * 2;
    static void add(typename C::accumulator_t sum[C::pe], const typename C::input_t x[C::simd],
                    const typename C::weight_t weight[C::pe * C::simd], const Window<C> &window) {
        TAILOR_INLINE
    pair_loop:
        for (int p = 0; p < kChannels; p += 2) {
            TAILOR_UNROLL
            PackedProducts<C>::add(sum, x, weight, window, p);
        }
    }
};

template <class C>
void accumulate(typename C::accumulator_t accumulator[C::pe], const typename C::input_t x[C::simd],
                const typename C::weight_t weight[C::pe * C::simd], const typename C::accumulator_t bias[C::pe],
                const Window<C> &window) {
    TAILOR_INLINE
    typedef Pairs<C, (C::packed_shift > 0)> pairs;
bias_loop:
    for (int p = 0; p < C::pe; ++p) {
        TAILOR_UNROLL
        if (window.starts_group()) accumulator[p] = bias[p];
    }
    pairs::add(accumulator, x, weight, window);
single_loop:
    for (int p = pairs::kChannels; p < C::pe; ++p) {
        TAILOR_UNROLL
        add_products<C>(accumulator[p], x, weight, window, p);
    }
}

} // namespace tailor

#endif
