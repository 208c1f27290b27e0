// mac_pair of a family against two behavioural cells, as long as the first sum stays within PBits.
//
// Both see any operands in any cycle. The twin of the first sum is two bits wider, so that the assumption can be
// said. `seen` follows first_i to where it shows in the sums. `dut_count` and `dut_above` are the pair's own, connected by
// name: what stands above the field is the first sum's upper part, carry for carry.
module mac_pair_proof #(
    parameter Family = "xcup",
    parameter int PortBits = 27,
    parameter int ABits = 3,
    parameter bit ASigned = 1,
    parameter int WBits = 3,
    parameter int PBits = 25,
    parameter bit Chained = 0,
    parameter int WeightDelay = 0,
    localparam int ChainBits = 18,
    localparam int Split = PortBits - 1 - WBits
) (
    input logic               clk_i,
    input logic [  ABits-1:0] a_i,
    input logic [2*WBits-1:0] w_i,
    input logic               first_i,
    input logic [2*PBits-1:0] c_i
);
    logic [ChainBits-1:0] chain, dut_chain, low_chain, high_chain;
    logic [2*PBits-1:0] sums;
    logic signed [PBits+1:0] low;
    logic [PBits-1:0] high;
    if (ASigned) begin : gen_signed
        assign chain = ChainBits'(signed'(a_i));
    end else begin : gen_unsigned
        assign chain = ChainBits'(a_i);
    end

    mac_pair #(
        .Family(Family),
        .ABits(ABits),
        .ASigned(ASigned),
        .WBits(WBits),
        .PBits(PBits),
        .Chained(Chained),
        .WeightDelay(WeightDelay)
    ) dut (
        .clk_i,
        .a_i,
        .chain_i(chain),
        .chain_o(dut_chain),
        .w_i,
        .first_i,
        .c_i,
        .sum_q_o(sums)
    );
    mac_cell_generic #(
        .ABits(ABits),
        .ASigned(ASigned),
        .WBits(WBits),
        .PBits(PBits + 2),
        .WeightDelay(WeightDelay)
    ) low_twin (
        .clk_i,
        .a_i,
        .chain_i('0),
        .chain_o(low_chain),
        .w_i(w_i[WBits-1:0]),
        .one_i(1'b0),
        .first_i,
        .c_i({{2{c_i[PBits-1]}}, c_i[PBits-1:0]}),
        .sum_q_o(low)
    );
    mac_cell_generic #(
        .ABits(ABits),
        .ASigned(ASigned),
        .WBits(WBits),
        .PBits(PBits),
        .WeightDelay(WeightDelay)
    ) high_twin (
        .clk_i,
        .a_i,
        .chain_i('0),
        .chain_o(high_chain),
        .w_i(w_i[2*WBits-1:WBits]),
        .one_i(1'b0),
        .first_i,
        .c_i(c_i[2*PBits-1:PBits]),
        .sum_q_o(high)
    );

    // After five cycles every register but the sums holds what came in.
    logic [2:0] cycle = '0;
    logic first_q, first_qq, seen;
    initial {first_q, first_qq, seen} = '0;
    always_ff @(posedge clk_i) begin
        if (cycle != 3'd5) cycle <= cycle + 3'd1;
        first_q <= first_i && cycle == 3'd5;
        first_qq <= first_q;
        seen <= seen || first_q;
    end

    localparam int HighBits = PBits - Split;
    (* keep *) logic signed [HighBits+1:0] dut_count;
    (* keep *) logic signed [HighBits-1:0] dut_above;
    logic signed [PBits+1:0] upper;
    assign upper = low >>> Split;
    always_comb begin
        if (seen) begin
            assume (low[PBits+1:PBits-1] == '0 || low[PBits+1:PBits-1] == '1);
            low_sum : assert (sums[PBits-1:0] == low[PBits-1:0]);
            high_sum : assert (sums[2*PBits-1:PBits] == high);
            carries : assert (int'(dut_count) + int'(dut_above) == int'(upper));
        end
        if (cycle == 3'd5) passed_on : assert (dut_chain == low_chain);
    end
endmodule
