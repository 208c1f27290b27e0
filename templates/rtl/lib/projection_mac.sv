// The 1x1 convolution of a projected short skip, inside a conv stage: own multipliers and accumulators that
// work during the centre tap's beats, on the same ring words.
//
// `beat_i` marks a centre beat in the window's cycle; its activation comes one cycle later. Sums stay from
// two cycles after a group's last centre beat until the next group's first.
module projection_mac #(
    parameter int InGroups = 1,
    parameter int OutGroups = 1,
    parameter int Pe = 1,
    parameter int Simd = 1,
    parameter int InBits = 8,
    parameter bit InSigned = 1,
    parameter int WeightBits = 8,
    parameter bit WeightSigned = 1,
    parameter WeightFile = "",
    parameter int BiasBits = 8,
    parameter BiasFile = "",
    parameter int ProductShift = 0,
    parameter int AccBits = 24,
    parameter bit UseDsp = 1,
    localparam int GroupBits = (OutGroups > 1) ? $clog2(OutGroups) : 1
) (
    input  logic                   clk_i,
    input  logic                   rst_ni,
    input  logic                   beat_i,
    input  logic [  GroupBits-1:0] group_i,
    input  logic [Simd*InBits-1:0] activation_i,
    output logic [ Pe*AccBits-1:0] sum_q_o
);
    localparam int Beats = OutGroups * InGroups;
    localparam int BeatBits = (Beats > 1) ? $clog2(Beats) : 1;
    localparam int WordBits = (InGroups > 1) ? $clog2(InGroups) : 1;

    logic [BeatBits-1:0] beat_count_q;
    logic [WordBits-1:0] word_q;
    logic beat_q, first_q;
    logic [Pe*Simd*WeightBits-1:0] weight_q;
    logic [Pe*BiasBits-1:0] bias_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            beat_count_q <= '0;
            word_q <= '0;
            beat_q <= 1'b0;
        end else begin
            beat_q <= beat_i;
            if (beat_i) begin
                beat_count_q <= (beat_count_q == BeatBits'(Beats - 1)) ? '0 : beat_count_q + 1'b1;
                word_q <= (word_q == WordBits'(InGroups - 1)) ? '0 : word_q + 1'b1;
            end
        end
    end
    always_ff @(posedge clk_i) first_q <= word_q == '0;

    weight_rom #(
        .Words(Beats),
        .Width(Pe * Simd * WeightBits),
        .MemoryFile(WeightFile)
    ) i_weight (
        .clk_i,
        .address_i(beat_count_q),
        .data_q_o(weight_q)
    );
    weight_rom #(
        .Words(OutGroups),
        .Width(Pe * BiasBits),
        .MemoryFile(BiasFile)
    ) i_bias (
        .clk_i,
        .address_i(group_i),
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
        .activation_i,
        .weight_i(weight_q),
        .bias_i(bias_q),
        .sum_q_o
    );
endmodule
