// stream_fifo against a queue: every word leaves once, in order and in time, and none is ever refused.
//
// The environment may promise whenever there is room, write promised words whenever it likes and take words
// whenever it likes; with ClaimWords it takes what it has claimed, and only that. Assumed: nothing else.
// Asserted, in each cycle after reset:
//   room      promises fit: held and owed words never exceed Depth, and room_o says exactly whether one more fits
//   offered   out_valid_o iff a word written two or more cycles ago (one, if not Registered) is still held; it is
//             the queue's oldest
//   claimed   claim_ready_o says exactly whether ClaimWords more are written; a claimed word is offered when it is taken
//   stable    an offered word that is not taken stays, with its data
//   collision the RAM store never reads the word that it writes in the same cycle
// StoreWords is the store's own, and so are the `dut_` signals, connected by name; they serve the induction.
module stream_fifo_proof #(
    parameter int Width = 2,
    parameter int Depth = 3,
    parameter int ReserveWords = 1,
    parameter int ClaimWords = 0,
    parameter bit Registered = 1,
    parameter Storage = "srl",
    parameter bit IsRam = 0,
    localparam int CountBits = $clog2(Depth + 1),
    localparam int StoreDepth = Registered ? Depth - 1 : Depth,
    localparam int StoreWords = (StoreDepth > 3) ? StoreDepth : 3,
    localparam int StoreBits = $clog2(StoreWords)
) (
    input logic             clk_i,
    input logic             reserve_i,
    input logic             in_valid_i,
    input logic [Width-1:0] in_data_i,
    input logic             claim_i,
    input logic             out_ready_i
);
    logic room, claim_ready, out_valid;
    logic [Width-1:0] out_data;
    logic past_reset = 1'b0;
    always_ff @(posedge clk_i) past_reset <= 1'b1;

    stream_fifo #(
        .Width(Width),
        .Depth(Depth),
        .ReserveWords(ReserveWords),
        .ClaimWords(ClaimWords),
        .Registered(Registered),
        .Storage(Storage)
    ) dut (
        .clk_i,
        .rst_ni(past_reset),
        .room_o(room),
        .reserve_i,
        .in_valid_i,
        .in_data_i,
        .claim_ready_o(claim_ready),
        .claim_i,
        .out_valid_o(out_valid),
        .out_ready_i,
        .out_data_o(out_data)
    );

    // --- the queue: word 0 is the oldest; `fresh` counts those written in the last cycle
    logic [Depth*Width-1:0] queue;
    logic [CountBits-1:0] held, owed, claimed;
    logic fresh, take;
    assign take = out_valid && out_ready_i;

    always_ff @(posedge clk_i) begin
        if (!past_reset) begin
            held  <= '0;
            owed  <= '0;
            claimed <= '0;
            fresh <= 1'b0;
        end else begin
            held  <= held + CountBits'(in_valid_i) - CountBits'(take);
            owed  <= owed + (reserve_i ? CountBits'(ReserveWords) : '0) - CountBits'(in_valid_i);
            fresh <= in_valid_i;
            claimed <= claimed + (claim_i ? CountBits'(ClaimWords) : '0) - ((ClaimWords > 0) ? CountBits'(take) : '0);
            for (int i = 0; i < Depth; i++) begin
                if (in_valid_i && i == int'(held) - int'(take)) queue[i*Width+:Width] <= in_data_i;
                else if (take && i + 1 < Depth) queue[i*Width+:Width] <= queue[(i+1)*Width+:Width];
            end
        end
    end

    // --- environment
    always_comb begin
        if (!past_reset) assume (!reserve_i && !in_valid_i);
        if (reserve_i) assume (room);
        if (in_valid_i) assume (owed != '0 || reserve_i);
        if (!past_reset) assume (!claim_i);
        if (ClaimWords > 0) begin
            if (claim_i) assume (claim_ready);
            if (out_ready_i) assume (claimed != '0);
        end
    end

    // --- promises
    always_comb begin
        if (past_reset) begin
            room_kept : assert (int'(held) + int'(owed) <= Depth);
            room_told : assert (room == (int'(held) + int'(owed) + ReserveWords <= Depth));
            offered : assert (out_valid == (int'(held) > int'(fresh && Registered)));
            if (out_valid) ordered : assert (out_data == queue[Width-1:0]);
        end
    end
    if (ClaimWords > 0) begin : gen_claims
        (* keep *) logic [CountBits-1:0] dut_unclaimed;
        always_comb begin
            if (past_reset) begin
                claims_told : assert (claim_ready == (int'(held) >= int'(claimed) + ClaimWords));
                claims_fit : assert (claimed <= held - CountBits'(fresh));
                unclaimed : assert (int'(dut_unclaimed) + int'(claimed) == int'(held));
                if (out_ready_i) due : assert (out_valid);
            end
        end
    end
    logic waiting;
    logic [Width-1:0] waiting_data;
    always_ff @(posedge clk_i) begin
        waiting <= past_reset && out_valid && !out_ready_i;
        waiting_data <= out_data;
    end
    always_comb if (past_reset && waiting) stable : assert (out_valid && out_data == waiting_data);

    // --- the store, as the queue sees it: all words but the one in the output register
    (* keep *) logic dut_valid;
    (* keep *) logic [CountBits-1:0] dut_promised;
    logic in_register;
    logic [CountBits-1:0] stored;
    logic [Depth*Width-1:0] behind;  // word 0 is the store's oldest
    assign in_register = Registered && out_valid;
    assign stored = held - CountBits'(in_register);
    assign behind = in_register ? queue >> Width : queue;
    always_comb begin
        if (past_reset) begin
            promised : assert (int'(dut_promised) == int'(held) + int'(owed));
            store_valid : assert (dut_valid == (stored != '0));
            store_fits : assert (int'(stored) <= StoreWords);
        end
    end

    if (IsRam) begin : gen_ram
        (* keep *) logic [StoreBits-1:0] dut_write, dut_read;
        (* keep *) logic dut_pop;
        (* keep *) logic [StoreWords*Width-1:0] dut_words;
        logic [2*StoreWords*Width-1:0] in_order;  // word 0 is the one that is read next
        assign in_order = {dut_words, dut_words} >> (int'(dut_read) * Width);
        always_comb begin
            if (past_reset) begin
                places : assert (int'(dut_write) < StoreWords && int'(dut_read) < StoreWords);
                distance : assert (int'(dut_write) == int'(dut_read) + int'(stored)
                                   || int'(dut_write) + StoreWords == int'(dut_read) + int'(stored));
                collision : assert (!(in_valid_i && dut_pop && dut_write == dut_read));
            end
        end
        for (genvar i = 0; i < StoreWords; i++) begin : gen_word
            always_comb begin
                if (past_reset && i < int'(stored)) begin
                    assert (in_order[i*Width+:Width] == behind[i*Width+:Width]);
                end
            end
        end
    end else begin : gen_srl
        (* keep *) logic [StoreBits-1:0] dut_last;
        (* keep *) logic [Width*StoreWords-1:0] dut_taps;  // bit by bit, the newest word lowest
        always_comb if (past_reset) last : assert (dut_last == StoreBits'(int'(stored) - 1));
        for (genvar b = 0; b < Width; b++) begin : gen_bit
            logic [StoreWords-1:0] taps;
            assign taps = dut_taps[b*StoreWords+:StoreWords];
            for (genvar i = 0; i < StoreWords; i++) begin : gen_word
                always_comb begin
                    if (past_reset && i < int'(stored)) begin
                        assert (taps[StoreBits'(int'(stored)-1-i)] == behind[i*Width+b]);
                    end
                end
            end
        end
    end
endmodule
