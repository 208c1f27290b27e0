// Turns the finished sums of Pe output channels into stream words of Lanes channels.
//
// Pe and Lanes: one must divide the other.
//   Lanes == Pe: the word leaves in the cycle of `valid_i`.
//   Lanes >  Pe: it leaves with the last of Lanes/Pe groups; the earlier ones wait, requantized.
//   Lanes <  Pe: the sums are held and leave one word a cycle, from the cycle after `valid_i` on; the next
//                `valid_i` must not come before the last of these Pe/Lanes words leaves.
// The stream never refuses a word: the stage has reserved its place.
module conv_output #(
    parameter int Pe = 1,
    parameter int Lanes = 1,
    parameter int SumBits = 24,
    parameter int OutBits = 8,
    parameter bit OutSigned = 1,
    parameter int Shift = 0,
    parameter bit Relu = 0,
    parameter Rounding = "TRN",
    parameter Overflow = "WRAP"
) (
    input  logic                     clk_i,
    input  logic                     rst_ni,
    input  logic                     valid_i,
    input  logic [   Pe*SumBits-1:0] sum_i,
    output logic                     out_valid_o,
    output logic [Lanes*OutBits-1:0] out_data_o
);
    localparam int Width = (Lanes < Pe) ? Lanes : Pe;  // channels requantized in a cycle

    logic [Width*SumBits-1:0] exact;
    logic [Width*OutBits-1:0] rounded;
    for (genvar i = 0; i < Width; i++) begin : gen_requantize
        requantize #(
            .InBits(SumBits),
            .OutBits(OutBits),
            .OutSigned(OutSigned),
            .Shift(Shift),
            .Relu(Relu),
            .Rounding(Rounding),
            .Overflow(Overflow)
        ) i_requantize (
            .data_i(exact[i*SumBits+:SumBits]),
            .data_o(rounded[i*OutBits+:OutBits])
        );
    end

    if (Lanes < Pe) begin : gen_serial
        localparam int Parts = Pe / Lanes;
        logic [Pe*SumBits-1:0] hold_q;
        logic [Parts-1:0] left_q;  // thermometer: one bit for each word still to leave

        always_ff @(posedge clk_i) begin
            if (!rst_ni) left_q <= '0;
            else left_q <= valid_i ? '1 : left_q >> 1;
        end
        always_ff @(posedge clk_i) hold_q <= valid_i ? sum_i : hold_q >> (Lanes * SumBits);
        assign exact = hold_q[Width*SumBits-1:0];
        assign out_valid_o = left_q[0];
        assign out_data_o = rounded;
    end else if (Lanes == Pe) begin : gen_whole
        logic unused_clock;
        assign unused_clock = clk_i && rst_ni;
        assign exact = sum_i;
        assign out_valid_o = valid_i;
        assign out_data_o = rounded;
    end else begin : gen_pack
        localparam int Parts = Lanes / Pe;
        logic [(Lanes-Pe)*OutBits-1:0] earlier_q;
        logic [Parts-1:0] part_q;  // one-hot

        always_ff @(posedge clk_i) begin
            if (!rst_ni) part_q <= Parts'(1);
            else if (valid_i) part_q <= {part_q[Parts-2:0], part_q[Parts-1]};
        end
        always_ff @(posedge clk_i) if (valid_i) earlier_q <= out_data_o[Lanes*OutBits-1:Pe*OutBits];
        assign exact = sum_i;
        assign out_valid_o = valid_i && part_q[Parts-1];
        assign out_data_o = {rounded, earlier_q};
    end
endmodule
