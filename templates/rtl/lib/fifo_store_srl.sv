// The words of a stream_fifo in shift registers (SRL16/SRL32).
//
// `push_i` shifts a word in; `data_o` shows the oldest one, Registered: the one that the last
// `pop_i` has moved into the output register. `pop_i` needs `valid_o`.
// A word pushed in cycle t is valid from t+1. Words may be pushed and popped in one cycle.
module fifo_store_srl #(
    parameter int Width = 8,
    parameter int Words = 3,
    parameter bit Registered = 1
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             push_i,
    input  logic [Width-1:0] data_i,
    input  logic             pop_i,
    output logic             valid_o,
    output logic [Width-1:0] data_o
);
    localparam int AddressBits = $clog2(Words);

    // Where the oldest word lies; all ones while the store is empty.
    logic [AddressBits-1:0] last_q;
    logic valid_q;
    logic [Width-1:0] oldest;

    assign valid_o = valid_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            last_q  <= '1;
            valid_q <= 1'b0;
        end else if (push_i != pop_i) begin
            last_q  <= last_q + (push_i ? AddressBits'(1) : '1);
            valid_q <= push_i || last_q != '0;
        end
    end

    shift_register #(
        .Width(Width),
        .Words(Words)
    ) i_shift (
        .clk_i,
        .shift_i(push_i),
        .data_i,
        .address_i(last_q),
        .data_o(oldest)
    );

    if (Registered) begin : gen_register
        always_ff @(posedge clk_i) if (pop_i) data_o <= oldest;
    end else begin : gen_direct
        assign data_o = oldest;
    end
endmodule
