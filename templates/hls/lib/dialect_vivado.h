// Dialect vivado_hls: Vivado HLS 2019.2 to 2020.1 (UG902, "HLS Pragmas" and "Operators and Cores").
#ifndef TAILOR_DIALECT_VIVADO_H_
#define TAILOR_DIALECT_VIVADO_H_

// One iteration a cycle. The pipeline stalls whole, so a read that waits would hold back words that
// are on their way out, and two branches of a skip connection could wait for each other: loops go on
// with empty iterations instead and read only what is there.
#define TAILOR_PIPELINE _Pragma("HLS PIPELINE II=1")
#define TAILOR_READS_MAY_WAIT false

#define TAILOR_UNROLL _Pragma("HLS UNROLL")
#define TAILOR_INLINE _Pragma("HLS INLINE")
#define TAILOR_STAGE _Pragma("HLS INLINE off")

#define TAILOR_DATAFLOW _Pragma("HLS DATAFLOW")
#define TAILOR_FREE_RUNNING _Pragma("HLS INTERFACE ap_ctrl_none port=return")
#define TAILOR_AXI_STREAM(name) TAILOR_PRAGMA(HLS INTERFACE axis port=name)
#define TAILOR_WIRE(name) TAILOR_PRAGMA(HLS INTERFACE ap_none port=name)

#define TAILOR_REGISTERS(name) TAILOR_PRAGMA(HLS ARRAY_PARTITION variable=name complete dim=0)
#define TAILOR_COPIES(name) TAILOR_PRAGMA(HLS ARRAY_PARTITION variable=name complete dim=1)
#define TAILOR_RESET(name) TAILOR_PRAGMA(HLS RESET variable=name)
#define TAILOR_WIDE(name) TAILOR_PRAGMA(HLS ARRAY_RESHAPE variable=name complete dim=2)

#define TAILOR_RING(name)                                                                  \
    TAILOR_COPIES(name)                                                                    \
    TAILOR_PRAGMA(HLS RESOURCE variable=name core=RAM_S2P_BRAM)
#define TAILOR_TAPPED_RING(name)                                                           \
    TAILOR_COPIES(name)                                                                    \
    TAILOR_PRAGMA(HLS RESOURCE variable=name core=RAM_T2P_BRAM)
#define TAILOR_LUTRAM(name) TAILOR_PRAGMA(HLS RESOURCE variable=name core=RAM_S2P_LUTRAM)
#define TAILOR_KEEPS_DISTANCE(name) TAILOR_PRAGMA(HLS DEPENDENCE variable=name inter false)

#define TAILOR_MULTIPLY_IN_DSP(name) TAILOR_PRAGMA(HLS RESOURCE variable=name core=DSP48)
#define TAILOR_MULTIPLY_IN_LUT(name) TAILOR_PRAGMA(HLS RESOURCE variable=name core=Mul_LUT)

// There is no FIFO of UltraRAM here: block RAM takes its place.
#define TAILOR_FIFO(name, words, kind)                                                     \
    TAILOR_PRAGMA(HLS STREAM variable=name depth=words)                                    \
    TAILOR_FIFO_##kind(name)
#define TAILOR_FIFO_any(name)
#define TAILOR_FIFO_srl(name) TAILOR_PRAGMA(HLS RESOURCE variable=name core=FIFO_SRL)
#define TAILOR_FIFO_bram(name) TAILOR_PRAGMA(HLS RESOURCE variable=name core=FIFO_BRAM)
#define TAILOR_FIFO_lutram(name) TAILOR_PRAGMA(HLS RESOURCE variable=name core=FIFO_LUTRAM)
#define TAILOR_FIFO_uram(name) TAILOR_PRAGMA(HLS RESOURCE variable=name core=FIFO_BRAM)

#endif
