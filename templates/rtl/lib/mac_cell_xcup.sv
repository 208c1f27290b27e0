// One DSP48E2 (UltraScale and UltraScale+, UG579) as a MAC: p <= (first ? c : p) + b * (a + (add_d ? d : 0)), in 48 bits.
//
// The factor b comes from b_i, or from the slice before it where Chained; chain_o hands it on a cycle later.
// Timing, with t the cycle of b: a_i in t - AStages + 1, with PreAdd in t - AStages; d_i in t - DStages, add_d_i
// in t (PreAdd; otherwise d is left out); first_i and c_i in t+1; p_o from t+3.
//
// Registers: B2, which also feeds the cascade, M, P, C, OPMODE; A2 and A1 as AStages says; AD behind the pre-adder.
// INMODE[2] opens D and takes no register, nor do ALUMODE and the carry, which are constant. Enables of registers
// that are not there are 0.
module mac_cell_xcup #(
    parameter bit Chained = 0,
    parameter int AStages = 1,
    parameter bit PreAdd = 0,
    parameter int DStages = 0
) (
    input  logic        clk_i,
    input  logic [26:0] a_i,
    input  logic [26:0] d_i,
    input  logic        add_d_i,
    input  logic [17:0] b_i,
    input  logic [17:0] chain_i,
    output logic [17:0] chain_o,
    input  logic        first_i,
    input  logic [47:0] c_i,
    output logic [47:0] p_o
);
    // Only one of the two is connected: the other port is left at 0.
    logic [17:0] b, bcin;
    logic unused_factor;
    assign b = Chained ? '0 : b_i;
    assign bcin = Chained ? chain_i : '0;
    assign unused_factor = &{1'b0, b_i, chain_i};

    // INMODE: A2 (gated never) + D (gated by add_d), B2. OPMODE: W = 0, X and Y = M, Z = first ? C : P. ALUMODE: add.
    /* verilator lint_off PINCONNECTEMPTY */
    DSP48E2 #(
        .ACASCREG(AStages),
        .ADREG(1),
        .ALUMODEREG(0),
        .AMULTSEL(PreAdd ? "AD" : "A"),
        .AREG(AStages),
        .AUTORESET_PATDET("NO_RESET"),
        .AUTORESET_PRIORITY("RESET"),
        .A_INPUT("DIRECT"),
        .BCASCREG(1),
        .BMULTSEL("B"),
        .BREG(1),
        .B_INPUT(Chained ? "CASCADE" : "DIRECT"),
        .CARRYINREG(0),
        .CARRYINSELREG(0),
        .CREG(1),
        .DREG(DStages),
        .INMODEREG(0),
        .MREG(1),
        .OPMODEREG(1),
        .PREADDINSEL("A"),
        .PREG(1),
        .SEL_MASK("MASK"),
        .SEL_PATTERN("PATTERN"),
        .USE_MULT("MULTIPLY"),
        .USE_PATTERN_DETECT("NO_PATDET"),
        .USE_SIMD("ONE48"),
        .USE_WIDEXOR("FALSE")
    ) i_dsp (
        .CLK(clk_i),
        .A(30'(signed'(a_i))),
        .B(b),
        .BCIN(bcin),
        .C(c_i),
        .D(d_i),
        .INMODE({2'b00, PreAdd && add_d_i, 2'b00}),
        .OPMODE({4'b0001, first_i, 4'b0101}),
        .ALUMODE(4'b0000),
        .CARRYIN(1'b0),
        .CARRYINSEL(3'b000),
        .ACIN(30'b0),
        .CARRYCASCIN(1'b0),
        .MULTSIGNIN(1'b0),
        .PCIN(48'b0),
        .CEA1(1'(AStages == 2)),
        .CEA2(1'(AStages >= 1)),
        .CEAD(PreAdd),
        .CEALUMODE(1'b0),
        .CEB1(1'b0),
        .CEB2(1'b1),
        .CEC(1'b1),
        .CECARRYIN(1'b0),
        .CECTRL(1'b1),
        .CED(1'(DStages == 1)),
        .CEINMODE(1'b0),
        .CEM(1'b1),
        .CEP(1'b1),
        .RSTA(1'b0),
        .RSTALLCARRYIN(1'b0),
        .RSTALUMODE(1'b0),
        .RSTB(1'b0),
        .RSTC(1'b0),
        .RSTCTRL(1'b0),
        .RSTD(1'b0),
        .RSTINMODE(1'b0),
        .RSTM(1'b0),
        .RSTP(1'b0),
        .BCOUT(chain_o),
        .P(p_o),
        .ACOUT(),
        .CARRYCASCOUT(),
        .CARRYOUT(),
        .MULTSIGNOUT(),
        .OVERFLOW(),
        .PATTERNBDETECT(),
        .PATTERNDETECT(),
        .PCOUT(),
        .UNDERFLOW(),
        .XOROUT()
    );
    /* verilator lint_on PINCONNECTEMPTY */
endmodule
