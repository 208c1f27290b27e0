// The biases of a conv stage, one systolic step's a cycle, from `first_i` (step 0 of a group) on.
//
// `step_o` marks the cycles in which `bias_o` belongs to a step; both combinational. Words are in channel order.
module conv_bias #(
    parameter int Words = 4,
    parameter int Steps = 1,
    parameter int Width = 16,
    parameter MemoryFile = ""
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             first_i,
    output logic             step_o,
    output logic [Width-1:0] bias_o
);
    localparam int WordBits = (Words > 1) ? $clog2(Words) : 1;
    logic [WordBits-1:0] word_q;
    logic [Width-1:0] memory[Words];

    initial $readmemh(MemoryFile, memory);
    // A word of its own for each count, not memory[word_q]: synthesis would give that a register of its own.
    always_comb begin
        bias_o = '0;
        for (int word = 0; word < Words; word++) if (word_q == WordBits'(word)) bias_o = memory[word];
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) word_q <= '0;
        else if (step_o) word_q <= (word_q == WordBits'(Words - 1)) ? '0 : word_q + 1'b1;
    end

    if (Steps == 1) begin : gen_single
        assign step_o = first_i;
    end else if ((Steps & (Steps - 1)) == 0) begin : gen_aligned
        assign step_o = first_i || word_q[$clog2(Steps)-1:0] != '0;
    end else begin : gen_counted
        localparam int StepBits = $clog2(Steps);
        logic [StepBits-1:0] step_q;
        assign step_o = first_i || step_q != '0;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) step_q <= '0;
            else if (step_o) step_q <= (step_q == StepBits'(Steps - 1)) ? '0 : step_q + 1'b1;
        end
    end
endmodule
