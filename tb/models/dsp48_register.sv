// One optional register of a DSP slice: synchronous reset over enable, zero after configuration.
module dsp48_register #(
    parameter int Bits = 1,
    parameter bit Present = 1
) (
    input  logic            clk_i,
    input  logic            rst_i,
    input  logic            ce_i,
    input  logic [Bits-1:0] d_i,
    output logic [Bits-1:0] q_o
);
    if (Present) begin : gen_register
        logic [Bits-1:0] value_q;
        initial value_q = '0;
        always_ff @(posedge clk_i) begin
            if (rst_i) value_q <= '0;
            else if (ce_i) value_q <= d_i;
        end
        assign q_o = value_q;
    end else begin : gen_wire
        logic unused_controls;
        assign unused_controls = &{clk_i, rst_i, ce_i};
        assign q_o = d_i;
    end
endmodule
