// clone_stage between two streams that refuse nothing that they were promised.
//
// Promised = 0: the stage in front offers words by valid/ready and keeps an offer until it is taken; every write
// needs room. Promised = 1: it asks in_ready_o, promises ReserveWords to both streams at once and writes them later.
// Asserted: both streams get every accepted word in the same cycle, once and unchanged, and neither gets a word
// that has no room or was not promised; what is accepted is what was offered while there was room.
module clone_stage_proof #(
    parameter int Width = 2,
    parameter bit Promised = 0,
    parameter int ReserveWords = 2,
    parameter int Depth = 4
) (
    input logic             clk_i,
    input logic             in_valid_i,
    input logic [Width-1:0] in_data_i,
    input logic             reserve_i,
    input logic             first_take_i,
    input logic             second_take_i
);
    logic in_ready, first_room, first_valid, second_room, second_valid;
    logic [Width-1:0] first_data, second_data;
    logic past_reset = 1'b0;
    always_ff @(posedge clk_i) past_reset <= 1'b1;

    clone_stage #(
        .Width(Width),
        .Promised(Promised)
    ) dut (
        .in_valid_i,
        .in_ready_o(in_ready),
        .in_data_i,
        .first_room_i(first_room),
        .first_valid_o(first_valid),
        .first_data_o(first_data),
        .second_room_i(second_room),
        .second_valid_o(second_valid),
        .second_data_o(second_data)
    );

    // --- the two streams: words held or promised, and promised ones that have not come
    localparam int Bits = $clog2(Depth + ReserveWords + 1);
    localparam int Step = Promised ? ReserveWords : 1;
    logic [Bits-1:0] first_count, second_count, owed;
    logic promise, accepted;
    assign promise = Promised ? reserve_i : first_valid;
    assign first_room = int'(first_count) + Step <= Depth;
    assign second_room = int'(second_count) + Step <= Depth;
    assign accepted = in_valid_i && (Promised || in_ready);

    logic [7:0] sent, first_got, second_got;
    always_ff @(posedge clk_i) begin
        if (!past_reset) begin
            first_count  <= '0;
            second_count <= '0;
            owed <= '0;
            sent <= '0;
            first_got <= '0;
            second_got <= '0;
        end else begin
            first_count  <= first_count + (promise ? Bits'(Step) : '0) - Bits'(first_take_i);
            second_count <= second_count + (promise ? Bits'(Step) : '0) - Bits'(second_take_i);
            owed <= owed + ((Promised && reserve_i) ? Bits'(Step) : '0) - Bits'(Promised && in_valid_i);
            sent <= sent + 8'(accepted);
            first_got <= first_got + 8'(first_valid);
            second_got <= second_got + 8'(second_valid);
        end
    end

    // --- environment
    logic offered;
    logic [Width-1:0] offered_data;
    always_ff @(posedge clk_i) begin
        offered <= past_reset && !Promised && in_valid_i && !in_ready;
        offered_data <= in_data_i;
    end
    always_comb begin
        if (!past_reset) assume (!in_valid_i && !reserve_i);
        if (offered) assume (in_valid_i && in_data_i == offered_data);
        if (first_take_i) assume (first_count > owed);
        if (second_take_i) assume (second_count > owed);
        if (Promised) begin
            if (reserve_i) assume (in_ready);
            if (in_valid_i) assume (owed != '0);
        end
    end

    // --- promises
    always_comb begin
        if (past_reset) begin
            both : assert (first_valid == accepted && second_valid == accepted);
            if (first_valid) first_copy : assert (first_data == in_data_i);
            if (second_valid) second_copy : assert (second_data == in_data_i);
            counted : assert (first_got == sent && second_got == sent);
            first_fits : assert (int'(first_count) <= Depth && first_count >= owed);
            second_fits : assert (int'(second_count) <= Depth && second_count >= owed);
            if (first_valid && !Promised) room : assert (first_room && second_room);
            if (first_room && second_room && in_valid_i) passes : assert (first_valid);
        end
    end
endmodule
