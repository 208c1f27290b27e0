// The top's AXI-Stream slave: drops a beat's padding and checks where TLAST stands.
//
// `tlast_error_q_o` rises after a beat whose TLAST does not match the frame's length and stays until reset.
// Frames are counted, never resynchronised. Timing: combinational.
module axis_input #(
    parameter int Width = 8,
    parameter int TdataBits = 8,
    parameter int BeatsPerFrame = 16
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic [TdataBits-1:0] tdata,
    input  logic                 tvalid,
    output logic                 tready,
    input  logic                 tlast,
    output logic                 tlast_error_q_o,
    input  logic                 out_room_i,
    output logic                 out_valid_o,
    output logic [    Width-1:0] out_data_o
);
    localparam int CountBits = (BeatsPerFrame > 1) ? $clog2(BeatsPerFrame) : 1;

    logic [CountBits-1:0] beat_q;
    logic last;

    assign last = beat_q == CountBits'(BeatsPerFrame - 1);
    assign tready = out_room_i;
    assign out_valid_o = tvalid && out_room_i;
    assign out_data_o = tdata[Width-1:0];

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            beat_q <= '0;
            tlast_error_q_o <= 1'b0;
        end else if (out_valid_o) begin
            beat_q <= last ? '0 : beat_q + 1'b1;
            tlast_error_q_o <= tlast_error_q_o || tlast != last;
        end
    end

    if (TdataBits > Width) begin : gen_padding
        logic unused_padding;
        assign unused_padding = ^tdata[TdataBits-1:Width];
    end
endmodule
