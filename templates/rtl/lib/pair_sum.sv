// The sum of two signed numbers, exact or cut to OutBits. Combinational; one node of an adder tree.
//
// Yosys joins nested additions into one cell and builds it of 3:2 compressors, two LUTs a bit and operand;
// a module that it must keep becomes a carry chain, one LUT a bit. Vivado is left free to merge them.
`ifdef YOSYS
(* keep_hierarchy *)
`endif
module pair_sum #(
    parameter int InBits  = 16,
    parameter int OutBits = 17
) (
    input  logic signed [ InBits-1:0] a_i,
    input  logic signed [ InBits-1:0] b_i,
    output logic signed [OutBits-1:0] sum_o
);
    assign sum_o = OutBits'(a_i) + OutBits'(b_i);
endmodule
