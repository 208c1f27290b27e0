// The sum of Columns numbers, modulo 2**Bits, by a balanced tree. Combinational.
module column_sum #(
    parameter int Columns = 1,
    parameter int Bits = 24
) (
    input  logic [Columns*Bits-1:0] data_i,
    output logic [        Bits-1:0] sum_o
);
    if (Columns == 1) begin : gen_one
        assign sum_o = data_i;
    end else begin : gen_tree
        localparam int Levels = $clog2(Columns);
        for (genvar level = 0; level <= Levels; level++) begin : gen_level
            localparam int Nodes = (Columns + (1 << level) - 1) >> level;
            localparam int NodesBelow = (2 * Columns + (1 << level) - 1) >> level;
            logic [Bits-1:0] node[Nodes];
            for (genvar n = 0; n < Nodes; n++) begin : gen_node
                if (level == 0) begin : gen_leaf
                    assign node[n] = data_i[n*Bits+:Bits];
                end else if (2 * n + 1 < NodesBelow) begin : gen_sum
                    pair_sum #(
                        .InBits (Bits),
                        .OutBits(Bits)
                    ) i_sum (
                        .a_i(gen_level[level-1].node[2*n]),
                        .b_i(gen_level[level-1].node[2*n+1]),
                        .sum_o(node[n])
                    );
                end else begin : gen_odd
                    assign node[n] = gen_level[level-1].node[2*n];
                end
            end
        end
        assign sum_o = gen_level[Levels].node[0];
    end
endmodule
