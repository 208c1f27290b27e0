// mac_cell without primitives: what the DSP cells must equal, and the cell of families without a wrapper.
//
// UseDsp = 1: input, product and sum registers, for a synthesis that packs them into its own multiplier.
// UseDsp = 0: operands and sum are registered, products are rows of adders in LUTs.
module mac_cell_generic #(
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
    localparam int WBitsSigned = WBits + (WSigned ? 0 : 1);
    localparam int OneBits = (OneShift < 0) ? 0 : OneShift + 2;
    localparam int FactorBits = (OneShift < 0) ? WBitsSigned : (WBitsSigned > OneBits) ? WBitsSigned + 1 : OneBits + 1;
    localparam int ProductBits = ABitsSigned + FactorBits;

    logic signed [ABitsSigned-1:0] activation, activation_q;
    logic signed [WBitsSigned-1:0] weight;
    logic [WBits-1:0] weight_word;

    if (Chained) begin : gen_chained
        logic unused_a;
        assign unused_a   = &{1'b0, a_i, chain_i};
        assign activation = chain_i[ABitsSigned-1:0];
    end else begin : gen_first
        logic unused_chain;
        assign unused_chain = &{1'b0, chain_i};
        if (ASigned) begin : gen_signed
            assign activation = a_i;
        end else begin : gen_unsigned
            assign activation = {1'b0, a_i};
        end
    end
    always_ff @(posedge clk_i) activation_q <= activation;
    assign chain_o = ChainBits'(activation_q);

    if (WeightDelay == 0) begin : gen_weight
        assign weight_word = w_i;
    end else begin : gen_weight_delayed
        always_ff @(posedge clk_i) weight_word <= w_i;
    end
    if (WSigned) begin : gen_weight_signed
        assign weight = weight_word;
    end else begin : gen_weight_unsigned
        assign weight = {1'b0, weight_word};
    end

    if (UseDsp) begin : gen_registers
        logic signed [FactorBits-1:0] factor_q;
        /* verilator lint_off UNUSEDSIGNAL */  // the bits above PBits
        logic signed [ProductBits-1:0] product_q;
        /* verilator lint_on UNUSEDSIGNAL */
        logic first_q;
        logic [PBits-1:0] c_q, sum_q;

        if (OneShift >= 0) begin : gen_one
            always_ff @(posedge clk_i) begin
                factor_q <= FactorBits'(weight) + (one_i ? FactorBits'(1) <<< OneShift : '0);
            end
        end else begin : gen_no_one
            logic unused_one;
            assign unused_one = one_i;
            always_ff @(posedge clk_i) factor_q <= weight;
        end
        always_ff @(posedge clk_i) begin
            product_q <= activation_q * factor_q;
            first_q <= first_i;
            c_q <= c_i;
            sum_q <= (first_q ? c_q : sum_q) + PBits'(product_q);
        end
        assign sum_q_o = sum_q;
    end else begin : gen_fabric
        logic signed [WBitsSigned-1:0] weight_q;
        logic signed [PBits-1:0] product, step, sum_q;
        always_ff @(posedge clk_i) weight_q <= weight;

        multiply #(
            .ABits(ABitsSigned),
            .ASigned(1),
            .BBits(WBitsSigned),
            .BSigned(1),
            .OutBits(PBits),
            .UseDsp(0)
        ) i_multiply (
            .a_i(activation_q),
            .b_i(weight_q),
            .product_o(product)
        );
        if (OneShift >= 0) begin : gen_one
            logic one_q;
            always_ff @(posedge clk_i) one_q <= one_i;
            booth_row #(
                .ABits  (ABitsSigned),
                .SumBits(PBits - OneShift)
            ) i_one (
                .a_i(activation_q),
                .digit_i({1'b0, one_q, 1'b0}),
                .addend_i(product[PBits-1:OneShift]),
                .sum_o(step[PBits-1:OneShift])
            );
            if (OneShift > 0) begin : gen_below
                assign step[OneShift-1:0] = product[OneShift-1:0];
            end
        end else begin : gen_no_one
            logic unused_one;
            assign unused_one = one_i;
            assign step = product;
        end
        // The step first: what leads the carry chain is then a plain signal, not the multiplexer.
        always_ff @(posedge clk_i) sum_q <= step + (first_i ? signed'(c_i) : sum_q);
        assign sum_q_o = sum_q;
    end
endmodule
