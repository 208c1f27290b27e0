// The words of a stream_fifo behind its output register, in a RAM with wrapping pointers.
//
// `push_i` writes a word; `pop_i` reads the oldest one into `data_q_o` and needs `valid_o`.
// A word pushed in cycle t is valid from t+1. Write and read address differ whenever both happen: the
// store then holds at least one word and the stream_fifo never lets it hold Words and one more.
module fifo_store_ram #(
    parameter int Width = 8,
    parameter int Words = 2,
    parameter Storage = "bram"
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             push_i,
    input  logic [Width-1:0] data_i,
    input  logic             pop_i,
    output logic             valid_o,
    output logic [Width-1:0] data_q_o
);
    localparam int AddressBits = $clog2(Words);

    logic [AddressBits-1:0] write_q, read_q, read_d;
    logic valid_q;

    assign read_d = (read_q == AddressBits'(Words - 1)) ? '0 : read_q + 1'b1;
    assign valid_o = valid_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            write_q <= '0;
            read_q  <= '0;
            valid_q <= 1'b0;
        end else begin
            if (push_i) write_q <= (write_q == AddressBits'(Words - 1)) ? '0 : write_q + 1'b1;
            if (pop_i) read_q <= read_d;
            if (push_i != pop_i) valid_q <= push_i || read_d != write_q;
        end
    end

    dual_port_ram #(
        .Words(Words),
        .Lanes(1),
        .LaneBits(Width),
        .Storage(Storage)
    ) i_ram (
        .clk_i,
        .write_i(push_i),
        .write_address_i(write_q),
        .write_data_i(data_i),
        .read_i(pop_i),
        .clear_i(1'b0),
        .read_address_i(read_q),
        .read_data_q_o(data_q_o)
    );
endmodule
