// What DSP48E1 (UG479) and DSP48E2 (UG579) have in common, for simulation and proofs; see DSP48E1.sv, DSP48E2.sv.
//
// Modelled: the registers of A, B, C, D, AD, M, P and of the controls with their enables and synchronous
// resets; the cascades of A and B; the pre-adder on A; the multiplier; the four multiplexers; the four
// arithmetic ALUMODEs in 48 bits. Not modelled, and stopped at once: two or four sums in one word, logic
// functions, a pre-adder on B, the carry chain between slices. Pattern detector: not connected.
module dsp48_model #(
    parameter int AMultiplierBits = 27,
    parameter int AREG = 1,
    parameter int BREG = 1,
    parameter int ACASCREG = 1,
    parameter int BCASCREG = 1,
    parameter int CREG = 1,
    parameter int DREG = 1,
    parameter int ADREG = 1,
    parameter int MREG = 1,
    parameter int PREG = 1,
    parameter int INMODEREG = 1,
    parameter int OPMODEREG = 1,
    parameter int ALUMODEREG = 1,
    parameter int CARRYINREG = 1,
    parameter bit CascadeA = 0,
    parameter bit CascadeB = 0,
    parameter bit MultiplyAd = 0,
    parameter logic [47:0] RND = '0
) (
    input  logic                       clk_i,
    input  logic [               29:0] a_i,
    input  logic [               29:0] acin_i,
    input  logic [               17:0] b_i,
    input  logic [               17:0] bcin_i,
    input  logic [               47:0] c_i,
    input  logic [AMultiplierBits-1:0] d_i,
    input  logic [               47:0] pcin_i,
    input  logic [                4:0] inmode_i,
    input  logic [                8:0] opmode_i,
    input  logic [                3:0] alumode_i,
    input  logic                       carryin_i,
    input  logic                       cea1_i,
    input  logic                       cea2_i,
    input  logic                       ceb1_i,
    input  logic                       ceb2_i,
    input  logic                       cec_i,
    input  logic                       ced_i,
    input  logic                       cead_i,
    input  logic                       cem_i,
    input  logic                       cep_i,
    input  logic                       ceinmode_i,
    input  logic                       cectrl_i,
    input  logic                       cealumode_i,
    input  logic                       cecarryin_i,
    input  logic                       rsta_i,
    input  logic                       rstb_i,
    input  logic                       rstc_i,
    input  logic                       rstd_i,
    input  logic                       rstm_i,
    input  logic                       rstp_i,
    input  logic                       rstinmode_i,
    input  logic                       rstctrl_i,
    input  logic                       rstalumode_i,
    input  logic                       rstallcarryin_i,
    output logic [               29:0] acout_o,
    output logic [               17:0] bcout_o,
    output logic [               47:0] p_o
);
    localparam int ProductBits = AMultiplierBits + 18;

    // --- A and B: 1 stage is the second register; INMODE picks the first where both are there
    logic [29:0] a_in, a1, a2;
    logic [17:0] b_in, b1, b2;
    assign a_in = CascadeA ? acin_i : a_i;
    assign b_in = CascadeB ? bcin_i : b_i;
    dsp48_register #(.Bits(30), .Present(AREG == 2)) i_a1 (.clk_i, .rst_i(rsta_i), .ce_i(cea1_i), .d_i(a_in), .q_o(a1));
    dsp48_register #(.Bits(30), .Present(AREG != 0)) i_a2 (.clk_i, .rst_i(rsta_i), .ce_i(cea2_i), .d_i(a1), .q_o(a2));
    dsp48_register #(.Bits(18), .Present(BREG == 2)) i_b1 (.clk_i, .rst_i(rstb_i), .ce_i(ceb1_i), .d_i(b_in), .q_o(b1));
    dsp48_register #(.Bits(18), .Present(BREG != 0)) i_b2 (.clk_i, .rst_i(rstb_i), .ce_i(ceb2_i), .d_i(b1), .q_o(b2));
    assign acout_o = (AREG == 2 && ACASCREG == 1) ? a1 : a2;
    assign bcout_o = (BREG == 2 && BCASCREG == 1) ? b1 : b2;

    // --- C, D and the controls
    logic [47:0] c;
    logic [AMultiplierBits-1:0] d;
    logic [4:0] inmode;
    logic [8:0] opmode;
    logic [3:0] alumode;
    logic carryin;
    dsp48_register #(.Bits(48), .Present(CREG != 0)) i_c (.clk_i, .rst_i(rstc_i), .ce_i(cec_i), .d_i(c_i), .q_o(c));
    dsp48_register #(.Bits(AMultiplierBits), .Present(DREG != 0)) i_d (
        .clk_i, .rst_i(rstd_i), .ce_i(ced_i), .d_i(d_i), .q_o(d)
    );
    dsp48_register #(.Bits(5), .Present(INMODEREG != 0)) i_inmode (
        .clk_i, .rst_i(rstinmode_i), .ce_i(ceinmode_i), .d_i(inmode_i), .q_o(inmode)
    );
    dsp48_register #(.Bits(9), .Present(OPMODEREG != 0)) i_opmode (
        .clk_i, .rst_i(rstctrl_i), .ce_i(cectrl_i), .d_i(opmode_i), .q_o(opmode)
    );
    dsp48_register #(.Bits(4), .Present(ALUMODEREG != 0)) i_alumode (
        .clk_i, .rst_i(rstalumode_i), .ce_i(cealumode_i), .d_i(alumode_i), .q_o(alumode)
    );
    dsp48_register #(.Bits(1), .Present(CARRYINREG != 0)) i_carryin (
        .clk_i, .rst_i(rstallcarryin_i), .ce_i(cecarryin_i), .d_i(carryin_i), .q_o(carryin)
    );

    // --- pre-adder and multiplier
    logic signed [AMultiplierBits-1:0] a_gated, d_gated, ad, factor;
    logic signed [17:0] b_factor;
    logic signed [ProductBits-1:0] product_d, product;
    assign a_gated = inmode[1] ? '0 : inmode[0] ? a1[AMultiplierBits-1:0] : a2[AMultiplierBits-1:0];
    assign d_gated = inmode[2] ? d : '0;
    dsp48_register #(.Bits(AMultiplierBits), .Present(ADREG != 0)) i_ad (
        .clk_i, .rst_i(rstd_i), .ce_i(cead_i), .d_i(inmode[3] ? d_gated - a_gated : d_gated + a_gated), .q_o(ad)
    );
    assign factor = MultiplyAd ? ad : a_gated;
    assign b_factor = inmode[4] ? b1 : b2;
    assign product_d = factor * b_factor;  // Yosys cuts a product that stands in a port
    dsp48_register #(.Bits(ProductBits), .Present(MREG != 0)) i_m (
        .clk_i, .rst_i(rstm_i), .ce_i(cem_i), .d_i(product_d), .q_o(product)
    );

    // --- multiplexers and adder
    logic [47:0] w, x, y, z, sum, p;
    always_comb begin
        case (opmode[1:0])
            2'b01: x = 48'(product);
            2'b10: x = p;
            2'b11: x = {a2, b2};
            default: x = '0;
        endcase
        case (opmode[3:2])
            2'b10: y = '1;
            2'b11: y = c;
            default: y = '0;  // 01: the other half of the product, which x holds whole
        endcase
        case (opmode[6:4])
            3'b001: z = pcin_i;
            3'b010, 3'b100: z = p;
            3'b011: z = c;
            3'b101: z = 48'(signed'(pcin_i[47:17]));
            3'b110: z = 48'(signed'(p[47:17]));
            default: z = '0;
        endcase
        case (opmode[8:7])
            2'b01: w = p;
            2'b10: w = RND;
            2'b11: w = c;
            default: w = '0;
        endcase
        case (alumode)
            4'b0001: sum = ~z + w + x + y + 48'(carryin);
            4'b0010: sum = ~(z + w + x + y + 48'(carryin));
            4'b0011: sum = z - (w + x + y + 48'(carryin));
            default: sum = z + w + x + y + 48'(carryin);
        endcase
    end
    dsp48_register #(.Bits(48), .Present(PREG != 0)) i_p (.clk_i, .rst_i(rstp_i), .ce_i(cep_i), .d_i(sum), .q_o(p));
    assign p_o = p;

`ifndef SYNTHESIS
`ifndef YOSYS
    always_ff @(posedge clk_i) begin
        if (alumode[3:2] != 2'b00) $fatal(1, "%m: ALUMODE %b is not modelled", alumode);
        if (opmode[1:0] == 2'b01 && opmode[3:2] != 2'b01) $fatal(1, "%m: OPMODE %b takes half a product", opmode);
    end
`endif
`endif
endmodule
