// An exact product, cut or extended to OutBits. Combinational; without UseDsp Booth rows in LUTs.
module multiply #(
    parameter int ABits = 8,
    parameter bit ASigned = 1,
    parameter int BBits = 8,
    parameter bit BSigned = 1,
    parameter int OutBits = 16,
    parameter bit UseDsp = 1
) (
    input  logic        [  ABits-1:0] a_i,
    input  logic        [  BBits-1:0] b_i,
    output logic signed [OutBits-1:0] product_o
);
    // Unsigned operands get a zero as their sign.
    localparam int AWide = ABits + (ASigned ? 0 : 1);
    localparam int BWide = BBits + (BSigned ? 0 : 1);

    logic signed [AWide-1:0] a;
    logic signed [BWide-1:0] b;
    if (ASigned) begin : gen_a_signed
        assign a = signed'(a_i);
    end else begin : gen_a_unsigned
        assign a = signed'({1'b0, a_i});
    end
    if (BSigned) begin : gen_b_signed
        assign b = signed'(b_i);
    end else begin : gen_b_unsigned
        assign b = signed'({1'b0, b_i});
    end

    if (UseDsp) begin : gen_dsp
        logic signed [AWide+BWide-1:0] product;
        assign product = a * b;
        assign product_o = OutBits'(product);
    end else begin : gen_rows
        // Two bits of b a row; a row adds to what the row below left of its sum and hands two finished bits down.
        localparam int Rows = (BWide + 1) / 2;
        logic signed [2*Rows:0] digits;
        /* verilator lint_off UNUSEDSIGNAL */  // the bits above OutBits
        logic signed [AWide+2*Rows-1:0] product;
        /* verilator lint_on UNUSEDSIGNAL */
        assign digits = {(2*Rows)'(b), 1'b0};

        for (genvar i = 0; i < Rows; i++) begin : gen_row
            logic signed [AWide+1:0] addend, sum;
            if (i == 0) begin : gen_first
                assign addend = '0;
            end else begin : gen_next
                assign addend = gen_row[i-1].sum >>> 2;
            end
            booth_row #(
                .ABits(AWide)
            ) i_row (
                .a_i(a),
                .digit_i(digits[2*i+:3]),
                .addend_i(addend),
                .sum_o(sum)
            );
            if (i == Rows - 1) begin : gen_last
                assign product[2*i+:AWide+2] = sum;
            end else begin : gen_finished
                assign product[2*i+:2] = sum[1:0];
            end
        end
        assign product_o = OutBits'(product);
    end
endmodule
