// A convolution as a pipeline stage: a Pe x Simd matrix-vector unit over a ring line buffer.
//
// Input words are loaded whenever the ring has room (conv_loader); a pixel's RF beats start when its window
// is loaded and the output FIFO has promised room for the whole pixel (conv_window); sums are joined with a
// short skip, rectified, requantized and sent while the next group computes (conv_output). A linear layer
// is a 1x1 convolution on one pixel. A pixel costs exactly RF cycles; the next may begin without a gap.
//
// Timing, with t the cycle of an event:
//   a pixel's last ring write in t           -> a first beat that needs it from t+1 on
//   first beat in t                          -> the promise to the output FIFO is made in t
//   last beat of a pixel in t                -> its input pixels are free: the loader may write from t+1 on;
//                                               the next pixel's first beat from t+1 on
//   last beat of a group of Pe channels in t -> sums ready in t+2; the FIFO is written in t+2 (OutLanes >= Pe,
//                                               with the word's last group) or in t+3, t+4, ... (OutLanes < Pe)
// The FIFO offers a word two cycles after it is written (see stream_fifo).
//
// ShortSkip: "none"; "identity": the input pixel is added, from a shift register of SkipPixels pixels;
// "projection": a 1x1 convolution of it, on own multipliers during the centre tap's beats. The sum is
// (accumulator << MainShift) + (skip << SkipShift), exact in SumBits.
//
// Weights: word (group * KernelRows + row) * KernelCols + col) * InGroups + input group; in a word, output p
// and input s are element p*Simd + s. Deadlock condition: RingPixels below the window, or an output FIFO
// that cannot hold a pixel.
module conv_stage #(
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
    parameter int Pe = 1,
    parameter int Simd = 1,
    parameter bit UseDsp = 1,
    parameter int RingPixels = 12,
    parameter RingStorage = "auto",
    parameter int WeightBits = 8,
    parameter bit WeightSigned = 1,
    parameter WeightFile = "",
    parameter int BiasBits = 8,
    parameter BiasFile = "",
    parameter int ProductShift = 0,
    parameter int AccBits = 24,
    parameter ShortSkip = "none",
    parameter int SkipPixels = 8,
    parameter int ProjectionWeightBits = 8,
    parameter bit ProjectionWeightSigned = 1,
    parameter ProjectionWeightFile = "",
    parameter int ProjectionBiasBits = 8,
    parameter ProjectionBiasFile = "",
    parameter int ProjectionProductShift = 0,
    parameter int ProjectionAccBits = 24,
    parameter int MainShift = 0,
    parameter int SkipShift = 0,
    parameter int SumBits = 24,
    parameter bit Relu = 0,
    parameter int ResultShift = 0,
    parameter Rounding = "TRN",
    parameter Overflow = "WRAP"
) (
    input  logic                        clk_i,
    input  logic                        rst_ni,
    input  logic                        in_valid_i,
    output logic                        in_ready_o,
    input  logic [  InLanes*InBits-1:0] in_data_i,
    input  logic                        out_room_i,
    output logic                        out_reserve_o,
    output logic                        out_valid_o,
    output logic [OutLanes*OutBits-1:0] out_data_o
);
    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    localparam bit HasIdentity = ShortSkip == "identity";
    localparam bit HasProjection = ShortSkip == "projection";
    /* verilator lint_on WIDTHEXPAND */

    localparam int InGroups = InChannels / Simd;
    localparam int OutGroups = OutChannels / Pe;
    localparam int Slots = (InLanes < Simd) ? Simd / InLanes : 1;
    localparam int RingWords = RingPixels * InGroups;
    localparam int RingBits = (RingWords > 1) ? $clog2(RingWords) : 1;
    localparam int Beats = OutGroups * KernelRows * KernelCols * InGroups;
    localparam int BeatBits = (Beats > 1) ? $clog2(Beats) : 1;
    localparam int GroupBits = (OutGroups > 1) ? $clog2(OutGroups) : 1;

    // --- the ring: written by the loader, read by the window
    logic ring_room, pixel_loaded;
    logic [Slots-1:0] ring_write;
    logic [RingBits-1:0] ring_write_address, ring_read_address;
    logic [Simd*InBits-1:0] ring_write_data, activation_q;

    conv_loader #(
        .Channels(InChannels),
        .Lanes(InLanes),
        .Simd(Simd),
        .ElementBits(InBits),
        .RingWords(RingWords)
    ) i_loader (
        .clk_i,
        .rst_ni,
        .in_valid_i,
        .in_ready_o,
        .in_data_i,
        .ring_room_i(ring_room),
        .pixel_loaded_o(pixel_loaded),
        .write_o(ring_write),
        .write_address_o(ring_write_address),
        .write_data_o(ring_write_data)
    );

    logic beat, group_first, group_last, padding, centre;
    logic [BeatBits-1:0] weight_address;
    logic [GroupBits-1:0] group;

    conv_window #(
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
        .RingPixels(RingPixels)
    ) i_window (
        .clk_i,
        .rst_ni,
        .pixel_loaded_i(pixel_loaded),
        .ring_room_o(ring_room),
        .out_room_i,
        .out_reserve_o,
        .beat_o(beat),
        .group_first_o(group_first),
        .group_last_o(group_last),
        .padding_o(padding),
        .centre_o(centre),
        .ring_address_o(ring_read_address),
        .weight_address_o(weight_address),
        .group_o(group)
    );

    dual_port_ram #(
        .Words(RingWords),
        .Lanes(Slots),
        .LaneBits(Simd * InBits / Slots),
        .Storage(RingStorage)
    ) i_ring (
        .clk_i,
        .write_i(ring_write),
        .write_address_i(ring_write_address),
        .write_data_i(ring_write_data),
        .read_i(beat),
        .clear_i(padding),
        .read_address_i(ring_read_address),
        .read_data_q_o(activation_q)
    );

    // --- multiply and accumulate: a beat in t, its operands in t+1, its sum in t+2
    logic beat_q, first_q, last_q, sum_valid_q;
    logic [Pe*Simd*WeightBits-1:0] weight_q;
    logic [Pe*BiasBits-1:0] bias_q;
    logic [Pe*AccBits-1:0] acc_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            beat_q <= 1'b0;
            sum_valid_q <= 1'b0;
        end else begin
            beat_q <= beat;
            sum_valid_q <= beat_q && last_q;
        end
    end
    always_ff @(posedge clk_i) begin
        first_q <= group_first;
        last_q  <= group_last;
    end

    weight_rom #(
        .Words(Beats),
        .Width(Pe * Simd * WeightBits),
        .MemoryFile(WeightFile)
    ) i_weight (
        .clk_i,
        .address_i(weight_address),
        .data_q_o(weight_q)
    );
    weight_rom #(
        .Words(OutGroups),
        .Width(Pe * BiasBits),
        .MemoryFile(BiasFile)
    ) i_bias (
        .clk_i,
        .address_i(group),
        .data_q_o(bias_q)
    );
    mac_array #(
        .Pe(Pe),
        .Simd(Simd),
        .InBits(InBits),
        .InSigned(InSigned),
        .WeightBits(WeightBits),
        .WeightSigned(WeightSigned),
        .BiasBits(BiasBits),
        .AccBits(AccBits),
        .ProductShift(ProductShift),
        .UseDsp(UseDsp)
    ) i_mac (
        .clk_i,
        .valid_i(beat_q),
        .first_i(first_q),
        .activation_i(activation_q),
        .weight_i(weight_q),
        .bias_i(bias_q),
        .sum_q_o(acc_q)
    );

    // --- the short skip, and its exact sum with the accumulators
    logic [Pe*SumBits-1:0] sum;

    if (HasIdentity) begin : gen_identity
        logic unused_centre;
        logic [Pe*InBits-1:0] skip_q;
        assign unused_centre = centre;
        skip_delay #(
            .Channels(InChannels),
            .Lanes(InLanes),
            .Pe(Pe),
            .ElementBits(InBits),
            .DepthPixels(SkipPixels)
        ) i_delay (
            .clk_i,
            .rst_ni,
            .push_i(in_valid_i && in_ready_o),
            .data_i(in_data_i),
            .read_i(beat_q && last_q),
            .data_q_o(skip_q)
        );
        align_add #(
            .Lanes(Pe),
            .ABits(AccBits),
            .AShift(MainShift),
            .BBits(InBits),
            .BSigned(InSigned),
            .BShift(SkipShift),
            .SumBits(SumBits)
        ) i_join (
            .a_i(acc_q),
            .b_i(skip_q),
            .sum_o(sum)
        );
    end else if (HasProjection) begin : gen_projection
        logic [Pe*ProjectionAccBits-1:0] projected_q;
        projection_mac #(
            .InGroups(InGroups),
            .OutGroups(OutGroups),
            .Pe(Pe),
            .Simd(Simd),
            .InBits(InBits),
            .InSigned(InSigned),
            .WeightBits(ProjectionWeightBits),
            .WeightSigned(ProjectionWeightSigned),
            .WeightFile(ProjectionWeightFile),
            .BiasBits(ProjectionBiasBits),
            .BiasFile(ProjectionBiasFile),
            .ProductShift(ProjectionProductShift),
            .AccBits(ProjectionAccBits),
            .UseDsp(UseDsp)
        ) i_projection (
            .clk_i,
            .rst_ni,
            .beat_i(beat && centre),
            .group_i(group),
            .activation_i(activation_q),
            .sum_q_o(projected_q)
        );
        align_add #(
            .Lanes(Pe),
            .ABits(AccBits),
            .AShift(MainShift),
            .BBits(ProjectionAccBits),
            .BShift(SkipShift),
            .SumBits(SumBits)
        ) i_join (
            .a_i(acc_q),
            .b_i(projected_q),
            .sum_o(sum)
        );
    end else begin : gen_no_skip
        logic unused_centre;
        assign unused_centre = centre;
        assign sum = acc_q;
    end

    conv_output #(
        .Pe(Pe),
        .Lanes(OutLanes),
        .SumBits(SumBits),
        .OutBits(OutBits),
        .OutSigned(OutSigned),
        .Shift(ResultShift),
        .Relu(Relu),
        .Rounding(Rounding),
        .Overflow(Overflow)
    ) i_output (
        .clk_i,
        .rst_ni,
        .valid_i(sum_valid_q),
        .sum_i(sum),
        .out_valid_o,
        .out_data_o
    );
endmodule
