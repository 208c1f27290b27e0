// The residual add inside a conv stage: skip word n meets sum n, none is taken unclaimed, none is left over.
//
// A 1x1 convolution with weights and biases of zero: what it sends is the skip operand alone. The skip stream's
// element n has the value n, so output n must be n. A group has Pe beats, so that its Pe sums leave in time. Asserted in each cycle: a skip word is taken only when one has
// been claimed before, an output word is written only when one has been promised before, both in the numbers
// that a pixel has; and Settle cycles after the last start nothing is claimed, promised or on its way.
module conv_join_proof #(
    parameter int OutChannels = 2,
    parameter int Pe = 1,
    parameter int JoinLanes = 1,
    parameter bit JoinAfterRelu = 0,
    parameter bit UseDsp = 1,
    localparam int Settle = OutChannels + Pe + 7
) (
    input logic       clk_i,
    input logic       in_valid_i,
    input logic [1:0] in_data_i,
    input logic       join_ready_i,
    input logic       out_room_i
);
    logic in_ready, claim, take, reserve, out_valid;
    logic [5:0] out_data;
    logic past_reset = 1'b0;
    always_ff @(posedge clk_i) past_reset <= 1'b1;

    logic [5:0] taken, sent, claimed, owed;  // elements taken and sent; those claimed or promised that have not come
    logic [JoinLanes*6-1:0] join_data;
    for (genvar i = 0; i < JoinLanes; i++) begin : gen_element
        assign join_data[i*6+:6] = taken + 6'(i);
    end

    conv_stage #(
        .InChannels(Pe),
        .InBits(2),
        .OutChannels(OutChannels),
        .OutBits(6),
        .OutSigned(0),
        .KernelRows(1),
        .KernelCols(1),
        .PadRows(0),
        .PadCols(0),
        .Pe(Pe),
        .UseDsp(UseDsp),
        .RingPixels(3),
        .WeightBits(2),
        .WeightFile("weight"),
        .BiasBits(2),
        .BiasFile("bias.mem"),
        .AccBits(8),
        .Join("stream"),
        .JoinAfterRelu(JoinAfterRelu),
        .JoinLanes(JoinLanes),
        .JoinBits(6),
        .JoinSigned(0),
        .SumBits(8)
    ) dut (
        .clk_i,
        .rst_ni(past_reset),
        .in_valid_i,
        .in_ready_o(in_ready),
        .in_room_o(),
        .in_data_i,
        .tap_room_i(1'b0),
        .tap_reserve_o(),
        .tap_valid_o(),
        .tap_data_o(),
        .join_ready_i,
        .join_claim_o(claim),
        .join_take_o(take),
        .join_data_i(join_data),
        .out_room_i,
        .out_reserve_o(reserve),
        .out_valid_o(out_valid),
        .out_data_o(out_data)
    );

    logic [4:0] quiet;
    always_ff @(posedge clk_i) begin
        if (!past_reset) begin
            taken <= '0;
            sent <= '0;
            claimed <= '0;
            owed <= '0;
            quiet <= '0;
        end else begin
            taken <= taken + (take ? 6'(JoinLanes) : '0);
            sent <= sent + 6'(out_valid);
            claimed <= claimed + (claim ? 6'(OutChannels) : '0) - (take ? 6'(JoinLanes) : '0);
            owed <= owed + (reserve ? 6'(OutChannels) : '0) - 6'(out_valid);
            quiet <= reserve ? '0 : (quiet == '1) ? quiet : quiet + 5'd1;
        end
    end
    always_comb begin
        if (past_reset) begin
            if (claim) ready : assert (join_ready_i && out_room_i && reserve);
            if (take) claimed_before : assert (claimed >= 6'(JoinLanes));
            if (out_valid) promised_before : assert (owed != '0);
            if (out_valid) paired : assert (out_data == sent);
            if (quiet >= 5'(Settle)) settled : assert (claimed == '0 && owed == '0 && taken == sent);
        end
    end
endmodule
