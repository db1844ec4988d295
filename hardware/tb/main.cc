// Clock and reset for the benches: runs until all are done; the exit code is 1 when one has found an error or does not end.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "Vbenches.h"
#include "verilated.h"

int main(int argc, char** argv) {
  VerilatedContext context;
  context.commandArgs(argc, argv);
  int64_t limit = 10000000;
  for (int i = 1; i < argc; i++) {
    if (std::strncmp(argv[i], "--seed=", 7) == 0) context.randSeed(std::atoi(argv[i] + 7));
    if (std::strncmp(argv[i], "--limit=", 8) == 0) limit = std::atoll(argv[i] + 8);
  }
  Vbenches top{&context};
  int64_t cycle = 0;
  top.rst_ni = 0;
  for (; cycle < limit && !top.done_o; cycle++) {
    top.rst_ni = cycle >= 20;
    top.clk_i = 1;
    top.eval();
    context.timeInc(1);
    top.clk_i = 0;
    top.eval();
    context.timeInc(1);
    if (context.gotFinish()) break;
  }
  top.final();
  const bool done = top.done_o;
  std::printf("%s after %" PRId64 " cycles, %d errors\n", done ? "done" : "NOT DONE", cycle, top.errors_o);
  return done && top.errors_o == 0 ? 0 : 1;
}
