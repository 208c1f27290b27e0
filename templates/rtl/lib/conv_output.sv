// Turns the finished sums of a mac_array into stream words: one systolic step a cycle.
//
// `last_i` marks the cycle in which step 0 shows its sum, the others follow one a cycle. A step's Lanes channels are
// summed over their columns, joined with a skip before or after the ReLU (`join_data_i`, taken with
// `join_take_o`) and requantized. They leave in the next cycle (with RegisterSums in the one after it);
// where OutLanes > Lanes the groups are gathered first.
// The last SideColumns columns are a skip operand themselves, summed apart and joined after the ReLU (Halves = 1).
// Halves = 2: a step shows the sums of its Lanes channels and of as many of the group's second half; these
// wait until all steps' first ones have left. Sum index: ((step*Halves + half)*Lanes + lane)*Columns + column.
// The stream never refuses a word: the stage has reserved its place.
module conv_output #(
    parameter int Steps = 1,
    parameter int Lanes = 1,
    parameter int Halves = 1,
    parameter int Columns = 1,
    parameter int SideColumns = 0,
    parameter int OutLanes = 1,
    parameter int AccBits = 24,
    parameter bit Join = 0,
    parameter bit JoinAfterRelu = 0,
    parameter int JoinBits = 8,
    parameter bit JoinSigned = 1,
    parameter int JoinShift = 0,
    parameter int SumBits = 24,
    parameter bit RegisterSums = 0,
    parameter int OutBits = 8,
    parameter bit OutSigned = 1,
    parameter int Shift = 0,
    parameter bit Relu = 0,
    parameter Rounding = "TRN",
    parameter Overflow = "WRAP",
    localparam int JoinWidth = Join ? Lanes * JoinBits : 1
) (
    input  logic                                   clk_i,
    input  logic                                   rst_ni,
    input  logic                                   last_i,
    input  logic [Steps*Halves*Lanes*Columns*AccBits-1:0] sum_i,
    output logic                                   join_take_o,
    input  logic [                  JoinWidth-1:0] join_data_i,
    output logic                                   out_valid_o,
    output logic [           OutLanes*OutBits-1:0] out_data_o
);
    localparam int Channels = Halves * Lanes;
    localparam int StepBits = Channels * Columns * AccBits;

    // --- one step a cycle
    logic selected_valid;
    logic [StepBits-1:0] selected;
    if (Steps > 1) begin : gen_select
        localparam int CountBits = $clog2(Steps);
        logic [CountBits-1:0] step_q;
        assign selected_valid = last_i || step_q != '0;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) step_q <= '0;
            else if (selected_valid) step_q <= (step_q == CountBits'(Steps - 1)) ? '0 : step_q + 1'b1;
        end
        // A tree of 4-to-1 selections: one LUT6 a bit each.
        localparam int Levels = (CountBits + 1) / 2;
        logic [2*Levels-1:0] step;
        assign step = (2 * Levels)'(step_q);
        for (genvar level = 0; level <= Levels; level++) begin : gen_level
            localparam int Nodes = 1 << (2 * (Levels - level));
            logic [Nodes*StepBits-1:0] node;
            if (level == 0) begin : gen_leaves
                assign node = (Nodes * StepBits)'(sum_i);
            end else begin : gen_nodes
                for (genvar n = 0; n < Nodes; n++) begin : gen_node
                    always_comb begin
                        unique case (step[2*level-1:2*level-2])
                            2'd0: node[n*StepBits+:StepBits] = gen_level[level-1].node[4*n*StepBits+:StepBits];
                            2'd1: node[n*StepBits+:StepBits] = gen_level[level-1].node[(4*n+1)*StepBits+:StepBits];
                            2'd2: node[n*StepBits+:StepBits] = gen_level[level-1].node[(4*n+2)*StepBits+:StepBits];
                            default: node[n*StepBits+:StepBits] = gen_level[level-1].node[(4*n+3)*StepBits+:StepBits];
                        endcase
                    end
                end
            end
        end
        assign selected = gen_level[Levels].node;
    end else begin : gen_single
        assign selected_valid = last_i;
        assign selected = sum_i;
    end

    // --- the sums over the columns: of the channels, and of their side columns
    localparam int Main = Columns - SideColumns;
    localparam int Sums = Channels * ((SideColumns > 0) ? 2 : 1);
    logic step_valid;
    logic [Sums*AccBits-1:0] summed, step_sums;
    logic [Channels*AccBits-1:0] step_total;
    for (genvar channel = 0; channel < Channels; channel++) begin : gen_sum
        column_sum #(
            .Columns(Main),
            .Bits(AccBits)
        ) i_sum (
            .data_i(selected[channel*Columns*AccBits+:Main*AccBits]),
            .sum_o(summed[channel*AccBits+:AccBits])
        );
        if (SideColumns > 0) begin : gen_side
            column_sum #(
                .Columns(SideColumns),
                .Bits(AccBits)
            ) i_side (
                .data_i(selected[(channel*Columns+Main)*AccBits+:SideColumns*AccBits]),
                .sum_o(summed[(Channels+channel)*AccBits+:AccBits])
            );
        end
    end
    if (RegisterSums) begin : gen_register
        logic valid_q;
        logic [Sums*AccBits-1:0] summed_q;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) valid_q <= 1'b0;
            else valid_q <= selected_valid;
        end
        always_ff @(posedge clk_i) summed_q <= summed;
        assign step_valid = valid_q;
        assign step_sums = summed_q;
    end else begin : gen_direct
        assign step_valid = selected_valid;
        assign step_sums = summed;
    end
    assign step_total = step_sums[Channels*AccBits-1:0];

    // --- a group's first half, then its second
    logic total_valid;
    logic [Lanes*AccBits-1:0] total;
    if (Halves > 1) begin : gen_halves
        localparam int HalfBits = Lanes * AccBits;
        logic [Steps-1:0] second_q;
        logic [HalfBits-1:0] waiting;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) second_q <= '0;
            else second_q <= Steps'({second_q, step_valid});
        end
        if (Steps > 2) begin : gen_shift
            shift_register #(
                .Width(HalfBits),
                .Words(Steps)
            ) i_wait (
                .clk_i,
                .shift_i(1'b1),
                .data_i(step_total[2*HalfBits-1:HalfBits]),
                .address_i(($clog2(Steps))'(Steps - 1)),
                .data_o(waiting)
            );
        end else begin : gen_few
            logic [Steps*HalfBits-1:0] wait_q;
            always_ff @(posedge clk_i) begin
                wait_q <= (Steps * HalfBits)'({wait_q, step_total[2*HalfBits-1:HalfBits]});
            end
            assign waiting = wait_q[(Steps-1)*HalfBits+:HalfBits];
        end
        assign total_valid = step_valid || second_q[Steps-1];
        assign total = second_q[Steps-1] ? waiting : step_total[HalfBits-1:0];
    end else begin : gen_whole
        assign total_valid = step_valid;
        assign total = step_total;
    end

    // --- ReLU, join, requantization
    assign join_take_o = total_valid;
    logic [Lanes*OutBits-1:0] rounded, rounded_q;
    logic rounded_valid_q;
    for (genvar lane = 0; lane < Lanes; lane++) begin : gen_round
        logic [SumBits-1:0] exact;
        if (SideColumns > 0) begin : gen_side
            logic [AccBits-1:0] sum, rectified;
            assign sum = total[lane*AccBits+:AccBits];
            assign rectified = (Relu && sum[AccBits-1]) ? '0 : sum;
            align_add #(
                .Lanes(1),
                .ABits(AccBits),
                .BBits(AccBits),
                .SumBits(SumBits)
            ) i_add (
                .a_i(rectified),
                .b_i(step_sums[(Channels+lane)*AccBits+:AccBits]),
                .sum_o(exact)
            );
        end else if (Join) begin : gen_join
            logic [AccBits-1:0] sum, rectified;
            assign sum = total[lane*AccBits+:AccBits];
            assign rectified = (Relu && JoinAfterRelu && sum[AccBits-1]) ? '0 : sum;
            align_add #(
                .Lanes(1),
                .ABits(AccBits),
                .BBits(JoinBits),
                .BSigned(JoinSigned),
                .BShift(JoinShift),
                .SumBits(SumBits)
            ) i_add (
                .a_i(rectified),
                .b_i(join_data_i[lane*JoinBits+:JoinBits]),
                .sum_o(exact)
            );
        end else begin : gen_plain
            assign exact = SumBits'(signed'(total[lane*AccBits+:AccBits]));
        end
        requantize #(
            .InBits(SumBits),
            .OutBits(OutBits),
            .OutSigned(OutSigned),
            .Shift(Shift),
            .Relu(Relu && !JoinAfterRelu),
            .Rounding(Rounding),
            .Overflow(Overflow)
        ) i_requantize (
            .data_i(exact),
            .data_o(rounded[lane*OutBits+:OutBits])
        );
    end
    if (!Join) begin : gen_no_join
        logic unused_join;
        assign unused_join = ^join_data_i;
    end
    always_ff @(posedge clk_i) begin
        if (!rst_ni) rounded_valid_q <= 1'b0;
        else rounded_valid_q <= total_valid;
    end
    always_ff @(posedge clk_i) rounded_q <= rounded;

    // --- words
    if (OutLanes > Lanes) begin : gen_gather
        localparam int Parts = OutLanes / Lanes;
        logic [(OutLanes-Lanes)*OutBits-1:0] earlier_q;
        logic [Parts-1:0] part_q;  // one-hot

        always_ff @(posedge clk_i) begin
            if (!rst_ni) part_q <= Parts'(1);
            else if (rounded_valid_q) part_q <= {part_q[Parts-2:0], part_q[Parts-1]};
        end
        always_ff @(posedge clk_i) if (rounded_valid_q) earlier_q <= out_data_o[OutLanes*OutBits-1:Lanes*OutBits];
        assign out_valid_o = rounded_valid_q && part_q[Parts-1];
        assign out_data_o = {rounded_q, earlier_q};
    end else begin : gen_word
        assign out_valid_o = rounded_valid_q;
        assign out_data_o = rounded_q;
    end
endmodule
