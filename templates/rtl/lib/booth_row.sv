// sum = addend + digit * a: one row of a radix-4 Booth multiplier. Combinational.
//
// digit_i holds three neighbouring bits of the other factor, lowest bit shared with the row below: its value is
// -2*digit_i[2] + digit_i[1] + digit_i[0], between -2 and 2. A sum bit depends on six bits and the carry: one LUT6
// and one carry bit each. Exact where SumBits >= ABits + 2 and the addend is a quarter of the last row's sum.
//
// Yosys would join the rows into one cell of 3:2 compressors, two LUTs a bit; a module that it must keep stays
// one carry chain. Vivado is left free to merge them.
`ifdef YOSYS
(* keep_hierarchy *)
`endif
module booth_row #(
    parameter int ABits = 8,
    parameter int SumBits = ABits + 2
) (
    input  logic signed [ABits-1:0] a_i,
    input  logic [2:0] digit_i,
    input  logic signed [SumBits-1:0] addend_i,
    output logic signed [SumBits-1:0] sum_o
);
    logic signed [SumBits-1:0] once, row;
    logic carried, unused_carried;
    assign once = SumBits'(a_i);

    always_comb begin
        case (digit_i)
            3'b000: row = '0;
            3'b001, 3'b010: row = once;
            3'b011: row = once <<< 1;
            3'b100: row = ~(once <<< 1);
            3'b101, 3'b110: row = ~once;
            default: row = '1;
        endcase
    end
    // The lowest place carries the one that completes a negation.
    assign {sum_o, carried} = {addend_i, 1'b1} + {row, digit_i[2]};
    assign unused_carried   = carried;
endmodule
