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
  output logic                full_o,       // no descriptor may begin
  output logic                signal_o,     // registered
  output logic                busy_o
);
  // Descriptors whose bursts are all accepted but not finished. With the memory of the specification fewer than 64 (hardware/README.md);
  // a start waits if there were more.
  localparam int unsigned Depth = 64;
  // Bursts by which a port may be ahead of the oldest unfinished descriptor: half the range of the counters.
  localparam int unsigned CountW = 12;
  typedef logic [CountW-1:0] count_t;
  localparam count_t HalfRange = count_t'(2 ** (CountW - 1));

  count_t [AxiPorts-1:0] issued_q, issued_d, finished_q, target;
  logic                  waiting, done, signal_q, full, ahead_q;

  always_comb begin
    issued_d = issued_q;
    for (int p = 0; p < int'(AxiPorts); p++) if (issue_i && port_i == port_t'(p)) issued_d[p] = issued_q[p] + count_t'(1);
  end

  // Differences modulo 2^12: finished ≥ target when the difference is below half the range.
  logic [AxiPorts-1:0] reached, far;
  always_comb begin
    for (int p = 0; p < int'(AxiPorts); p++) begin
      reached[p] = finished_q[p] - target[p] < HalfRange;
      // A quarter of the range ahead of the oldest descriptor: no further descriptor until it is finished.
      far[p]     = issued_q[p] - target[p] >= HalfRange / 2 && issued_q[p] - target[p] < HalfRange;
    end
  end
  assign done = waiting && reached == '1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      issued_q   <= '0;
      finished_q <= '0;
      signal_q   <= 1'b0;
      ahead_q    <= 1'b0;
    end else begin
      issued_q <= issued_d;
      for (int p = 0; p < int'(AxiPorts); p++) if (complete_i[p]) finished_q[p] <= finished_q[p] + count_t'(1);
      signal_q <= done;
      ahead_q  <= waiting && far != '0;
    end
  end

  sf_fifo #(.Width(AxiPorts * CountW), .Depth(Depth)) u_targets (
    .clk_i, .rst_ni,
    .push_i (issue_i && last_i),
    .data_i (issued_d),
    .pop_i  (done),
    .valid_o(waiting),
    .data_o (target),
    .full_o (full)
  );

  assign full_o   = full || ahead_q;
  assign signal_o = signal_q;
  assign busy_o   = waiting || signal_q;
endmodule
