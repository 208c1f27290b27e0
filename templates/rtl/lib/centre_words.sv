// Marks the Words consecutive beats of the centre tap that carry a group's own channels, from `diagonal_i` on.
module centre_words #(
    parameter int Words = 1
) (
    input  logic clk_i,
    input  logic rst_ni,
    input  logic diagonal_i,
    output logic word_o
);
    if (Words > 1) begin : gen_run
        localparam int CountBits = $clog2(Words);
        logic [CountBits-1:0] left_q;
        assign word_o = diagonal_i || left_q != '0;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) left_q <= '0;
            else if (diagonal_i) left_q <= CountBits'(Words - 1);
            else if (left_q != '0) left_q <= left_q - 1'b1;
        end
    end else begin : gen_single
        logic unused_clock;
        assign unused_clock = clk_i && rst_ni;
        assign word_o = diagonal_i;
    end
endmodule
