// The weights of a mac_array: ROMs of BankSteps systolic steps each, read in a skew that follows the steps.
//
// `address_i` in cycle t gives step d its weights in t+1+d, or one cycle earlier where the step is not the first of
// its bank: the MAC cells delay those by one register of their own (WeightDelay). Bank b reads its address
// b*BankSteps cycles late. The contents of bank b come from the file MemoryPrefix & "_<b, two digits>.mem".
module conv_weights #(
    parameter int Words = 16,
    parameter int Steps = 1,
    parameter int StepBits = 8,
    parameter int BankSteps = 2,
    parameter Storage = "auto",
    parameter MemoryPrefix = "",
    localparam int AddressBits = (Words > 1) ? $clog2(Words) : 1
) (
    input  logic                      clk_i,
    input  logic [   AddressBits-1:0] address_i,
    output logic [Steps*StepBits-1:0] weight_o
);
    localparam int Banks = (Steps + BankSteps - 1) / BankSteps;

    for (genvar bank = 0; bank < Banks; bank++) begin : gen_bank
        localparam int First = bank * BankSteps;
        localparam int Count = (Steps - First < BankSteps) ? Steps - First : BankSteps;
        logic [AddressBits-1:0] address;
        logic [Count*StepBits-1:0] word;

        if (bank == 0) begin : gen_prompt
            assign address = address_i;
        end else begin : gen_late
            logic [BankSteps*AddressBits-1:0] address_q;
            if (BankSteps > 1) begin : gen_shift
                always_ff @(posedge clk_i) begin
                    address_q <= {address_q[(BankSteps-1)*AddressBits-1:0], gen_bank[bank-1].address};
                end
            end else begin : gen_register
                always_ff @(posedge clk_i) address_q <= gen_bank[bank-1].address;
            end
            assign address = address_q[(BankSteps-1)*AddressBits+:AddressBits];
        end

        weight_rom #(
            .Words(Words),
            .Width(Count * StepBits),
            .Storage(Storage),
            .MemoryFile({MemoryPrefix, "_", 8'(48 + bank / 10), 8'(48 + bank % 10), ".mem"})
        ) i_rom (
            .clk_i,
            .address_i(address),
            .data_q_o(word)
        );

        for (genvar e = 0; e < Count; e++) begin : gen_step
            if (e < 2) begin : gen_direct
                assign weight_o[(First+e)*StepBits+:StepBits] = word[e*StepBits+:StepBits];
            end else begin : gen_skew
                logic [(e-1)*StepBits-1:0] skew_q;
                if (e > 2) begin : gen_shift
                    always_ff @(posedge clk_i) skew_q <= {skew_q[(e-2)*StepBits-1:0], word[e*StepBits+:StepBits]};
                end else begin : gen_register
                    always_ff @(posedge clk_i) skew_q <= word[e*StepBits+:StepBits];
                end
                assign weight_o[(First+e)*StepBits+:StepBits] = skew_q[(e-2)*StepBits+:StepBits];
            end
        end
    end
endmodule
