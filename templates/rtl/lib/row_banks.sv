// The ring of a conv stage that reads whole tap columns: one RAM for each kernel row.
//
// Image row y lies in bank y % Rows. `turn_i` is the bank of the window's first row; a beat reads the same address
// of all banks and gives the window's rows in their order, one cycle later. Rows outside the image, and
// all rows without a beat, are zero.
module row_banks #(
    parameter int Rows = 3,
    parameter int Words = 16,
    parameter int Lanes = 1,
    parameter int LaneBits = 8,
    parameter Storage = "auto",
    localparam int AddressBits = (Words > 1) ? $clog2(Words) : 1,
    localparam int TurnBits = (Rows > 1) ? $clog2(Rows) : 1,
    localparam int Width = Lanes * LaneBits
) (
    input  logic                   clk_i,
    input  logic [ Rows*Lanes-1:0] write_i,
    input  logic [AddressBits-1:0] write_address_i,
    input  logic [      Width-1:0] write_data_i,
    input  logic                   beat_i,
    input  logic [       Rows-1:0] row_outside_i,
    input  logic [   TurnBits-1:0] turn_i,
    input  logic [AddressBits-1:0] read_address_i,
    output logic [ Rows*Width-1:0] read_data_q_o
);
    logic [TurnBits-1:0] turn_q;
    logic [Rows-1:0] clear;
    logic [Rows*Width-1:0] bank_data;

    always_ff @(posedge clk_i) turn_q <= turn_i;

    for (genvar bank = 0; bank < Rows; bank++) begin : gen_bank
        always_comb begin
            clear[bank] = !beat_i;
            for (int row = 0; row < Rows; row++) begin
                if (turn_i == TurnBits'((bank - row + Rows) % Rows) && row_outside_i[row]) clear[bank] = 1'b1;
            end
        end
        dual_port_ram #(
            .Words(Words),
            .Lanes(Lanes),
            .LaneBits(LaneBits),
            .Storage(Storage)
        ) i_ram (
            .clk_i,
            .write_i(write_i[bank*Lanes+:Lanes]),
            .write_address_i,
            .write_data_i,
            .read_i(1'b1),
            .clear_i(clear[bank]),
            .read_address_i,
            .read_data_q_o(bank_data[bank*Width+:Width])
        );
    end
    for (genvar row = 0; row < Rows; row++) begin : gen_row
        always_comb begin
            read_data_q_o[row*Width+:Width] = '0;
            for (int bank = 0; bank < Rows; bank++) begin
                if (turn_q == TurnBits'((bank - row + Rows) % Rows)) begin
                    read_data_q_o[row*Width+:Width] = bank_data[bank*Width+:Width];
                end
            end
        end
    end
endmodule
