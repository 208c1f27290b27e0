// Three chained mac_cells of one family under random operands, held against the definition of the cell.
//
// The activation enters the first cell in t, the others one cycle later each. Every cell has weights, ones,
// firsts and c of its own, presented where mac_cell's header says. `errors_o` counts differences; sums are
// compared once a first has passed, and `checks_o` says how often that was.
module mac_cell_check #(
    parameter Family = "generic",
    parameter bit UseDsp = 1,
    parameter int ABits = 8,
    parameter bit ASigned = 1,
    parameter int WBits = 8,
    parameter bit WSigned = 1,
    parameter int PBits = 24,
    parameter int WeightDelay = 0,
    parameter int OneShift = -1,
    localparam int Cells = 3
) (
    input  logic        clk_i,
    input  logic [63:0] random_i,
    output logic [31:0] errors_o,
    output logic [31:0] checks_o
);
    localparam int ABitsSigned = ABits + (ASigned ? 0 : 1);
    localparam int ChainBits = (ABitsSigned > 18) ? ABitsSigned : 18;
    localparam int ResultDelay = UseDsp ? 3 : 2;

    // Extreme operands often: all zeros, all ones, the ends of the range.
    function automatic logic [63:0] pick(input logic [63:0] raw, input int bits);
        case (raw[63:61])
            3'd0: pick = '0;
            3'd1: pick = '1;
            3'd2: pick = 64'(1) << (bits - 1);
            3'd3: pick = (64'(1) << (bits - 1)) - 1;
            default: pick = raw;
        endcase
    endfunction
    function automatic logic [63:0] mix(input logic [63:0] seed, input int index);
        logic [63:0] x;
        x = seed ^ (64'h9E37_79B9_7F4A_7C15 * 64'(index + 1));
        x = (x ^ (x >> 30)) * 64'hBF58_476D_1CE4_E5B9;
        x = (x ^ (x >> 27)) * 64'h94D0_49BB_1331_11EB;
        mix = x ^ (x >> 31);
    endfunction

    logic [63:0] activation_word;
    logic beat;
    logic [ABits-1:0] a;
    assign activation_word = mix(random_i, 0);
    assign beat = activation_word[60:58] != 3'd0;
    assign a = beat ? ABits'(pick(activation_word, ABits)) : '0;

    logic [ChainBits-1:0] chain[Cells + 1];
    logic [31:0] errors[Cells], checks[Cells];
    assign chain[0] = '0;

    // What each cell sees at its own t, delayed from the first cell's by its place in the chain.
    logic signed [63:0] a_now;
    if (ASigned) begin : gen_signed
        assign a_now = 64'(signed'(a));
    end else begin : gen_unsigned
        assign a_now = 64'(a);
    end
    logic signed [63:0] a_past[Cells];
    logic beat_past[Cells];
    always_ff @(posedge clk_i) begin
        a_past[0] <= a_now;
        beat_past[0] <= beat;
        for (int i = 1; i < Cells; i++) begin
            a_past[i] <= a_past[i-1];
            beat_past[i] <= beat_past[i-1];
        end
    end

    for (genvar i = 0; i < Cells; i++) begin : gen_cell
        // Operands of one beat, decided WeightDelay cycles before it; the controls follow it.
        logic [WBits-1:0] w, w_t;
        logic one, first, first_at, seen_q, valid_q[ResultDelay];
        logic [PBits-1:0] c, c_at, sum;
        logic signed [63:0] a_t, w_wide;
        logic signed [127:0] product;
        logic [PBits-1:0] want_q[ResultDelay];
        logic [63:0] words[4];
        for (genvar k = 0; k < 4; k++) begin : gen_word
            assign words[k] = mix(random_i, 4 * i + k + 1);
        end
        assign w = WBits'(pick(words[0], WBits));
        assign one = OneShift >= 0 && words[1][0];
        assign a_t = (i == 0) ? a_now : a_past[(i == 0) ? 0 : i-1];
        assign first = words[2][3:0] == 4'd0;
        assign c = PBits'(pick(words[3], PBits));

        if (WeightDelay == 0) begin : gen_now
            assign w_t = w;
        end else begin : gen_later
            always_ff @(posedge clk_i) w_t <= w;
        end
        always_ff @(posedge clk_i) begin
            first_at <= first;
            c_at <= c;
        end

        mac_cell #(
            .Family(Family),
            .UseDsp(UseDsp),
            .ABits(ABits),
            .ASigned(ASigned),
            .WBits(WBits),
            .WSigned(WSigned),
            .PBits(PBits),
            .Chained(i != 0),
            .WeightDelay(WeightDelay),
            .OneShift(OneShift)
        ) i_cell (
            .clk_i,
            .a_i(a),
            .chain_i(chain[i]),
            .chain_o(chain[i+1]),
            .w_i(w),
            .one_i(one),
            .first_i(first_at),
            .c_i(c_at),
            .sum_q_o(sum)
        );

        // The definition, one step a cycle; want_q[n] is the sum n+1 cycles after its beat.
        if (WSigned) begin : gen_weight_signed
            assign w_wide = 64'(signed'(w_t)) + ((OneShift >= 0 && one) ? 64'(1) <<< ((OneShift < 0) ? 0 : OneShift) : 0);
        end else begin : gen_weight_unsigned
            assign w_wide = 64'(w_t) + ((OneShift >= 0 && one) ? 64'(1) <<< ((OneShift < 0) ? 0 : OneShift) : 0);
        end
        assign product = 128'(a_t) * 128'(w_wide);
        always_ff @(posedge clk_i) begin
            want_q[0] <= (first ? c : want_q[0]) + PBits'(product);
            seen_q <= seen_q || first;
            valid_q[0] <= seen_q || first;
            for (int n = 1; n < ResultDelay; n++) begin
                want_q[n]  <= want_q[n-1];
                valid_q[n] <= valid_q[n-1];
            end
            if (valid_q[ResultDelay-1]) begin
                checks[i] <= checks[i] + 1;
                if (sum != want_q[ResultDelay-1]) errors[i] <= errors[i] + 1;
            end
        end
        initial begin
            seen_q = 1'b0;
            errors[i] = '0;
            checks[i] = '0;
            for (int n = 0; n < ResultDelay; n++) valid_q[n] = 1'b0;
        end
    end
    assign errors_o = errors[0] + errors[1] + errors[2];
    assign checks_o = checks[0] + checks[1] + checks[2];
endmodule
