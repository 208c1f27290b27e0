// A ROM with a registered output, filled from a file of hexadecimal words.
//
// Storage: "block" a block RAM, "lut" LUTs, "auto" as the synthesis likes.
module weight_rom #(
    parameter int Words = 16,
    parameter int Width = 8,
    parameter Storage = "auto",
    parameter MemoryFile = "",
    localparam int AddressBits = (Words > 1) ? $clog2(Words) : 1
) (
    input  logic                   clk_i,
    input  logic [AddressBits-1:0] address_i,
    output logic [      Width-1:0] data_q_o
);
    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    /* verilator lint_off UNUSEDPARAM */
    localparam RomStyle = (Storage == "block") ? "block" : (Storage == "lut") ? "logic" : "auto";
    /* verilator lint_on UNUSEDPARAM */
    /* verilator lint_on WIDTHEXPAND */

    (* rom_style = RomStyle *)
    logic [Width-1:0] memory[Words];

    initial $readmemh(MemoryFile, memory);

    always_ff @(posedge clk_i) data_q_o <= memory[address_i];
endmodule
