// Performance counters of one program run: cleared by the start, kept until the next.
// Specification: hardware/README.md (counters), docs/microarchitecture.md, sections 9 (T19) and 10. Twin: src/simulator/timing/account.ts.
//
// Counter 0 is the program's cycles, from 0 to the last event inclusive: a cycle later than that event nothing changes it any more.
module sf_perf
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       start_i,    // cycle 0
  input  cluster_perf_t              perf_i,     // registered: a cycle late
  output counter_t [NumCounters-1:0] counters_o
);
  localparam int unsigned Cycles = 0;
  localparam int unsigned Instructions = 1;
  localparam int unsigned Stalls = 2;
  localparam int unsigned Lines = 3;
  localparam int unsigned FirstCu = 7;

  logic     unused_progress;
  counter_t cycle_q;   // of the events in perf_i, plus 1
  assign unused_progress = perf_i.progress;
  always_ff @(posedge clk_i) begin
    if (start_i) cycle_q <= counter_t'(1);
    else cycle_q <= cycle_q + counter_t'(1);
  end

  counter_t [NumCounters-1:0] count_q, count_d;
  always_comb begin
    count_d = count_q;
    if (perf_i.event_seen) count_d[Cycles] = cycle_q;
    if (perf_i.executed) count_d[Instructions] = count_q[Instructions] + counter_t'(1);
    if (perf_i.stalled) count_d[Stalls] = count_q[Stalls] + counter_t'(1);
    for (int e = 0; e < int'(NumEngines); e++) begin
      if (perf_i.lines[e] != '0) count_d[int'(Lines) + e] = count_q[int'(Lines) + e] + counter_t'(perf_i.lines[e]);
    end
    for (int c = 0; c < int'(NumCus); c++) begin
      for (int i = 0; i < int'(CuCounters); i++) begin
        // The struct's first member is its highest bit.
        if (perf_i.cus[c][int'(CuCounters)-1-i]) begin
          count_d[int'(FirstCu) + int'(CuCounters) * c + i] =
              count_q[int'(FirstCu) + int'(CuCounters) * c + i] + counter_t'(1);
        end
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) count_q <= '0;
    else count_q <= count_d;
  end
  assign counters_o = count_q;
endmodule
