// Bench of sf_result_bus: random requests to random sets of CUs, bus-in FIFOs that drain at random, acknowledges; the grant of every cycle, every write and
// every acknowledge are compared with a model. Specification: docs/microarchitecture.md, section 9 (T10, T11).
module sf_result_bus_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Granules = 30000;
  localparam int Sources = int'(NumSources);

  logic                        start_q;
  bus_req_t   [NumSources-1:0] req_q;
  logic       [NumSources-1:0] gnt;
  granule_t                    granule_q [NumSources];
  bus_write_t [NumCus-1:0]     write;
  cu_mask_t                    pop_q;
  bus_ack_t   [NumCus-1:0]     ack_q;
  cu_mask_t   [NumSources-1:0] acked;
  sf_result_bus u_dut (
    .clk_i, .rst_ni, .start_i(start_q), .req_i(req_q), .gnt_o(gnt), .granule_i(granule_q), .write_o(write), .pop_i(pop_q), .ack_i(ack_q), .ack_o(acked)
  );

  typedef struct packed {
    int       at;
    cu_mask_t cus;
    source_t  source;
    granule_t granule;
  } flight_t;
  flight_t  flights [$];                // granted, not yet at their targets
  int       held [NumCus];              // entries of the bus-in FIFOs, from the second cycle behind the grant on
  cu_mask_t late_q;                     // targets of the cycle before's grant
  int       there [NumCus];             // of them, arrived
  int       last_q, cycle_q, granted_q, waits_q, full_q, acks_q;
  cu_mask_t [NumSources-1:0] due_acks [int'(LatBus)];

  function automatic void fail(string what);
    errors_o <= report(errors_o, $sformatf("sf_result_bus: cycle %0d: %s", cycle_q, what));
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {done_o, start_q, late_q, req_q, pop_q, ack_q} <= '0;
      granule_q <= '{default: '0};
      errors_o <= 0;
      {cycle_q, granted_q, waits_q, full_q, acks_q} <= '0;
      last_q <= Sources - 1;
      for (int c = 0; c < int'(NumCus); c++) begin
        held[c] = 0;
        there[c] = 0;
      end
      for (int i = 0; i < int'(LatBus); i++) due_acks[i] = '0;
    end else if (!done_o) begin
      int winner;
      cycle_q <= cycle_q + 1;
      // --- the first requester behind the last granted one, of which every target has room
      winner = -1;
      for (int i = 1; i <= Sources; i++) begin
        int s;
        bit room;
        s = (last_q + i) % Sources;
        room = req_q[s].valid;
        for (int c = 0; c < int'(NumCus); c++) if (req_q[s].cus[c] && held[c] >= int'(BusFifoEntries)) room = 1'b0;
        if (req_q[s].valid && !room) full_q <= full_q + 1;
        if (room && winner < 0) winner = s;
      end
      if (gnt != (winner < 0 ? '0 : NumSources'(1) << winner)) fail("another grant");
      // --- writes at the targets, LatBus behind the grant
      for (int c = 0; c < int'(NumCus); c++) begin
        bit due;
        due = flights.size() > 0 && flights[0].at == cycle_q && flights[0].cus[c];
        if (write[c].valid != due) fail("a write, or none");
        else if (due) begin
          if (write[c].source != flights[0].source || write[c].granule != flights[0].granule) fail("another granule");
          there[c]++;
        end
      end
      if (flights.size() > 0 && flights[0].at <= cycle_q) begin
        flights.delete(0);
      end
      // --- acknowledges: at p+1 here, LatBus behind p at the source
      for (int s = 0; s < Sources; s++) if (acked[s] != due_acks[int'(LatBus)-1][s]) fail("an acknowledge");
      for (int i = int'(LatBus) - 1; i > 0; i--) due_acks[i] = due_acks[i-1];
      // --- room comes back the cycle after the grant of port B
      for (int c = 0; c < int'(NumCus); c++) held[c] += int'(late_q[c]) - int'(pop_q[c]);
      late_q <= '0;
      for (int c = 0; c < int'(NumCus); c++) begin
        pop_q[c] <= 1'b0;
        if (there[c] > 0 && chance((cycle_q / 2000) % 3 == 0 ? 95 : (cycle_q / 2000) % 3 == 1 ? 40 : 12)) begin
          pop_q[c] <= 1'b1;
          there[c]--;
        end
      end
      due_acks[0] = '0;
      for (int c = 0; c < int'(NumCus); c++) begin
        ack_q[c] <= '{valid: 1'b0, source: source_t'($urandom)};
        if (chance(20)) begin
          source_t s;
          s = source_t'(pick(0, Sources - 1));
          ack_q[c] <= '{valid: 1'b1, source: s};
          due_acks[0][s][c] = 1'b1;
          acks_q <= acks_q + 1;
        end
      end
      // --- requests stay until granted; the granule is there in the cycle after
      for (int s = 0; s < Sources; s++) begin
        granule_q[s] <= granule_t'('0);
        if (req_q[s].valid && winner != s) waits_q <= waits_q + 1;
        // None in the cycle behind a grant, when the targets are still those of the granule.
        if (winner == s) req_q[s].valid <= 1'b0;
        else if (!req_q[s].valid) begin
          req_q[s].valid <= chance((cycle_q / 3000) % 2 == 0 ? 60 : 10) && granted_q < Granules;
          req_q[s].cus <= cu_mask_t'(pick(1, 2 ** NumCus - 1));
        end
      end
      if (winner >= 0) begin
        granule_t g;
        flight_t  f;
        g = '{last: chance(10), addr: maps_addr_t'($urandom), mask: word_mask_t'($urandom), words: random_line()};
        granule_q[winner] <= g;
        f = '{at: cycle_q + int'(LatBus), cus: req_q[winner].cus, source: source_t'(winner), granule: g};
        flights.push_back(f);
        late_q <= req_q[winner].cus;
        granted_q <= granted_q + 1;
        last_q <= winner;
      end
      if (granted_q >= Granules && flights.size() == 0 && winner < 0) begin
        done_o <= 1'b1;
        $display("sf_result_bus: %0d granules, %0d waits, %0d of them for room, %0d acknowledges", granted_q, waits_q, full_q, acks_q);
        if (full_q == 0) errors_o <= errors_o + 1;
      end else if (cycle_q > 2000000) begin
        fail("does not end");
        done_o <= 1'b1;
      end
    end
  end
endmodule
