// The memory as one DMA engine sees it, for the benches of LDM, LDW and ST: accepts offers with back-pressure, finishes the bursts of each port in order and
// those of different ports in any, and checks that an offer stays until it is accepted and that the signal of every descriptor comes when it is due.
// Simulation only. Specification: docs/microarchitecture.md, sections 6 and 9 (T16, T18).
module sf_engine_memory
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
#(
  parameter string       Name = "",
  parameter int unsigned MetaW = 1,
  parameter int          Most = 1     // outstanding bursts
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,     // a descriptor starts
  input  offer_t              offer_i,
  input  logic [MetaW-1:0]    meta_i,      // what goes with the offer
  output logic                accept_o,    // combinational: an offer is accepted
  output logic                accepted_o,  // a cycle later, as the engine sees it
  output port_t               port_o,      // of that burst
  input  logic                last_i,      // and whether it was its descriptor's last
  output logic [AxiPorts-1:0] complete_o,
  input  logic                signal_i,    // all bursts of a descriptor are finished
  output int                  signals_o,   // descriptors that are finished
  output int                  waits_o,     // cycles of back-pressure
  output int                  errors_o
);
  logic  open_q, held_q, offered;
  port_t port;
  // The engine sees an acceptance a cycle late; its offer of that cycle does not count.
  assign offered  = offer_i.valid && !accepted_o;
  assign accept_o = offered && open_q;
  assign port     = AxiPorts > 1 ? offer_i.line[2+:PortW] : '0;
  always_ff @(posedge clk_i) begin
    accepted_o <= rst_ni && accept_o;
    port_o     <= port;
  end

  offer_t           held_offer_q;
  logic [MetaW-1:0] held_meta_q;
  int flying [AxiPorts][$], ready_at [AxiPorts][$];  // bursts by port: their descriptor, the cycle in which they may finish
  int left [$], latest [$];                          // by descriptor: bursts that are not finished, cycle of the last that was
  bit complete [$];                                  // by descriptor: all its bursts are accepted
  int cycle_q, outstanding_q;

  function automatic void fail(string what);
    errors_o <= report(errors_o, $sformatf("%s: cycle %0d, finished descriptors %0d: %s", Name, cycle_q, signals_o, what));
  endfunction

  always_ff @(posedge clk_i) begin
    complete_o <= '0;
    if (!rst_ni) begin
      {open_q, held_q} <= '0;
      {cycle_q, outstanding_q, signals_o, waits_o, errors_o} <= '0;
    end else begin
      int outstanding;
      bit due;
      cycle_q <= cycle_q + 1;
      outstanding = outstanding_q + int'(accept_o);
      open_q <= chance((cycle_q / 4000) % 3 == 0 ? 100 : (cycle_q / 4000) % 3 == 1 ? 50 : 8) && outstanding_q < Most;
      if (start_i) begin
        left.push_back(0);
        latest.push_back(0);
        complete.push_back(1'b0);
      end
      // --- offers
      if (held_q && (offer_i != held_offer_q || meta_i != held_meta_q)) fail("an offer changed");
      held_q <= offered && !accept_o;
      held_offer_q <= offer_i;
      held_meta_q <= meta_i;
      if (offered && !accept_o) waits_o <= waits_o + 1;
      if (accepted_o) begin
        // Bursts are accepted in order: this one is of the oldest descriptor that lacks some.
        int owner;
        owner = 0;
        while (owner < complete.size() && complete[owner]) owner++;
        if (owner == complete.size()) fail("a burst of no descriptor");
        else begin
          left[owner] = left[owner] + 1;
          complete[owner] = last_i;
          flying[port_o].push_back(owner + signals_o);
          ready_at[port_o].push_back(cycle_q + (chance(10) ? pick(80, 300) : pick(14, 60)));
        end
      end
      // --- completions
      for (int p = 0; p < int'(AxiPorts); p++) begin
        if (ready_at[p].size() > 0 && ready_at[p][0] <= cycle_q && chance(60)) begin
          int d;
          ready_at[p].delete(0);
          d = flying[p].pop_front() - signals_o;
          complete_o[p] <= 1'b1;
          outstanding = outstanding - 1;
          left[d] = left[d] - 1;
          latest[d] = cycle_q + 1;
        end
      end
      outstanding_q <= outstanding;
      // --- signals: two cycles after the last completion, one a cycle, in order
      due = complete.size() > 0 && complete[0] && left[0] == 0 && latest[0] + 2 <= cycle_q;
      if (signal_i != due) fail(due ? "no signal" : "a signal");
      if (due) begin
        left.delete(0);
        latest.delete(0);
        complete.delete(0);
        signals_o <= signals_o + 1;
      end
    end
  end
endmodule
