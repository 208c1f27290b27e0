// An exact product, cut or extended to OutBits. Combinational.
module multiply #(
    parameter int ABits = 8,
    parameter bit ASigned = 1,
    parameter int BBits = 8,
    parameter bit BSigned = 1,
    parameter int OutBits = 16,
    parameter bit UseDsp = 1
) (
    input  logic        [  ABits-1:0] a_i,
    input  logic        [  BBits-1:0] b_i,
    output logic signed [OutBits-1:0] product_o
);
    // Unsigned operands get a zero as their sign.
    localparam int AWide = ABits + (ASigned ? 0 : 1);
    localparam int BWide = BBits + (BSigned ? 0 : 1);

    logic signed [AWide-1:0] a;
    logic signed [BWide-1:0] b;
    if (ASigned) begin : gen_a_signed
        assign a = signed'(a_i);
    end else begin : gen_a_unsigned
        assign a = signed'({1'b0, a_i});
    end
    if (BSigned) begin : gen_b_signed
        assign b = signed'(b_i);
    end else begin : gen_b_unsigned
        assign b = signed'({1'b0, b_i});
    end

    if (UseDsp) begin : gen_dsp
        logic signed [AWide+BWide-1:0] product;
        assign product = a * b;
        assign product_o = OutBits'(product);
    end else begin : gen_rows
        logic signed [AWide+BWide-1:0] product;
        always_comb begin
            product = '0;
            for (int i = 0; i < BWide - 1; i++) if (b[i]) product += (AWide + BWide)'(a) <<< i;
            if (b[BWide-1]) product -= (AWide + BWide)'(a) <<< (BWide - 1);
        end
        assign product_o = OutBits'(product);
    end
endmodule
