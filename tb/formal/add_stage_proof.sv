// add_stage: word n of the main stream meets word n of the skip stream, and their sum is written once, with room.
//
// Both sources offer words whenever they like and keep an offer until it is taken. Asserted: both words are taken
// in the cycle in which the sum is written, never one alone; the sum is relu(main * 2**MainShift + skip *
// 2**SkipShift) with one rounding and one saturation, written out in integers below.
module add_stage_proof #(
    parameter int Lanes = 2,
    parameter int MainBits = 5,
    parameter int MainShift = 0,
    parameter int SkipBits = 4,
    parameter int SkipShift = 1,
    parameter int SumBits = 8,
    parameter int OutBits = 4,
    parameter int ResultShift = 1
) (
    input logic                      clk_i,
    input logic                      main_valid_i,
    input logic [Lanes*MainBits-1:0] main_data_i,
    input logic                      skip_valid_i,
    input logic [Lanes*SkipBits-1:0] skip_data_i,
    input logic                      out_room_i
);
    logic main_ready, skip_ready, out_valid;
    logic [Lanes*OutBits-1:0] out_data;
    logic past_reset = 1'b0;
    always_ff @(posedge clk_i) past_reset <= 1'b1;

    add_stage #(
        .Lanes(Lanes),
        .MainBits(MainBits),
        .MainShift(MainShift),
        .SkipBits(SkipBits),
        .SkipShift(SkipShift),
        .SumBits(SumBits),
        .Relu(1),
        .OutBits(OutBits),
        .ResultShift(ResultShift),
        .Rounding("RND"),
        .Overflow("SAT")
    ) dut (
        .main_valid_i,
        .main_ready_o(main_ready),
        .main_data_i,
        .skip_valid_i,
        .skip_ready_o(skip_ready),
        .skip_data_i,
        .out_room_i,
        .out_valid_o(out_valid),
        .out_data_o(out_data)
    );

    // --- environment: an offer stays
    logic main_waits, skip_waits;
    logic [Lanes*MainBits-1:0] main_kept;
    logic [Lanes*SkipBits-1:0] skip_kept;
    always_ff @(posedge clk_i) begin
        main_waits <= past_reset && main_valid_i && !main_ready;
        skip_waits <= past_reset && skip_valid_i && !skip_ready;
        main_kept  <= main_data_i;
        skip_kept  <= skip_data_i;
    end
    always_comb begin
        if (!past_reset) assume (!main_valid_i && !skip_valid_i);
        if (main_waits) assume (main_valid_i && main_data_i == main_kept);
        if (skip_waits) assume (skip_valid_i && skip_data_i == skip_kept);
    end

    // --- promises
    logic main_taken, skip_taken;
    logic [7:0] main_count, skip_count, out_count;
    assign main_taken = main_valid_i && main_ready;
    assign skip_taken = skip_valid_i && skip_ready;
    always_ff @(posedge clk_i) begin
        main_count <= past_reset ? main_count + 8'(main_taken) : '0;
        skip_count <= past_reset ? skip_count + 8'(skip_taken) : '0;
        out_count  <= past_reset ? out_count + 8'(out_valid) : '0;
    end
    always_comb begin
        if (past_reset) begin
            together : assert (main_taken == out_valid && skip_taken == out_valid);
            if (out_valid) room : assert (out_room_i);
            if (main_valid_i && skip_valid_i && out_room_i) passes : assert (out_valid);
            in_step : assert (main_count == out_count && skip_count == out_count);
        end
    end

    localparam int Largest = (1 << (OutBits - 1)) - 1;
    for (genvar i = 0; i < Lanes; i++) begin : gen_lane
        logic signed [MainBits-1:0] main;
        logic signed [SkipBits-1:0] skip;
        logic signed [15:0] exact, halved, result;
        assign main   = main_data_i[i*MainBits+:MainBits];
        assign skip   = skip_data_i[i*SkipBits+:SkipBits];
        assign exact  = (16'(main) <<< MainShift) + (16'(skip) <<< SkipShift);
        assign halved = (((exact < 0) ? 16'sd0 : exact) + 16'(1 << (ResultShift - 1))) >>> ResultShift;
        assign result = (halved > 16'(Largest)) ? 16'(Largest) : halved;
        always_comb if (past_reset && out_valid) assert (out_data[i*OutBits+:OutBits] == result[OutBits-1:0]);
    end
endmodule
