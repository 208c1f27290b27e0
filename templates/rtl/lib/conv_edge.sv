// Which taps of a kernel lie inside the image, along one axis. Combinational.
//
// The window at `position_i` covers positions position_i - Pad ... position_i - Pad + Kernel - 1 of 0 ... Size-1.
// `first_o` and `last_o` are its first and last tap inside the image, `next_first_o` the first one of the
// next window (position 0 after `last_i`). Without SkipPadding every tap counts as inside; `outside_o` tells
// the truth in any case.
module conv_edge #(
    parameter int Size = 4,
    parameter int Kernel = 3,
    parameter int Stride = 1,
    parameter int Pad = 1,
    parameter bit SkipPadding = 1,
    localparam int PositionBits = (Size > 1) ? $clog2(Size) : 1,
    localparam int TapBits = (Kernel > 1) ? $clog2(Kernel) : 1
) (
    input  logic [PositionBits-1:0] position_i,
    input  logic                    last_i,
    output logic [     TapBits-1:0] first_o,
    output logic [     TapBits-1:0] next_first_o,
    output logic [     TapBits-1:0] last_o,
    output logic [      Kernel-1:0] outside_o
);
    for (genvar i = 0; i < Kernel; i++) begin : gen_tap
        localparam int FirstBeyond = (Size + Pad > i) ? Size + Pad - i : 0;
        if (i < Pad) begin : gen_before
            assign outside_o[i] = int'(position_i) < Pad - i || int'(position_i) >= FirstBeyond;
        end else if (i > Pad) begin : gen_beyond
            assign outside_o[i] = int'(position_i) >= FirstBeyond;
        end else begin : gen_inside
            assign outside_o[i] = 1'b0;
        end
    end

    if (SkipPadding) begin : gen_skip
        always_comb begin
            first_o = '0;
            for (int i = 0; i < Pad; i++) if (int'(position_i) < Pad - i) first_o = TapBits'(i + 1);
            last_o = TapBits'(Kernel - 1);
            for (int i = Kernel - 1; i > Pad; i--) if (outside_o[i]) last_o = TapBits'(i - 1);
            next_first_o = last_i ? TapBits'(Pad) : '0;
            for (int i = 0; i < Pad; i++) begin
                if (!last_i && int'(position_i) + Stride < Pad - i) next_first_o = TapBits'(i + 1);
            end
        end
    end else begin : gen_all
        logic unused_position;
        assign unused_position = last_i;
        assign first_o = '0;
        assign next_first_o = '0;
        assign last_o = TapBits'(Kernel - 1);
    end
endmodule
