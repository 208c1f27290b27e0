// Records every word of one stream in <Name>.txt, hexadecimal, a line each, for simulation only.
//
// Plus argument: +folder=F of the file. `write_i` says that `word_i` is written in this cycle.
module stream_recorder #(
    parameter string Name = "stream",
    parameter int Bits = 8
) (
    input logic            clk_i,
    input logic            rst_ni,
    input logic            write_i,
    input logic [Bits-1:0] word_i
);
    string folder;
    int file;

    initial begin
        if ($value$plusargs("folder=%s", folder) == 0) folder = ".";
        file = $fopen({folder, "/", Name, ".txt"}, "w");
    end

    always @(posedge clk_i) begin
        if (rst_ni && write_i) $fdisplay(file, "%0h", word_i);
    end
endmodule
