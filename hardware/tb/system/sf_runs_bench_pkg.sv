// Runs of words between DRAM and maps as LDM and ST have them: random ones, and their lines one by one by plain loops. Simulation only.
// Specification: docs/microarchitecture.md, section 6. Twins: src/simulator/data/ldm.ts, st.ts.
package sf_runs_bench_pkg;
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;

  // The fields that both descriptors begin with.
  typedef struct packed {
    logic [31:0] dram_address;
    logic [31:0] dram_step;
    logic [19:0] base;
    logic [19:0] ring;
    logic [19:0] offset;
    logic [19:0] step;
    logic [19:0] rows;
    logic [19:0] words;
  } runs_t;

  typedef struct packed {
    line_addr_t line;
    maps_addr_t addr;           // of word 0 of the line
    word_mask_t mask;           // words that belong to the run
    logic       first;          // of a burst
    logic       last_of_burst;
    logic       last;           // of the descriptor
  } run_line_t;

  function automatic runs_t random_runs(int most_words, int most_rows);
    runs_t r;
    r.dram_address = $urandom_range(1 << 28);
    r.words = chance(20) ? 20'(pick(1, most_words)) : 20'(pick(1, 70));
    r.rows = chance(20) ? 20'(pick(1, most_rows)) : 20'(pick(1, 3));
    r.dram_step = chance(30) ? 32'(r.words) : $urandom_range(1 << 20);
    r.base = 20'(pick(0, 2 ** MapsAddrW - 1));
    r.step = 20'(r.words) + 20'(pick(0, 40));
    r.ring = chance(50) ? 20'(int'(r.step) * pick(1, 6)) : '0;
    r.offset = r.ring == '0 ? 20'(pick(0, 5000)) : 20'(int'(r.step) * pick(0, int'(r.ring / r.step) - 1));
    return r;
  endfunction

  // Lines of a run.
  function automatic int lines_of(runs_t r, int row);
    logic [31:0] address, last;
    address = r.dram_address + 32'(row) * r.dram_step;
    last = address + 32'(r.words) - 32'd1;
    return int'(last[31:4] - address[31:4]) + 1;
  endfunction

  // Line n of a run.
  function automatic run_line_t line_of(runs_t r, int row, int n);
    run_line_t   w;
    logic [31:0] address, last, offset;
    address = r.dram_address + 32'(row) * r.dram_step;
    last = address + 32'(r.words) - 32'd1;
    offset = 32'(r.offset) + 32'(row) * 32'(r.step);
    if (r.ring != '0) offset = offset % 32'(r.ring);
    w.line = address[31:4] + 28'(n);
    w.addr = maps_addr_t'(32'(r.base) + offset + {w.line, 4'd0} - address);
    for (int i = 0; i < 16; i++) w.mask[i] = {w.line, 4'(i)} >= address && {w.line, 4'(i)} <= last;
    w.first = n == 0 || int'(w.line) % int'(BurstLines) == 0;
    w.last_of_burst = w.line == last[31:4] || int'(w.line + 28'd1) % int'(BurstLines) == 0;
    w.last = row == int'(r.rows) - 1 && w.line == last[31:4];
    return w;
  endfunction
endpackage
