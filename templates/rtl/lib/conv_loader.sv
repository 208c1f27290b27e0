// Writes a stream's words into the ring line buffer of a conv stage.
//
// A ring word holds `RingLanes` channels, a stream word `Lanes`; one must divide the other.
//   Lanes <= RingLanes: every stream word is written at once, to its lanes of the ring word.
//   Lanes >  RingLanes: a stream word stays on the stream for Lanes/RingLanes cycles, written part by part.
// So a pixel takes Channels / min(Lanes, RingLanes) cycles at best. `pixel_loaded_o` marks the cycle of its last
// write; the pixel may be read from the next cycle on. Loading never waits for the computation, only for
// `ring_room_i`, and goes on into the next frame.
//
// Word w of the pixel in a slot is written to address {slot, w}. Pixels take turns in ColBanks banks; a slot is
// done when all have had theirs, or with the last of the LinePixels pixels of a turn around the slots. With
// several RowBanks each such turn fills one of them, then the next. Bank index: row bank * ColBanks + column bank.
module conv_loader #(
    parameter int Channels = 4,
    parameter int Lanes = 1,
    parameter int RingLanes = 2,
    parameter int ElementBits = 8,
    parameter int Slots = 16,
    parameter int RowBanks = 1,
    parameter int ColBanks = 1,
    parameter int LinePixels = Slots * ColBanks,
    localparam int Parts = (Lanes < RingLanes) ? RingLanes / Lanes : 1,
    localparam int Words = Channels / RingLanes,
    localparam int SlotBits = (Slots > 1) ? $clog2(Slots) : 1,
    localparam int WordBits = (Words > 1) ? $clog2(Words) : 0
) (
    input  logic                               clk_i,
    input  logic                               rst_ni,
    input  logic                               in_valid_i,
    output logic                               in_ready_o,
    input  logic [      Lanes*ElementBits-1:0] in_data_i,
    input  logic                               ring_room_i,
    output logic                               pixel_loaded_o,
    output logic [RowBanks*ColBanks*Parts-1:0] write_o,
    output logic [      SlotBits+WordBits-1:0] write_address_o,
    output logic [RingLanes*ElementBits-1:0] write_data_o
);
    logic [Parts-1:0] write;
    logic [ColBanks*Parts-1:0] line_write;
    logic [SlotBits-1:0] slot_q;
    logic load, word_done, slot_done, last_slot, line_done;

    assign load = in_valid_i && ring_room_i;
    assign last_slot = slot_q == SlotBits'(Slots - 1);
    always_ff @(posedge clk_i) begin
        if (!rst_ni) slot_q <= '0;
        else if (slot_done) slot_q <= last_slot ? '0 : slot_q + 1'b1;
    end

    if (ColBanks > 1) begin : gen_col_banks
        localparam int LastBank = (LinePixels - 1) % ColBanks;
        logic [ColBanks-1:0] bank_q;  // one-hot
        assign line_done = pixel_loaded_o && last_slot && bank_q[LastBank];
        assign slot_done = (pixel_loaded_o && bank_q[ColBanks-1]) || line_done;
        always_ff @(posedge clk_i) begin
            if (!rst_ni) bank_q <= ColBanks'(1);
            else if (line_done) bank_q <= ColBanks'(1);
            else if (pixel_loaded_o) bank_q <= {bank_q[ColBanks-2:0], bank_q[ColBanks-1]};
        end
        for (genvar bank = 0; bank < ColBanks; bank++) begin : gen_bank
            assign line_write[bank*Parts+:Parts] = bank_q[bank] ? write : '0;
        end
    end else begin : gen_no_col_banks
        assign line_done = pixel_loaded_o && last_slot;
        assign slot_done = pixel_loaded_o;
        assign line_write = write;
    end

    if (Words > 1) begin : gen_words
        logic [WordBits-1:0] word_q;
        assign pixel_loaded_o = word_done && word_q == WordBits'(Words - 1);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) word_q <= '0;
            else if (word_done) word_q <= pixel_loaded_o ? '0 : word_q + 1'b1;
        end
        assign write_address_o = {slot_q, word_q};
    end else begin : gen_word
        assign pixel_loaded_o  = word_done;
        assign write_address_o = slot_q;
    end

    if (RowBanks > 1) begin : gen_row_banks
        logic [RowBanks-1:0] bank_q;  // one-hot
        always_ff @(posedge clk_i) begin
            if (!rst_ni) bank_q <= RowBanks'(1);
            else if (line_done) bank_q <= {bank_q[RowBanks-2:0], bank_q[RowBanks-1]};
        end
        for (genvar bank = 0; bank < RowBanks; bank++) begin : gen_bank
            assign write_o[bank*ColBanks*Parts+:ColBanks*Parts] = bank_q[bank] ? line_write : '0;
        end
    end else begin : gen_one_row_bank
        logic unused_line;
        assign unused_line = line_done;
        assign write_o = line_write;
    end

    if (Lanes < RingLanes) begin : gen_fill
        logic [Parts-1:0] part_q;  // one-hot: the lanes that the next stream word fills
        always_ff @(posedge clk_i) begin
            if (!rst_ni) part_q <= Parts'(1);
            else if (load) part_q <= {part_q[Parts-2:0], part_q[Parts-1]};
        end
        assign in_ready_o = ring_room_i;
        assign word_done = load && part_q[Parts-1];
        assign write = load ? part_q : '0;
        assign write_data_o = {Parts{in_data_i}};
    end else if (Lanes == RingLanes) begin : gen_whole
        assign in_ready_o = ring_room_i;
        assign word_done = load;
        assign write = load;
        assign write_data_o = in_data_i;
    end else begin : gen_split
        localparam int Pieces = Lanes / RingLanes;
        localparam int PieceBits = $clog2(Pieces);
        logic [PieceBits-1:0] piece_q;
        logic last_piece;

        assign last_piece = piece_q == PieceBits'(Pieces - 1);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) piece_q <= '0;
            else if (load) piece_q <= last_piece ? '0 : piece_q + 1'b1;
        end
        assign in_ready_o = ring_room_i && last_piece;
        assign word_done = load;
        assign write = load;
        assign write_data_o = in_data_i[piece_q*(RingLanes*ElementBits)+:RingLanes*ElementBits];
    end
endmodule
