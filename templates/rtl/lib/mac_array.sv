// Multiply-accumulate cells in systolic rows: Steps x Lanes output channels, Columns products each.
//
// The cells of a row (lane, column) share one activation that moves on by one step a cycle, so that step d works d
// cycles behind step 0 and the channels' sums come ready one step after another: no register holds them.
// Each cell keeps its own partial sum; the columns of a channel are summed behind the array.
//
// With t the cycle of `activation_i` (0 without a beat): step d takes its weight in t+d, or in t+d-1 where d is
// not the first of its BankSteps; one_i[cell] in t+d. `first_i` marks a group's first beat at step 0 and moves on by
// itself; first_i and, for step d, c_i d cycles later are due in t+1; the sums of step d show in t+d+3 with UseDsp,
// else in t+d+2, and stay until its next group begins.
// Cell index: (step*Lanes + lane)*Columns + column. c_i goes to column 0 and side_c_i to SideColumn (0: nowhere); all
// other columns begin at 0.
//
// Packed: lanes l and l + Lanes/2 share a DSP slice, two products of 8 bits each (mac_pair).
module mac_array #(
    parameter Family = "generic",
    parameter bit UseDsp = 1,
    parameter int Steps = 1,
    parameter int Lanes = 1,
    parameter int Columns = 1,
    parameter int SideColumn = 0,
    parameter int BankSteps = 2,
    parameter int InBits = 8,
    parameter bit InSigned = 1,
    parameter int WeightBits = 8,
    parameter bit WeightSigned = 1,
    parameter int AccBits = 24,
    parameter int OneShift = -1,
    parameter bit Packed = 0,
    localparam int Cells = Steps * Lanes * Columns
) (
    input  logic                               clk_i,
    input  logic                               rst_ni,
    input  logic [         Columns*InBits-1:0] activation_i,
    input  logic [       Cells*WeightBits-1:0] weight_i,
    input  logic [                  Cells-1:0] one_i,
    input  logic                               first_i,
    input  logic [          Lanes*AccBits-1:0] c_i,
    input  logic [          Lanes*AccBits-1:0] side_c_i,
    output logic [          Cells*AccBits-1:0] sum_q_o
);
    localparam int InBitsSigned = InBits + (InSigned ? 0 : 1);
    localparam int ChainBits = (InBitsSigned > 18) ? InBitsSigned : 18;

    logic [Steps-1:0] first;
    assign first[0] = first_i;
    if (Steps > 1) begin : gen_first
        logic [Steps-2:0] first_q;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) first_q <= '0;
            else first_q <= first[Steps-2:0];
        end
        assign first[Steps-1:1] = first_q;
    end else begin : gen_single
        logic unused_reset;
        assign unused_reset = rst_ni;
    end

    localparam int Rows = Packed ? Lanes / 2 : Lanes;  // of cells, in each column

    if (SideColumn == 0) begin : gen_no_side
        logic unused_side;
        assign unused_side = ^side_c_i;
    end

    for (genvar row = 0; row < Rows; row++) begin : gen_row
        for (genvar column = 0; column < Columns; column++) begin : gen_column
            for (genvar step = 0; step < Steps; step++) begin : gen_step
                localparam int Cell = (step * Lanes + row) * Columns + column;
                localparam int WeightDelay = (step % BankSteps > 0) ? 1 : 0;
                logic [ChainBits-1:0] chain_in, chain_out;
                if (step == 0) begin : gen_head
                    assign chain_in = '0;
                end else begin : gen_link
                    assign chain_in = gen_step[step-1].chain_out;
                end
                if (step == Steps - 1) begin : gen_tail
                    logic unused_chain;
                    assign unused_chain = ^chain_out;
                end

                if (Packed) begin : gen_pair
                    localparam int Other = Cell + Rows * Columns;
                    logic [2*AccBits-1:0] pair_c, pair_sum;
                    logic unused_one;
                    assign unused_one = one_i[Cell] ^ one_i[Other];
                    assign pair_c = (column == 0) ? {c_i[(row+Rows)*AccBits+:AccBits], c_i[row*AccBits+:AccBits]} : '0;
                    mac_pair #(
                        .Family(Family),
                        .ABits(InBits),
                        .ASigned(InSigned),
                        .WBits(WeightBits),
                        .WSigned(WeightSigned),
                        .PBits(AccBits),
                        .Chained(step > 0),
                        .WeightDelay(WeightDelay)
                    ) i_pair (
                        .clk_i,
                        .a_i(activation_i[column*InBits+:InBits]),
                        .chain_i(chain_in),
                        .chain_o(chain_out),
                        .w_i({weight_i[Other*WeightBits+:WeightBits], weight_i[Cell*WeightBits+:WeightBits]}),
                        .first_i(first[step]),
                        .c_i(pair_c),
                        .sum_q_o(pair_sum)
                    );
                    assign sum_q_o[Cell*AccBits+:AccBits]  = pair_sum[AccBits-1:0];
                    assign sum_q_o[Other*AccBits+:AccBits] = pair_sum[2*AccBits-1:AccBits];
                end else begin : gen_cell
                    mac_cell #(
                        .Family(Family),
                        .UseDsp(UseDsp),
                        .ABits(InBits),
                        .ASigned(InSigned),
                        .WBits(WeightBits),
                        .WSigned(WeightSigned),
                        .PBits(AccBits),
                        .Chained(step > 0),
                        .WeightDelay(WeightDelay),
                        .OneShift(OneShift)
                    ) i_cell (
                        .clk_i,
                        .a_i(activation_i[column*InBits+:InBits]),
                        .chain_i(chain_in),
                        .chain_o(chain_out),
                        .w_i(weight_i[Cell*WeightBits+:WeightBits]),
                        .one_i(one_i[Cell]),
                        .first_i(first[step]),
                        .c_i((column == 0) ? c_i[row*AccBits+:AccBits] :
                             (column == SideColumn) ? side_c_i[row*AccBits+:AccBits] : '0),
                        .sum_q_o(sum_q_o[Cell*AccBits+:AccBits])
                    );
                end
            end
        end
    end
endmodule
