// Marks the cells whose weight gets a one: centre tap, input channel == output channel.
//
// `diagonal_i` is the beat of a group's first own channels at the centre tap; the group's next channels follow
// beat by beat. Output channel q of the group (step q / Lanes) meets its own input q / Channels beats later, in column
// FirstColumn + q % Channels; its activation is there one cycle after the beat and `step` cycles on.
module diagonal_ones #(
    parameter int Steps = 1,
    parameter int Lanes = 1,
    parameter int Columns = 1,
    parameter int Channels = 1,
    parameter int FirstColumn = 0
) (
    input  logic                           clk_i,
    input  logic                           rst_ni,
    input  logic                           diagonal_i,
    output logic [Steps*Lanes*Columns-1:0] one_o
);
    localparam int Depth = (Steps * Lanes - 1) / Channels + Steps;
    logic [Depth-1:0] pulse_q;

    always_ff @(posedge clk_i) begin
        if (!rst_ni) pulse_q <= '0;
        else pulse_q <= Depth'({pulse_q, diagonal_i});
    end
    for (genvar q = 0; q < Steps * Lanes; q++) begin : gen_channel
        for (genvar column = 0; column < Columns; column++) begin : gen_column
            if (column == FirstColumn + q % Channels) begin : gen_own
                assign one_o[q*Columns+column] = pulse_q[q/Channels+q/Lanes];
            end else begin : gen_other
                assign one_o[q*Columns+column] = 1'b0;
            end
        end
    end
endmodule
