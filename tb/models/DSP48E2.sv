// DSP48E2 for simulation and proofs: the subset of UG579, UG974 that dsp48_model describes.
//
// Ports and parameters have the primitive's names. Outputs of parts that are not modelled are 0.
/* verilator lint_off UNUSEDPARAM */
/* verilator lint_off UNUSEDSIGNAL */
/* verilator lint_off WIDTHEXPAND */
module DSP48E2 #(
    parameter integer ACASCREG = 1,
    parameter integer ADREG = 1,
    parameter integer ALUMODEREG = 1,
    parameter AMULTSEL = "A",
    parameter integer AREG = 1,
    parameter AUTORESET_PATDET = "NO_RESET",
    parameter AUTORESET_PRIORITY = "RESET",
    parameter A_INPUT = "DIRECT",
    parameter integer BCASCREG = 1,
    parameter BMULTSEL = "B",
    parameter integer BREG = 1,
    parameter B_INPUT = "DIRECT",
    parameter integer CARRYINREG = 1,
    parameter integer CARRYINSELREG = 1,
    parameter integer CREG = 1,
    parameter integer DREG = 1,
    parameter integer INMODEREG = 1,
    parameter [3:0] IS_ALUMODE_INVERTED = 4'b0000,
    parameter [0:0] IS_CARRYIN_INVERTED = 1'b0,
    parameter [0:0] IS_CLK_INVERTED = 1'b0,
    parameter [4:0] IS_INMODE_INVERTED = 5'b00000,
    parameter [8:0] IS_OPMODE_INVERTED = 9'b000000000,
    parameter [0:0] IS_RSTALLCARRYIN_INVERTED = 1'b0,
    parameter [0:0] IS_RSTALUMODE_INVERTED = 1'b0,
    parameter [0:0] IS_RSTA_INVERTED = 1'b0,
    parameter [0:0] IS_RSTB_INVERTED = 1'b0,
    parameter [0:0] IS_RSTCTRL_INVERTED = 1'b0,
    parameter [0:0] IS_RSTC_INVERTED = 1'b0,
    parameter [0:0] IS_RSTD_INVERTED = 1'b0,
    parameter [0:0] IS_RSTINMODE_INVERTED = 1'b0,
    parameter [0:0] IS_RSTM_INVERTED = 1'b0,
    parameter [0:0] IS_RSTP_INVERTED = 1'b0,
    parameter [47:0] MASK = 48'h3FFFFFFFFFFF,
    parameter integer MREG = 1,
    parameter integer OPMODEREG = 1,
    parameter [47:0] PATTERN = 48'h0,
    parameter PREADDINSEL = "A",
    parameter integer PREG = 1,
    parameter [47:0] RND = 48'h0,
    parameter SEL_MASK = "MASK",
    parameter SEL_PATTERN = "PATTERN",
    parameter USE_MULT = "MULTIPLY",
    parameter USE_PATTERN_DETECT = "NO_PATDET",
    parameter USE_SIMD = "ONE48",
    parameter USE_WIDEXOR = "FALSE",
    parameter XORSIMD = "XOR24_48_96"
) (
    output logic [29:0] ACOUT,
    output logic [17:0] BCOUT,
    output logic CARRYCASCOUT,
    output logic [3:0] CARRYOUT,
    output logic MULTSIGNOUT,
    output logic OVERFLOW,
    output logic [47:0] P,
    output logic PATTERNBDETECT,
    output logic PATTERNDETECT,
    output logic [47:0] PCOUT,
    output logic UNDERFLOW,
    output logic [7:0] XOROUT,
    input  logic [29:0] A,
    input  logic [29:0] ACIN,
    input  logic [3:0] ALUMODE,
    input  logic [17:0] B,
    input  logic [17:0] BCIN,
    input  logic [47:0] C,
    input  logic CARRYCASCIN,
    input  logic CARRYIN,
    input  logic [2:0] CARRYINSEL,
    input  logic CEA1,
    input  logic CEA2,
    input  logic CEAD,
    input  logic CEALUMODE,
    input  logic CEB1,
    input  logic CEB2,
    input  logic CEC,
    input  logic CECARRYIN,
    input  logic CECTRL,
    input  logic CED,
    input  logic CEINMODE,
    input  logic CEM,
    input  logic CEP,
    input  logic CLK,
    input  logic [26:0] D,
    input  logic [4:0] INMODE,
    input  logic MULTSIGNIN,
    input  logic [8:0] OPMODE,
    input  logic [47:0] PCIN,
    input  logic RSTA,
    input  logic RSTALLCARRYIN,
    input  logic RSTALUMODE,
    input  logic RSTB,
    input  logic RSTC,
    input  logic RSTCTRL,
    input  logic RSTD,
    input  logic RSTINMODE,
    input  logic RSTM,
    input  logic RSTP
);
    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    localparam bit CascadeA = A_INPUT == "CASCADE";
    localparam bit CascadeB = B_INPUT == "CASCADE";
    localparam bit MultiplyAd = AMULTSEL == "AD";

    dsp48_model #(
        .AMultiplierBits(27),
        .AREG(AREG),
        .BREG(BREG),
        .ACASCREG(ACASCREG),
        .BCASCREG(BCASCREG),
        .CREG(CREG),
        .DREG(DREG),
        .ADREG(ADREG),
        .MREG(MREG),
        .PREG(PREG),
        .INMODEREG(INMODEREG),
        .OPMODEREG(OPMODEREG),
        .ALUMODEREG(ALUMODEREG),
        .CARRYINREG(CARRYINREG),
        .CascadeA(CascadeA),
        .CascadeB(CascadeB),
        .MultiplyAd(MultiplyAd),
        .RND(RND)
    ) i_model (
        .clk_i(CLK),
        .a_i(A),
        .acin_i(ACIN),
        .b_i(B),
        .bcin_i(BCIN),
        .c_i(C),
        .d_i(D),
        .pcin_i(PCIN),
        .inmode_i(INMODE),
        .opmode_i(OPMODE),
        .alumode_i(ALUMODE),
        .carryin_i(CARRYIN),
        .cea1_i(CEA1),
        .cea2_i(CEA2),
        .ceb1_i(CEB1),
        .ceb2_i(CEB2),
        .cec_i(CEC),
        .ced_i(CED),
        .cead_i(CEAD),
        .cem_i(CEM),
        .cep_i(CEP),
        .ceinmode_i(CEINMODE),
        .cectrl_i(CECTRL),
        .cealumode_i(CEALUMODE),
        .cecarryin_i(CECARRYIN),
        .rsta_i(RSTA),
        .rstb_i(RSTB),
        .rstc_i(RSTC),
        .rstd_i(RSTD),
        .rstm_i(RSTM),
        .rstp_i(RSTP),
        .rstinmode_i(RSTINMODE),
        .rstctrl_i(RSTCTRL),
        .rstalumode_i(RSTALUMODE),
        .rstallcarryin_i(RSTALLCARRYIN),
        .acout_o(ACOUT),
        .bcout_o(BCOUT),
        .p_o(P)
    );
    assign PCOUT = P;
    assign CARRYCASCOUT = '0;
    assign CARRYOUT = '0;
    assign MULTSIGNOUT = '0;
    assign OVERFLOW = '0;
    assign PATTERNBDETECT = '0;
    assign PATTERNDETECT = '0;
    assign UNDERFLOW = '0;
    assign XOROUT = '0;

`ifndef YOSYS
    initial begin
        if (USE_SIMD != "ONE48"
            || USE_PATTERN_DETECT != "NO_PATDET"
            || BMULTSEL != "B"
            || PREADDINSEL != "A"
            || USE_WIDEXOR != "FALSE")
            $fatal(1, "%m: a mode that is not modelled");
        if (IS_ALUMODE_INVERTED != 0 || IS_CARRYIN_INVERTED != 0 || IS_CLK_INVERTED != 0
            || IS_INMODE_INVERTED != 0 || IS_OPMODE_INVERTED != 0 || IS_RSTALLCARRYIN_INVERTED != 0
            || IS_RSTALUMODE_INVERTED != 0 || IS_RSTA_INVERTED != 0 || IS_RSTB_INVERTED != 0
            || IS_RSTCTRL_INVERTED != 0 || IS_RSTC_INVERTED != 0 || IS_RSTD_INVERTED != 0
            || IS_RSTINMODE_INVERTED != 0 || IS_RSTM_INVERTED != 0 || IS_RSTP_INVERTED != 0)
            $fatal(1, "%m: inverted pins are not modelled");
    end
    always_ff @(posedge CLK) if (CARRYINSEL != '0) $fatal(1, "%m: CARRYINSEL is not modelled");
`endif
endmodule
