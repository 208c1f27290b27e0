// The shift register of a short skip: holds input words until their channels are added.
//
// Every stream word with `push_i` shifts in. `data_o` shows the next Pe channels, in the order of arrival;
// `read_i` moves on. Words of Words*max(Lanes, Pe) channels are kept.
// Lanes and Pe: one must divide the other.
module skip_delay #(
    parameter int Lanes = 1,
    parameter int Pe = 1,
    parameter int ElementBits = 8,
    parameter int Words = 8
) (
    input  logic                         clk_i,
    input  logic                         rst_ni,
    input  logic                         push_i,
    input  logic [Lanes*ElementBits-1:0] data_i,
    input  logic                         read_i,
    output logic [   Pe*ElementBits-1:0] data_o
);
    localparam int StoredLanes = (Lanes > Pe) ? Lanes : Pe;
    localparam int AddressBits = (Words > 1) ? $clog2(Words) : 1;

    logic shift, advance;
    logic [StoredLanes*ElementBits-1:0] shift_data, oldest;
    logic [AddressBits-1:0] address_q;  // of the next word to read; all ones if it has not come yet

    always_ff @(posedge clk_i) begin
        if (!rst_ni) address_q <= '1;
        else if (shift != advance) address_q <= address_q + (shift ? AddressBits'(1) : '1);
    end

    shift_register #(
        .Width(StoredLanes * ElementBits),
        .Words(Words)
    ) i_shift (
        .clk_i,
        .shift_i(shift),
        .data_i(shift_data),
        .address_i(address_q),
        .data_o(oldest)
    );

    if (Lanes < Pe) begin : gen_pack
        localparam int Parts = Pe / Lanes;
        logic [(Pe-Lanes)*ElementBits-1:0] earlier_q;
        logic [Parts-1:0] part_q;  // one-hot

        always_ff @(posedge clk_i) begin
            if (!rst_ni) part_q <= Parts'(1);
            else if (push_i) part_q <= {part_q[Parts-2:0], part_q[Parts-1]};
        end
        always_ff @(posedge clk_i) if (push_i) earlier_q <= shift_data[Pe*ElementBits-1:Lanes*ElementBits];
        assign shift = push_i && part_q[Parts-1];
        assign shift_data = {data_i, earlier_q};
    end else begin : gen_direct
        assign shift = push_i;
        assign shift_data = data_i;
    end

    word_slice #(
        .Lanes(StoredLanes),
        .SliceLanes(Pe),
        .ElementBits(ElementBits)
    ) i_slice (
        .clk_i,
        .rst_ni,
        .word_i(oldest),
        .take_i(read_i),
        .word_take_o(advance),
        .slice_o(data_o)
    );
endmodule
