#include "planted.h"

static hls::stream<int> shared("shared");

void planted_top(hls::stream<int> &x, hls::stream<int> &y, bool &error) {
#pragma HLS INTERFACE axis port=x
#pragma HLS INTERFACE axi port=y // expect: unknown-option, missing-option
#pragma HLS INTERFACE axis port=z // expect: bad-name
#pragma HLS INTERFACE ap_none port=error
#pragma HLS INTERFACE ap_ctrl_none port=return
#pragma HLS DATAFLOW
    static hls::stream<int> middle("middle");
#pragma HLS STREAM variable=middle depth=0 // expect: bad-value
#pragma HLS STREAM variable=shared depth=2
#pragma HLS STREAM depth=2 // expect: missing-option
    static int kept = 0;
#pragma HLS RESET variable=kept
    planted::places(kept);
    planted::loops<planted::Four>(x, 3);
    if (kept > 2) y.write(middle.read()); // expect: dataflow-form
    error = false; // expect: dataflow-form
}
