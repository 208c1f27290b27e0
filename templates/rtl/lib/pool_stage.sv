// Global average: per channel the exact sum over a frame, divided once by the number of pixels.
//
// A frame's first pixel starts the sums, its last one sends them: each word of the last pixel becomes one
// output word. Division by a constant is a multiplication that is exact for every possible sum:
// floor(b / Divisor) = (((b + Lift*Divisor) * Multiplier) >> Shift) - Lift.
//
// Timing: a word of the last pixel is taken in cycle t only if the output FIFO has room, which is promised
// in t; the mean is written in t+2. All other words are taken as they come, one a cycle.
module pool_stage #(
    parameter int Pixels = 4,
    parameter int Channels = 4,
    parameter int Lanes = 1,
    parameter int InBits = 8,
    parameter bit InSigned = 1,
    parameter int AccBits = 12,
    parameter int DividendShift = 0,
    parameter int Divisor = 4,
    parameter int Lift = 0,
    parameter int MultiplierBits = 16,
    parameter logic [MultiplierBits-1:0] Multiplier = 1,
    parameter int Shift = 2,
    parameter Rounding = "TRN",
    parameter Overflow = "WRAP",
    parameter int OutBits = 8,
    parameter bit OutSigned = 1
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic                     in_valid_i,
    output logic                     in_ready_o,
    input  logic [ Lanes*InBits-1:0] in_data_i,
    input  logic                     out_room_i,
    output logic                     out_reserve_o,
    output logic                     out_valid_o,
    output logic [Lanes*OutBits-1:0] out_data_o
);
    localparam int Words = Channels / Lanes;
    localparam int WordBits = (Words > 1) ? $clog2(Words) : 1;
    localparam int PixelBits = (Pixels > 1) ? $clog2(Pixels) : 1;

    logic [WordBits-1:0] word_q;
    logic [PixelBits-1:0] pixel_q;
    logic take, first_pixel, last_pixel, last_word, total_valid_q, mean_valid_q;
    logic [Lanes*AccBits-1:0] total, total_q;

    assign first_pixel = pixel_q == '0;
    assign last_pixel = pixel_q == PixelBits'(Pixels - 1);
    assign last_word = word_q == WordBits'(Words - 1);
    assign in_ready_o = !last_pixel || out_room_i;
    assign take = in_valid_i && in_ready_o;
    assign out_reserve_o = take && last_pixel;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) begin
            word_q <= '0;
            pixel_q <= '0;
            total_valid_q <= 1'b0;
            mean_valid_q <= 1'b0;
        end else begin
            total_valid_q <= out_reserve_o;
            mean_valid_q  <= total_valid_q;
            if (take) begin
                word_q <= last_word ? '0 : word_q + 1'b1;
                if (last_word) pixel_q <= last_pixel ? '0 : pixel_q + 1'b1;
            end
        end
    end

    // One read and one write of a word's sums in the same cycle: distributed RAM.
    (* ram_style = "distributed" *)
    logic [Lanes*AccBits-1:0] sums[Words];

    always_ff @(posedge clk_i) begin
        if (take) sums[word_q] <= total;
        total_q <= total;
    end

    for (genvar i = 0; i < Lanes; i++) begin : gen_lane
        logic [InBits-1:0] x;
        logic signed [AccBits-1:0] so_far;

        assign x = in_data_i[i*InBits+:InBits];
        assign so_far = first_pixel ? '0 : sums[word_q][i*AccBits+:AccBits];
        assign total[i*AccBits+:AccBits] = so_far + AccBits'(signed'({InSigned && x[InBits-1], x}));

        constant_mean #(
            .SumBits(AccBits),
            .DividendShift(DividendShift),
            .Divisor(Divisor),
            .Lift(Lift),
            .MultiplierBits(MultiplierBits),
            .Multiplier(Multiplier),
            .Shift(Shift),
            .Rounding(Rounding),
            .Overflow(Overflow),
            .OutBits(OutBits),
            .OutSigned(OutSigned)
        ) i_mean (
            .clk_i,
            .sum_i(total_q[i*AccBits+:AccBits]),
            .mean_q_o(out_data_o[i*OutBits+:OutBits])
        );
    end

    assign out_valid_o = mean_valid_q;
endmodule
