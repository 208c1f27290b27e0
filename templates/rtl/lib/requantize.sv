// One requantization, as ap_fixed does it: optional ReLU, rounding, then overflow. Combinational.
//
// data_i: signed, in LSBs of 2**-f. data_o: in LSBs of 2**-(f - Shift).
// Rounding: "TRN" to minus infinity, "TRN_ZERO" to zero, "RND" half up, "RND_CONV" half to even.
// Overflow: "WRAP", "SAT", "SAT_SYM" (the lone negative end is not used).
module requantize #(
    parameter int InBits = 16,
    parameter int OutBits = 8,
    parameter bit OutSigned = 1,
    parameter int Shift = 0,
    parameter bit Relu = 0,
    parameter Rounding = "TRN",
    parameter Overflow = "WRAP"
) (
    input  logic [ InBits-1:0] data_i,
    output logic [OutBits-1:0] data_o
);
    // Wide enough for the shifted value, the rounding carry and a comparison with the limits of data_o.
    localparam int Down = (Shift > 0) ? Shift : 0;
    localparam int Up = (Shift < 0) ? -Shift : 0;
    localparam int WideBits = ((InBits > Down) ? InBits : Down) + Up + 2;
    localparam int RoundedBits = ((WideBits - Down > OutBits + 1) ? WideBits - Down : OutBits + 1);

    logic signed [InBits-1:0] rectified;
    logic signed [WideBits-1:0] wide;
    logic increment;
    /* verilator lint_off UNUSEDSIGNAL */  // the bits that shifting and wrapping drop
    logic signed [WideBits-1:0] floor;
    logic signed [RoundedBits-1:0] rounded;
    /* verilator lint_on UNUSEDSIGNAL */

    assign rectified = (Relu && data_i[InBits-1]) ? '0 : signed'(data_i);
    assign wide = WideBits'(rectified) <<< Up;
    assign floor = wide >>> Down;
    assign rounded = RoundedBits'(floor) + RoundedBits'({1'b0, increment});

    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    localparam bit RoundDown = Down == 0 || Rounding == "TRN";
    localparam bit RoundToZero = Rounding == "TRN_ZERO";
    localparam bit RoundHalfUp = Rounding == "RND";
    localparam bit Wrap = Overflow == "WRAP";
    localparam bit Symmetric = Overflow == "SAT_SYM";
    /* verilator lint_on WIDTHEXPAND */

    if (RoundDown) begin : gen_trn
        assign increment = 1'b0;
    end else if (RoundToZero) begin : gen_trn_zero
        assign increment = wide[WideBits-1] && wide[Down-1:0] != '0;
    end else if (RoundHalfUp) begin : gen_rnd
        assign increment = wide[Down-1];
    end else begin : gen_rnd_conv
        logic above_half;
        if (Down > 1) begin : gen_low
            assign above_half = wide[Down-2:0] != '0;
        end else begin : gen_no_low
            assign above_half = 1'b0;
        end
        assign increment = wide[Down-1] && (above_half || floor[0]);
    end

    if (Wrap) begin : gen_wrap
        assign data_o = rounded[OutBits-1:0];
    end else begin : gen_saturate
        localparam logic signed [RoundedBits-1:0] Largest = (RoundedBits'(1) <<< (OutBits - (OutSigned ? 1 : 0))) - 1;
        localparam logic signed [RoundedBits-1:0] Smallest =
            !OutSigned ? '0 : Symmetric ? -Largest : -Largest - 1;
        assign data_o = (rounded > Largest) ? Largest[OutBits-1:0] :
                        (rounded < Smallest) ? Smallest[OutBits-1:0] : rounded[OutBits-1:0];
    end
endmodule
