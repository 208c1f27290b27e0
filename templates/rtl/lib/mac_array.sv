// Pe x Simd multipliers and Pe accumulators. In a cycle with `valid_i` each accumulator takes the sum of
// its Simd products, on top of the bias with `first_i`, else on top of itself; `sum_q_o` shows it from the
// next cycle on. Exact: the widths are derived from the layer's integers.
//
// Weight of output p and input s: element p*Simd + s. Products are shifted left by ProductShift onto the
// accumulator's point. With UseDsp off, products are sums of shifted rows and stay in LUTs.
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
    for (genvar p = 0; p < Pe; p++) begin : gen_pe
        logic signed [AccBits-1:0] products[Simd];
        logic signed [AccBits-1:0] acc_q, acc_d;

        for (genvar s = 0; s < Simd; s++) begin : gen_simd
            multiply #(
                .ABits(InBits),
                .ASigned(InSigned),
                .BBits(WeightBits),
                .BSigned(WeightSigned),
                .OutBits(AccBits),
                .UseDsp(UseDsp)
            ) i_multiply (
                .a_i(activation_i[s*InBits+:InBits]),
                .b_i(weight_i[(p*Simd+s)*WeightBits+:WeightBits]),
                .product_o(products[s])
            );
        end
        always_comb begin
            acc_d = first_i ? AccBits'(signed'(bias_i[p*BiasBits+:BiasBits])) : acc_q;
            for (int s = 0; s < Simd; s++) acc_d += products[s] <<< ProductShift;
        end
        always_ff @(posedge clk_i) if (valid_i) acc_q <= acc_d;
        assign sum_q_o[p*AccBits+:AccBits] = acc_q;
    end
endmodule
