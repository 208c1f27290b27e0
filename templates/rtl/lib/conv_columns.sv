// The operands of a mac_array: the window's columns, and behind them those of a projection.
//
// The projection's columns see the centre tap's channels (activation columns FirstColumn ...) and zero elsewhere.
// Its weights lie in ROMs of their own, word group * 2**WordBits + input group, which is the lower part of the
// weight address. Element of a step: lane * columns + column.
// Timing: `centre_i` and `address_i` in the cycle of the beat, all others one cycle later.
module conv_columns #(
    parameter int Words = 16,
    parameter int Steps = 1,
    parameter int Lanes = 1,
    parameter int Simd = 1,
    parameter int WeightBits = 8,
    parameter int BankSteps = 2,
    parameter WeightStorage = "auto",
    parameter MemoryPrefix = "",
    parameter int ProjectionColumns = 0,
    parameter int ProjectionWords = 1,
    parameter ProjectionPrefix = "",
    parameter int FirstColumn = 0,
    parameter int InBits = 8,
    localparam int Columns = Simd + ProjectionColumns,
    localparam int AddressBits = (Words > 1) ? $clog2(Words) : 1
) (
    input  logic                                      clk_i,
    input  logic                                      centre_i,
    input  logic [                   AddressBits-1:0] address_i,
    input  logic [                   Simd*InBits-1:0] activation_i,
    output logic [                Columns*InBits-1:0] activation_o,
    output logic [Steps*Lanes*Columns*WeightBits-1:0] weight_o
);
    logic [Steps*Lanes*Simd*WeightBits-1:0] main;
    conv_weights #(
        .Words(Words),
        .Steps(Steps),
        .StepBits(Lanes * Simd * WeightBits),
        .BankSteps(BankSteps),
        .Storage(WeightStorage),
        .MemoryPrefix(MemoryPrefix)
    ) i_main (
        .clk_i,
        .address_i,
        .weight_o(main)
    );

    if (ProjectionColumns > 0) begin : gen_projection
        localparam int SideBits = (ProjectionWords > 1) ? $clog2(ProjectionWords) : 1;
        logic centre_q;
        logic [Steps*Lanes*ProjectionColumns*WeightBits-1:0] side;
        logic [SideBits-1:0] side_address;

        assign side_address = SideBits'({1'b0, address_i} % (AddressBits + 1)'(ProjectionWords));
        conv_weights #(
            .Words(ProjectionWords),
            .Steps(Steps),
            .StepBits(Lanes * ProjectionColumns * WeightBits),
            .BankSteps(BankSteps),
            .MemoryPrefix(ProjectionPrefix)
        ) i_side (
            .clk_i,
            .address_i(side_address),
            .weight_o(side)
        );
        always_ff @(posedge clk_i) centre_q <= centre_i;
        assign activation_o = {
            centre_q ? activation_i[FirstColumn*InBits+:ProjectionColumns*InBits] : '0, activation_i
        };
        for (genvar i = 0; i < Steps * Lanes; i++) begin : gen_channel
            assign weight_o[i*Columns*WeightBits+:Columns*WeightBits] = {
                side[i*ProjectionColumns*WeightBits+:ProjectionColumns*WeightBits],
                main[i*Simd*WeightBits+:Simd*WeightBits]
            };
        end
    end else begin : gen_plain
        logic unused_centre;
        assign unused_centre = centre_i;
        assign activation_o  = activation_i;
        assign weight_o = main;
    end
endmodule
