// A stage that writes straight into the ring of the next one: no word is ever refused.
//
// The writer starts a pixel only when the reader shows two free slots, PixelBeats cycles or more after the start
// before, and its Words words leave in the cycles that end Latency + Words - 1 cycles after its last beat. It
// never looks whether the ring takes them. The reader's output has room whenever it likes.
// Asserted: a word that comes is taken; pixels held and on their way never exceed the ring. This needs
// PixelBeats >= Latency + Words - 1: with less, two pixels may be on their way unseen when a third one starts.
module direct_link_proof #(
    parameter int PixelBeats = 6,
    parameter int Latency = 5,
    parameter int Words = 1,
    parameter int RingPixels = 4,
    localparam int Travel = PixelBeats - 1 + Latency
) (
    input logic clk_i,
    input logic wants_i,
    input logic data_i,
    input logic out_room_i
);
    logic in_ready, in_room, start, word;
    logic past_reset = 1'b0;
    always_ff @(posedge clk_i) past_reset <= 1'b1;

    conv_stage #(
        .InChannels(Words),
        .InBits(1),
        .InSigned(0),
        .KernelRows(1),
        .KernelCols(1),
        .PadRows(0),
        .PadCols(0),
        .RingPixels(RingPixels),
        .WeightFile("weight"),
        .BiasFile("bias.mem")
    ) dut (
        .clk_i,
        .rst_ni(past_reset),
        .in_valid_i(word),
        .in_ready_o(in_ready),
        .in_room_o(in_room),
        .in_data_i(data_i),
        .tap_room_i(1'b0),
        .tap_reserve_o(),
        .tap_valid_o(),
        .tap_data_o(),
        .join_ready_i(1'b0),
        .join_claim_o(),
        .join_take_o(),
        .join_data_i(8'b0),
        .out_room_i,
        .out_reserve_o(),
        .out_valid_o(),
        .out_data_o()
    );

    // --- the writer: a start travels to its words
    localparam int BusyBits = $clog2(PixelBeats + 1);
    logic [BusyBits-1:0] busy;
    logic [Travel+Words-1:0] travel;  // bit n: a pixel that started n+1 cycles ago
    assign start = past_reset && wants_i && in_room && busy == '0;
    assign word  = |travel[Travel+Words-2:Travel-1];
    always_ff @(posedge clk_i) begin
        if (!past_reset) begin
            busy   <= '0;
            travel <= '0;
        end else begin
            busy   <= start ? BusyBits'(PixelBeats - 1) : busy - BusyBits'(busy != '0);
            travel <= {travel[Travel+Words-2:0], start};
        end
    end
    // --- promises, and what keeps them: pixels on their way, and how far apart they are
    (* keep *) logic signed [$clog2(RingPixels + 1):0] dut_ahead;
    (* keep *) logic dut_active;
    logic [7:0] on_their_way;
    always_comb begin
        on_their_way = '0;
        for (int i = 0; i < Travel + Words - 1; i++) on_their_way += 8'(travel[i]);
    end
    always_comb begin
        if (past_reset) begin
            if (word) taken : assert (in_ready);
            room : assert (int'(dut_ahead) + int'(on_their_way) <= RingPixels);
            loaded : assert (dut_ahead >= (dut_active ? 1 : 0));
        end
    end
    for (genvar i = 0; i < Travel + Words - 1; i++) begin : gen_pulse
        always_comb begin
            if (past_reset && i < PixelBeats - 1 && travel[i]) assert (int'(busy) == PixelBeats - 1 - i);
        end
        for (genvar j = 1; j < PixelBeats; j++) begin : gen_later
            if (i + j < Travel + Words - 1) begin : gen_both
                always_comb if (past_reset) assert (!(travel[i] && travel[i+j]));
            end
        end
    end
    if (Words > 1) begin : gen_words
        (* keep *) logic [$clog2(Words)-1:0] dut_word;  // of the pixel that is being loaded
        for (genvar i = 1; i < Words; i++) begin : gen_word
            always_comb if (past_reset) assert ((int'(dut_word) == i) == travel[Travel-1+i]);
        end
    end
    always_comb if (past_reset) busy_in : assert (int'(busy) <= PixelBeats - 1);
endmodule
