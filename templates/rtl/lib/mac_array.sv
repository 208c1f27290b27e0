// Pe x Simd multipliers and Pe accumulators. In a cycle with `valid_i` each accumulator takes the sum of
// its Simd products, on top of the bias with `first_i`, else on top of itself; `sum_q_o` shows it from the
// next cycle on. Exact: the widths are derived from the layer's integers.
//
// Weight of output p and input s: element p*Simd + s. Products are shifted left by ProductShift onto the
// accumulator's point. With UseDsp off, products are sums of shifted rows and stay in LUTs. The products
// are summed by a balanced tree, a bit wider a level, never wider than the accumulator.
module mac_array #(
    parameter int Pe = 1,
    parameter int Simd = 1,
    parameter int InBits = 8,
    parameter bit InSigned = 1,
    parameter int WeightBits = 8,
    parameter bit WeightSigned = 1,
    parameter int BiasBits = 8,
    parameter int AccBits = 24,
    parameter int ProductShift = 0,
    parameter bit UseDsp = 1
) (
    input  logic                          clk_i,
    input  logic                          valid_i,
    input  logic                          first_i,
    input  logic [       Simd*InBits-1:0] activation_i,
    input  logic [Pe*Simd*WeightBits-1:0] weight_i,
    input  logic [       Pe*BiasBits-1:0] bias_i,
    output logic [        Pe*AccBits-1:0] sum_q_o
);
    localparam int ProductBits = InBits + (InSigned ? 0 : 1) + WeightBits + (WeightSigned ? 0 : 1);
    localparam int Levels = $clog2(Simd);

    for (genvar p = 0; p < Pe; p++) begin : gen_pe
        logic signed [AccBits-1:0] acc_q, acc_d;

        for (genvar level = 0; level <= Levels; level++) begin : gen_level
            localparam int Wide = ProductBits + level;
            localparam int Bits = (Wide < AccBits) ? Wide : AccBits;
            localparam int BitsBelow = (Wide <= AccBits) ? Wide - 1 : AccBits;
            localparam int Nodes = (Simd + (1 << level) - 1) >> level;
            localparam int NodesBelow = (2 * Simd + (1 << level) - 1) >> level;
            logic signed [Bits-1:0] node[Nodes];

            for (genvar n = 0; n < Nodes; n++) begin : gen_node
                if (level == 0) begin : gen_product
                    multiply #(
                        .ABits(InBits),
                        .ASigned(InSigned),
                        .BBits(WeightBits),
                        .BSigned(WeightSigned),
                        .OutBits(Bits),
                        .UseDsp(UseDsp)
                    ) i_multiply (
                        .a_i(activation_i[n*InBits+:InBits]),
                        .b_i(weight_i[(p*Simd+n)*WeightBits+:WeightBits]),
                        .product_o(node[n])
                    );
                end else if (2 * n + 1 < NodesBelow) begin : gen_sum
                    pair_sum #(
                        .InBits (BitsBelow),
                        .OutBits(Bits)
                    ) i_sum (
                        .a_i(gen_level[level-1].node[2*n]),
                        .b_i(gen_level[level-1].node[2*n+1]),
                        .sum_o(node[n])
                    );
                end else begin : gen_odd
                    assign node[n] = Bits'(gen_level[level-1].node[2*n]);
                end
            end
        end

        assign acc_d = (first_i ? AccBits'(signed'(bias_i[p*BiasBits+:BiasBits])) : acc_q)
                     + (AccBits'(gen_level[Levels].node[0]) <<< ProductShift);
        always_ff @(posedge clk_i) if (valid_i) acc_q <= acc_d;
        assign sum_q_o[p*AccBits+:AccBits] = acc_q;
    end
endmodule
