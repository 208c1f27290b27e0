// A FIFO between two stages. Words leave in order through a registered output.
//
// Writer side: `room_o` says that `ReserveWords` more words fit. Raising `reserve_i` promises them; the
// words follow by `in_valid_i` in any later cycle (or in the same one) and are never refused. A writer
// without promises ties `reserve_i` to `in_valid_i` and leaves ReserveWords at 1: room_o is then `ready`.
// Reader side: valid/ready; `out_valid_o` never waits for `out_ready_i`. A reader that takes ClaimWords at once
// asks `claim_ready_o`, raises `claim_i` and takes them in any later cycles; each is offered when it is
// due. ClaimWords = 0: a reader without claims, claim_ready_o is low.
//
// Timing: a word written in cycle t is offered from t+2 (from t+1 if not Registered). A promise made in t counts from t+1. A word taken
// in t frees its place for the promise of cycle t+1. One word a cycle needs Depth >= 3.
// Depth counts every word that can be held or promised, the output register included. Without the output
// register (Registered = 0, Storage "srl") words leave straight from the shift register.
// Deadlock condition: Depth < ReserveWords (room_o never rises).
//
// Storage: "srl" a shift register, "lutram" or "bram" a ring in RAM, "uram" as bram.
module stream_fifo #(
    parameter int Width = 8,
    parameter int Depth = 2,
    parameter int ReserveWords = 1,
    parameter int ClaimWords = 0,
    parameter bit Registered = 1,
    parameter Storage = "srl"
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    output logic             room_o,
    input  logic             reserve_i,
    input  logic             in_valid_i,
    input  logic [Width-1:0] in_data_i,
    output logic             claim_ready_o,
    input  logic             claim_i,
    output logic             out_valid_o,
    input  logic             out_ready_i,
    output logic [Width-1:0] out_data_o
);
    localparam int CountBits = $clog2(Depth + 1);
    localparam int StoreDepth = Registered ? Depth - 1 : Depth;
    localparam int StoreWords = (StoreDepth > 3) ? StoreDepth : 3;  // shorter ones would not become an SRL

    logic [CountBits-1:0] promised_q, change;
    logic take, load, store_valid;

    assign room_o = promised_q <= CountBits'(Depth - ReserveWords);
    assign take = out_valid_o && out_ready_i;

    // One constant for each case, so that one adder suffices.
    always_comb begin
        if (reserve_i) change = take ? CountBits'(ReserveWords - 1) : CountBits'(ReserveWords);
        else change = take ? '1 : '0;
    end

    always_ff @(posedge clk_i) begin
        if (!rst_ni) promised_q <= '0;
        else promised_q <= promised_q + change;
    end

    if (Registered) begin : gen_register
        logic out_valid_q;
        assign out_valid_o = out_valid_q;
        assign load = store_valid && (!out_valid_q || out_ready_i);
        always_ff @(posedge clk_i) begin
            if (!rst_ni) out_valid_q <= 1'b0;
            else if (load) out_valid_q <= 1'b1;
            else if (out_ready_i) out_valid_q <= 1'b0;
        end
    end else begin : gen_direct
        assign out_valid_o = store_valid;
        assign load = take;
    end

    // Words written and not claimed yet; a word written in t can be claimed in t+1.
    if (ClaimWords > 0) begin : gen_claim
        logic [CountBits-1:0] unclaimed_q, claimed;
        always_comb begin
            if (claim_i) claimed = in_valid_i ? CountBits'(ClaimWords - 1) : CountBits'(ClaimWords);
            else claimed = in_valid_i ? '1 : '0;
        end
        always_ff @(posedge clk_i) begin
            if (!rst_ni) unclaimed_q <= '0;
            else unclaimed_q <= unclaimed_q - claimed;
        end
        assign claim_ready_o = unclaimed_q >= CountBits'(ClaimWords);
    end else begin : gen_no_claim
        logic unused_claim;
        assign unused_claim  = claim_i;
        assign claim_ready_o = 1'b0;
    end

    // Yosys has no `string` type: texts of different lengths are compared as vectors.
    /* verilator lint_off WIDTHEXPAND */
    localparam bit UseSrl = Storage == "srl";
    /* verilator lint_on WIDTHEXPAND */

    if (UseSrl) begin : gen_srl
        fifo_store_srl #(
            .Width(Width),
            .Words(StoreWords),
            .Registered(Registered)
        ) i_store (
            .clk_i,
            .rst_ni,
            .push_i(in_valid_i),
            .data_i(in_data_i),
            .pop_i(load),
            .valid_o(store_valid),
            .data_o(out_data_o)
        );
    end else begin : gen_ram
        fifo_store_ram #(
            .Width(Width),
            .Words(StoreWords),
            .Storage(Storage)
        ) i_store (
            .clk_i,
            .rst_ni,
            .push_i(in_valid_i),
            .data_i(in_data_i),
            .pop_i(load),
            .valid_o(store_valid),
            .data_q_o(out_data_o)
        );
    end

`ifdef VERILATOR
    // The largest number of words held or promised, read by the bench at the end of a run.
    logic [31:0] max_occupancy_q  /* verilator public_flat_rd */;
    always_ff @(posedge clk_i) begin
        if (!rst_ni) max_occupancy_q <= '0;
        else if (32'(promised_q) > max_occupancy_q) max_occupancy_q <= 32'(promised_q);
        if (rst_ni && reserve_i && !room_o) $error("%m: a promise without room");
    end
`endif
endmodule
