// Writes a stream's words into the ring line buffer of a conv stage.
//
// A ring word holds `Simd` channels, a stream word `Lanes`; one must divide the other.
//   Lanes <= Simd: every stream word is written at once, to its lanes of the ring word.
//   Lanes >  Simd: a stream word stays on the stream for Lanes/Simd cycles and is written part by part.
// So a pixel takes Channels / min(Lanes, Simd) cycles at best. `pixel_loaded_o` marks the cycle of its last
// write; the pixel may be read from the next cycle on. Loading never waits for the computation, only for
// `ring_room_i`, and goes on into the next frame.
module conv_loader #(
    parameter int Channels = 4,
    parameter int Lanes = 1,
    parameter int Simd = 2,
    parameter int ElementBits = 8,
    parameter int RingWords = 32,
    localparam int Slots = (Lanes < Simd) ? Simd / Lanes : 1,
    localparam int AddressBits = (RingWords > 1) ? $clog2(RingWords) : 1
) (
    input  logic                         clk_i,
    input  logic                         rst_ni,
    input  logic                         in_valid_i,
    output logic                         in_ready_o,
    input  logic [Lanes*ElementBits-1:0] in_data_i,
    input  logic                         ring_room_i,
    output logic                         pixel_loaded_o,
    output logic [            Slots-1:0] write_o,
    output logic [      AddressBits-1:0] write_address_o,
    output logic [ Simd*ElementBits-1:0] write_data_o
);
    localparam int WordsPerPixel = Channels / Simd;
    localparam int WordBits = (WordsPerPixel > 1) ? $clog2(WordsPerPixel) : 1;

    logic [WordBits-1:0] word_q;
    logic [AddressBits-1:0] address_q;
    logic load, word_done;

    assign load = in_valid_i && ring_room_i;
    assign pixel_loaded_o = word_done && word_q == WordBits'(WordsPerPixel - 1);
    assign write_address_o = address_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            word_q <= '0;
            address_q <= '0;
        end else if (word_done) begin
            word_q <= pixel_loaded_o ? '0 : word_q + 1'b1;
            address_q <= (address_q == AddressBits'(RingWords - 1)) ? '0 : address_q + 1'b1;
        end
    end

    if (Lanes < Simd) begin : gen_fill
        logic [Slots-1:0] slot_q;  // one-hot: the lanes that the next stream word fills

        always_ff @(posedge clk_i) begin
            if (!rst_ni) slot_q <= Slots'(1);
            else if (load) slot_q <= {slot_q[Slots-2:0], slot_q[Slots-1]};
        end
        assign in_ready_o = ring_room_i;
        assign word_done = load && slot_q[Slots-1];
        assign write_o = load ? slot_q : '0;
        assign write_data_o = {Slots{in_data_i}};
    end else if (Lanes == Simd) begin : gen_whole
        assign in_ready_o = ring_room_i;
        assign word_done = load;
        assign write_o = load;
        assign write_data_o = in_data_i;
    end else begin : gen_split
        localparam int Parts = Lanes / Simd;
        localparam int PartBits = $clog2(Parts);
        logic [PartBits-1:0] part_q;
        logic last_part;

        assign last_part = part_q == PartBits'(Parts - 1);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) part_q <= '0;
            else if (load) part_q <= last_part ? '0 : part_q + 1'b1;
        end
        assign in_ready_o = ring_room_i && last_part;
        assign word_done = load;
        assign write_o = load;
        assign write_data_o = in_data_i[part_q*(Simd*ElementBits)+:Simd*ElementBits];
    end
endmodule
