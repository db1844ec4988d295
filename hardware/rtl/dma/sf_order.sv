// Tells when the bursts of an engine's descriptors are finished, descriptor by descriptor, although ports finish out of order.
// Specification: docs/microarchitecture.md, section 9 (T16, T18). Twins: src/simulator/timing/dma.ts, store.ts (the order of signals).
//
// A port finishes its bursts in order, so a descriptor is finished when every port has finished as many bursts as had been issued to it when the
// descriptor's last burst was. Completions at t give the signal at t+2; one signal a cycle, in the order of the descriptors.
module sf_order
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                issue_i,      // a burst was accepted
  input  port_t               port_i,
  input  logic                last_i,       // the descriptor's last
  input  logic [AxiPorts-1:0] complete_i,   // a burst of this port is finished
  output logic                full_o,       // registered: no descriptor may begin
  output logic                hold_o,       // registered: no burst may be offered
  output logic                signal_o,     // registered
  output logic                busy_o
);
  // Descriptors whose bursts are all accepted but not finished. With the memory of the specification far fewer than 64 (hardware/README.md);
  // a start waits if there were more. That is told a few cycles late, in which one or two more may start: Spare is more than that.
  localparam int unsigned Depth = 64;
  localparam int unsigned Spare = 4;
  localparam int unsigned PendingW = $clog2(Depth + 2);
  // Bursts issued behind the oldest unfinished descriptor's last: a port finishes all it has accepted within Lag cycles, and one burst a cycle is
  // accepted at most. Offers would wait if there were more (a bus that stalls).
  localparam int unsigned Lag = (ReadsPerPort > WritesOutstanding ? ReadsPerPort : WritesOutstanding) * BurstLines * Slots;
  // Counts are kept modulo a range of which half is more than that.
  localparam int unsigned CountW = $clog2(Lag + ReadsPerEngine + 16) + 1;
  typedef logic [CountW-1:0] count_t;
  localparam count_t MostAhead = count_t'(2 ** (CountW - 1) - 8);

  typedef struct packed {
    count_t                all;    // issued to any port
    count_t [AxiPorts-1:0] ports;
  } counts_t;
  counts_t               issued_q, issued_d, target;
  count_t [AxiPorts-1:0] finished_q;
  count_t                ahead;
  logic                  waiting, any, done, signal_q, hold_q, full_q, unused_full;
  logic [PendingW-1:0]   pending_q;

  always_comb begin
    issued_d.all = issued_q.all + count_t'(1);
    for (int p = 0; p < int'(AxiPorts); p++) issued_d.ports[p] = issued_q.ports[p] + count_t'(port_i == port_t'(p));
  end

  // Differences modulo the range: finished ≥ target when the difference is below half the range.
  logic [AxiPorts-1:0] reached;
  count_t [AxiPorts-1:0] beyond;
  logic                unused_beyond;
  always_comb begin
    for (int p = 0; p < int'(AxiPorts); p++) begin
      beyond[p]  = finished_q[p] - target.ports[p];
      reached[p] = !beyond[p][CountW-1];
    end
  end
  assign unused_beyond = ^beyond;
  assign ahead = issued_q.all - target.all;
  assign done  = waiting && reached == '1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      issued_q   <= '0;
      finished_q <= '0;
      signal_q   <= 1'b0;
      hold_q     <= 1'b0;
      pending_q  <= '0;
      full_q     <= 1'b0;
    end else begin
      if (issue_i) issued_q <= issued_d;
      for (int p = 0; p < int'(AxiPorts); p++) if (complete_i[p]) finished_q[p] <= finished_q[p] + count_t'(1);
      signal_q <= done;
      hold_q   <= waiting && ahead >= MostAhead;
      pending_q <= pending_q + PendingW'(issue_i && last_i) - PendingW'(signal_q);
      full_q    <= pending_q > PendingW'(Depth - Spare);
    end
  end

  // A burst takes many cycles from its acceptance to its end: the target is at the head in time.
  sf_fifo_head #(.Width($bits(counts_t)), .Depth(Depth)) u_targets (
    .clk_i, .rst_ni,
    .push_i (issue_i && last_i),
    .data_i (issued_d),
    .pop_i  (done),
    .valid_o(waiting),
    .data_o (target),
    .any_o  (any),
    .full_o (unused_full)
  );

  assign full_o   = full_q;
  assign hold_o   = hold_q;
  assign signal_o = signal_q;
  assign busy_o   = any || signal_q;
endmodule
