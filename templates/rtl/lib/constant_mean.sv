// A sum divided by a constant and rounded once; the mean follows one cycle after the sum.
//
// With a = sum << DividendShift and N pixels: TRN floor(a/N), TRN_ZERO sign(a)*floor(|a|/N) (Divisor = N);
// RND floor((2a+N)/2N), RND_CONV the same less 1 on an odd quotient without remainder (Divisor = 2N).
// floor(b / Divisor) = (((b + Lift*Divisor) * Multiplier) >> Shift) - Lift.
module constant_mean #(
    parameter int SumBits = 12,
    parameter int DividendShift = 0,
    parameter int Divisor = 4,
    parameter int Lift = 0,
    parameter int MultiplierBits = 16,
    parameter logic [MultiplierBits-1:0] Multiplier = 1,
    parameter int Shift = 2,
    parameter Rounding = "TRN",
    parameter Overflow = "WRAP",
    parameter int OutBits = 8,
    parameter bit OutSigned = 1
) (
    input  logic               clk_i,
    input  logic [SumBits-1:0] sum_i,
    output logic [OutBits-1:0] mean_q_o
);
    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    localparam bit ToZero = Rounding == "TRN_ZERO";
    localparam bit ToEven = Rounding == "RND_CONV";
    localparam bit Nearest = ToEven || Rounding == "RND";
    /* verilator lint_on WIDTHEXPAND */
    // Room for a sign, the doubling, half a divisor and the lift.
    localparam int OffsetBits = $clog2(Lift + 1) + $clog2(Divisor + 1);
    localparam int SumWide = SumBits + DividendShift;
    localparam int Bits = ((SumWide > OffsetBits) ? SumWide : OffsetBits) + 3;
    localparam int ProductBits = Bits + MultiplierBits;

    logic signed [Bits-1:0] scaled, dividend, lifted, quotient, mean;
    logic [ProductBits-1:0] product;
    logic negate;

    assign scaled = Bits'(signed'(sum_i)) <<< DividendShift;
    assign negate = ToZero && scaled[Bits-1];
    assign dividend = Nearest ? (scaled <<< 1) + Bits'(Divisor / 2) : negate ? -scaled : scaled;
    assign lifted = dividend + Bits'(Lift) * Bits'(Divisor);
    assign product = ProductBits'(unsigned'(lifted)) * ProductBits'(Multiplier);
    assign quotient = Bits'(product >> Shift) - Bits'(Lift);

    if (ToEven) begin : gen_to_even
        logic tie;
        assign tie  = quotient[0] && quotient * Bits'(Divisor) == dividend;
        assign mean = quotient - Bits'({1'b0, tie});
    end else begin : gen_plain
        assign mean = negate ? -quotient : quotient;
    end

    logic [OutBits-1:0] limited;
    requantize #(
        .InBits(Bits),
        .OutBits(OutBits),
        .OutSigned(OutSigned),
        .Overflow(Overflow)
    ) i_limit (
        .data_i(mean),
        .data_o(limited)
    );
    always_ff @(posedge clk_i) mean_q_o <= limited;
endmodule
