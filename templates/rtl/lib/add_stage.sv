// main + skip: exact at the finer point, then ReLU, then one requantization.
//
// Timing: combinational; when both words are offered and the output has room in cycle t, both are taken and
// the sum is written in t.
module add_stage #(
    parameter int Lanes = 1,
    parameter int MainBits = 8,
    parameter bit MainSigned = 1,
    parameter int MainShift = 0,
    parameter int SkipBits = 8,
    parameter bit SkipSigned = 1,
    parameter int SkipShift = 0,
    parameter int SumBits = 12,
    parameter bit Relu = 0,
    parameter int OutBits = 8,
    parameter bit OutSigned = 1,
    parameter int ResultShift = 0,
    parameter Rounding = "TRN",
    parameter Overflow = "WRAP"
) (
    input  logic                      main_valid_i,
    output logic                      main_ready_o,
    input  logic [Lanes*MainBits-1:0] main_data_i,
    input  logic                      skip_valid_i,
    output logic                      skip_ready_o,
    input  logic [Lanes*SkipBits-1:0] skip_data_i,
    input  logic                      out_room_i,
    output logic                      out_valid_o,
    output logic [ Lanes*OutBits-1:0] out_data_o
);
    logic [Lanes*SumBits-1:0] sum;

    assign out_valid_o  = main_valid_i && skip_valid_i && out_room_i;
    assign main_ready_o = skip_valid_i && out_room_i;
    assign skip_ready_o = main_valid_i && out_room_i;

    align_add #(
        .Lanes(Lanes),
        .ABits(MainBits),
        .ASigned(MainSigned),
        .AShift(MainShift),
        .BBits(SkipBits),
        .BSigned(SkipSigned),
        .BShift(SkipShift),
        .SumBits(SumBits)
    ) i_sum (
        .a_i(main_data_i),
        .b_i(skip_data_i),
        .sum_o(sum)
    );
    for (genvar i = 0; i < Lanes; i++) begin : gen_lane
        requantize #(
            .InBits(SumBits),
            .OutBits(OutBits),
            .OutSigned(OutSigned),
            .Shift(ResultShift),
            .Relu(Relu),
            .Rounding(Rounding),
            .Overflow(Overflow)
        ) i_requantize (
            .data_i(sum[i*SumBits+:SumBits]),
            .data_o(out_data_o[i*OutBits+:OutBits])
        );
    end
endmodule
