// Exact sums of two operands whose points differ: (a << AShift) + (b << BShift), lane by lane. Combinational.
module align_add #(
    parameter int Lanes = 1,
    parameter int ABits = 8,
    parameter bit ASigned = 1,
    parameter int AShift = 0,
    parameter int BBits = 8,
    parameter bit BSigned = 1,
    parameter int BShift = 0,
    parameter int SumBits = 12
) (
    input  logic [  Lanes*ABits-1:0] a_i,
    input  logic [  Lanes*BBits-1:0] b_i,
    output logic [Lanes*SumBits-1:0] sum_o
);
    for (genvar i = 0; i < Lanes; i++) begin : gen_lane
        logic [ABits-1:0] a;
        logic [BBits-1:0] b;
        logic signed [SumBits-1:0] a_wide, b_wide;

        assign a = a_i[i*ABits+:ABits];
        assign b = b_i[i*BBits+:BBits];
        assign a_wide = SumBits'(signed'({ASigned && a[ABits-1], a}));
        assign b_wide = SumBits'(signed'({BSigned && b[BBits-1], b}));
        assign sum_o[i*SumBits+:SumBits] = (a_wide <<< AShift) + (b_wide <<< BShift);
    end
endmodule
