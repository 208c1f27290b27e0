// The ring of a conv stage: who writes and reads which pixel, against plain counting.
//
// The model walks output pixels, groups, taps and words in nested counters and counts pixels from the first of the
// frame that is being computed. Asserted, in every cycle after reset, for any pattern of input, room and skip:
//   written   words of a pixel go to the pixel's slot, in order, each stream word taken once
//   order     beats come in the order group, tap row, tap column, word, taps outside the image left out (or marked)
//   fresh     a beat reads its tap's slot; that pixel was loaded before and is not being overwritten
//   collision no address is read in the cycle in which it is written
//   start     a pixel starts exactly when its window is loaded and output and skip are ready, and is never interrupted
//   room      the ring takes a word exactly while a slot is free; in_room_o exactly while two are
//   tap       the tap reads pixel after pixel, word after word, each loaded and not overwritten, never while the
//             port writes, only with room; a word is sent on in the next cycle
// Signals `dut_` are the stage's own, connected by name; comparing all its counters makes it inductive.
module conv_ring_proof #(
    parameter int InRows = 4,
    parameter int InCols = 4,
    parameter int Kernel = 3,
    parameter int Stride = 1,
    parameter int Pad = 1,
    parameter int Channels = 2,
    parameter int InLanes = 1,
    parameter int RingLanes = 1,
    parameter int OutGroups = 1,
    parameter int RingPixels = 12,
    parameter bit SkipPadding = 1,
    parameter bit Rows = 0,
    parameter bit Cols = 0,
    parameter Form = "serial",
    parameter bit Tap = 0,
    localparam int OutRows = (InRows + 2 * Pad - Kernel) / Stride + 1,
    localparam int OutCols = (InCols + 2 * Pad - Kernel) / Stride + 1,
    localparam int Words = Channels / RingLanes,
    localparam int Loads = Channels / ((InLanes < RingLanes) ? InLanes : RingLanes),  // writes of a pixel
    localparam int LoadsOfWord = (InLanes > RingLanes) ? InLanes / RingLanes : 1,
    localparam int Parts = (InLanes < RingLanes) ? RingLanes / InLanes : 1,
    localparam int RowBanks = Rows ? RingPixels / InCols : 1,
    localparam int ColBanks = Cols ? Kernel : 1,
    localparam int Slots = Cols ? (InCols + Kernel - 1) / Kernel : Rows ? InCols : RingPixels,
    localparam int SlotBits = (Slots > 1) ? $clog2(Slots) : 1,
    localparam int WordBits = (Words > 1) ? $clog2(Words) : 0,
    localparam int Bits = 10
) (
    input logic               clk_i,
    input logic               in_valid_i,
    input logic [InLanes-1:0] in_data_i,
    input logic               tap_room_i,
    input logic               join_ready_i,
    input logic               out_room_i
);
    typedef logic signed [Bits-1:0] count_t;
    localparam int Frame = InRows * InCols;

    logic in_ready, in_room, tap_reserve, tap_valid, join_claim, out_reserve;
    logic past_reset = 1'b0;
    always_ff @(posedge clk_i) past_reset <= 1'b1;

    conv_stage #(
        .InRows(InRows),
        .InCols(InCols),
        .InChannels(Channels),
        .InLanes(InLanes),
        .InBits(1),
        .InSigned(0),
        .OutRows(OutRows),
        .OutCols(OutCols),
        .OutChannels(OutGroups),
        .OutLanes(1),
        .KernelRows(Kernel),
        .KernelCols(Kernel),
        .StrideRows(Stride),
        .StrideCols(Stride),
        .PadRows(Pad),
        .PadCols(Pad),
        .SkipPadding(SkipPadding),
        .Form(Form),
        .Simd((Rows ? Kernel : 1) * ColBanks * RingLanes),
        .RingPixels(RingPixels),
        .Tap(Tap),
        .WeightFile("weight"),
        .BiasFile("bias.mem"),
        .Join("stream")
    ) dut (
        .clk_i,
        .rst_ni(past_reset),
        .in_valid_i,
        .in_ready_o(in_ready),
        .in_room_o(in_room),
        .in_data_i,
        .tap_room_i,
        .tap_reserve_o(tap_reserve),
        .tap_valid_o(tap_valid),
        .tap_data_o(),
        .join_ready_i,
        .join_claim_o(join_claim),
        .join_take_o(),
        .join_data_i(8'b0),
        .out_room_i,
        .out_reserve_o(out_reserve),
        .out_valid_o(),
        .out_data_o()
    );

    (* keep *) logic dut_beat, dut_active, dut_loaded, dut_padding;
    (* keep *) logic [RowBanks*ColBanks*Parts-1:0] dut_write;
    (* keep *) logic [SlotBits+WordBits-1:0] dut_write_address, dut_read_address;

    // --- the model's state
    count_t row, col, tap_row, tap_col, word, group;  // of the next beat
    count_t loaded;                                   // pixels, from the frame's first one
    count_t load;                                     // writes of the pixel that is being loaded
    count_t frame_slot;                               // slot of the frame's first pixel
    count_t frame_bank;                               // bank of the frame's first row
    logic active;

    // Where the window is, and its taps inside the image.
    count_t top, left, first_row, last_row, first_col, last_col;
    assign top = row * count_t'(Stride) - count_t'(Pad);
    assign left = col * count_t'(Stride) - count_t'(Pad);
    assign first_row = (SkipPadding && !Rows && top < 0) ? -top : '0;
    assign first_col = (SkipPadding && !Cols && left < 0) ? -left : '0;
    assign last_row = Rows ? '0 : (SkipPadding && top + count_t'(Kernel) > count_t'(InRows))
                      ? count_t'(InRows - 1) - top : count_t'(Kernel - 1);
    assign last_col = Cols ? '0 : (SkipPadding && left + count_t'(Kernel) > count_t'(InCols)) ? count_t'(InCols - 1) - left
                                                                                  : count_t'(Kernel - 1);
    count_t bottom, right, corner, needed, ahead;
    assign bottom = (top + count_t'(Kernel) > count_t'(InRows)) ? count_t'(InRows - 1) : top + count_t'(Kernel - 1);
    assign right = (left + count_t'(Kernel) > count_t'(InCols)) ? count_t'(InCols - 1) : left + count_t'(Kernel - 1);
    assign needed = bottom * count_t'(InCols) + right + count_t'(1);
    assign corner = top * count_t'(InCols) + left;
    assign ahead = loaded - corner;

    // The tap of the next beat.
    count_t y, x, pixel;
    logic in_frame;
    assign y = top + tap_row;
    assign x = left + tap_col;
    assign pixel = y * count_t'(InCols) + x;
    assign in_frame = (Rows || (y >= 0 && y < count_t'(InRows))) && (Cols || (x >= 0 && x < count_t'(InCols)));

    // Slot of a pixel that may lie up to two frames and rings before or behind.
    localparam int Turns = RingPixels * (2 + 2 * Frame / RingPixels);
    function automatic count_t slot_of(input count_t number, input count_t begin_slot);
        slot_of = count_t'((Bits + 2)'(number + begin_slot + count_t'(Turns)) % (Bits + 2)'(RingPixels));
    endfunction

    logic end_word, end_col, end_row, end_pixel, end_line, end_frame, writing;
    assign end_word = word == count_t'(Words - 1);
    assign end_col = end_word && tap_col == last_col;
    assign end_row = end_col && tap_row == last_row;
    assign end_pixel = end_row && group == count_t'(OutGroups - 1);
    assign end_line = end_pixel && col == count_t'(OutCols - 1);
    assign end_frame = end_line && row == count_t'(OutRows - 1);
    assign writing = |dut_write;

    count_t next_row, next_col, next_first_row, next_first_col;
    assign next_col = end_line ? '0 : end_pixel ? col + count_t'(1) : col;
    assign next_row = end_frame ? '0 : end_line ? row + count_t'(1) : row;
    assign next_first_row = (SkipPadding && !Rows && next_row * count_t'(Stride) < count_t'(Pad))
                            ? count_t'(Pad) - next_row * count_t'(Stride) : '0;
    assign next_first_col = (SkipPadding && !Cols && next_col * count_t'(Stride) < count_t'(Pad))
                            ? count_t'(Pad) - next_col * count_t'(Stride) : '0;

    always_ff @(posedge clk_i) begin
        if (!past_reset) begin
            row <= '0;
            col <= '0;
            tap_row <= (SkipPadding && !Rows) ? count_t'(Pad) : '0;
            tap_col <= (SkipPadding && !Cols) ? count_t'(Pad) : '0;
            word <= '0;
            group <= '0;
            loaded <= '0;
            load <= '0;
            frame_slot <= '0;
            frame_bank <= '0;
            active <= 1'b0;
        end else begin
            active <= dut_beat && !end_pixel;
            if (dut_beat) begin
                word <= end_word ? '0 : word + count_t'(1);
                if (end_col) tap_col <= next_first_col;
                else if (end_word) tap_col <= tap_col + count_t'(1);
                if (end_row) tap_row <= next_first_row;
                else if (end_col) tap_row <= tap_row + count_t'(1);
                if (end_row) group <= end_pixel ? '0 : group + count_t'(1);
                row <= next_row;
                col <= next_col;
                if (end_frame) begin
                    frame_slot <= slot_of(count_t'(Frame), frame_slot);
                    frame_bank <= count_t'((Bits + 2)'(frame_bank + count_t'(InRows)) % (Bits + 2)'(RowBanks));
                end
            end
            loaded <= loaded + count_t'({1'b0, dut_loaded}) - ((dut_beat && end_frame) ? count_t'(Frame) : '0);
            if (writing) load <= (load == count_t'(Loads - 1)) ? '0 : load + count_t'(1);
        end
    end

    // --- ranges of the model itself
    localparam int LineStep = Stride * InCols - (OutCols - 1) * Stride;
    localparam int FrameStep = (InRows - (OutRows - 1) * Stride) * InCols - (OutCols - 1) * Stride;
    localparam int LargestStep = (FrameStep > LineStep) ? FrameStep : LineStep;
    localparam int Largest = (LargestStep > Stride) ? LargestStep : Stride;
    always_comb begin
        if (past_reset) begin
            rows_in : assert (row >= 0 && row < count_t'(OutRows));
            cols_in : assert (col >= 0 && col < count_t'(OutCols));
            taps_in : assert (tap_row >= first_row && tap_row <= last_row);
            columns_in : assert (tap_col >= first_col && tap_col <= last_col);
            words_in : assert (word >= 0 && word < count_t'(Words) && group >= 0 && group < count_t'(OutGroups));
            loads_in : assert (load >= 0 && load < count_t'(Loads));
            slots_in : assert (frame_slot >= 0 && frame_slot < count_t'(RingPixels));
            banks_in : assert (frame_bank >= 0 && frame_bank < count_t'(RowBanks));
            ahead_in : assert (ahead <= count_t'(RingPixels) && ahead > -count_t'(Largest));
            if (active) begin
                window_loaded : assert (loaded >= needed);
            end else begin
                at_first : assert (tap_row == first_row && tap_col == first_col && word == '0 && group == '0);
            end
            if (load != '0) room_for_rest : assert (ahead < count_t'(RingPixels));
        end
    end

    // --- loading
    logic room, two_free;
    count_t write_slot;
    count_t write_col;
    assign write_col = count_t'((Bits + 2)'(loaded + count_t'(Turns)) % (Bits + 2)'(InCols));
    assign write_slot = Rows ? write_col / count_t'(ColBanks) : slot_of(loaded, frame_slot);
    always_comb begin
        if (past_reset) begin
            takes : assert (writing == (in_valid_i && room));
            once : assert ((in_valid_i && in_ready) == (writing && (load + count_t'(1)) % count_t'(LoadsOfWord) == '0));
            pixel_end : assert (dut_loaded == (writing && load == count_t'(Loads - 1)));
            room_told : assert (in_room == two_free);
            if (writing) begin
                write_slot_right : assert (dut_write_address[WordBits+:SlotBits] == write_slot[SlotBits-1:0]);
            end
        end
    end
    if (WordBits > 0) begin : gen_write_word
        count_t write_word;
        assign write_word = load / count_t'((RingLanes > InLanes) ? RingLanes / InLanes : 1);
        always_comb begin
            if (past_reset && writing) begin
                write_word_right : assert (dut_write_address[WordBits-1:0] == write_word[WordBits-1:0]);
            end
        end
    end

    // --- beats
    always_comb begin
        if (past_reset) begin
            goes_on : assert (dut_active == active);
            start : assert (dut_beat == (active || (loaded >= needed && out_room_i && join_ready_i)));
            promise : assert (out_reserve == (dut_beat && !active) && join_claim == out_reserve);
        end
    end
    if (WordBits > 0) begin : gen_read_word
        always_comb begin
            if (past_reset && dut_beat) read_word : assert (dut_read_address[WordBits-1:0] == word[WordBits-1:0]);
        end
    end

    if (!Rows && !Cols) begin : gen_serial
        count_t read_slot;
        assign read_slot = slot_of(pixel, frame_slot);
        always_comb begin
            if (past_reset && dut_beat) begin
                marked : assert (dut_padding == !in_frame);
                if (in_frame) begin
                    read_slot_right : assert (dut_read_address[WordBits+:SlotBits] == read_slot[SlotBits-1:0]);
                    loaded_before : assert (pixel < loaded);
                    not_overwritten : assert (loaded - pixel < count_t'(RingPixels)
                                              || (loaded - pixel == count_t'(RingPixels) && load == '0 && !writing));
                    collision : assert (!(writing && dut_write_address == dut_read_address));
                end
            end
        end
    end else begin : gen_banks
        localparam int RowTurnBits = (RowBanks > 1) ? $clog2(RowBanks) : 1;
        localparam int ColTurnBits = (Kernel > 1) ? $clog2(Kernel) : 1;
        (* keep *) logic [Kernel-1:0] dut_row_outside, dut_col_outside;
        (* keep *) logic [RowTurnBits-1:0] dut_row_turn;
        (* keep *) logic [ColTurnBits-1:0] dut_col_turn;
        (* keep *) logic [SlotBits+WordBits-1:0] dut_next_address;
        (* keep *) logic [RowBanks-1:0] dut_row_bank;
        (* keep *) logic [ColBanks-1:0] dut_col_bank;

        // Each tap of the window, wherever it lies: its bank, its place there, and who else is there.
        for (genvar i = 0; i < Kernel; i++) begin : gen_row
            for (genvar j = 0; j < ColBanks; j++) begin : gen_col
                count_t line, place, number, row_bank, col_bank, turned_row, turned_col, slot;
                logic line_inside, place_inside;
                logic [SlotBits+WordBits-1:0] address;
                assign line = top + count_t'(i);
                assign place = x + count_t'(j);
                assign line_inside = line >= 0 && line < count_t'(InRows);
                assign place_inside = place >= 0 && place < count_t'(InCols);
                assign number = line * count_t'(InCols) + place;
                assign row_bank = count_t'((Bits + 2)'(frame_bank + line + count_t'(8 * RowBanks)) % (Bits + 2)'(RowBanks));
                assign turned_row = count_t'((Bits + 2)'(count_t'({1'b0, dut_row_turn}) + count_t'(i)) % (Bits + 2)'(RowBanks));
                assign col_bank = count_t'((Bits + 2)'(place + count_t'(8 * ColBanks)) % (Bits + 2)'(ColBanks));
                assign turned_col = count_t'((Bits + 2)'(count_t'({1'b0, dut_col_turn}) + count_t'(j)) % (Bits + 2)'(ColBanks));
                assign address = (Cols && turned_col < count_t'({1'b0, dut_col_turn})) ? dut_next_address : dut_read_address;
                assign slot = place / count_t'(ColBanks);
                always_comb begin
                    if (past_reset && dut_beat) begin
                        assert (dut_row_outside[i] == !line_inside);
                        if (Cols) assert (dut_col_outside[j] == !place_inside);
                        if (!Cols) assert (place_inside);
                        if (line_inside && place_inside) begin
                            assert (turned_row == row_bank && turned_col == col_bank);
                            assert (address[WordBits+:SlotBits] == slot[SlotBits-1:0]);
                            assert (number < loaded && loaded - number <= count_t'(RingPixels));
                            assert (dut_write[(row_bank*ColBanks+col_bank)*Parts+:Parts] == '0 || dut_write_address != address);
                        end
                    end
                end
            end
        end
        count_t first_bank, write_bank;
        assign first_bank = count_t'((Bits + 2)'(frame_bank + top + count_t'(8 * RowBanks)) % (Bits + 2)'(RowBanks));
        // Which bank is written: that of the row of the pixel that is being loaded.
        assign write_bank = count_t'((Bits + 2)'(frame_bank + (loaded + count_t'(Turns)) / count_t'(InCols)
                                                 - count_t'(Turns / InCols) + count_t'(8 * RowBanks)) % (Bits + 2)'(RowBanks));
        always_comb begin
            if (past_reset) begin
                row_turn : assert (count_t'({1'b0, dut_row_turn}) == first_bank);
                row_written : assert (RowBanks == 1 || dut_row_bank == RowBanks'(1) << write_bank);
                col_written : assert (!Cols || dut_col_bank == ColBanks'(1) << (write_col % count_t'(ColBanks)));
            end
        end
        if (Cols) begin : gen_col_turn
            count_t first_col_bank;
            assign first_col_bank = count_t'((Bits + 2)'(left + count_t'(8 * Kernel)) % (Bits + 2)'(Kernel));
            always_comb if (past_reset) col_turn : assert (count_t'({1'b0, dut_col_turn}) == first_col_bank);
        end
    end

    // --- the tap
    if (Tap) begin : gen_tap
        localparam int CountBits = $clog2(RingPixels + 1);
        (* keep *) logic [CountBits-1:0] dut_waiting;
        (* keep *) logic [SlotBits-1:0] dut_tap_slot;
        (* keep *) logic dut_tap_read;
        (* keep *) logic [SlotBits+WordBits-1:0] dut_tap_address;
        count_t waiting, tapped, tap_word, tap_slot;
        logic sent;
        assign waiting = loaded - tapped;
        assign tap_slot = slot_of(tapped, frame_slot);
        always_ff @(posedge clk_i) begin
            if (!past_reset) begin
                tapped <= '0;
                tap_word <= '0;
                sent <= 1'b0;
            end else begin
                sent <= dut_tap_read;
                if (dut_tap_read) tap_word <= (tap_word == count_t'(Words - 1)) ? '0 : tap_word + count_t'(1);
                tapped <= tapped + count_t'({1'b0, dut_tap_read && tap_word == count_t'(Words - 1)})
                          - ((dut_beat && end_frame) ? count_t'(Frame) : '0);
            end
        end
        assign room = ahead < count_t'(RingPixels) && waiting < count_t'(RingPixels);
        assign two_free = ahead < count_t'(RingPixels - 1) && waiting < count_t'(RingPixels - 1);
        always_comb begin
            if (past_reset) begin
                waiting_in : assert (waiting >= 0 && waiting <= count_t'(RingPixels));
                waiting_right : assert (count_t'({1'b0, dut_waiting}) == waiting);
                tap_words_in : assert (tap_word >= 0 && tap_word < count_t'(Words));
                tap_slot_right : assert (dut_tap_slot == tap_slot[SlotBits-1:0]);
                if (load != '0) tap_room_for_rest : assert (waiting < count_t'(RingPixels));
                tap_reads : assert (dut_tap_read == (waiting != '0 && !writing && tap_room_i));
                tap_promises : assert (tap_reserve == dut_tap_read && (!tap_reserve || tap_room_i));
                tap_sends : assert (tap_valid == sent);
                if (dut_tap_read) begin
                    tap_loaded : assert (tapped < loaded && loaded - tapped <= count_t'(RingPixels));
                    tap_address : assert (dut_tap_address[WordBits+:SlotBits] == tap_slot[SlotBits-1:0]);
                    tap_port : assert (!writing);
                end
            end
        end
        if (WordBits > 0) begin : gen_tap_word
            always_comb begin
                if (past_reset) tap_word_right : assert (dut_tap_address[WordBits-1:0] == tap_word[WordBits-1:0]);
            end
        end
    end else begin : gen_no_tap
        assign room = ahead < count_t'(RingPixels);
        assign two_free = ahead < count_t'(RingPixels - 1);
    end

    // --- the stage's counters, for the induction
    localparam int TapBits = (Kernel > 1) ? $clog2(Kernel) : 1;
    localparam int PartBits = (InLanes > RingLanes) ? $clog2(LoadsOfWord) : Parts;
    (* keep *) logic signed [$clog2(((RingPixels > Largest) ? RingPixels : Largest) + 1):0] dut_ahead;
    (* keep *) logic [SlotBits-1:0] dut_loader_slot, dut_slot, dut_base;
    (* keep *) logic [TapBits-1:0] dut_tap_row, dut_tap_col;
    (* keep *) logic [((OutGroups > 1) ? $clog2(OutGroups) : 1)-1:0] dut_group;
    (* keep *) logic [((WordBits > 0) ? WordBits : 1)-1:0] dut_word, dut_loader_word;
    (* keep *) logic [$clog2(InRows + 1)-1:0] dut_top;
    (* keep *) logic [$clog2(InCols + 1)-1:0] dut_left;
    (* keep *) logic [PartBits-1:0] dut_part;
    count_t base_slot;
    assign base_slot = slot_of((top + first_row) * count_t'(InCols) + left + first_col, frame_slot);
    always_comb begin
        if (past_reset) begin
            assert (dut_ahead == ahead);
            assert (dut_loader_slot == write_slot[SlotBits-1:0]);
            assert (count_t'({1'b0, dut_top}) == row * count_t'(Stride));
            assert (count_t'({1'b0, dut_left}) == col * count_t'(Stride));
            assert (Rows || count_t'({1'b0, dut_tap_row}) == tap_row);
            assert (Cols || count_t'({1'b0, dut_tap_col}) == tap_col);
            assert (count_t'({1'b0, dut_group}) == group);
            assert (count_t'({1'b0, dut_word}) == word);
            assert (Words == 1 || count_t'({1'b0, dut_loader_word}) == load * count_t'(Words) / count_t'(Loads));
            if (InLanes < RingLanes) assert (dut_part == PartBits'(1) << (load % count_t'(Parts)));
            if (InLanes > RingLanes) assert (count_t'({1'b0, dut_part}) == load % count_t'(LoadsOfWord));
            if (!Rows) begin
                assert (dut_base == base_slot[SlotBits-1:0]);
                assert (dut_slot == SlotBits'(slot_of(pixel, frame_slot)));
            end else if (!Cols) begin
                assert (dut_base == SlotBits'(left + first_col));
                assert (dut_slot == SlotBits'(x));
            end else begin
                assert (dut_slot == SlotBits'((left + count_t'(8 * Kernel)) / count_t'(Kernel) - count_t'(8)));
            end
        end
    end
endmodule
