// mac_cell in one DSP48E2 (UltraScale and UltraScale+, UG579): weight on A, 2**OneShift on D, activation on B, c on C.
//
// Registers: B one (B2, which also feeds the cascade), M, P, C, OPMODE. A has WeightDelay + 1 stages: with
// OneShift the last of them is AD, behind the pre-adder, whose D is gated by INMODE[2] = one_i; without it
// they are A2, or A1 and A2. D, INMODE, ALUMODE and the carry are constant or take no register. Enables of
// registers that are not there are 0. The sum has no width of its own: it wraps in 48 bits, of which PBits
// are kept. Operands with sign: a at most 18 bits, w + 2**OneShift at most 27.
module mac_cell_xcup #(
    parameter int ABits = 8,
    parameter bit ASigned = 1,
    parameter int WBits = 8,
    parameter bit WSigned = 1,
    parameter int PBits = 24,
    parameter bit Chained = 0,
    parameter int WeightDelay = 0,
    parameter int OneShift = -1
) (
    input  logic             clk_i,
    input  logic [ABits-1:0] a_i,
    input  logic [     17:0] chain_i,
    output logic [     17:0] chain_o,
    input  logic [WBits-1:0] w_i,
    input  logic             one_i,
    input  logic             first_i,
    input  logic [PBits-1:0] c_i,
    output logic [PBits-1:0] sum_q_o
);
    localparam int AStages = WeightDelay + ((OneShift < 0) ? 1 : 0);

    logic signed [29:0] a;
    logic signed [17:0] b;
    logic [17:0] bcin;
    logic [26:0] d;
    logic [4:0] inmode;
    logic [8:0] opmode;
    /* verilator lint_off UNUSEDSIGNAL */  // the bits above PBits
    logic [47:0] p;
    /* verilator lint_on UNUSEDSIGNAL */

    if (WSigned) begin : gen_weight_signed
        assign a = 30'(signed'(w_i));
    end else begin : gen_weight_unsigned
        assign a = 30'(w_i);
    end

    if (Chained) begin : gen_chained
        logic unused_a;
        assign unused_a = &{1'b0, a_i};
        assign b = '0;
        assign bcin = chain_i;
    end else begin : gen_first
        logic unused_chain;
        assign unused_chain = &{1'b0, chain_i};
        assign bcin = '0;
        if (ASigned) begin : gen_signed
            assign b = 18'(signed'(a_i));
        end else begin : gen_unsigned
            assign b = 18'(a_i);
        end
    end

    if (OneShift < 0) begin : gen_no_one
        logic unused_one;
        assign unused_one = one_i;
        assign d = '0;
        assign inmode = 5'b00000;  // A2, B2
    end else begin : gen_one
        assign d = 27'(1) << OneShift;
        assign inmode = {2'b00, one_i, 2'b00};  // A2 + (one_i ? D : 0), B2
    end

    // W = 0, X and Y = M, Z = C or P
    assign opmode = {4'b0001, first_i, 4'b0101};
    assign sum_q_o = p[PBits-1:0];

    /* verilator lint_off PINCONNECTEMPTY */
    DSP48E2 #(
        .ACASCREG(AStages),
        .ADREG(1),
        .ALUMODEREG(0),
        .AMULTSEL((OneShift < 0) ? "A" : "AD"),
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
        .DREG(0),
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
        .A(a),
        .B(b),
        .BCIN(bcin),
        .C(48'(c_i)),
        .D(d),
        .INMODE(inmode),
        .OPMODE(opmode),
        .ALUMODE(4'b0000),
        .CARRYIN(1'b0),
        .CARRYINSEL(3'b000),
        .ACIN(30'b0),
        .CARRYCASCIN(1'b0),
        .MULTSIGNIN(1'b0),
        .PCIN(48'b0),
        .CEA1(1'(AStages == 2)),
        .CEA2(1'(AStages >= 1)),
        .CEAD(1'(OneShift >= 0)),
        .CEALUMODE(1'b0),
        .CEB1(1'b0),
        .CEB2(1'b1),
        .CEC(1'b1),
        .CECARRYIN(1'b0),
        .CECTRL(1'b1),
        .CED(1'b0),
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
        .P(p),
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
