// Plays frames into an AXI-Stream module from a file and records its answers in another, for simulation only.
//
// <Name>_x.txt: one beat a line, hexadecimal, all frames in a row. <Name>_y.txt: `data last cycle` for each
// accepted beat, then `# first_x cycles tlast_error stuck`. Cycles count clock edges.
// Plus arguments: +folder=F of the two files; +frames=N; +stall_seed=S, 0 for a source that is always valid and a
// sink that is always ready, else random pauses on both sides; +reset_at=C, a cycle at which everything is
// reset in mid-frame and begun anew, 0 for never; +limit=C, cycles without a handshake after which the bench
// gives up. `done_o` rises some time after the last expected beat, so that surplus beats are recorded too.
module axis_bench #(
    parameter string Name = "dut",
    parameter int XBits = 8,
    parameter int YBits = 8,
    parameter int XBeats = 1,
    parameter int YBeats = 1
) (
    input  logic             clk_i,
    output logic             rst_no,
    output logic [XBits-1:0] x_tdata_o,
    output logic             x_tvalid_o,
    input  logic             x_tready_i,
    output logic             x_tlast_o,
    input  logic             x_tlast_error_i,
    input  logic [YBits-1:0] y_tdata_i,
    input  logic             y_tvalid_i,
    output logic             y_tready_o,
    input  logic             y_tlast_i,
    output logic             done_o
);
    localparam int ResetCycles = 4;
    localparam int DrainCycles = 200;

    string folder;
    int frames, seed, reset_at, limit, x_file, y_file;

    initial begin
        if ($value$plusargs("folder=%s", folder) == 0) folder = ".";
        if ($value$plusargs("frames=%d", frames) == 0) frames = 1;
        if ($value$plusargs("stall_seed=%d", seed) == 0) seed = 0;
        if ($value$plusargs("reset_at=%d", reset_at) == 0) reset_at = 0;
        if ($value$plusargs("limit=%d", limit) == 0) limit = 1000000;
        x_file = $fopen({folder, "/", Name, "_x.txt"}, "r");
        y_file = $fopen({folder, "/", Name, "_y.txt"}, "w");
        lfsr_q = seed ^ 32'h5eed_1234;
    end

    // A pause of mostly 0 to 15 cycles, now and then of up to 2047.
    function automatic int pause(input logic [31:0] random);
        if (random[0]) return 0;
        if (random[5:1] != '0) return int'(random[9:6]);
        return int'(random[20:10]);
    endfunction

    logic [31:0] lfsr_q;
    int cycle_q = 0, reset_q = ResetCycles, quiet_q = 0, drain_q = 0;
    int sent_q = 0, received_q = 0, x_beat_q = 0, x_pause_q = 0, y_pause_q = 0, first_x_q = 0;
    bit stuck_q = 0, closed_q = 0;
    bit x_valid_q = 0;
    logic [XBits-1:0] x_data_q = '0;

    assign rst_no = reset_q == 0;
    assign x_tdata_o = x_data_q;
    assign x_tvalid_o = x_valid_q;
    assign x_tlast_o = x_beat_q == XBeats - 1;
    assign y_tready_o = rst_no && y_pause_q == 0;
    assign done_o = closed_q;

    logic x_moves, y_moves, reset_now;
    logic [XBits-1:0] next_beat;
    assign reset_now = reset_at != 0 && cycle_q == reset_at && !closed_q;
    assign x_moves = x_valid_q && x_tready_i;
    assign y_moves = y_tvalid_i && y_tready_o;

    always @(posedge clk_i) begin
        cycle_q <= cycle_q + 1;
        lfsr_q  <= {lfsr_q[30:0], lfsr_q[31] ^ lfsr_q[21] ^ lfsr_q[1] ^ lfsr_q[0]};

        if (reset_now) begin
            reset_q <= ResetCycles;
            void'($rewind(x_file));
            $fclose(y_file);
            y_file = $fopen({folder, "/", Name, "_y.txt"}, "w");
        end else if (reset_q != 0) begin
            reset_q <= reset_q - 1;
        end

        if (reset_q != 0 || reset_now) begin
            sent_q <= 0;
            received_q <= 0;
            x_beat_q <= 0;
            x_valid_q <= 1'b0;
            quiet_q <= 0;
            drain_q <= 0;
        end else if (!closed_q) begin
            // --- source
            if (x_moves) begin
                if (sent_q == 1) first_x_q <= cycle_q;
                x_beat_q <= x_tlast_o ? 0 : x_beat_q + 1;
                x_valid_q <= 1'b0;
                x_pause_q <= (seed == 0) ? 0 : pause(lfsr_q);
            end else if (x_pause_q != 0) begin
                x_pause_q <= x_pause_q - 1;
            end
            if ((x_moves ? (seed == 0) : (!x_valid_q && x_pause_q == 0)) && sent_q != frames * XBeats) begin
                if ($fscanf(x_file, "%h", next_beat) != 1) $fatal(1, "%s_x.txt ends early", Name);
                x_data_q <= next_beat;
                x_valid_q <= 1'b1;
                sent_q <= sent_q + 1;
            end
            // --- sink
            if (y_moves) begin
                $fdisplay(y_file, "%0h %0d %0d", y_tdata_i, y_tlast_i, cycle_q);
                received_q <= received_q + 1;
                y_pause_q  <= (seed == 0) ? 0 : pause({lfsr_q[15:0], lfsr_q[31:16]});
            end else if (y_pause_q != 0) begin
                y_pause_q <= y_pause_q - 1;
            end
            // --- the end
            quiet_q <= (x_moves || y_moves) ? 0 : quiet_q + 1;
            stuck_q <= quiet_q > limit;
            if (received_q >= frames * YBeats) drain_q <= drain_q + 1;
            if (drain_q == DrainCycles || stuck_q) begin
                $fdisplay(y_file, "# %0d %0d %0d %0d", first_x_q, cycle_q, x_tlast_error_i, stuck_q);
                $fclose(y_file);
                closed_q <= 1'b1;
            end
        end
    end
endmodule
