// An addressable shift register: `data_o` is the word that was shifted in `address_i` shifts before the last.
//
// One packed vector for each bit, the form that synthesis maps onto SRL16/SRL32 with a read address.
module shift_register #(
    parameter int Width = 8,
    parameter int Words = 2,
    localparam int AddressBits = (Words > 1) ? $clog2(Words) : 1
) (
    input  logic                   clk_i,
    input  logic                   shift_i,
    input  logic [      Width-1:0] data_i,
    input  logic [AddressBits-1:0] address_i,
    output logic [      Width-1:0] data_o
);
    for (genvar b = 0; b < Width; b++) begin : gen_bit
        logic [Words-1:0] taps_q;
        if (Words > 1) begin : gen_chain
            always_ff @(posedge clk_i) if (shift_i) taps_q <= {taps_q[Words-2:0], data_i[b]};
        end else begin : gen_single
            always_ff @(posedge clk_i) if (shift_i) taps_q <= data_i[b];
        end
        assign data_o[b] = taps_q[address_i];
    end
endmodule
