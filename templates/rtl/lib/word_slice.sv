// Cuts words of Lanes elements into slices of SliceLanes, lowest first: `word_take_o` marks a word's last slice.
//
// Timing: combinational but for the slice's number, which moves on with `take_i`.
module word_slice #(
    parameter int Lanes = 1,
    parameter int SliceLanes = 1,
    parameter int ElementBits = 8
) (
    input  logic                              clk_i,
    input  logic                              rst_ni,
    input  logic [     Lanes*ElementBits-1:0] word_i,
    input  logic                              take_i,
    output logic                              word_take_o,
    output logic [SliceLanes*ElementBits-1:0] slice_o
);
    if (Lanes > SliceLanes) begin : gen_slices
        localparam int Slices = Lanes / SliceLanes;
        localparam int SliceBits = $clog2(Slices);
        logic [SliceBits-1:0] slice_q;

        assign word_take_o = take_i && slice_q == SliceBits'(Slices - 1);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) slice_q <= '0;
            else if (take_i) slice_q <= word_take_o ? '0 : slice_q + 1'b1;
        end
        assign slice_o = word_i[slice_q*(SliceLanes*ElementBits)+:SliceLanes*ElementBits];
    end else begin : gen_whole
        logic unused_clock;
        assign unused_clock = clk_i && rst_ni;
        assign word_take_o = take_i;
        assign slice_o = word_i;
    end
endmodule
