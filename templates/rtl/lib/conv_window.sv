// The control of a conv stage: which beat runs, what it reads, and when the next pixel may start.
//
// A pixel is RF = OutChannels/Pe * KernelRows*KernelCols * InChannels/Simd beats, one a cycle, never
// interrupted: for output group / for tap row / for tap column / for input group.
//
// Positions are input pixels counted through all frames, padding left out: the window of output pixel
// (r, c) of a frame begins at `base` = (r*StrideRows - PadRows) * InCols + c*StrideCols - PadCols past the
// frame's first pixel. `base` may lie before the frame; those places hold what the ring held before and
// count as loaded. `ahead_q` is the number of pixels loaded at or after `base`:
//   room:    the loader may load while ahead_q < RingPixels;
//   start:   the first beat needs ahead_q >= (KernelRows-1)*InCols + KernelCols, less one for each tap
//            column beyond the right edge and less InCols for each tap row below the bottom edge - that is,
//            every pixel under the window is loaded - and `out_room_i`;
//   release: at the last beat `base` moves to the next output pixel's, past the frame's end to the next
//            frame's; ahead_q follows in the next cycle and may become negative where a stride leaves
//            pixels unread.
// With stride 1 every output pixel releases exactly one input pixel.
module conv_window #(
    parameter int InRows = 4,
    parameter int InCols = 4,
    parameter int OutRows = 4,
    parameter int OutCols = 4,
    parameter int KernelRows = 3,
    parameter int KernelCols = 3,
    parameter int StrideRows = 1,
    parameter int StrideCols = 1,
    parameter int PadRows = 1,
    parameter int PadCols = 1,
    parameter int InGroups = 1,
    parameter int OutGroups = 1,
    parameter int RingPixels = 12,
    localparam int RingWords = RingPixels * InGroups,
    localparam int RingBits = (RingWords > 1) ? $clog2(RingWords) : 1,
    localparam int Beats = OutGroups * KernelRows * KernelCols * InGroups,
    localparam int BeatBits = (Beats > 1) ? $clog2(Beats) : 1,
    localparam int GroupBits = (OutGroups > 1) ? $clog2(OutGroups) : 1
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic                 pixel_loaded_i,
    output logic                 ring_room_o,
    input  logic                 out_room_i,
    output logic                 out_reserve_o,
    output logic                 beat_o,
    output logic                 group_first_o,
    output logic                 group_last_o,
    output logic                 padding_o,
    output logic                 centre_o,
    output logic [ RingBits-1:0] ring_address_o,
    output logic [ BeatBits-1:0] weight_address_o,
    output logic [GroupBits-1:0] group_o
);
    // What `base` moves by, in pixels, from one output pixel to the next.
    localparam int PixelStep = StrideCols;
    localparam int LineStep = StrideRows * InCols - (OutCols - 1) * StrideCols;
    localparam int FrameStep = (InRows - (OutRows - 1) * StrideRows) * InCols - (OutCols - 1) * StrideCols;
    localparam int LargerStep = (LineStep > FrameStep) ? LineStep : FrameStep;
    localparam int LargestStep = (LargerStep > PixelStep) ? LargerStep : PixelStep;
    localparam int AheadBits = $clog2(((RingPixels > LargestStep) ? RingPixels : LargestStep) + 1) + 1;
    localparam int BasePixels = PadRows * InCols + PadCols;
    localparam int WindowPixels = (KernelRows - 1) * InCols + KernelCols;

    // The same steps, and the one from a tap row's end to the next row, as ring addresses.
    localparam int PixelWords = (PixelStep % RingPixels) * InGroups;
    localparam int LineWords = (LineStep % RingPixels) * InGroups;
    localparam int FrameWords = (FrameStep % RingPixels) * InGroups;
    localparam int BaseWords = ((RingPixels - BasePixels % RingPixels) % RingPixels) * InGroups;
    localparam int TapRowPixels = ((InCols - KernelCols) % RingPixels + RingPixels) % RingPixels;
    localparam int TapRowWords = (TapRowPixels * InGroups + 1) % RingWords;

    localparam int WordBits = (InGroups > 1) ? $clog2(InGroups) : 1;
    localparam int TapRowBits = (KernelRows > 1) ? $clog2(KernelRows) : 1;
    localparam int TapColBits = (KernelCols > 1) ? $clog2(KernelCols) : 1;
    localparam int TopBits = $clog2(InRows + 1);
    localparam int LeftBits = $clog2(InCols + 1);

    // --- position: the loop nest, innermost first, and the window's corner without padding
    logic [WordBits-1:0] word_q;
    logic [TapColBits-1:0] tap_col_q;
    logic [TapRowBits-1:0] tap_row_q;
    logic [GroupBits-1:0] group_q;
    logic [LeftBits-1:0] left_q;
    logic [TopBits-1:0] top_q;
    logic [BeatBits-1:0] beat_q;

    logic end_tap, end_tap_row, end_group, end_pixel, end_line, end_frame;
    assign end_tap = word_q == WordBits'(InGroups - 1);
    assign end_tap_row = end_tap && tap_col_q == TapColBits'(KernelCols - 1);
    assign end_group = end_tap_row && tap_row_q == TapRowBits'(KernelRows - 1);
    assign end_pixel = end_group && group_q == GroupBits'(OutGroups - 1);
    assign end_line = end_pixel && left_q == LeftBits'((OutCols - 1) * StrideCols);
    assign end_frame = end_line && top_q == TopBits'((OutRows - 1) * StrideRows);

    logic beat, active_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            word_q <= '0;
            tap_col_q <= '0;
            tap_row_q <= '0;
            group_q <= '0;
            left_q <= '0;
            top_q <= '0;
            beat_q <= '0;
        end else if (beat) begin
            word_q <= end_tap ? '0 : word_q + 1'b1;
            if (end_tap) tap_col_q <= end_tap_row ? '0 : tap_col_q + 1'b1;
            if (end_tap_row) tap_row_q <= end_group ? '0 : tap_row_q + 1'b1;
            if (end_group) group_q <= end_pixel ? '0 : group_q + 1'b1;
            if (end_pixel) left_q <= end_line ? '0 : left_q + LeftBits'(StrideCols);
            if (end_line) top_q <= end_frame ? '0 : top_q + TopBits'(StrideRows);
            beat_q <= end_pixel ? '0 : beat_q + 1'b1;
        end
    end

    // --- padding: which taps of this window lie outside the image, one comparator for each such tap
    logic [KernelRows-1:0] row_outside;
    logic [KernelCols-1:0] col_outside;
    for (genvar i = 0; i < KernelRows; i++) begin : gen_row
        if (i < PadRows) begin : gen_above
            assign row_outside[i] = top_q < TopBits'(PadRows - i);
        end else if (i > PadRows) begin : gen_below
            localparam int FirstBelow = (InRows + PadRows > i) ? InRows + PadRows - i : 0;
            assign row_outside[i] = int'(top_q) >= FirstBelow;
        end else begin : gen_inside
            assign row_outside[i] = 1'b0;
        end
    end
    for (genvar j = 0; j < KernelCols; j++) begin : gen_col
        if (j < PadCols) begin : gen_left
            assign col_outside[j] = left_q < LeftBits'(PadCols - j);
        end else if (j > PadCols) begin : gen_right
            localparam int FirstBeyond = (InCols + PadCols > j) ? InCols + PadCols - j : 0;
            assign col_outside[j] = int'(left_q) >= FirstBeyond;
        end else begin : gen_inside
            assign col_outside[j] = 1'b0;
        end
    end

    // --- start rule
    logic signed [AheadBits-1:0] ahead_q, needed, change;
    always_comb begin
        needed = AheadBits'(WindowPixels);
        for (int i = PadRows + 1; i < KernelRows; i++) if (row_outside[i]) needed -= AheadBits'(InCols);
        for (int j = PadCols + 1; j < KernelCols; j++) if (col_outside[j]) needed -= AheadBits'(1);
    end

    logic start;
    assign start = !active_q && ahead_q >= needed && out_room_i;
    assign beat = active_q || start;
    assign ring_room_o = ahead_q != AheadBits'(RingPixels);  // it is never more

    // One constant for each case, so that one adder suffices.
    always_comb begin
        if (!(beat && end_pixel)) change = pixel_loaded_i ? AheadBits'(1) : '0;
        else if (end_frame) change = pixel_loaded_i ? AheadBits'(1 - FrameStep) : AheadBits'(-FrameStep);
        else if (end_line) change = pixel_loaded_i ? AheadBits'(1 - LineStep) : AheadBits'(-LineStep);
        else change = pixel_loaded_i ? AheadBits'(1 - PixelStep) : AheadBits'(-PixelStep);
    end
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            active_q <= 1'b0;
            ahead_q  <= AheadBits'(BasePixels);
        end else begin
            active_q <= beat && !end_pixel;
            ahead_q  <= ahead_q + change;
        end
    end

    // --- ring address: consecutive within a tap row, back to the window's base for each output group
    logic [RingBits-1:0] base_q, address_q, address_step, address_d;
    logic [RingBits:0] address_sum, address_wrapped;
    always_comb begin
        if (end_frame) address_step = RingBits'(FrameWords);
        else if (end_line) address_step = RingBits'(LineWords);
        else if (end_pixel) address_step = RingBits'(PixelWords);
        else if (end_group) address_step = '0;
        else if (end_tap_row) address_step = RingBits'(TapRowWords);
        else address_step = RingBits'(1 % RingWords);
    end
    assign address_sum = {1'b0, end_group ? base_q : address_q} + {1'b0, address_step};
    assign address_wrapped = address_sum - (RingBits + 1)'(RingWords);  // its top bit: nothing to wrap
    assign address_d = address_wrapped[RingBits] ? address_sum[RingBits-1:0] : address_wrapped[RingBits-1:0];
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            base_q <= RingBits'(BaseWords);
            address_q <= RingBits'(BaseWords);
        end else if (beat) begin
            address_q <= address_d;
            if (end_pixel) base_q <= address_d;
        end
    end

    assign out_reserve_o = start;
    assign beat_o = beat;
    assign group_first_o = word_q == '0 && tap_col_q == '0 && tap_row_q == '0;
    assign group_last_o = end_group;
    assign padding_o = row_outside[tap_row_q] || col_outside[tap_col_q];
    assign centre_o = tap_row_q == TapRowBits'(PadRows) && tap_col_q == TapColBits'(PadCols);
    assign ring_address_o = address_q;
    assign weight_address_o = beat_q;
    assign group_o = group_q;
endmodule
