// slot + step in a ring of Slots places, step below Slots. Combinational.
module ring_step #(
    parameter int Slots = 12,
    localparam int SlotBits = (Slots > 1) ? $clog2(Slots) : 1
) (
    input  logic [SlotBits-1:0] slot_i,
    input  logic [SlotBits-1:0] step_i,
    output logic [SlotBits-1:0] slot_o
);
    if ((Slots & (Slots - 1)) == 0) begin : gen_free
        assign slot_o = slot_i + step_i;  // wraps by itself
    end else begin : gen_compare
        logic [SlotBits:0] sum, wrapped;
        assign sum = {1'b0, slot_i} + {1'b0, step_i};
        assign wrapped = sum - (SlotBits + 1)'(Slots);  // its top bit: nothing to wrap
        assign slot_o = wrapped[SlotBits] ? sum[SlotBits-1:0] : wrapped[SlotBits-1:0];
    end
endmodule
