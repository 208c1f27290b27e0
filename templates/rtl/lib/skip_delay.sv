// The shift register of a short skip: holds a conv stage's last input pixels until they are added.
//
// Every accepted stream word (`push_i`) shifts in. `read_i` takes the next Pe channels, in raster order,
// into `data_q_o`: the pixel that is being computed lies (accepted - current) back. A pixel is read no
// later than in the cycle after its last beat, so that DepthPixels = ring - window + look-ahead + 1 hold it.
// Lanes and Pe: one must divide the other. A stored word has max(Lanes, Pe) channels.
module skip_delay #(
    parameter int Channels = 4,
    parameter int Lanes = 1,
    parameter int Pe = 1,
    parameter int ElementBits = 8,
    parameter int DepthPixels = 8
) (
    input  logic                         clk_i,
    input  logic                         rst_ni,
    input  logic                         push_i,
    input  logic [Lanes*ElementBits-1:0] data_i,
    input  logic                         read_i,
    output logic [   Pe*ElementBits-1:0] data_q_o
);
    localparam int StoredLanes = (Lanes > Pe) ? Lanes : Pe;
    localparam int Words = DepthPixels * (Channels / StoredLanes);
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

    if (Lanes > Pe) begin : gen_select
        localparam int Parts = Lanes / Pe;
        localparam int PartBits = $clog2(Parts);
        logic [PartBits-1:0] part_q;

        assign advance = read_i && part_q == PartBits'(Parts - 1);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) part_q <= '0;
            else if (read_i) part_q <= advance ? '0 : part_q + 1'b1;
        end
        always_ff @(posedge clk_i) if (read_i) data_q_o <= oldest[part_q*(Pe*ElementBits)+:Pe*ElementBits];
    end else begin : gen_all
        assign advance = read_i;
        always_ff @(posedge clk_i) if (read_i) data_q_o <= oldest;
    end
endmodule
