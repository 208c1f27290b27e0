// mac_cell of a family against its behavioural twin, on the same operands: they agree from the first first_i on.
//
// Both see any operands in any cycle. `seen` follows first_i to where it shows in the sum; before that the sums are
// whatever the registers held. `dut_` and `twin_` are registers of both, connected by name, for the induction.
module mac_cell_proof #(
    parameter Family = "xcup",
    parameter int ABits = 3,
    parameter bit ASigned = 1,
    parameter int WBits = 3,
    parameter bit WSigned = 1,
    parameter int PBits = 8,
    parameter bit Chained = 0,
    parameter int WeightDelay = 0,
    parameter int OneShift = -1,
    localparam int ChainBits = 18
) (
    input logic                 clk_i,
    input logic [    ABits-1:0] a_i,
    input logic [    ABits-1:0] chain_a_i,
    input logic [    WBits-1:0] w_i,
    input logic                 one_i,
    input logic                 first_i,
    input logic [    PBits-1:0] c_i
);
    logic [ChainBits-1:0] chain, dut_chain, twin_chain;
    logic [PBits-1:0] dut_sum, twin_sum;
    if (ASigned) begin : gen_signed
        assign chain = ChainBits'(signed'(chain_a_i));
    end else begin : gen_unsigned
        assign chain = ChainBits'(chain_a_i);
    end

    mac_cell #(
        .Family(Family),
        .ABits(ABits),
        .ASigned(ASigned),
        .WBits(WBits),
        .WSigned(WSigned),
        .PBits(PBits),
        .Chained(Chained),
        .WeightDelay(WeightDelay),
        .OneShift(OneShift)
    ) dut (
        .clk_i,
        .a_i,
        .chain_i(chain),
        .chain_o(dut_chain),
        .w_i,
        .one_i,
        .first_i,
        .c_i,
        .sum_q_o(dut_sum)
    );
    mac_cell_generic #(
        .ABits(ABits),
        .ASigned(ASigned),
        .WBits(WBits),
        .WSigned(WSigned),
        .PBits(PBits),
        .Chained(Chained),
        .WeightDelay(WeightDelay),
        .OneShift(OneShift)
    ) twin (
        .clk_i,
        .a_i,
        .chain_i(chain),
        .chain_o(twin_chain),
        .w_i,
        .one_i,
        .first_i,
        .c_i,
        .sum_q_o(twin_sum)
    );

    // After five cycles every register but the sum holds what came in.
    logic [2:0] cycle = '0;
    logic first_q, first_qq, seen;
    initial {first_q, first_qq, seen} = '0;
    always_ff @(posedge clk_i) begin
        if (cycle != 3'd5) cycle <= cycle + 3'd1;
        first_q <= first_i && cycle == 3'd5;
        first_qq <= first_q;
        seen <= seen || first_q;
    end
    always_comb begin
        if (cycle == 3'd5) chained : assert (dut_chain == twin_chain);
        if (seen) summed : assert (dut_sum == twin_sum);
    end
endmodule
