// Clocks a bench `top(clk_i)` until it finishes itself or the cycles are used up; +cycles=N, +seed is the bench's.
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "Vtop.h"
#include "verilated.h"

int main(int argc, char** argv) {
    VerilatedContext context;
    context.commandArgs(argc, argv);
    const char* match = context.commandArgsPlusMatch("cycles=");
    const std::uint64_t cycles = (match && *match) ? std::strtoull(match + std::strlen("+cycles="), nullptr, 10) : 1000;
    Vtop top{&context};
    for (std::uint64_t cycle = 0; cycle < cycles && !context.gotFinish(); cycle++) {
        top.clk_i = 0;
        top.eval();
        top.clk_i = 1;
        top.eval();
        context.timeInc(1);
    }
    top.final();
    return 0;
}
