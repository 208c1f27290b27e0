// A simple dual-port RAM on one clock: one write port with an enable per lane, one registered read port.
//
// `read_i` loads the output register; with `clear_i` it becomes zero instead (the RAM's own synchronous
// reset). Reading an address in the cycle in which it is written gives no defined value; the users of this
// module prove that they never use it.
module dual_port_ram #(
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
    input  logic                      read_i,
    input  logic                      clear_i,
    input  logic [   AddressBits-1:0] read_address_i,
    output logic [Lanes*LaneBits-1:0] read_data_q_o
);
    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    /* verilator lint_off UNUSEDPARAM */
    localparam RamStyle = (Storage == "bram") ? "block" : (Storage == "uram") ? "ultra" :
                          (Storage == "lutram") ? "distributed" : "auto";
    /* verilator lint_on UNUSEDPARAM */
    /* verilator lint_on WIDTHEXPAND */

    (* ram_style = RamStyle, no_rw_check *)
    logic [Lanes*LaneBits-1:0] memory[Words];

    always_ff @(posedge clk_i) begin
        for (int lane = 0; lane < Lanes; lane++) begin
            if (write_i[lane]) memory[write_address_i][lane*LaneBits+:LaneBits] <= write_data_i[lane*LaneBits+:LaneBits];
        end
    end

    always_ff @(posedge clk_i) begin
        if (read_i) begin
            if (clear_i) read_data_q_o <= '0;
            else read_data_q_o <= memory[read_address_i];
        end
    end
endmodule
