// The ring of a conv stage that reads several taps at once: RAM banks that image rows, and columns, fill in turn.
//
// Row y lies in row bank y % RowBanks; with Cols > 1 column x lies in column bank x % Cols. A beat reads one word of
// every bank and gives the Rows x Cols taps in the window's order (row * Cols + col), one cycle later. Taps
// outside the image, and all taps without a beat, are zero. `row_turn_i` and `col_turn_i` are the banks of the
// window's first row and column; column banks before `col_turn_i` are read at `next_address_i`.
module tap_banks #(
    parameter int Rows = 3,
    parameter int Cols = 1,
    parameter int RowBanks = 3,
    parameter int Words = 16,
    parameter int Lanes = 1,
    parameter int LaneBits = 8,
    parameter Storage = "auto",
    localparam int AddressBits = (Words > 1) ? $clog2(Words) : 1,
    localparam int RowTurnBits = (RowBanks > 1) ? $clog2(RowBanks) : 1,
    localparam int ColTurnBits = (Cols > 1) ? $clog2(Cols) : 1,
    localparam int Width = Lanes * LaneBits
) (
    input  logic                            clk_i,
    input  logic [ RowBanks*Cols*Lanes-1:0] write_i,
    input  logic [         AddressBits-1:0] write_address_i,
    input  logic [               Width-1:0] write_data_i,
    input  logic                            beat_i,
    input  logic [                Rows-1:0] row_outside_i,
    input  logic [                Cols-1:0] col_outside_i,
    input  logic [         RowTurnBits-1:0] row_turn_i,
    input  logic [         ColTurnBits-1:0] col_turn_i,
    input  logic [         AddressBits-1:0] read_address_i,
    input  logic [         AddressBits-1:0] next_address_i,
    output logic [     Rows*Cols*Width-1:0] read_data_q_o
);
    logic [RowTurnBits-1:0] row_turn_q;
    logic [ColTurnBits-1:0] col_turn_q;
    always_ff @(posedge clk_i) begin
        row_turn_q <= row_turn_i;
        col_turn_q <= col_turn_i;
    end

    // --- the banks: a row bank that holds no row of the window, or one outside the image, gives zero
    logic [RowBanks-1:0] row_clear;
    logic [Cols-1:0] col_clear;
    logic [RowBanks*Cols*Width-1:0] bank_data;
    for (genvar bank = 0; bank < RowBanks; bank++) begin : gen_row_clear
        always_comb begin
            row_clear[bank] = 1'b1;
            for (int row = 0; row < Rows; row++) begin
                if (row_turn_i == RowTurnBits'((bank - row + RowBanks * Rows) % RowBanks)) row_clear[bank] = row_outside_i[row];
            end
        end
    end
    for (genvar bank = 0; bank < Cols; bank++) begin : gen_col_clear
        always_comb begin
            col_clear[bank] = 1'b0;
            for (int col = 0; col < Cols; col++) begin
                if (col_turn_i == ColTurnBits'((bank - col + Cols) % Cols)) col_clear[bank] = col_outside_i[col];
            end
        end
    end
    for (genvar row_bank = 0; row_bank < RowBanks; row_bank++) begin : gen_row_bank
        for (genvar col_bank = 0; col_bank < Cols; col_bank++) begin : gen_bank
            localparam int Bank = row_bank * Cols + col_bank;
            dual_port_ram #(
                .Words(Words),
                .Lanes(Lanes),
                .LaneBits(LaneBits),
                .Storage(Storage)
            ) i_ram (
                .clk_i,
                .write_i(write_i[Bank*Lanes+:Lanes]),
                .write_address_i,
                .write_data_i,
                .read_i(1'b1),
                .clear_i(!beat_i || row_clear[row_bank] || col_clear[col_bank]),
                .read_address_i((Cols > 1 && ColTurnBits'(col_bank) < col_turn_i) ? next_address_i : read_address_i),
                .read_data_q_o(bank_data[Bank*Width+:Width])
            );
        end
    end

    // --- the window's order
    logic [Rows*Cols*Width-1:0] turned_rows;
    for (genvar row = 0; row < Rows; row++) begin : gen_row
        always_comb begin
            turned_rows[row*Cols*Width+:Cols*Width] = '0;
            for (int bank = 0; bank < RowBanks; bank++) begin
                if (row_turn_q == RowTurnBits'((bank - row + RowBanks * Rows) % RowBanks)) begin
                    turned_rows[row*Cols*Width+:Cols*Width] = bank_data[bank*Cols*Width+:Cols*Width];
                end
            end
        end
        for (genvar col = 0; col < Cols; col++) begin : gen_col
            always_comb begin
                read_data_q_o[(row*Cols+col)*Width+:Width] = '0;
                for (int bank = 0; bank < Cols; bank++) begin
                    if (col_turn_q == ColTurnBits'((bank - col + Cols) % Cols)) begin
                        read_data_q_o[(row*Cols+col)*Width+:Width] = turned_rows[(row*Cols+bank)*Width+:Width];
                    end
                end
            end
        end
    end
endmodule
