// The second reader of a conv stage's ring: sends the input pixels on, in raster order, for a skip connection.
//
// A pixel may be read from the cycle after its load on, a word a cycle whenever the ring's write port is idle and
// the tap's stream has room. It keeps its slot until its last word is read: `room_o` and `two_free_o` say that one
// or two slots are free of the tap. It never waits for a next frame.
// Timing: a word read in t is promised to the stream in t and written to it in t+1.
module conv_tap #(
    parameter int Words = 1,
    parameter int RingPixels = 12,
    localparam int SlotBits = $clog2(RingPixels),
    localparam int WordBits = (Words > 1) ? $clog2(Words) : 0
) (
    input  logic                         clk_i,
    input  logic                         rst_ni,
    input  logic                         pixel_loaded_i,
    input  logic                         writing_i,
    output logic                         room_o,
    output logic                         two_free_o,
    output logic                         read_o,
    output logic [SlotBits+WordBits-1:0] read_address_o,
    input  logic                         tap_room_i,
    output logic                         tap_valid_o
);
    localparam int CountBits = $clog2(RingPixels + 1);
    logic [CountBits-1:0] waiting_q;  // pixels loaded and not yet read to the end
    logic [SlotBits-1:0] slot_q;
    logic pixel_read, valid_q;

    assign read_o = waiting_q != '0 && !writing_i && tap_room_i;
    assign room_o = waiting_q != CountBits'(RingPixels);
    assign two_free_o = waiting_q < CountBits'(RingPixels - 1);
    assign tap_valid_o = valid_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            waiting_q <= '0;
            slot_q <= '0;
            valid_q <= 1'b0;
        end else begin
            valid_q <= read_o;
            if (pixel_loaded_i != pixel_read) waiting_q <= waiting_q + (pixel_loaded_i ? CountBits'(1) : '1);
            if (pixel_read) slot_q <= (slot_q == SlotBits'(RingPixels - 1)) ? '0 : slot_q + 1'b1;
        end
    end

    if (Words > 1) begin : gen_words
        logic [WordBits-1:0] word_q;
        assign pixel_read = read_o && word_q == WordBits'(Words - 1);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) word_q <= '0;
            else if (read_o) word_q <= pixel_read ? '0 : word_q + 1'b1;
        end
        assign read_address_o = {slot_q, word_q};
    end else begin : gen_word
        assign pixel_read = read_o;
        assign read_address_o = slot_q;
    end
endmodule
