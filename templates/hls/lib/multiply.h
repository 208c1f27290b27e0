// Exact products, made where the design wants them.
//
// The product of two ap_fixed has all their bits: widths and integer bits add up.
#ifndef TAILOR_MULTIPLY_H_
#define TAILOR_MULTIPLY_H_

#include "ap_fixed.h"
#include "dialect.h"

namespace tailor {

enum Multiplier { MULTIPLY_ANYWHERE, MULTIPLY_IN_DSP, MULTIPLY_IN_LUT };

template <Multiplier Where> struct Multiply {
    template <class A, class B> static auto of(const A &a, const B &b) -> decltype(a * b) {
        TAILOR_INLINE
        return a * b;
    }
};

template <> struct Multiply<MULTIPLY_IN_DSP> {
    template <class A, class B> static auto of(const A &a, const B &b) -> decltype(a * b) {
        TAILOR_INLINE
        const decltype(a * b) product = a * b;
        TAILOR_MULTIPLY_IN_DSP(product)
        return product;
    }
};

template <> struct Multiply<MULTIPLY_IN_LUT> {
    template <class A, class B> static auto of(const A &a, const B &b) -> decltype(a * b) {
        TAILOR_INLINE
        const decltype(a * b) product = a * b;
        TAILOR_MULTIPLY_IN_LUT(product)
        return product;
    }
};

} // namespace tailor

#endif
