// Two mac_cells on one activation: sum[i] <= (first ? c[i] : sum[i]) + a * w[i], both in one DSP slice where it fits.
//
// Timing, chain and parameters as mac_cell's with UseDsp = 1. Exact as long as sum[0] stays within PBits, which
// an accumulator as wide as its layer needs does; sum[1] wraps.
//
// In a slice the factor is (w[1] << Split) + w[0], made by the pre-adder, and the slice adds up both sums in one
// word: the low Split bits are those of sum[0], what stands above is sum[1] and what sum[0] carried into it. No
// product is ever split off: the carries are counted beside the slice. A product is at most
//   a quarter of the low field, 2**(Split-2): it carried iff the field's top two bits went 11 -> 00, borrowed iff 00 -> 11;
//   half of it, 2**(Split-1), with an unsigned activation: the weight's sign is the product's. It carried iff it was
//   not negative and the top bit went 1 -> 0, borrowed iff it was negative and the top bit went 0 -> 1.
// Split = 26 - 8 on the 27 bits of a DSP48E2: any 8-bit operands (255*255 <= 2**16). Split = 24 - 8 on the 25 bits of a
// DSP48E1: signed activations by the first rule (128*128 <= 2**14), unsigned ones with signed weights by the
// second (255*128 <= 2**15). So any number of products accumulate; without the count it would be 7 (signed) or 4
// (unsigned activations) in a DSP48E2, 1 in a DSP48E1. Operands for which neither rule holds take two mac_cells.
module mac_pair #(
    parameter Family = "generic",
    parameter int ABits = 8,
    parameter bit ASigned = 1,
    parameter int WBits = 8,
    parameter bit WSigned = 1,
    parameter int PBits = 24,
    parameter bit Chained = 0,
    parameter int WeightDelay = 0,
    localparam int ABitsSigned = ABits + (ASigned ? 0 : 1),
    localparam int ChainBits = (ABitsSigned > 18) ? ABitsSigned : 18
) (
    input  logic                 clk_i,
    input  logic [    ABits-1:0] a_i,
    input  logic [ChainBits-1:0] chain_i,
    output logic [ChainBits-1:0] chain_o,
    input  logic [  2*WBits-1:0] w_i,
    input  logic                 first_i,
    input  logic [  2*PBits-1:0] c_i,
    output logic [  2*PBits-1:0] sum_q_o
);
    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    localparam bit IsXcup = Family == "xcup";
    localparam bit IsXc7 = Family == "xc7";
    /* verilator lint_on WIDTHEXPAND */

    // (w[1] << Split) + w[0] reaches 2**(PortBits-2) + 2**(WBitsSigned-1) either way: it fits PortBits with its sign.
    localparam int WBitsSigned = WBits + (WSigned ? 0 : 1);
    localparam int PortBits = IsXcup ? 27 : 25;
    localparam int SplitSigned = PortBits - 1 - WBitsSigned;
    // Unsigned weights never borrow: no bit is lost to a sum below the negative end.
    localparam int Split = WSigned ? SplitSigned : SplitSigned + 1;
    // A product is at most 2**ProductBits.
    localparam int ProductBits = (ASigned ? ABits - 1 : ABits) + (WSigned ? WBits - 1 : WBits);
    localparam bit Quarter = ProductBits <= Split - 2;
    localparam bit Half = ProductBits <= Split - 1 && !ASigned;
    localparam bit Fits = (Quarter || Half) && ABitsSigned <= 18 && PBits + Split <= 48;

    if (Fits && (IsXcup || IsXc7)) begin : gen_packed
        localparam int HighBits = (PBits > Split) ? PBits - Split : 1;  // of sum[0], above the field
        localparam int CountBits = HighBits + 2;

        logic signed [PortBits-1:0] low_weight, high_weight;
        logic signed [17:0] activation;
        /* verilator lint_off UNUSEDSIGNAL */  // the bits above the second sum
        logic [47:0] p;
        /* verilator lint_on UNUSEDSIGNAL */
        logic [47:0] c;
        logic [PBits-1:0] low_c, high_c;
        assign low_c = c_i[PBits-1:0];
        assign high_c = c_i[2*PBits-1:PBits];

        if (WSigned) begin : gen_weight_signed
            assign low_weight  = PortBits'(signed'(w_i[WBits-1:0]));
            assign high_weight = PortBits'(signed'(w_i[2*WBits-1:WBits])) <<< Split;
        end else begin : gen_weight_unsigned
            assign low_weight  = PortBits'(w_i[WBits-1:0]);
            assign high_weight = PortBits'(w_i[2*WBits-1:WBits]) <<< Split;
        end
        if (ASigned) begin : gen_signed
            assign activation = 18'(signed'(a_i));
        end else begin : gen_unsigned
            assign activation = 18'(a_i);
        end

        // c enters with its parts side by side; what of low_c lies above the field is kept beside the slice.
        logic [Split-1:0] field_c;
        logic [HighBits-1:0] above_c;
        if (PBits > Split) begin : gen_above
            assign field_c = low_c[Split-1:0];
            assign above_c = low_c[PBits-1:Split];
        end else begin : gen_within
            assign field_c = Split'(signed'(low_c));
            assign above_c = {HighBits{low_c[PBits-1]}};
        end
        assign c = 48'({high_c, field_c});

        if (IsXcup) begin : gen_xcup
            mac_cell_xcup #(
                .Chained(Chained),
                .AStages(WeightDelay),
                .PreAdd(1),
                .DStages(WeightDelay)
            ) i_slice (
                .clk_i,
                .a_i(low_weight),
                .d_i(high_weight),
                .add_d_i(1'b1),
                .b_i(activation),
                .chain_i,
                .chain_o,
                .first_i,
                .c_i(c),
                .p_o(p)
            );
        end else begin : gen_xc7
            mac_cell_xc7 #(
                .Chained(Chained),
                .AStages(WeightDelay),
                .PreAdd(1),
                .DStages(WeightDelay)
            ) i_slice (
                .clk_i,
                .a_i(low_weight),
                .d_i(high_weight),
                .add_d_i(1'b1),
                .b_i(activation),
                .chain_i,
                .chain_o,
                .first_i,
                .c_i(c),
                .p_o(p)
            );
        end

        // What stood in the field before the last addition, and above it at the start: first_i comes in t+1, acts
        // in t+2 and shows in t+3.
        logic first_q, first_qq;
        logic [1:0] field_c_q, before_q;
        logic [HighBits-1:0] above_c_q, above_c_qq, above, above_q;
        assign above = first_qq ? above_c_qq : above_q;
        always_ff @(posedge clk_i) begin
            first_q <= first_i;
            first_qq <= first_q;
            field_c_q <= field_c[Split-1:Split-2];
            before_q <= first_q ? field_c_q : p[Split-1:Split-2];
            above_c_q <= above_c;
            above_c_qq <= above_c_q;
            above_q <= above;
        end

        logic up, down;
        if (Quarter) begin : gen_quarter
            assign up   = before_q == 2'b11 && p[Split-1:Split-2] == 2'b00;
            assign down = before_q == 2'b00 && p[Split-1:Split-2] == 2'b11;
        end else begin : gen_half
            logic negative_w, negative_q, negative_qq, negative_qqq, unused_before;
            if (WeightDelay == 0) begin : gen_weight
                assign negative_w = WSigned && w_i[WBits-1];
            end else begin : gen_weight_delayed
                always_ff @(posedge clk_i) negative_w <= WSigned && w_i[WBits-1];
            end
            always_ff @(posedge clk_i) begin
                negative_q <= negative_w;
                negative_qq <= negative_q;
                negative_qqq <= negative_qq;
            end
            assign unused_before = before_q[0];
            assign up   = !negative_qqq && before_q[1] && !p[Split-1];
            assign down = negative_qqq && !before_q[1] && p[Split-1];
        end

        // Carries into the bits above the field since the last first.
        logic [CountBits-1:0] count_q, count;
        assign count = (first_qq ? '0 : count_q) + CountBits'(up) - CountBits'(down);
        always_ff @(posedge clk_i) count_q <= count;

        if (PBits > Split) begin : gen_wide
            assign sum_q_o[PBits-1:0] = {above + count[HighBits-1:0], p[Split-1:0]};
        end else begin : gen_narrow
            logic unused_above;
            assign unused_above = &{1'b0, above};
            assign sum_q_o[PBits-1:0] = p[PBits-1:0];
        end
        assign sum_q_o[2*PBits-1:PBits] = p[Split+:PBits] - PBits'(signed'(count));
    end else begin : gen_cells  // behavioural: a slice's cascade leads to one neighbour only, and not into the fabric
        logic [ChainBits-1:0] unused_chain;
        mac_cell #(
            .Family("generic"),
            .ABits(ABits),
            .ASigned(ASigned),
            .WBits(WBits),
            .WSigned(WSigned),
            .PBits(PBits),
            .Chained(Chained),
            .WeightDelay(WeightDelay)
        ) i_low (
            .clk_i,
            .a_i,
            .chain_i,
            .chain_o,
            .w_i(w_i[WBits-1:0]),
            .one_i(1'b0),
            .first_i,
            .c_i(c_i[PBits-1:0]),
            .sum_q_o(sum_q_o[PBits-1:0])
        );
        mac_cell #(
            .Family("generic"),
            .ABits(ABits),
            .ASigned(ASigned),
            .WBits(WBits),
            .WSigned(WSigned),
            .PBits(PBits),
            .Chained(Chained),
            .WeightDelay(WeightDelay)
        ) i_high (
            .clk_i,
            .a_i,
            .chain_i,
            .chain_o(unused_chain),
            .w_i(w_i[2*WBits-1:WBits]),
            .one_i(1'b0),
            .first_i,
            .c_i(c_i[2*PBits-1:PBits]),
            .sum_q_o(sum_q_o[2*PBits-1:PBits])
        );
    end
endmodule
