// A ROM with a registered output, filled from a file of hexadecimal words.
module weight_rom #(
    parameter int Words = 16,
    parameter int Width = 8,
    parameter MemoryFile = "",
    localparam int AddressBits = (Words > 1) ? $clog2(Words) : 1
) (
    input  logic                   clk_i,
    input  logic [AddressBits-1:0] address_i,
    output logic [      Width-1:0] data_q_o
);
    logic [Width-1:0] memory[Words];

    initial $readmemh(MemoryFile, memory);

    always_ff @(posedge clk_i) data_q_o <= memory[address_i];
endmodule
