// Bench of sf_error and sf_perf: random events; the first error is kept with its cause, unit and detail, the watchdog counts, and every counter is that of a model.
// Specification: hardware/README.md (errors, counters).
module sf_error_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Rounds = 400;

  logic          own_rst_n_q, running_q, illegal_q, leaves_q, violation_q, overflow_q, start_q, stop, expired_q;
  logic [31:0]   watchdog_q;
  cluster_perf_t perf_q;
  pc_t           pc_q;
  engine_e       engine_q;
  line_addr_t    line_q;
  logic [4:0]    unit_q;
  logic [AxiPorts-1:0] read_error_q, write_error_q;
  error_t        error;
  counter_t [NumCounters-1:0] counters;
  sf_error u_error (
    .clk_i, .rst_ni(own_rst_n_q), .running_i(running_q), .watchdog_i(watchdog_q), .progress_i(perf_q.progress), .pc_i(pc_q), .illegal_i(illegal_q),
    .leaves_i(leaves_q), .violation_i(violation_q), .violation_engine_i(engine_q), .violation_line_i(line_q), .overflow_i(overflow_q),
    .overflow_unit_i(unit_q), .read_error_i(read_error_q), .write_error_i(write_error_q), .stop_o(stop), .error_o(error)
  );
  sf_perf u_perf (.clk_i, .rst_ni(own_rst_n_q), .start_i(start_q), .perf_i(perf_q), .counters_o(counters));

  longint count [NumCounters];
  longint program_cycle_q;
  error_t expected_q;
  logic   counting_q;
  int     cycle_q, round_q, idle_q, age_q;
  int     causes [8];

  function automatic void fail(string what);
    errors_o <= report(errors_o, $sformatf("sf_error: cycle %0d: %s (cause %0d, expected %0d)", cycle_q, what, error.cause, expected_q.cause));
  endfunction
  function automatic logic [4:0] first_of(logic [AxiPorts-1:0] ports);
    for (int p = 0; p < int'(AxiPorts); p++) if (ports[p]) return 5'(p);
    return '0;
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {done_o, own_rst_n_q, running_q, illegal_q, leaves_q, violation_q, overflow_q, start_q, counting_q, expired_q} <= '0;
      {read_error_q, write_error_q, perf_q, watchdog_q, pc_q, line_q, unit_q} <= '0;
      engine_q <= EngineFetch;
      errors_o <= 0;
      expected_q <= '0;
      {cycle_q, round_q, idle_q, age_q} <= '0;
      program_cycle_q <= 0;
      for (int i = 0; i < 8; i++) causes[i] = 0;
      for (int i = 0; i < int'(NumCounters); i++) count[i] = 0;
    end else if (!done_o) begin
      cycle_q <= cycle_q + 1;
      age_q <= age_q + 1;
      // --- events: rare errors, some of them together
      illegal_q <= chance(1) && chance(30);
      leaves_q <= chance(1) && chance(30);
      violation_q <= chance(1) && chance(30);
      overflow_q <= chance(1) && chance(30);
      for (int p = 0; p < int'(AxiPorts); p++) begin
        read_error_q[p] <= chance(1) && chance(8);
        write_error_q[p] <= chance(1) && chance(8);
      end
      pc_q <= pc_t'($urandom);
      line_q <= line_addr_t'($urandom);
      unit_q <= 5'(pick(0, int'(NumUnits) - 1));
      engine_q <= engine_e'(pick(0, 3));
      perf_q <= '0;
      perf_q.progress <= chance(round_q % 4 == 0 ? 1 : 30);
      perf_q.executed <= chance(50);
      perf_q.stalled <= chance(20);
      perf_q.event_seen <= chance(10);
      perf_q.lines[pick(0, 3)] <= burst_lines_t'(pick(0, 4));
      for (int c = 0; c < int'(NumCus); c++) perf_q.cus[c] <= cu_perf_t'($urandom);
      // --- the first error is kept; an event shows in the cycle after it
      if (error != expected_q) fail("the error");
      if (stop != (expected_q.cause != CauseNone)) fail("stop");
      expired_q <= own_rst_n_q && running_q && watchdog_q != '0 && idle_q == int'(watchdog_q);
      idle_q <= !own_rst_n_q || perf_q.progress || !running_q ? 0 : idle_q + 1;
      if (!own_rst_n_q) expected_q <= '0;
      else if (expected_q.cause == CauseNone) begin
        error_t e;
        e = '{cause: CauseNone, unit: '0, detail: 32'(pc_q)};
        if (illegal_q) e.cause = CauseIllegal;
        else if (leaves_q) e.cause = CausePc;
        else if (violation_q) e = '{cause: CauseWindow, unit: 5'(engine_q), detail: 32'(line_q)};
        else if (read_error_q != '0) e = '{cause: CauseAxiRead, unit: first_of(read_error_q), detail: 32'(pc_q)};
        else if (write_error_q != '0) e = '{cause: CauseAxiWrite, unit: first_of(write_error_q), detail: 32'(pc_q)};
        else if (overflow_q) e = '{cause: CauseTokenOverflow, unit: unit_q, detail: 32'(pc_q)};
        else if (expired_q) e.cause = CauseWatchdog;
        if (e.cause != CauseNone) begin
          expected_q <= e;
          causes[e.cause] = causes[e.cause] + 1;
        end
      end
      // --- counters: the events of the cycle before
      if (start_q) counting_q <= 1'b1;
      for (int i = 0; i < int'(NumCounters); i++) if (counting_q && counters[i] != counter_t'(count[i])) fail($sformatf("counter %0d is %0d, expected %0d", i, counters[i], count[i]));
      if (perf_q.event_seen) count[0] = program_cycle_q;
      count[1] += longint'(perf_q.executed);
      count[2] += longint'(perf_q.stalled);
      for (int e = 0; e < 4; e++) count[3+e] += longint'(perf_q.lines[e]);
      for (int c = 0; c < int'(NumCus); c++) begin
        count[7+4*c] += longint'(perf_q.cus[c].mac_step);
        count[8+4*c] += longint'(perf_q.cus[c].mac_window);
        count[9+4*c] += longint'(perf_q.cus[c].mac_credit);
        count[10+4*c] += longint'(perf_q.cus[c].vec_read);
      end
      program_cycle_q <= start_q ? 1 : program_cycle_q + 1;
      if (start_q || !own_rst_n_q) for (int i = 0; i < int'(NumCounters); i++) count[i] = 0;
      // --- rounds: reset, start, run
      start_q <= 1'b0;
      if (age_q == 0) own_rst_n_q <= 1'b0;
      if (age_q == 3) own_rst_n_q <= 1'b1;
      if (age_q == 6) begin
        start_q <= 1'b1;
        watchdog_q <= chance(30) ? '0 : 32'(pick(3, 60));
      end
      if (age_q == 7) running_q <= 1'b1;
      if (age_q > 300) begin
        running_q <= 1'b0;
        age_q <= 0;
        round_q <= round_q + 1;
        if (round_q == Rounds) begin
          done_o <= 1'b1;
          $display("sf_error, sf_perf: causes illegal %0d, pc %0d, window %0d, AXI read %0d, write %0d, tokens %0d, watchdog %0d; %0d counters in %0d cycles",
                   causes[1], causes[2], causes[3], causes[4], causes[5], causes[6], causes[7], NumCounters, cycle_q);
          for (int i = 1; i < 8; i++) if (causes[i] == 0) errors_o <= errors_o + 1;
        end
      end
    end
  end
endmodule
