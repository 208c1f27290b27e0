// Planted faults for the checker: every line with `expect` must give these rules, and no other line any. A
// rule with a dialect in front is that dialect's alone.
#ifndef PLANTED_H
#define PLANTED_H

#include "ap_int.h"
#include "hls_stream.h"
#include <string>
#include <vector>

#define TEXT(text) _Pragma(#text)
#define PRAGMA(text) TEXT(text)
#define GOOD_PIPELINE PRAGMA(HLS PIPELINE II=1)
#define HIDDEN_TYPO PRAGMA(HLS PIPELIN II=1)
#define RING(name) PRAGMA(HLS BIND_STORAGE variable=name type=ram_s2p impl=bram)

namespace planted {

_Pragma("HLS INLINE") // expect: misplaced-pragma

static const int kLength = 4;
enum Size { kSmall = 2 };

// ---- Pragmas

inline void texts(ap_uint<8> (&memory)[4][4], int scalar) {
#pragma HLS INLINE
    ap_uint<8> ring[8];
    RING(ring) // expect: vivado_hls unknown-pragma
#pragma HLS RESOURCE variable=ring core=RAM_S2P_BRAM // expect: vitis_hls unknown-pragma
#pragma HLS RESOURCE variable=ring core=RAM_S2P_BLOCK // expect: vitis_hls unknown-pragma, vivado_hls bad-value
#pragma HSL ARRAY_PARTITION variable=ring complete // expect: unknown-pragma
#pragma HLS ARRAY_PARTITION variable=ring complete banks=2 // expect: unknown-option
#pragma HLS ARRAY_PARTITION variable=ring complete cyclic factor=2 // expect: missing-option
#pragma HLS ARRAY_PARTITION variable=ring factor=2 // expect: missing-option
#pragma HLS ARRAY_PARTITION variable=ring cyclic factor=many // expect: bad-value
#pragma HLS ARRAY_PARTITION variable=ring complete dim=2 // expect: bad-name
#pragma HLS ARRAY_PARTITION variable=memory complete dim=2
#pragma HLS ARRAY_PARTITION variable=scalar complete // expect: bad-name
#pragma HLS ARRAY_PARTITION variable=ghost complete // expect: bad-name
#pragma HLS DEPENDENCE variable=ring inter RAW distance=2 \
    true
#pragma HLS DEPENDENCE variable=ring between false // expect: unknown-option
#pragma HLS STREAM variable=ring depth=4 // expect: bad-name
#pragma HLS RESET variable=ring // expect: bad-name
#pragma HLS INTERFACE axis port=scalar // expect: misplaced-pragma
fill_loop:
    for (int i = 0; i < 8; ++i) {
        HIDDEN_TYPO // expect: unknown-pragma
        ring[i] = ap_uint<8>(scalar);
        memory[0][i % 4] = ring[i];
    }
}

inline int places(int value) {
    value += 1;
#pragma HLS INLINE off // expect: misplaced-pragma
#pragma HLS UNROLL // expect: misplaced-pragma
late_loop:
    for (int i = 0; i < kLength; ++i) {
        value += i;
        GOOD_PIPELINE // expect: misplaced-pragma
    }
twice_loop:
    for (int i = 0; i < kSmall; ++i) {
#pragma HLS PIPELINE II=0 // expect: bad-value
#pragma HLS PIPELINE II=1 // expect: duplicate-pragma
#pragma HLS UNROLL // expect: conflicting-pragmas
        value += i;
    }
style_loop:
    for (int i = 0; i < 4; ++i) {
#pragma HLS PIPELINE II=1 style=frp // expect: vivado_hls unknown-option
        value += i;
    }
    if (value > 3)
#pragma HLS LATENCY max=2 // expect: misplaced-pragma
    if (value > 4) {
#pragma HLS LATENCY max=2
        value = 0;
    }
    return value;
}

// ---- Loops

template <class C> int loops(hls::stream<int> &in, int count) {
    int total = 0;
    for (int i = 0; i < C::length; ++i) { // expect: unlabelled-loop
        total += i;
    }
same_loop:
    for (int i = 0; i < C::length; ++i) total += i;
count_loop:
    for (int i = 0; i < count; ++i) total += i; // expect: loop-bound
counter_loop:
    for (int i = 0; i < 8; ++i) { // expect: loop-bound
        if (total > 4) i += 2;
        total += i;
    }
free_loop:
    while (total < count) { // expect: loop-bound
        total += in.read();
    }
stage_loop:
    while (total < count) {
#pragma HLS PIPELINE II=1
        total += in.read();
    inner_loop:
        while (total < 4) { // expect: loop-bound
            ++total;
        }
    }
unrolled_loop:
    do { // expect: loop-bound
#pragma HLS UNROLL
        ++total;
    } while (total < count);
    return total;
}

// ---- Constructs

struct Base {
    virtual int value() const { return 1; } // expect: virtual-function
};

inline int recursive(int n);
inline int helper(int n) { // expect: recursion
    return n > 0 ? recursive(n - 1) : 0;
}
inline int recursive(int n) {
    return helper(n);
}

template <class T> T shrink(T value) { // expect: recursion
    return value > 0 ? shrink(value - 1) : value;
}

inline int constructs(int n, int (*function)(int)) { // expect: function-pointer
    int *const block = new int[4]; // expect: dynamic-memory
    block[0] = n;
    n = block[0];
    delete[] block; // expect: dynamic-memory
    void *const more = std::malloc(4); // expect: dynamic-memory
    std::free(more); // expect: dynamic-memory
    std::vector<int> values; // expect: standard-library
    std::string name; // expect: standard-library
    if (n > 4) std::abort(); // expect: system-call
    if (n > 5) goto end; // expect: goto
    n = *reinterpret_cast<int *>(&n); // expect: pointer-cast
end:
    return function(n);
}

struct Four {
    static const int length = 4;
};

} // namespace planted

#endif
