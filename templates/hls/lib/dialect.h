// Everything that differs between compilers, for Vitis HLS 2020.2 and later (dialect vitis_hls).
//
// Kernels say what they want (a RAM, a FIFO, a free-running pipeline); this file says how this
// compiler spells it (UG1399, "HLS Pragmas"). Another dialect is another file of this name.
#ifndef TAILOR_DIALECT_H_
#define TAILOR_DIALECT_H_

#define TAILOR_TEXT(text) _Pragma(#text)
#define TAILOR_PRAGMA(text) TAILOR_TEXT(text)

// One iteration a cycle. `frp` (free-running): a word already in the pipeline leaves it even while
// the next read waits; a pipeline that stalls whole can hang where a skip connection joins again.
#define TAILOR_PIPELINE _Pragma("HLS PIPELINE II=1 style=frp")
#define TAILOR_UNROLL _Pragma("HLS UNROLL")
// Quoted, as the vendor's ap_common.h makes a macro of the word INLINE.
#define TAILOR_INLINE _Pragma("HLS INLINE")
#define TAILOR_STAGE _Pragma("HLS INLINE off")

// Registers: every element on its own; copies: every element of the first dimension. `RESET` returns a static to its initial value on ap_rst_n.
#define TAILOR_REGISTERS(name) TAILOR_PRAGMA(HLS ARRAY_PARTITION variable=name complete dim=0)
#define TAILOR_COPIES(name) TAILOR_PRAGMA(HLS ARRAY_PARTITION variable=name complete dim=1)
#define TAILOR_RESET(name) TAILOR_PRAGMA(HLS RESET variable=name)

// A memory that gives all elements of its second dimension in one access.
#define TAILOR_WIDE(name) TAILOR_PRAGMA(HLS ARRAY_RESHAPE variable=name complete dim=2)

// Simple dual port memories: one write and one read a cycle.
#define TAILOR_BRAM(name) TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=ram_s2p impl=bram)
#define TAILOR_LUTRAM(name) TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=ram_s2p impl=lutram)

// An address is written and read again at least `iterations` apart, and never twice in one
// iteration. The promise is the loop's to keep; csim checks it (see loop_monitor.h).
#define TAILOR_DISTANCE(name, iterations)                                                  \
    TAILOR_PRAGMA(HLS DEPENDENCE variable=name intra false)                                \
    TAILOR_PRAGMA(HLS DEPENDENCE variable=name inter RAW distance=iterations true)         \
    TAILOR_PRAGMA(HLS DEPENDENCE variable=name inter WAR distance=iterations true)

// Where a product is made.
#define TAILOR_MULTIPLY_IN_DSP(name) TAILOR_PRAGMA(HLS BIND_OP variable=name op=mul impl=dsp)
#define TAILOR_MULTIPLY_IN_LUT(name) TAILOR_PRAGMA(HLS BIND_OP variable=name op=mul impl=fabric)

// A stream of the dataflow: `depth` words in memory of kind `impl` (srl, bram, lutram, uram, memory).
#define TAILOR_FIFO(name, words, kind)                                                     \
    TAILOR_PRAGMA(HLS STREAM variable=name depth=words)                                    \
    TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=fifo impl=kind)

#endif
