// Dialect vitis_hls: Vitis HLS 2020.2 and later (UG1399, "HLS Pragmas").
#ifndef TAILOR_DIALECT_VITIS_H_
#define TAILOR_DIALECT_VITIS_H_

// One iteration a cycle. `frp` (free-running): a word already in the pipeline leaves it even while
// the next read waits; a pipeline that stalls whole can hang where a skip connection joins again.
#define TAILOR_PIPELINE _Pragma("HLS PIPELINE II=1 style=frp")
// Whether a read may wait inside a pipeline without holding back what earlier iterations have begun.
#define TAILOR_READS_MAY_WAIT true

#define TAILOR_UNROLL _Pragma("HLS UNROLL")
// Quoted, as the vendor's ap_common.h makes a macro of the word INLINE.
#define TAILOR_INLINE _Pragma("HLS INLINE")
#define TAILOR_STAGE _Pragma("HLS INLINE off")

// The top: stages run side by side, always, joined by streams alone.
#define TAILOR_DATAFLOW _Pragma("HLS DATAFLOW")
#define TAILOR_FREE_RUNNING _Pragma("HLS INTERFACE ap_ctrl_none port=return")
#define TAILOR_AXI_STREAM(name) TAILOR_PRAGMA(HLS INTERFACE axis port=name)
#define TAILOR_WIRE(name) TAILOR_PRAGMA(HLS INTERFACE ap_none port=name)

// Registers: every element on its own; copies: every element of the first dimension. `RESET` returns a
// static to its initial value on ap_rst_n.
#define TAILOR_REGISTERS(name) TAILOR_PRAGMA(HLS ARRAY_PARTITION variable=name complete dim=0)
#define TAILOR_COPIES(name) TAILOR_PRAGMA(HLS ARRAY_PARTITION variable=name complete dim=1)
#define TAILOR_RESET(name) TAILOR_PRAGMA(HLS RESET variable=name)

// A memory that gives all elements of its second dimension in one access.
#define TAILOR_WIDE(name) TAILOR_PRAGMA(HLS ARRAY_RESHAPE variable=name complete dim=2)

// A RAM for each bank: one write and one read a cycle, or (tapped) a read and either a write or a read.
#define TAILOR_RING(name)                                                                  \
    TAILOR_COPIES(name)                                                                    \
    TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=ram_s2p impl=bram)
#define TAILOR_TAPPED_RING(name)                                                           \
    TAILOR_COPIES(name)                                                                    \
    TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=ram_t2p impl=bram)
#define TAILOR_LUTRAM(name) TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=ram_s2p impl=lutram)

// No iteration waits for what another one does to this memory: the loop itself keeps a write of an
// address and its next read (and back) far enough apart, and csim checks it (see loop_monitor.h).
#define TAILOR_KEEPS_DISTANCE(name) TAILOR_PRAGMA(HLS DEPENDENCE variable=name inter false)

// Where a product is made.
#define TAILOR_MULTIPLY_IN_DSP(name) TAILOR_PRAGMA(HLS BIND_OP variable=name op=mul impl=dsp)
#define TAILOR_MULTIPLY_IN_LUT(name) TAILOR_PRAGMA(HLS BIND_OP variable=name op=mul impl=fabric)

// A stream of the dataflow: so many words in memory of a kind: srl, bram, lutram, uram, or any (the compiler's choice).
#define TAILOR_FIFO(name, words, kind)                                                     \
    TAILOR_PRAGMA(HLS STREAM variable=name depth=words)                                    \
    TAILOR_FIFO_##kind(name)
#define TAILOR_FIFO_any(name)
#define TAILOR_FIFO_srl(name) TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=fifo impl=srl)
#define TAILOR_FIFO_bram(name) TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=fifo impl=bram)
#define TAILOR_FIFO_lutram(name) TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=fifo impl=lutram)
#define TAILOR_FIFO_uram(name) TAILOR_PRAGMA(HLS BIND_STORAGE variable=name type=fifo impl=uram)

#endif
