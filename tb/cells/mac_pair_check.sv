// Three chained mac_pairs of one family under random operands, held against the definition of the pair.
//
// Groups end at random, and before the first sum would leave PBits. `errors_o` counts differences, `checks_o`
// comparisons; `carries_o` how often the first sum crossed a multiple of 2**FieldBits.
module mac_pair_check #(
    parameter Family = "generic",
    parameter int ABits = 8,
    parameter bit ASigned = 1,
    parameter int WBits = 8,
    parameter bit WSigned = 1,
    parameter int PBits = 24,
    parameter int WeightDelay = 0,
    parameter int FieldBits = 16,
    localparam int Cells = 3
) (
    input  logic        clk_i,
    input  logic [63:0] random_i,
    output logic [31:0] errors_o,
    output logic [31:0] checks_o,
    output logic [31:0] carries_o
);
    localparam int ABitsSigned = ABits + (ASigned ? 0 : 1);
    localparam int ChainBits = (ABitsSigned > 18) ? ABitsSigned : 18;

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
    function automatic logic signed [63:0] extend(input logic [63:0] value, input int bits, input bit has_sign);
        extend = 64'(value) << (64 - bits);
        extend = has_sign ? extend >>> (64 - bits) : signed'(unsigned'(extend) >> (64 - bits));
    endfunction

    logic [63:0] word;
    logic [ABits-1:0] a;
    assign word = mix(random_i, 0);
    assign a = (word[60:58] != 3'd0) ? ABits'(pick(word, ABits)) : '0;

    logic [ChainBits-1:0] chain[Cells + 1];
    logic [31:0] errors[Cells], checks[Cells], carries[Cells];
    assign chain[0] = '0;

    logic signed [63:0] a_past[Cells];
    always_ff @(posedge clk_i) begin
        a_past[0] <= extend(64'(a), ABits, ASigned);
        for (int i = 1; i < Cells; i++) a_past[i] <= a_past[i-1];
    end

    for (genvar i = 0; i < Cells; i++) begin : gen_cell
        logic [63:0] words[5];
        logic [2*WBits-1:0] w, w_t;
        logic first, first_q, seen_q;
        logic [2*PBits-1:0] c, c_q, sum;
        logic signed [63:0] a_t, low_product, high_product, low_next;
        logic signed [63:0] low_q[3], high_q[3];
        logic valid_q[3];
        for (genvar k = 0; k < 5; k++) begin : gen_word
            assign words[k] = mix(random_i, 5 * i + k + 1);
        end
        assign w = {WBits'(pick(words[1], WBits)), WBits'(pick(words[0], WBits))};
        assign a_t = (i == 0) ? extend(64'(a), ABits, ASigned) : a_past[(i == 0) ? 0 : i-1];
        // The first c with one bit to spare.
        assign c = {PBits'(pick(words[3], PBits)), PBits'(extend(pick(words[2], PBits - 1), PBits - 1, 1))};

        if (WeightDelay == 0) begin : gen_now
            assign w_t = w;
        end else begin : gen_later
            always_ff @(posedge clk_i) w_t <= w;
        end
        assign low_product = a_t * extend(64'(w_t[WBits-1:0]), WBits, WSigned);
        assign high_product = a_t * extend(64'(w_t[2*WBits-1:WBits]), WBits, WSigned);
        assign low_next = low_q[0] + low_product;
        assign first = words[4][5:0] == 6'd0 || low_next != extend(64'(low_next), PBits, 1);
        always_ff @(posedge clk_i) begin
            first_q <= first;
            c_q <= c;
        end

        mac_pair #(
            .Family(Family),
            .ABits(ABits),
            .ASigned(ASigned),
            .WBits(WBits),
            .WSigned(WSigned),
            .PBits(PBits),
            .Chained(i != 0),
            .WeightDelay(WeightDelay)
        ) i_pair (
            .clk_i,
            .a_i(a),
            .chain_i(chain[i]),
            .chain_o(chain[i+1]),
            .w_i(w),
            .first_i(first_q),
            .c_i(c_q),
            .sum_q_o(sum)
        );

        // The definition; element n is the sum n+1 cycles after its beat.
        always_ff @(posedge clk_i) begin
            low_q[0] <= first ? extend(64'(c[PBits-1:0]), PBits, 1) + low_product : low_next;
            high_q[0] <= (first ? extend(64'(c[2*PBits-1:PBits]), PBits, 1) : high_q[0]) + high_product;
            seen_q <= seen_q || first;
            valid_q[0] <= seen_q || first;
            for (int n = 1; n < 3; n++) begin
                low_q[n]   <= low_q[n-1];
                high_q[n]  <= high_q[n-1];
                valid_q[n] <= valid_q[n-1];
            end
            if (seen_q && !first && (low_q[0] >>> FieldBits) != (low_next >>> FieldBits)) carries[i] <= carries[i] + 1;
            if (valid_q[2]) begin
                checks[i] <= checks[i] + 1;
                if (sum != {PBits'(high_q[2]), PBits'(low_q[2])}) errors[i] <= errors[i] + 1;
            end
        end
        initial begin
            seen_q = 1'b0;
            errors[i] = '0;
            checks[i] = '0;
            carries[i] = '0;
            for (int n = 0; n < 3; n++) begin
                valid_q[n] = 1'b0;
                low_q[n]   = '0;
            end
        end
    end
    assign errors_o  = errors[0] + errors[1] + errors[2];
    assign checks_o  = checks[0] + checks[1] + checks[2];
    assign carries_o = carries[0] + carries[1] + carries[2];
endmodule
