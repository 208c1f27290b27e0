// One multiplier with its accumulator: sum <= (first ? c : sum) + a * (w + (one ? 2**OneShift : 0)).
//
// Exact, wrapping in PBits (at most 48). Cells of a chain share one activation, which travels one cell a
// cycle, in a DSP's dedicated cascade: `chain_o` carries in t+1 what was the activation here in t.
//
// Timing, with t the cycle in which the activation is here (a_i, or chain_i where Chained):
//   UseDsp = 1: w_i in t - WeightDelay, one_i in t, first_i and c_i in t+1, sum_q_o shows the sum from t+3.
//   UseDsp = 0: w_i in t - WeightDelay, one_i in t, first_i and c_i in t+1, sum_q_o shows the sum from t+2.
// There is no enable: an activation of 0 without first_i keeps the sum. There is no reset either.
//
// Family: "xcup" and "xc7" are one DSP48E2 or DSP48E1; all others, operands that do not fit these (with sign:
// a in 18 bits, w + 2**OneShift in 27 or 25) and UseDsp = 0 take the behavioural twin.
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
    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    localparam bit IsXcup = Family == "xcup";
    localparam bit IsXc7 = Family == "xc7";
    /* verilator lint_on WIDTHEXPAND */

    // The width of the factor behind the pre-adder, with sign.
    localparam int WBitsSigned = WBits + (WSigned ? 0 : 1);
    localparam int OneBits = (OneShift < 0) ? 0 : OneShift + 2;
    localparam int FactorBits = (OneShift < 0) ? WBitsSigned : (WBitsSigned > OneBits) ? WBitsSigned + 1 : OneBits + 1;
    localparam int PortBits = IsXcup ? 27 : 25;
    localparam bit Fits = ABitsSigned <= 18 && FactorBits <= PortBits && PBits <= 48;

    if (UseDsp && Fits && (IsXcup || IsXc7)) begin : gen_dsp
        localparam bit PreAdd = OneShift >= 0;
        localparam int AStages = WeightDelay + (PreAdd ? 0 : 1);
        logic signed [PortBits-1:0] weight;
        logic [PortBits-1:0] one;
        logic signed [17:0] activation;
        /* verilator lint_off UNUSEDSIGNAL */  // the bits above PBits
        logic [47:0] p;
        /* verilator lint_on UNUSEDSIGNAL */

        if (WSigned) begin : gen_weight_signed
            assign weight = PortBits'(signed'(w_i));
        end else begin : gen_weight_unsigned
            assign weight = PortBits'(w_i);
        end
        if (ASigned) begin : gen_signed
            assign activation = 18'(signed'(a_i));
        end else begin : gen_unsigned
            assign activation = 18'(a_i);
        end
        assign one = PreAdd ? PortBits'(1) << (PreAdd ? OneShift : 0) : '0;
        assign sum_q_o = p[PBits-1:0];

        if (IsXcup) begin : gen_xcup
            mac_cell_xcup #(
                .Chained(Chained),
                .AStages(AStages),
                .PreAdd(PreAdd),
                .DStages(0)
            ) i_slice (
                .clk_i,
                .a_i(weight),
                .d_i(one),
                .add_d_i(one_i),
                .b_i(activation),
                .chain_i,
                .chain_o,
                .first_i,
                .c_i(48'(c_i)),
                .p_o(p)
            );
        end else begin : gen_xc7
            mac_cell_xc7 #(
                .Chained(Chained),
                .AStages(AStages),
                .PreAdd(PreAdd),
                .DStages(0)
            ) i_slice (
                .clk_i,
                .a_i(weight),
                .d_i(one),
                .add_d_i(one_i),
                .b_i(activation),
                .chain_i,
                .chain_o,
                .first_i,
                .c_i(48'(c_i)),
                .p_o(p)
            );
        end
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
