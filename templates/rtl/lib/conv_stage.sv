// A convolution as a pipeline stage: Pe output channels times Simd products a cycle over a ring line buffer.
//
//   in --> conv_loader --> ring (dual_port_ram) --> mac_array --> conv_output --> out
//                            conv_walk drives it       conv_weights feeds it
//
// Input words are loaded whenever the ring has room; a pixel's run of beats starts when its window is loaded,
// the output has promised room for the whole pixel and a skip operand is there; sums leave while the next
// group computes. A linear layer is a 1x1 convolution on one pixel.
//
// Form: "serial": a beat is one tap of Simd input channels; "rows": a beat is one tap column, Simd/KernelRows
// channels of all its rows, each row from its own RAM bank; "window": a beat is the whole window, some channels of
// all its taps, each tap from its own RAM bank.
//
// Timing, with t the cycle of an event:
//   a pixel's last ring write in t           -> a first beat that needs it from t+1 on
//   first beat in t                          -> the promise to the output and the claim on the skip are made in t
//   last beat of a pixel in t                -> its input pixels are free: the loader may write from t+1 on;
//                                               the next pixel's first beat from t+1 on
//   last beat of a group of Pe channels in t -> its first OutLanes channels are written in t+5 (UseDsp) or t+4, one
//                                               more with RegisterSums; further words follow one a cycle
//
// Join: the skip operand of a residual add that lives in this stage. It is added to the accumulator before the
// ReLU, or after it with JoinAfterRelu:
//   "stream":         words from the skip stream, taken by the group;
//   "shift_register": this stage's own input pixels, SkipPixels of them kept in SRLs;
//   "centre":         this stage's own input pixel, read at the centre tap: the multiplier of the diagonal sees its
//                     weight plus one (before the ReLU), or the channels are kept for the group (after it);
//   "projection":     a 1x1 convolution of the pixel at the centre tap, on columns of its own.
//
// Packed: two 8-bit products share a DSP slice, of one activation and two output channels half a group apart; a skip
// then joins behind the accumulators, still before the ReLU.
//
// Tap: a skip that forks at this stage's input takes the pixels from the ring instead of a copy (conv_tap); their
// words have the Simd channels of a ring word.
//
// Weights: word (tap * OutGroups + group) * 2**WordBits + input group; in a word, output p and product s are
// element p*Simd + s, s = row * channels + channel. All weights and biases are on the accumulator's point.
// Deadlock condition: RingPixels below the window, or an output FIFO that cannot hold a pixel.
module conv_stage #(
    parameter Family = "generic",
    parameter int InRows = 4,
    parameter int InCols = 4,
    parameter int InChannels = 1,
    parameter int InLanes = 1,
    parameter int InBits = 8,
    parameter bit InSigned = 1,
    parameter int OutRows = 4,
    parameter int OutCols = 4,
    parameter int OutChannels = 1,
    parameter int OutLanes = 1,
    parameter int OutBits = 8,
    parameter bit OutSigned = 1,
    parameter int KernelRows = 3,
    parameter int KernelCols = 3,
    parameter int StrideRows = 1,
    parameter int StrideCols = 1,
    parameter int PadRows = 1,
    parameter int PadCols = 1,
    parameter bit SkipPadding = 1,
    parameter Form = "serial",
    parameter int Pe = 1,
    parameter int Simd = 1,
    parameter bit UseDsp = 1,
    parameter bit Packed = 0,
    parameter int RingPixels = 12,
    parameter RingStorage = "auto",
    parameter bit Tap = 0,
    parameter int WeightBits = 8,
    parameter bit WeightSigned = 1,
    parameter int BankSteps = 2,
    parameter WeightStorage = "auto",
    parameter WeightFile = "",
    parameter int BiasBits = 8,
    parameter BiasFile = "",
    parameter int AccBits = 24,
    parameter Join = "none",
    parameter bit JoinAfterRelu = 0,
    parameter int JoinLanes = 1,
    parameter int JoinBits = 8,
    parameter bit JoinSigned = 1,
    parameter int JoinShift = 0,
    parameter int SkipPixels = 8,
    parameter ProjectionWeightFile = "",
    parameter int SumBits = 24,
    parameter bit RegisterSums = 0,
    parameter bit Relu = 0,
    parameter int ResultShift = 0,
    parameter Rounding = "TRN",
    parameter Overflow = "WRAP",
    localparam int TapLanes = Tap ? Simd : 1
) (
    input  logic                          clk_i,
    input  logic                          rst_ni,
    input  logic                          in_valid_i,
    output logic                          in_ready_o,
    output logic                          in_room_o,
    input  logic [    InLanes*InBits-1:0] in_data_i,
    input  logic                          tap_room_i,
    output logic                          tap_reserve_o,
    output logic                          tap_valid_o,
    output logic [    TapLanes*InBits-1:0] tap_data_o,
    input  logic                          join_ready_i,
    output logic                          join_claim_o,
    output logic                          join_take_o,
    input  logic [JoinLanes*JoinBits-1:0] join_data_i,
    input  logic                          out_room_i,
    output logic                          out_reserve_o,
    output logic                          out_valid_o,
    output logic [  OutLanes*OutBits-1:0] out_data_o
);
    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    localparam bit RowsAtOnce = Form == "rows" || Form == "window";
    localparam bit ColsAtOnce = Form == "window";
    localparam bit JoinsStream = Join == "stream";
    localparam bit JoinsShiftRegister = Join == "shift_register";
    localparam bit JoinsCentre = Join == "centre";
    localparam bit JoinsProjection = Join == "projection";
    /* verilator lint_on WIDTHEXPAND */

    localparam int BeatTaps = (RowsAtOnce ? KernelRows : 1) * (ColsAtOnce ? KernelCols : 1);
    localparam int BeatChannels = Simd / BeatTaps;  // input channels of a beat
    localparam int CentreColumn = ((RowsAtOnce ? PadRows : 0) * (ColsAtOnce ? KernelCols : 1)
                                   + (ColsAtOnce ? PadCols : 0)) * BeatChannels;
    localparam int RowBanks = RowsAtOnce ? RingPixels / InCols : 1;
    localparam int ColBanks = ColsAtOnce ? KernelCols : 1;
    localparam int InGroups = InChannels / BeatChannels;
    localparam int OutGroups = OutChannels / Pe;
    localparam int Lanes = (OutLanes < Pe) ? OutLanes : Pe;  // channels of a systolic step
    localparam int Halves = Packed ? 2 : 1;  // of a group, that share the multipliers
    localparam int Steps = Pe / Lanes / Halves;
    localparam int StepChannels = Halves * Lanes;
    localparam bit JoinsAtOutput = JoinAfterRelu || Packed;
    localparam bit SumsApart = JoinsProjection && JoinAfterRelu;  // the projection, for it joins after the ReLU
    localparam int Columns = Simd + (JoinsProjection ? BeatChannels : 0);

    localparam int Slots = ColsAtOnce ? (InCols + KernelCols - 1) / KernelCols : RowsAtOnce ? InCols : RingPixels;
    localparam int WordBits = (InGroups > 1) ? $clog2(InGroups) : 0;
    localparam int RingBits = ((Slots > 1) ? $clog2(Slots) : 1) + WordBits;
    localparam int Parts = (InLanes < BeatChannels) ? BeatChannels / InLanes : 1;
    localparam int WeightWords = (KernelRows * KernelCols / BeatTaps * OutGroups) << WordBits;
    localparam int WeightAddressBits = (WeightWords > 1) ? $clog2(WeightWords) : 1;
    localparam int RowTurnBits = (RowBanks > 1) ? $clog2(RowBanks) : 1;
    localparam int ColTurnBits = (KernelCols > 1) ? $clog2(KernelCols) : 1;

    // --- control
    logic ring_room, window_room, window_two_free, pixel_loaded, start, beat, group_first, group_last, padding, centre, diagonal;
    logic [KernelRows-1:0] row_outside;
    logic [KernelCols-1:0] col_outside;
    logic [RowTurnBits-1:0] row_turn;
    logic [ColTurnBits-1:0] col_turn;
    logic [RingBits-1:0] read_address, write_address;
    logic [WeightAddressBits-1:0] weight_address;

    assign out_reserve_o = start;
    assign join_claim_o = start;
    conv_walk #(
        .InRows(InRows),
        .InCols(InCols),
        .OutRows(OutRows),
        .OutCols(OutCols),
        .KernelRows(KernelRows),
        .KernelCols(KernelCols),
        .StrideRows(StrideRows),
        .StrideCols(StrideCols),
        .PadRows(PadRows),
        .PadCols(PadCols),
        .InGroups(InGroups),
        .OutGroups(OutGroups),
        .RingPixels(RingPixels),
        .SkipPadding(SkipPadding),
        .RowsAtOnce(RowsAtOnce),
        .ColsAtOnce(ColsAtOnce),
        .DiagonalStep(JoinsCentre ? Pe / BeatChannels : 0)
    ) i_walk (
        .clk_i,
        .rst_ni,
        .pixel_loaded_i(pixel_loaded),
        .ring_room_o(window_room),
        .two_free_o(window_two_free),
        .out_room_i,
        .side_ready_i(join_ready_i || !JoinsStream),
        .start_o(start),
        .beat_o(beat),
        .group_first_o(group_first),
        .group_last_o(group_last),
        .padding_o(padding),
        .centre_o(centre),
        .diagonal_o(diagonal),
        .row_outside_o(row_outside),
        .col_outside_o(col_outside),
        .row_turn_o(row_turn),
        .col_turn_o(col_turn),
        .ring_address_o(read_address),
        .weight_address_o(weight_address)
    );

    // --- the ring; its output is zero without a beat
    logic [RowBanks*ColBanks*Parts-1:0] ring_write;
    logic [BeatChannels*InBits-1:0] ring_data;
    logic [Simd*InBits-1:0] activation;

    conv_loader #(
        .Channels(InChannels),
        .Lanes(InLanes),
        .RingLanes(BeatChannels),
        .ElementBits(InBits),
        .Slots(Slots),
        .RowBanks(RowBanks),
        .ColBanks(ColBanks),
        .LinePixels(RowsAtOnce ? InCols : Slots)
    ) i_loader (
        .clk_i,
        .rst_ni,
        .in_valid_i,
        .in_ready_o,
        .in_data_i,
        .ring_room_i(ring_room),
        .pixel_loaded_o(pixel_loaded),
        .write_o(ring_write),
        .write_address_o(write_address),
        .write_data_o(ring_data)
    );
    if (RowsAtOnce) begin : gen_banks
        tap_banks #(
            .Rows(KernelRows),
            .Cols(ColBanks),
            .RowBanks(RowBanks),
            .Words(Slots << WordBits),
            .Lanes(Parts),
            .LaneBits(BeatChannels * InBits / Parts),
            .Storage(RingStorage)
        ) i_ring (
            .clk_i,
            .write_i(ring_write),
            .write_address_i(write_address),
            .write_data_i(ring_data),
            .beat_i(beat),
            .row_outside_i(row_outside),
            .col_outside_i(ColsAtOnce ? col_outside[ColBanks-1:0] : ColBanks'(padding)),
            .row_turn_i(row_turn),
            .col_turn_i(ColsAtOnce ? col_turn[((ColBanks > 1) ? $clog2(ColBanks) : 1)-1:0] : 1'b0),
            .read_address_i(read_address),
            .next_address_i(read_address + (RingBits'(1) << WordBits)),
            .read_data_q_o(activation)
        );
        if (!ColsAtOnce) begin : gen_serial_cols
            logic unused_cols;
            assign unused_cols = ^{col_outside, col_turn};
        end
    end else if (Tap) begin : gen_tapped
        tapped_ram #(
            .Words(Slots << WordBits),
            .Lanes(Parts),
            .LaneBits(BeatChannels * InBits / Parts),
            .Storage(RingStorage)
        ) i_ring (
            .clk_i,
            .write_i(ring_write),
            .write_address_i(write_address),
            .write_data_i(ring_data),
            .tap_read_i(tap_read),
            .tap_address_i(tap_address),
            .tap_data_q_o(tap_data_o),
            .clear_i(!beat || padding),
            .read_address_i(read_address),
            .read_data_q_o(activation)
        );
        logic unused_rows;
        assign unused_rows = ^{row_outside, col_outside, row_turn, col_turn};
    end else begin : gen_serial
        dual_port_ram #(
            .Words(Slots << WordBits),
            .Lanes(Parts),
            .LaneBits(BeatChannels * InBits / Parts),
            .Storage(RingStorage)
        ) i_ring (
            .clk_i,
            .write_i(ring_write),
            .write_address_i(write_address),
            .write_data_i(ring_data),
            .read_i(1'b1),
            .clear_i(!beat || padding),
            .read_address_i(read_address),
            .read_data_q_o(activation)
        );
        logic unused_rows;
        assign unused_rows = ^{row_outside, col_outside, row_turn, col_turn};
    end

    // --- the tap: a second reader, whose pixels keep their slots until it has passed
    logic tap_read;
    logic [RingBits-1:0] tap_address;
    if (Tap) begin : gen_tap
        logic tap_passed, tap_passed_two;
        conv_tap #(
            .Words(InGroups),
            .RingPixels(RingPixels)
        ) i_tap (
            .clk_i,
            .rst_ni,
            .pixel_loaded_i(pixel_loaded),
            .writing_i(|ring_write),
            .room_o(tap_passed),
            .two_free_o(tap_passed_two),
            .read_o(tap_read),
            .read_address_o(tap_address),
            .tap_room_i,
            .tap_valid_o
        );
        assign ring_room = window_room && tap_passed;
        assign in_room_o = window_two_free && tap_passed_two;
        assign tap_reserve_o = tap_read;
    end else begin : gen_no_tap
        logic unused_tap;
        assign unused_tap = tap_room_i;
        assign tap_read = 1'b0;
        assign tap_address = '0;
        assign tap_reserve_o = 1'b0;
        assign tap_valid_o = 1'b0;
        assign tap_data_o = '0;
        assign ring_room = window_room;
        assign in_room_o = window_two_free;
    end

    // --- when groups begin and end, as the array and the output see it
    localparam int FirstDelay = 2;
    localparam int LastDelay = UseDsp ? 4 : 3;
    logic [FirstDelay-1:0] first_q;
    logic [ LastDelay-1:0] last_q;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            first_q <= '0;
            last_q  <= '0;
        end else begin
            first_q <= FirstDelay'({first_q, beat && group_first});
            last_q  <= LastDelay'({last_q, beat && group_last});
        end
    end

    // --- what the accumulators begin with: the bias, and a skip that joins before the ReLU
    logic begin_step;
    logic [(SumsApart ? 2 : 1)*StepChannels*BiasBits-1:0] biases;  // of a projection that joins after the ReLU, too
    logic [StepChannels*BiasBits-1:0] bias;
    logic [StepChannels*AccBits-1:0] begin_with, side_begin_with;
    assign bias = biases[StepChannels*BiasBits-1:0];
    logic [Lanes*JoinBits-1:0] join_slice;

    conv_bias #(
        .Words(OutChannels / StepChannels),
        .Steps(Steps),
        .Width((SumsApart ? 2 : 1) * StepChannels * BiasBits),
        .MemoryFile(BiasFile)
    ) i_bias (
        .clk_i,
        .rst_ni,
        .first_i(first_q[FirstDelay-1]),
        .step_o(begin_step),
        .bias_o(biases)
    );
    if ((JoinsStream || JoinsShiftRegister) && !JoinsAtOutput) begin : gen_begin_with_skip
        // The file holds the biases' negatives: in a difference the table melts into the LUTs of the carry chain.
        for (genvar lane = 0; lane < Lanes; lane++) begin : gen_lane
            logic [JoinBits-1:0] operand;
            logic signed [JoinBits:0] extended;
            assign operand = join_slice[lane*JoinBits+:JoinBits];
            assign extended = {JoinSigned && operand[JoinBits-1], operand};
            assign begin_with[lane*AccBits+:AccBits] =
                (AccBits'(extended) <<< JoinShift) - AccBits'(signed'(bias[lane*BiasBits+:BiasBits]));
        end
    end else begin : gen_begin_with_bias
        for (genvar lane = 0; lane < StepChannels; lane++) begin : gen_lane
            assign begin_with[lane*AccBits+:AccBits] = AccBits'(signed'(bias[lane*BiasBits+:BiasBits]));
        end
    end

    for (genvar lane = 0; lane < StepChannels; lane++) begin : gen_side_begin
        if (SumsApart) begin : gen_bias
            assign side_begin_with[lane*AccBits+:AccBits] =
                AccBits'(signed'(biases[(StepChannels+lane)*BiasBits+:BiasBits]));
        end else begin : gen_none
            assign side_begin_with[lane*AccBits+:AccBits] = '0;
        end
    end

    // --- multiply and accumulate
    localparam int Cells = Steps * StepChannels * Columns;
    logic [Cells*WeightBits-1:0] weight;
    logic [Columns*InBits-1:0] column_activation;
    logic [Cells-1:0] one;
    logic [Cells*AccBits-1:0] sum;

    conv_columns #(
        .Words(WeightWords),
        .Steps(Steps),
        .Lanes(StepChannels),
        .Simd(Simd),
        .WeightBits(WeightBits),
        .BankSteps(BankSteps),
        .WeightStorage(WeightStorage),
        .MemoryPrefix(WeightFile),
        .ProjectionColumns(Columns - Simd),
        .ProjectionWords(OutGroups << WordBits),
        .ProjectionPrefix(ProjectionWeightFile),
        .FirstColumn(CentreColumn),
        .InBits(InBits)
    ) i_columns (
        .clk_i,
        .centre_i(centre),
        .address_i(weight_address),
        .activation_i(activation),
        .activation_o(column_activation),
        .weight_o(weight)
    );
    mac_array #(
        .Family(Family),
        .UseDsp(UseDsp),
        .Packed(Packed),
        .Steps(Steps),
        .Lanes(StepChannels),
        .Columns(Columns),
        .SideColumn(SumsApart ? Simd : 0),
        .BankSteps(BankSteps),
        .InBits(InBits),
        .InSigned(InSigned),
        .WeightBits(WeightBits),
        .WeightSigned(WeightSigned),
        .AccBits(AccBits),
        .OneShift((JoinsCentre && !JoinsAtOutput) ? JoinShift : -1)
    ) i_mac (
        .clk_i,
        .rst_ni,
        .activation_i(column_activation),
        .weight_i(weight),
        .one_i(one),
        .first_i(first_q[FirstDelay-1]),
        .c_i(begin_with),
        .side_c_i(side_begin_with),
        .sum_q_o(sum)
    );
    if (JoinsCentre && !JoinsAtOutput) begin : gen_diagonal
        diagonal_ones #(
            .Steps(Steps),
            .Lanes(Lanes),
            .Columns(Columns),
            .Channels(BeatChannels),
            .FirstColumn(CentreColumn)
        ) i_ones (
            .clk_i,
            .rst_ni,
            .diagonal_i(beat && diagonal),
            .one_o(one)
        );
    end else begin : gen_no_diagonal
        assign one = '0;
    end

    // --- the skip operand
    logic output_step, join_step;
    assign join_step = JoinsAtOutput ? output_step : begin_step;
    if (JoinsStream) begin : gen_stream
        word_slice #(
            .Lanes(JoinLanes),
            .SliceLanes(Lanes),
            .ElementBits(JoinBits)
        ) i_slice (
            .clk_i,
            .rst_ni,
            .word_i(join_data_i),
            .take_i(join_step),
            .word_take_o(join_take_o),
            .slice_o(join_slice)
        );
    end else begin : gen_no_stream
        logic unused_join;
        assign unused_join = ^{join_ready_i, join_data_i};
        assign join_take_o = 1'b0;
    end
    if (JoinsShiftRegister) begin : gen_shift_register
        localparam int StoredLanes = (InLanes > Lanes) ? InLanes : Lanes;
        skip_delay #(
            .Lanes(InLanes),
            .Pe(Lanes),
            .ElementBits(InBits),
            .Words(SkipPixels * (InChannels / StoredLanes))
        ) i_delay (
            .clk_i,
            .rst_ni,
            .push_i(in_valid_i && in_ready_o),
            .data_i(in_data_i),
            .read_i(join_step),
            .data_o(join_slice)
        );
    end else if (JoinsCentre && JoinsAtOutput) begin : gen_centre
        logic centre_word, centre_word_q;
        localparam int StoredLanes = (BeatChannels > Lanes) ? BeatChannels : Lanes;
        centre_words #(
            .Words(Pe / BeatChannels)
        ) i_words (
            .clk_i,
            .rst_ni,
            .diagonal_i(beat && diagonal),
            .word_o(centre_word)
        );
        always_ff @(posedge clk_i) centre_word_q <= centre_word && rst_ni;
        skip_delay #(
            .Lanes(BeatChannels),
            .Pe(Lanes),
            .ElementBits(InBits),
            .Words(2 * Pe / StoredLanes)
        ) i_delay (
            .clk_i,
            .rst_ni,
            .push_i(centre_word_q),
            .data_i(activation[CentreColumn*InBits+:BeatChannels*InBits]),
            .read_i(join_step),
            .data_o(join_slice)
        );
    end else if (!JoinsStream) begin : gen_no_delay
        logic unused_step;
        assign unused_step = join_step;
        assign join_slice  = '0;
    end
    if (!JoinsCentre) begin : gen_no_centre
        logic unused_diagonal;
        assign unused_diagonal = diagonal;
    end

    conv_output #(
        .Steps(Steps),
        .Lanes(Lanes),
        .Halves(Halves),
        .Columns(Columns),
        .SideColumns(SumsApart ? Columns - Simd : 0),
        .OutLanes(OutLanes),
        .AccBits(AccBits),
        .Join(JoinsAtOutput && (JoinsStream || JoinsShiftRegister || JoinsCentre)),
        .JoinAfterRelu(JoinAfterRelu),
        .JoinBits(JoinBits),
        .JoinSigned(JoinSigned),
        .JoinShift(JoinShift),
        .SumBits(SumBits),
        .RegisterSums(RegisterSums),
        .OutBits(OutBits),
        .OutSigned(OutSigned),
        .Shift(ResultShift),
        .Relu(Relu),
        .Rounding(Rounding),
        .Overflow(Overflow)
    ) i_output (
        .clk_i,
        .rst_ni,
        .last_i(last_q[LastDelay-1]),
        .sum_i(sum),
        .join_take_o(output_step),
        .join_data_i(JoinsAtOutput ? join_slice : '0),
        .out_valid_o,
        .out_data_o
    );
endmodule
