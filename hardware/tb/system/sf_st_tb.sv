// Bench of sf_st: random descriptors, a busy port B, a busy memory, responses out of order; every line that is stored, every burst, every strobe and the
// signals are compared with plain loops over words.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T17, T18). Twin: src/simulator/data/st.ts.
module sf_st_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
  import sf_runs_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Descriptors = 1200;

  typedef struct packed {
    run_line_t  at;
    logic [3:0] cu;
  } wanted_t;
  typedef struct packed {
    logic       valid;
    logic [3:0] cu;
    maps_addr_t addr;
  } read_t;

  logic                 start_q, free, accept, accepted, last_q, port_q, slot_take, store, read_signal, write_signal, busy;
  st_desc_t             desc_q;
  st_req_t [NumCus-1:0] req;
  logic    [NumCus-1:0] gnt;
  line_t   [NumCus-1:0] words;
  write_slot_t          slot_q, store_slot, offer_slot;
  logic [1:0]           store_line;
  line_t                store_words;
  word_mask_t           store_mask;
  offer_t               offer;
  port_t                port;
  logic [AxiPorts-1:0]  complete;

  always_comb for (int c = 0; c < int'(NumCus); c++) gnt[c] = req[c].valid && port_q;
  int signals, waits, memory_errors, own_errors_q;
  sf_engine_memory #(.Name("sf_st"), .MetaW($bits(write_slot_t)), .Most(int'(WritesOutstanding) - 1)) u_memory (
    .clk_i, .rst_ni, .start_i(start_q), .offer_i(offer), .meta_i(offer_slot), .accept_o(accept), .accepted_o(accepted), .port_o(port),
    .last_i(last_q), .complete_o(complete), .signal_i(write_signal), .signals_o(signals), .waits_o(waits), .errors_o(memory_errors)
  );
  assign errors_o = own_errors_q + memory_errors;
  sf_st u_dut (
    .clk_i, .rst_ni, .start_i(start_q), .desc_i(desc_q), .free_o(free), .req_o(req), .gnt_i(gnt), .words_i(words),
    .slot_i(slot_q), .slot_take_o(slot_take), .store_o(store), .store_slot_o(store_slot), .store_line_o(store_line), .store_words_o(store_words),
    .store_mask_o(store_mask), .offer_o(offer), .offer_slot_o(offer_slot), .accept_i(accepted), .port_i(port), .complete_i(complete),
    .read_signal_o(read_signal), .write_signal_o(write_signal), .busy_o(busy)
  );

  // The word at an address of a CU's maps.
  function automatic logic [15:0] word_of(logic [3:0] cu, maps_addr_t at);
    return 16'(at) * 16'd40503 ^ {cu, 12'h3a5};
  endfunction
  // Words arrive LatReadLatencyMaps after their grant.
  read_t [LatReadLatencyMaps-1:0] reads_q;
  always_comb begin
    for (int c = 0; c < int'(NumCus); c++) begin
      for (int i = 0; i < 16; i++) words[c][i] = word_of(4'(c), reads_q[LatReadLatencyMaps-1].addr + maps_addr_t'(i));
      if (!reads_q[LatReadLatencyMaps-1].valid || reads_q[LatReadLatencyMaps-1].cu != 4'(c)) words[c] = {16{16'hdead}};
    end
  end

  wanted_t    requests [$], stores [$];
  run_line_t  offers [$];
  logic [4*WriteSlots-1:0] filled;          // lines that lie in the store
  int         read_due [$];                // cycles of read signals
  write_slot_t slots [$], line_slots [$];  // of bursts that are not accepted, and of those whose lines are on their way, in order
  int         used [WriteSlots];
  int         cycle_q, starts_q, lines_q, bursts_q, buffers_q, most_q, first_at_q;
  logic [2:0] accepts_q;                   // acceptances of the last three cycles: the buffer of the oldest can be taken again
  logic       started_q, begun_q;
  logic [1:0] stored_q;

  function automatic void fail(string what);
    own_errors_q <= report(own_errors_q, $sformatf("sf_st: cycle %0d, descriptor %0d: %s", cycle_q, starts_q, what));
  endfunction

  function automatic void expect_lines(runs_t r, logic [3:0] cu);
    for (int row = 0; row < int'(r.rows); row++) begin
      for (int n = 0; n < lines_of(r, row); n++) begin
        wanted_t w;
        w = '{at: line_of(r, row, n), cu: cu};
        requests.push_back(w);
        stores.push_back(w);
        offers.push_back(w.at);
      end
    end
  endfunction

  always_ff @(posedge clk_i) begin
    reads_q <= {reads_q[LatReadLatencyMaps-2:0], read_t'('0)};
    if (!rst_ni) begin
      {done_o, start_q, port_q, started_q, begun_q, last_q, accepts_q} <= '0;
      own_errors_q <= 0;
      filled <= '0;
      {cycle_q, starts_q, lines_q, bursts_q, buffers_q, most_q, first_at_q} <= '0;
      for (int s = 0; s < int'(WriteSlots); s++) used[s] = 0;
      slot_q <= '0;
    end else if (!done_o) begin
      int buffers;
      cycle_q <= cycle_q + 1;
      buffers = buffers_q - int'(accepts_q[2]);
      accepts_q <= {accepts_q[1:0], accept};
      port_q <= chance((cycle_q / 3000) % 3 == 0 ? 100 : (cycle_q / 3000) % 3 == 1 ? 50 : 12);
      // --- requests come one a cycle, as soon as there is a buffer
      begin
        logic due, valid;
        due = requests.size() > 0 && (begun_q || buffers < 2 && cycle_q >= first_at_q);
        valid = 1'b0;
        for (int c = 0; c < int'(NumCus); c++) valid |= req[c].valid;
        if (valid != due) fail(due ? "no request" : "a request too early");
      end
      // --- starts
      start_q <= 1'b0;
      if (free && !start_q && !started_q && starts_q < Descriptors && chance((cycle_q / 5000) % 2 == 0 ? 60 : 4)) begin
        runs_t    r;
        st_desc_t d;
        r = random_runs(300, 12);
        d = {r, 4'(pick(0, int'(NumCus) - 1))};
        expect_lines(r, d.cu);
        desc_q <= d;
        start_q <= 1'b1;
        started_q <= 1'b1;
        starts_q <= starts_q + 1;
        first_at_q <= cycle_q + 2 + int'(LatDmaSetup);
      end
      if (start_q) started_q <= 1'b0;
      // --- requests on port B
      for (int c = 0; c < int'(NumCus); c++) begin
        if (req[c].valid) begin
          if (requests.size() == 0 || requests[0].cu != 4'(c) || requests[0].at.addr != req[c].addr) fail("a request");
          else if (!begun_q && requests[0].at.first) begin
            begun_q <= 1'b1;
            buffers = buffers + 1;
            if (buffers > most_q) most_q <= buffers;
            if (buffers > 2) fail("a third burst buffer");
          end
          if (gnt[c] && requests.size() > 0) begin
            wanted_t w;
            w = requests.pop_front();
            reads_q[0] <= '{valid: 1'b1, cu: 4'(c), addr: req[c].addr};
            if (w.at.last_of_burst) begun_q <= 1'b0;
            if (w.at.last) read_due.push_back(cycle_q + 1);
          end
        end
      end
      begin
        bit due;
        due = read_due.size() > 0 && read_due[0] == cycle_q;
        if (read_signal != due) fail("read signal");
        if (due) begin
          read_due.delete(0);
        end
      end
      // --- slots of the write store
      if (slot_take) begin
        used[slot_q] = 1;
        slots.push_back(slot_q);
        line_slots.push_back(slot_q);
      end
      for (int s = 0; s < int'(WriteSlots); s++) begin
        int at;
        at = (s + cycle_q) % int'(WriteSlots);
        if (used[at] == 0) slot_q <= write_slot_t'(at);
      end
      // --- lines that are stored
      if (store) begin
        wanted_t w;
        if (stores.size() == 0) fail("a line too many");
        else begin
          w = stores.pop_front();
          lines_q <= lines_q + 1;
          if (store_mask != w.at.mask) fail("strobes");
          for (int i = 0; i < 16; i++) if (w.at.mask[i] && store_words[i] != word_of(w.cu, w.at.addr + maps_addr_t'(i))) fail("words");
          if (line_slots.size() == 0 || store_slot != line_slots[0] || store_line != (w.at.first ? 2'd0 : stored_q + 2'd1)) fail("the place of a line");
          stored_q <= store_line;
          if (w.at.last_of_burst) line_slots.delete(0);
          filled[{store_slot, store_line}] <= 1'b1;
        end
      end
      // --- offers: full bursts, in order
      if (accept) begin
        logic last;
        last = 1'b0;
        bursts_q <= bursts_q + 1;
        for (int i = 0; i < int'(offer.lines); i++) begin
          run_line_t w;
          if (offers.size() == 0) fail("a burst too many");
          else begin
            w = offers.pop_front();
            last = w.last;
            if (w.line != offer.line + 28'(i) || w.first != (i == 0) || w.last_of_burst != (i == int'(offer.lines) - 1)) fail("a burst's lines");
            if (!filled[{offer_slot, 2'(i)}] && !(store && {store_slot, store_line} == {offer_slot, 2'(i)})) fail("a burst before its lines");
          end
        end
        if (slots.size() == 0 || slots[0] != offer_slot) fail("another slot");
        else begin
          write_slot_t s;
          s = slots.pop_front();
          used[s] = 0;
          for (int i = 0; i < 4; i++) filled[{s, 2'(i)}] <= 1'b0;
        end
        last_q <= last;
      end
      buffers_q <= buffers;
      if (starts_q == Descriptors && signals == Descriptors && !busy) begin
        done_o <= 1'b1;
        if (offers.size() + stores.size() + requests.size() != 0) fail("lines are missing");
        $display("sf_st: %0d descriptors, %0d bursts, %0d lines, %0d burst buffers at most, %0d cycles of back-pressure", starts_q, bursts_q, lines_q, most_q,
                 waits);
        if (waits == 0 || most_q != 2) own_errors_q <= own_errors_q + 1;
      end else if (cycle_q > 3000000) begin
        fail("does not end");
        done_o <= 1'b1;
      end
    end
  end
endmodule
