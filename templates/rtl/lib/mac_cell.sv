// One multiplier with its accumulator: sum <= (first ? c : sum) + a * (w + (one ? 2**OneShift : 0)).
//
// Exact, wrapping in PBits (at most 48). Cells of a chain share one activation, which travels one cell a
// cycle, in a DSP's dedicated cascade: `chain_o` carries in t+1 what was the activation here in t.
//
// Timing, with t the cycle in which the activation is here (a_i, or chain_i where Chained):
//   UseDsp = 1: w_i in t - WeightDelay, one_i in t, first_i and c_i in t+1, sum_q_o shows the sum from t+3.
//   UseDsp = 0: w_i in t - WeightDelay, one_i, first_i and c_i in t,        sum_q_o shows the sum from t+1.
// There is no enable: an activation of 0 without first_i keeps the sum. There is no reset either.
//
// Family: "xcup" and "xc7" instantiate DSP48E2 and DSP48E1; all others, operands that do not fit these and
// UseDsp = 0 take the behavioural twin.
module mac_cell #(
    parameter Family = "generic",
    parameter bit UseDsp = 1,
    parameter int ABits = 8,
    parameter bit ASigned = 1,
    parameter int WBits = 8,
    parameter bit WSigned = 1,
    parameter int PBits = 24,
    parameter bit Chained = 0,
    parameter int WeightDelay = 0,
    parameter int OneShift = -1,
    localparam int ABitsSigned = ABits + (ASigned ? 0 : 1),
    localparam int ChainBits = (ABitsSigned > 18) ? ABitsSigned : 18
) (
    input  logic                 clk_i,
    input  logic [    ABits-1:0] a_i,
    input  logic [ChainBits-1:0] chain_i,
    output logic [ChainBits-1:0] chain_o,
    input  logic [    WBits-1:0] w_i,
    input  logic                 one_i,
    input  logic                 first_i,
    input  logic [    PBits-1:0] c_i,
    output logic [    PBits-1:0] sum_q_o
);
    // The widest weight, with sign, that the pre-adder leaves.
    localparam int WBitsSigned = WBits + (WSigned ? 0 : 1);
    localparam int OneBits = (OneShift < 0) ? 0 : OneShift + 2;
    localparam int MultiplierBits = (OneShift < 0) ? WBitsSigned : (WBitsSigned > OneBits) ? WBitsSigned + 1 : OneBits + 1;

    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    localparam bit IsXcup = Family == "xcup";
    localparam bit IsXc7 = Family == "xc7";
    /* verilator lint_on WIDTHEXPAND */
    localparam bit FitsB = UseDsp && ABitsSigned <= 18 && PBits <= 48;

    if (IsXcup && FitsB && MultiplierBits <= 27) begin : gen_xcup
        mac_cell_xcup #(
            .ABits(ABits),
            .ASigned(ASigned),
            .WBits(WBits),
            .WSigned(WSigned),
            .PBits(PBits),
            .Chained(Chained),
            .WeightDelay(WeightDelay),
            .OneShift(OneShift)
        ) i_cell (
            .clk_i,
            .a_i,
            .chain_i,
            .chain_o,
            .w_i,
            .one_i,
            .first_i,
            .c_i,
            .sum_q_o
        );
    end else if (IsXc7 && FitsB && MultiplierBits <= 25) begin : gen_xc7
        mac_cell_xc7 #(
            .ABits(ABits),
            .ASigned(ASigned),
            .WBits(WBits),
            .WSigned(WSigned),
            .PBits(PBits),
            .Chained(Chained),
            .WeightDelay(WeightDelay),
            .OneShift(OneShift)
        ) i_cell (
            .clk_i,
            .a_i,
            .chain_i,
            .chain_o,
            .w_i,
            .one_i,
            .first_i,
            .c_i,
            .sum_q_o
        );
    end else begin : gen_generic
        mac_cell_generic #(
            .UseDsp(UseDsp),
            .ABits(ABits),
            .ASigned(ASigned),
            .WBits(WBits),
            .WSigned(WSigned),
            .PBits(PBits),
            .Chained(Chained),
            .WeightDelay(WeightDelay),
            .OneShift(OneShift)
        ) i_cell (
            .clk_i,
            .a_i,
            .chain_i,
            .chain_o,
            .w_i,
            .one_i,
            .first_i,
            .c_i,
            .sum_q_o
        );
    end
endmodule
