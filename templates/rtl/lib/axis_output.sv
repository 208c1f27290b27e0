// The top's AXI-Stream master: pads a word with zeros and sets TLAST on a frame's last beat.
//
// Timing: combinational; TVALID never waits for TREADY.
module axis_output #(
    parameter int Width = 8,
    parameter int TdataBits = 8,
    parameter int BeatsPerFrame = 16
) (
    input  logic                 clk_i,
    input  logic                 rst_ni,
    input  logic                 in_valid_i,
    output logic                 in_ready_o,
    input  logic [    Width-1:0] in_data_i,
    output logic [TdataBits-1:0] tdata,
    output logic                 tvalid,
    input  logic                 tready,
    output logic                 tlast
);
    localparam int CountBits = (BeatsPerFrame > 1) ? $clog2(BeatsPerFrame) : 1;

    logic [CountBits-1:0] beat_q;

    assign in_ready_o = tready;
    assign tvalid = in_valid_i;
    assign tdata = TdataBits'(in_data_i);
    assign tlast = beat_q == CountBits'(BeatsPerFrame - 1);

    always_ff @(posedge clk_i) begin
        if (!rst_ni) beat_q <= '0;
        else if (in_valid_i && tready) beat_q <= tlast ? '0 : beat_q + 1'b1;
    end
endmodule
