// Bench of sf_result_fifo with sf_credits and sf_write_signal: random production, grants and acknowledges; order, words, credits, write signals.
// Specification: docs/microarchitecture.md, section 9 (T8 to T11).
module sf_result_fifo_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Granules = 20000;
  localparam cu_mask_t OwnCu = cu_mask_t'(1);

  int         made_q;
  logic       alloc_q, ready_q, returned, own_req, last, bus_last, own_gnt, bus_gnt, enough, take_q, signal, signal_busy;
  meta_t      meta_q;
  word_mask_t write_q;
  logic [LineWords-1:0][FifoW-1:0] slot_q;
  line_t      words_q;
  bus_req_t   bus_req;
  granule_t   granule;
  cu_mask_t   ack_q;
  logic       take;
  assign take = take_q && enough && made_q < Granules;
  sf_credits #(.Entries(ResultFifoGranules), .Most(4)) u_credits (
    .clk_i, .rst_ni, .returned_i(returned), .need_i(3'd1), .enough_o(enough), .take_i(take)
  );
  sf_result_fifo #(.SlotW(FifoW)) u_fifo (
    .clk_i, .rst_ni, .alloc_i(alloc_q), .meta_i(meta_q), .ready_i(ready_q), .write_i(write_q), .write_slot_i(slot_q), .write_words_i(words_q),
    .returned_o(returned), .own_req_o(own_req), .bus_req_o(bus_req), .last_o(last), .bus_last_o(bus_last), .own_gnt_i(own_gnt), .bus_gnt_i(bus_gnt), .granule_o(granule)
  );
  sf_write_signal u_signal (
    .clk_i, .rst_ni, .own_last_i(own_gnt && last), .bus_last_i(bus_last), .cus_i(bus_req.cus), .ack_i(ack_q), .write_o(signal),
    .busy_o(signal_busy)
  );

  logic open_q, grant_q;
  assign own_gnt = own_req && open_q;
  assign bus_gnt = bus_req.valid && open_q;
  assert property (@(posedge clk_i) disable iff (!rst_ni) !(own_req && bus_req.valid));

  expected_t  queued [$];   // allocated, in order
  expected_t  unwritten [$];  // words to write, in order
  expected_t  owed [$];     // descriptors granted, signal due
  int         acks [NumCus][$];  // cycles at which the targets acknowledge, in order
  int         cycle_q, seen_q, held_q, slot_next_q, signals_q, lasts_q, most_q;
  cu_mask_t   acked [$];    // by descriptor in owed: targets that have acknowledged

  always_ff @(posedge clk_i) begin
    open_q <= chance(((cycle_q / 1500) % 3 == 0) ? 10 : ((cycle_q / 1500) % 3 == 1) ? 95 : 50);
    take_q <= chance(60);
    grant_q <= own_gnt || bus_gnt;
    if (!rst_ni) begin
      done_o <= 1'b0;
      errors_o <= 0;
      alloc_q <= 1'b0;
      ready_q <= 1'b0;
      write_q <= '0;
      ack_q <= '0;
      cycle_q <= 0;
      made_q <= 0;
      seen_q <= 0;
      held_q <= 0;
      slot_next_q <= 0;
      signals_q <= 0;
      lasts_q <= 0;
      most_q <= 0;
    end else if (!done_o) begin
      int held;
      cycle_q <= cycle_q + 1;
      held = held_q;
      // --- a granule is announced with a credit, written later, ready in order
      alloc_q <= 1'b0;
      if (take) begin
        expected_t e;
        cu_mask_t  cus;
        cus = (NumCus == 1 || chance(50)) ? OwnCu : cu_mask_t'(pick(1, 2 ** NumCus - 1));
        e = '{last: chance(6), cus: cus, addr: maps_addr_t'($urandom), mask: word_mask_t'($urandom), words: random_line()};
        alloc_q <= 1'b1;
        meta_q <= '{last: e.last, own: cus == OwnCu, cus: cus, addr: e.addr, mask: e.mask};
        queued.push_back(e);
        unwritten.push_back(e);
        made_q <= made_q + 1;
        held = held + 1;
      end
      // Words in two halves, the second with the granule becoming ready.
      ready_q <= 1'b0;
      write_q <= '0;
      slot_q <= {LineWords{FifoW'(slot_next_q)}};
      if (unwritten.size() > 1 || (unwritten.size() == 1 && !take)) begin
        expected_t e;
        e = unwritten[0];
        words_q <= e.words;
        if (chance(30)) begin
          write_q <= 16'h00ff;
        end else if (chance(70)) begin
          e = unwritten.pop_front();
          write_q <= 16'hffff;
          ready_q <= 1'b1;
          slot_next_q <= slot_next_q + 1;
        end
      end
      // --- grants
      if (grant_q) begin
        expected_t e;
        e = queued.pop_front();
        seen_q <= seen_q + 1;
        if (granule.addr != e.addr || granule.mask != e.mask || granule.last != e.last || granule.words != e.words) begin
          errors_o <= report(errors_o, $sformatf("sf_result_fifo: granule %0d is %h, expected %h", seen_q, granule, {e.last, e.addr, e.mask, e.words}));
        end
      end
      if (own_gnt || bus_gnt) begin
        if (queued.size() > 0) begin
          expected_t e;
          e = queued[0];
          if (bus_gnt != (e.cus != OwnCu) || last != e.last || (bus_gnt && bus_req.cus != e.cus)) begin
            errors_o <= report(errors_o, $sformatf("sf_result_fifo: head does not fit granule %0d", seen_q));
          end
          if (e.last) begin
            lasts_q <= lasts_q + 1;
            owed.push_back(e);
            acked.push_back((e.cus == OwnCu) ? e.cus : '0);
            if (e.cus != OwnCu) for (int c = 0; c < int'(NumCus); c++) if (e.cus[c]) acks[c].push_back(cycle_q + pick(3, 40));
          end
        end
        held = held - 1;
      end
      held_q <= held;
      if (held > most_q) most_q <= held;
      if (held > int'(ResultFifoGranules)) errors_o <= errors_o + 1;
      // --- acknowledges in order for each target; signals in order, when all targets have
      ack_q <= '0;
      for (int c = 0; c < int'(NumCus); c++) begin
        if (acks[c].size() > 0 && acks[c][0] <= cycle_q) begin
          int due;
          due = acks[c].pop_front();
          ack_q[c] <= 1'b1;
        end
        if (ack_q[c]) begin
          bit found;
          found = 1'b0;
          for (int i = 0; i < owed.size(); i++) begin
            if (!found && owed[i].cus != OwnCu && owed[i].cus[c] && !acked[i][c]) begin
              cu_mask_t so_far;
              so_far = acked[i];
              so_far[c] = 1'b1;
              acked[i] = so_far;
              found = 1'b1;
            end
          end
        end
      end
      if (signal) begin
        signals_q <= signals_q + 1;
      end
      if (made_q >= Granules && queued.size() == 0 && !signal_busy && owed.size() == signals_q + int'(signal)) begin
        done_o <= 1'b1;
        $display("sf_result_fifo: %0d granules, %0d descriptors, %0d held at most", seen_q, lasts_q, most_q);
        if (lasts_q != signals_q + int'(signal) || most_q != int'(ResultFifoGranules)) errors_o <= errors_o + 1;
      end
      // A signal may come only when the descriptor at its place in the order is written everywhere.
      if (signal) begin
        if (signals_q >= owed.size() || (acked[signals_q] & owed[signals_q].cus) != owed[signals_q].cus) begin
          errors_o <= report(errors_o, $sformatf("sf_result_fifo: signal %0d too early", signals_q));
        end
      end
    end
  end
endmodule
