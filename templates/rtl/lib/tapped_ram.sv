// A dual_port_ram whose write port reads when it does not write: the ring of a conv stage with a tap.
//
// Port A writes the lanes of `write_i` to `write_address_i`; in a cycle without a write, `tap_read_i` reads
// `tap_address_i` instead, into `tap_data_q_o`. Port B reads as in dual_port_ram.
module tapped_ram #(
    parameter int Words = 16,
    parameter int Lanes = 1,
    parameter int LaneBits = 8,
    parameter Storage = "auto",
    localparam int AddressBits = (Words > 1) ? $clog2(Words) : 1
) (
    input  logic                      clk_i,
    input  logic [         Lanes-1:0] write_i,
    input  logic [   AddressBits-1:0] write_address_i,
    input  logic [Lanes*LaneBits-1:0] write_data_i,
    input  logic                      tap_read_i,
    input  logic [   AddressBits-1:0] tap_address_i,
    output logic [Lanes*LaneBits-1:0] tap_data_q_o,
    input  logic                      clear_i,
    input  logic [   AddressBits-1:0] read_address_i,
    output logic [Lanes*LaneBits-1:0] read_data_q_o
);
    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    /* verilator lint_off UNUSEDPARAM */
    localparam RamStyle = (Storage == "bram") ? "block" : (Storage == "lutram") ? "distributed" : "auto";
    /* verilator lint_on UNUSEDPARAM */
    /* verilator lint_on WIDTHEXPAND */

    (* ram_style = RamStyle, no_rw_check *)
    logic [Lanes*LaneBits-1:0] memory[Words];
    logic [AddressBits-1:0] address;

    assign address = tap_read_i ? tap_address_i : write_address_i;

    always_ff @(posedge clk_i) begin
        for (int lane = 0; lane < Lanes; lane++) begin
            if (write_i[lane]) memory[address][lane*LaneBits+:LaneBits] <= write_data_i[lane*LaneBits+:LaneBits];
        end
        if (tap_read_i) tap_data_q_o <= memory[address];
    end

    always_ff @(posedge clk_i) begin
        if (clear_i) read_data_q_o <= '0;
        else read_data_q_o <= memory[read_address_i];
    end
endmodule
