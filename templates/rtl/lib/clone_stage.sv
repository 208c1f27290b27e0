// Copies each word to two streams. A word passes when both have room, else neither takes it. Promised: the
// stage in front has asked `in_ready_o` before it promised the word, which then always passes.
//
// Timing: combinational; a word offered in cycle t with room on both sides is written to both in t.
// Deadlock condition: one output's reader waits for words behind those that the other output cannot hold.
module clone_stage #(
    parameter int Width = 8,
    parameter bit Promised = 0
) (
    input  logic             in_valid_i,
    output logic             in_ready_o,
    input  logic [Width-1:0] in_data_i,
    input  logic             first_room_i,
    output logic             first_valid_o,
    output logic [Width-1:0] first_data_o,
    input  logic             second_room_i,
    output logic             second_valid_o,
    output logic [Width-1:0] second_data_o
);
    logic pass;

    assign in_ready_o = first_room_i && second_room_i;
    assign pass = in_valid_i && (Promised || in_ready_o);
    assign first_valid_o = pass;
    assign first_data_o = in_data_i;
    assign second_valid_o = pass;
    assign second_data_o = in_data_i;
endmodule
