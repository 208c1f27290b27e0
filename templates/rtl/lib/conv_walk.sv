// The control of a conv stage: which beat runs, what it reads, and when the next pixel may start.
//
// A pixel is a run of beats, one a cycle, never interrupted: for output group / for tap row / for tap column /
// for input group. With SkipPadding the taps outside the image are left out of the run; without, they are
// marked by `padding_o`. With RowsAtOnce all rows of a tap column are read in one beat, with ColsAtOnce all taps:
// there is no tap row (and no tap column) in the run, and `row_outside_o` and `col_outside_o` mark what lies
// outside the image.
//
// Ring slots. A ring holds RingPixels pixels; pixel number n (counted through all frames) lies in slot
// n % RingPixels. With RowsAtOnce the ring is RingPixels / InCols banks of whole rows, in turn, and the slot is the
// column; with ColsAtOnce columns take turns in KernelCols banks too, and the slot is column / KernelCols.
// Word w of a slot has address {slot, w}. `row_turn_o` and `col_turn_o` are the banks of the window's first row and
// column, its padding included; banks of columns before `col_turn_o` hold their column one slot further.
//
// Positions are input pixels counted through all frames, padding left out: the window of output pixel
// (r, c) of a frame begins at `corner` = (r*StrideRows - PadRows) * InCols + c*StrideCols - PadCols past the
// frame's first pixel. It may lie before the frame; what the ring held there before counts as loaded.
// `ahead_q` is the number of pixels loaded at or after `corner`:
//   room:    the loader may load while ahead_q < RingPixels; `two_free_o`: ahead_q <= RingPixels - 2;
//   start:   the first beat needs every pixel under the window, `out_room_i` and `side_ready_i`;
//   release: at the last beat `corner` moves to the next output pixel's; ahead_q follows in the next cycle and
//            may become negative where a stride leaves pixels unread.
module conv_walk #(
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
    parameter bit SkipPadding = 1,
    parameter bit RowsAtOnce = 0,
    parameter bit ColsAtOnce = 0,
    parameter int DiagonalStep = 0,
    localparam int RowBanks = RowsAtOnce ? RingPixels / InCols : 1,
    localparam int Slots = ColsAtOnce ? (InCols + KernelCols - 1) / KernelCols : RowsAtOnce ? InCols : RingPixels,
    localparam int SlotBits = (Slots > 1) ? $clog2(Slots) : 1,
    localparam int WordBits = (InGroups > 1) ? $clog2(InGroups) : 0,
    localparam int RingBits = SlotBits + WordBits,
    localparam int TapRows = RowsAtOnce ? 1 : KernelRows,
    localparam int TapCols = ColsAtOnce ? 1 : KernelCols,
    localparam int TapWords = OutGroups << WordBits,
    localparam int BeatBits = (TapRows * TapCols * TapWords > 1) ? $clog2(TapRows * TapCols * TapWords) : 1,
    localparam int RowTurnBits = (RowBanks > 1) ? $clog2(RowBanks) : 1,
    localparam int ColTurnBits = (KernelCols > 1) ? $clog2(KernelCols) : 1
) (
    input  logic                  clk_i,
    input  logic                  rst_ni,
    input  logic                  pixel_loaded_i,
    output logic                  ring_room_o,
    output logic                  two_free_o,
    input  logic                  out_room_i,
    input  logic                  side_ready_i,
    output logic                  start_o,
    output logic                  beat_o,
    output logic                  group_first_o,
    output logic                  group_last_o,
    output logic                  padding_o,
    output logic                  centre_o,
    output logic [KernelRows-1:0] row_outside_o,
    output logic [KernelCols-1:0] col_outside_o,
    output logic [RowTurnBits-1:0] row_turn_o,
    output logic [ColTurnBits-1:0] col_turn_o,
    output logic                  diagonal_o,
    output logic [  RingBits-1:0] ring_address_o,
    output logic [  BeatBits-1:0] weight_address_o
);
    // What `corner` moves by, in pixels, from one output pixel to the next.
    localparam int PixelStep = StrideCols;
    localparam int LineStep = StrideRows * InCols - (OutCols - 1) * StrideCols;
    localparam int FrameStep = (InRows - (OutRows - 1) * StrideRows) * InCols - (OutCols - 1) * StrideCols;
    localparam int LargerStep = (LineStep > FrameStep) ? LineStep : FrameStep;
    localparam int LargestStep = (LargerStep > PixelStep) ? LargerStep : PixelStep;
    // Only where a stride passes pixels by can the corner run ahead of the loader.
    localparam bit Strided = StrideRows > 1 || StrideCols > 1;
    localparam int AheadBits = $clog2(((RingPixels > LargestStep) ? RingPixels : LargestStep) + 1) + (Strided ? 1 : 0);
    localparam int CornerPixels = PadRows * InCols + PadCols;
    localparam int WindowPixels = (KernelRows - 1) * InCols + KernelCols;

    localparam int CountBits = (InGroups > 1) ? WordBits : 1;
    localparam int GroupBits = (OutGroups > 1) ? $clog2(OutGroups) : 1;
    localparam int TapRowBits = (KernelRows > 1) ? $clog2(KernelRows) : 1;
    localparam int TapColBits = (KernelCols > 1) ? $clog2(KernelCols) : 1;
    localparam int TopBits = (InRows > 1) ? $clog2(InRows) : 1;
    localparam int LeftBits = (InCols > 1) ? $clog2(InCols) : 1;
    localparam int LastTop = (OutRows - 1) * StrideRows;
    localparam int LastLeft = (OutCols - 1) * StrideCols;

    // --- the image's edges: first and last tap inside it, of this window and (first) of the next one
    logic [TopBits-1:0] top_q;
    logic [LeftBits-1:0] left_q;
    logic end_line, end_frame;
    logic [TapRowBits-1:0] tap_row_first, tap_row_next_first, tap_row_last;
    logic [TapColBits-1:0] tap_col_first, tap_col_next_first, tap_col_last;
    logic [KernelRows-1:0] row_outside;
    logic [KernelCols-1:0] col_outside;

    conv_edge #(
        .Size(InRows),
        .Kernel(KernelRows),
        .Stride(StrideRows),
        .Pad(PadRows),
        .SkipPadding(SkipPadding)
    ) i_row_edge (
        .position_i(top_q),
        .last_i(end_frame),
        .first_o(tap_row_first),
        .next_first_o(tap_row_next_first),
        .last_o(tap_row_last),
        .outside_o(row_outside)
    );
    conv_edge #(
        .Size(InCols),
        .Kernel(KernelCols),
        .Stride(StrideCols),
        .Pad(PadCols),
        .SkipPadding(SkipPadding)
    ) i_col_edge (
        .position_i(left_q),
        .last_i(end_line),
        .first_o(tap_col_first),
        .next_first_o(tap_col_next_first),
        .last_o(tap_col_last),
        .outside_o(col_outside)
    );

    // --- the loop nest, innermost first
    logic [CountBits-1:0] word_q;
    logic [TapColBits-1:0] tap_col_q;
    logic [TapRowBits-1:0] tap_row_q;
    logic [GroupBits-1:0] group_q;
    logic beat, active_q;

    logic end_tap, end_tap_row, end_group, end_pixel;
    assign end_tap = word_q == CountBits'(InGroups - 1);
    assign end_tap_row = end_tap && (ColsAtOnce || tap_col_q == tap_col_last);
    assign end_group = end_tap_row && (RowsAtOnce || tap_row_q == tap_row_last);
    assign end_pixel = end_group && group_q == GroupBits'(OutGroups - 1);
    assign end_line = left_q == LeftBits'(LastLeft);
    assign end_frame = top_q == TopBits'(LastTop);

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            word_q <= '0;
            tap_col_q <= SkipPadding ? TapColBits'(PadCols) : '0;
            tap_row_q <= SkipPadding ? TapRowBits'(PadRows) : '0;
            group_q <= '0;
            left_q <= '0;
            top_q <= '0;
        end else if (beat) begin
            word_q <= end_tap ? '0 : word_q + 1'b1;
            if (end_pixel) tap_col_q <= tap_col_next_first;
            else if (end_tap_row) tap_col_q <= tap_col_first;
            else if (end_tap) tap_col_q <= tap_col_q + 1'b1;
            if (end_pixel && end_line) tap_row_q <= tap_row_next_first;
            else if (end_group) tap_row_q <= tap_row_first;
            else if (end_tap_row) tap_row_q <= tap_row_q + 1'b1;
            if (end_group) group_q <= end_pixel ? '0 : group_q + 1'b1;
            if (end_pixel) left_q <= end_line ? '0 : left_q + LeftBits'(StrideCols);
            if (end_pixel && end_line) top_q <= end_frame ? '0 : top_q + TopBits'(StrideRows);
        end
    end

    // --- start rule: the window's last pixel inside the image is loaded
    logic [AheadBits-1:0] ahead_q, needed, change;
    logic window_loaded;
    always_comb begin
        needed = AheadBits'(WindowPixels);
        for (int i = PadRows + 1; i < KernelRows; i++) if (row_outside[i]) needed -= AheadBits'(InCols);
        for (int j = PadCols + 1; j < KernelCols; j++) if (col_outside[j]) needed -= AheadBits'(1);
    end

    if (Strided) begin : gen_signed
        assign window_loaded = signed'(ahead_q) >= signed'(needed);
        assign two_free_o = signed'(ahead_q) < signed'(AheadBits'(RingPixels - 1));
    end else begin : gen_unsigned
        assign window_loaded = ahead_q >= needed;
        assign two_free_o = ahead_q < AheadBits'(RingPixels - 1);
    end
    assign start_o = !active_q && window_loaded && out_room_i && side_ready_i;
    assign beat = active_q || start_o;
    assign ring_room_o = ahead_q != AheadBits'(RingPixels);  // it is never more

    // One constant for each case, so that one adder suffices.
    always_comb begin
        if (!(beat && end_pixel)) change = pixel_loaded_i ? AheadBits'(1) : '0;
        else if (!end_line) change = pixel_loaded_i ? AheadBits'(1 - PixelStep) : AheadBits'(-PixelStep);
        else if (!end_frame) change = pixel_loaded_i ? AheadBits'(1 - LineStep) : AheadBits'(-LineStep);
        else change = pixel_loaded_i ? AheadBits'(1 - FrameStep) : AheadBits'(-FrameStep);
    end
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            active_q <= 1'b0;
            ahead_q  <= AheadBits'(CornerPixels);
        end else begin
            active_q <= beat && !end_pixel;
            ahead_q  <= ahead_q + change;
        end
    end

    // --- ring slot: `base` is that of the window's first tap inside the image
    localparam int FirstSlot = (SkipPadding || RowsAtOnce) ? 0 : (Slots - CornerPixels % Slots) % Slots;
    localparam int LastClip = (SkipPadding && PadRows > LastTop) ? PadRows - LastTop : 0;
    localparam int LastColClip = (SkipPadding && PadCols > LastLeft) ? PadCols - LastLeft : 0;
    localparam int NextClip = SkipPadding ? PadRows * InCols : 0;
    localparam int NextColClip = SkipPadding ? PadCols : 0;

    logic [SlotBits-1:0] slot_q;
    if (ColsAtOnce) begin : gen_column_banks
        // The window's first column, its padding included, as slot and bank.
        localparam int FirstSlot = (PadCols == 0) ? 0 : -((PadCols + KernelCols - 1) / KernelCols);
        localparam int FirstTurn = (KernelCols - PadCols % KernelCols) % KernelCols;
        logic [ColTurnBits-1:0] turn_q;
        logic [ColTurnBits:0] turn_sum;
        logic turn_over;
        assign turn_sum = {1'b0, turn_q} + (ColTurnBits + 1)'(StrideCols % KernelCols);
        assign turn_over = turn_sum >= (ColTurnBits + 1)'(KernelCols);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                slot_q <= SlotBits'(FirstSlot);
                turn_q <= ColTurnBits'(FirstTurn);
            end else if (beat && end_pixel) begin
                if (end_line) begin
                    slot_q <= SlotBits'(FirstSlot);
                    turn_q <= ColTurnBits'(FirstTurn);
                end else begin
                    slot_q <= slot_q + SlotBits'(StrideCols / KernelCols) + SlotBits'(turn_over);
                    turn_q <= turn_over ? ColTurnBits'(turn_sum - (ColTurnBits + 1)'(KernelCols)) : turn_sum[ColTurnBits-1:0];
                end
            end
        end
        assign col_turn_o = turn_q;
    end else begin : gen_slots
        assign col_turn_o = '0;
        logic [SlotBits-1:0] base_q, base_step, base_d, walk_step, walk_d;
        always_comb begin
            base_step = '0;
            if (end_pixel && !end_line) begin
                for (int now = 0; now <= PadCols; now++) begin
                    for (int next = 0; next <= PadCols; next++) begin
                        if (tap_col_first == TapColBits'(now) && tap_col_next_first == TapColBits'(next)) begin
                            base_step = SlotBits'((PixelStep + next - now + Slots * KernelCols) % Slots);
                        end
                    end
                end
            end else if (end_pixel && RowsAtOnce) begin
                base_step = SlotBits'((Slots - (LastLeft - PadCols + LastColClip)) % Slots);
            end else if (end_pixel && end_frame) begin
                base_step = SlotBits'((FrameStep + NextClip - LastClip * InCols + NextColClip - LastColClip
                                       + Slots * (KernelRows + 1) * InCols) % Slots);
            end else if (end_pixel) begin
                for (int now = 0; now <= PadRows; now++) begin
                    for (int next = 0; next <= PadRows; next++) begin
                        if (tap_row_first == TapRowBits'(now) && tap_row_next_first == TapRowBits'(next)) begin
                            base_step = SlotBits'((LineStep + (next - now) * InCols + NextColClip - LastColClip
                                                   + Slots * (KernelRows + 1) * InCols) % Slots);
                        end
                    end
                end
            end
        end
        always_comb begin
            walk_step = SlotBits'(1 % Slots);
            if (end_tap_row) begin
                for (int span = 1; span <= KernelCols; span++) begin
                    if (tap_col_last - tap_col_first == TapColBits'(span - 1)) begin
                        walk_step = SlotBits'((InCols - span + 1 + Slots * KernelCols) % Slots);
                    end
                end
            end
        end
        ring_step #(
            .Slots(Slots)
        ) i_base_step (
            .slot_i(base_q),
            .step_i(base_step),
            .slot_o(base_d)
        );
        ring_step #(
            .Slots(Slots)
        ) i_walk_step (
            .slot_i(slot_q),
            .step_i(walk_step),
            .slot_o(walk_d)
        );
        always_ff @(posedge clk_i) begin
            if (!rst_ni) begin
                base_q <= SlotBits'(FirstSlot);
                slot_q <= SlotBits'(FirstSlot);
            end else if (beat && end_tap) begin
                slot_q <= end_group ? base_d : walk_d;
                if (end_group) base_q <= base_d;
            end
        end
    end

    // --- addresses
    logic [BeatBits-1:0] tap_words, in_tap;
    if (InGroups > 1) begin : gen_word
        assign ring_address_o = {slot_q, word_q};
        assign in_tap = BeatBits'({group_q, word_q});
    end else begin : gen_whole_pixel
        assign ring_address_o = slot_q;
        assign in_tap = BeatBits'(group_q);
    end
    always_comb begin
        tap_words = '0;
        for (int i = 0; i < TapRows; i++) begin
            for (int j = 0; j < TapCols; j++) begin
                if ((RowsAtOnce || tap_row_q == TapRowBits'(i)) && (ColsAtOnce || tap_col_q == TapColBits'(j))) begin
                    tap_words = BeatBits'((i * TapCols + j) * TapWords);
                end
            end
        end
    end
    if ((TapWords & (TapWords - 1)) == 0) begin : gen_aligned
        assign weight_address_o = tap_words | in_tap;
    end else begin : gen_added
        assign weight_address_o = tap_words + in_tap;
    end

    // --- which bank holds the first tap row
    if (RowsAtOnce && RowBanks > 1) begin : gen_turn
        localparam int FrameTurn = (InRows - LastTop) % RowBanks;
        logic [RowTurnBits-1:0] turn_q, turn_d;
        ring_step #(
            .Slots(RowBanks)
        ) i_turn (
            .slot_i(turn_q),
            .step_i(end_frame ? RowTurnBits'(FrameTurn) : RowTurnBits'(StrideRows % RowBanks)),
            .slot_o(turn_d)
        );
        always_ff @(posedge clk_i) begin
            if (!rst_ni) turn_q <= RowTurnBits'((RowBanks - PadRows % RowBanks) % RowBanks);
            else if (beat && end_pixel && end_line) turn_q <= turn_d;
        end
        assign row_turn_o = turn_q;
    end else begin : gen_no_turn
        assign row_turn_o = '0;
    end

    assign beat_o = beat;
    assign group_first_o = word_q == '0 && (ColsAtOnce || tap_col_q == tap_col_first)
        && (RowsAtOnce || tap_row_q == tap_row_first);
    assign group_last_o = end_group;
    assign row_outside_o = row_outside;
    assign col_outside_o = col_outside;
    assign padding_o = !SkipPadding && (row_outside[tap_row_q] || col_outside[tap_col_q]);
    assign centre_o = (ColsAtOnce || tap_col_q == TapColBits'(PadCols)) && (RowsAtOnce || tap_row_q == TapRowBits'(PadRows));
    assign diagonal_o = DiagonalStep > 0 && centre_o && int'(word_q) == int'(group_q) * DiagonalStep;
endmodule
