// Bench of sf_st: random descriptors, a busy port B, a busy memory, responses out of order; every line that is stored, every burst, every strobe and the
// signals are compared with plain loops over words.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T17, T18). Twin: src/simulator/data/st.ts.
module sf_st_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Descriptors = 1200;

  typedef struct packed {
    line_addr_t line;
    word_mask_t mask;
    maps_addr_t addr;   // of word 0
    logic [3:0] cu;
    logic       first;
    logic       last_of_burst;
    logic       last;
  } wanted_t;
  typedef struct packed {
    logic       valid;
    logic [3:0] cu;
    maps_addr_t addr;
  } read_t;

  logic                 start_q, free, accept, open_q, port_q, slot_take, store, read_signal, write_signal, busy;
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
  logic [AxiPorts-1:0]  complete_q;

  always_comb for (int c = 0; c < int'(NumCus); c++) gnt[c] = req[c].valid && port_q;
  // The engine sees an acceptance a cycle late; its offer of that cycle does not count.
  logic  accepted_q, offered;
  port_t accepted_port_q;
  assign offered = offer.valid && !accepted_q;
  assign accept  = offered && open_q;
  always_ff @(posedge clk_i) begin
    accepted_q      <= rst_ni && accept;
    accepted_port_q <= port;
  end
  assign port   = AxiPorts > 1 ? offer.line[2+:PortW] : '0;
  sf_st u_dut (
    .clk_i, .rst_ni, .start_i(start_q), .desc_i(desc_q), .free_o(free), .req_o(req), .gnt_i(gnt), .words_i(words), 
    .slot_i(slot_q), .slot_take_o(slot_take), .store_o(store), .store_slot_o(store_slot), .store_line_o(store_line), .store_words_o(store_words),
    .store_mask_o(store_mask), .offer_o(offer), .offer_slot_o(offer_slot), .accept_i(accepted_q), .port_i(accepted_port_q), .complete_i(complete_q),
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

  wanted_t    requests [$], stores [$], offers [$];
  logic [4*WriteSlots-1:0] filled;          // lines that lie in the store
  int         flying [AxiPorts][$], ready_at [AxiPorts][$];
  int         left [$], latest [$];
  int         read_due [$];                // cycles of read signals
  write_slot_t slots [$], line_slots [$];  // of bursts that are not accepted, and of those whose lines are on their way, in order
  int         used [WriteSlots];
  int         cycle_q, starts_q, lines_q, bursts_q, signals_q, oldest_q, waits_q, buffers_q, most_q, outstanding_q, requested_q;
  logic       held_valid_q, started_q, begun_q;
  offer_t     held_q;
  logic [1:0] stored_q;

  function automatic void fail(string what);
    errors_o <= errors_o + 1;
    if (errors_o < 5) $display("sf_st: cycle %0d, descriptor %0d: %s", cycle_q, starts_q, what);
  endfunction

  function automatic void expect_lines(st_desc_t d);
    for (int r = 0; r < int'(d.rows); r++) begin
      logic [31:0] address, last, offset;
      address = d.dram_address + 32'(r) * d.dram_step;
      last = address + 32'(d.words) - 32'd1;
      offset = 32'(d.offset) + 32'(r) * 32'(d.step);
      if (d.ring != '0) offset = offset % 32'(d.ring);
      for (logic [27:0] l = address[31:4]; l <= last[31:4]; l++) begin
        wanted_t w;
        w = '0;
        w.line = l;
        w.cu = d.cu;
        w.addr = maps_addr_t'(32'(d.base) + offset + {l, 4'd0} - address);
        for (int i = 0; i < 16; i++) w.mask[i] = {l, 4'(i)} >= address && {l, 4'(i)} <= last;
        w.first = l == address[31:4] || int'(l) % int'(BurstLines) == 0;
        w.last_of_burst = l == last[31:4] || int'(l + 28'd1) % int'(BurstLines) == 0;
        w.last = r == int'(d.rows) - 1 && l == last[31:4];
        requests.push_back(w);
        stores.push_back(w);
        offers.push_back(w);
      end
    end
  endfunction

  always_ff @(posedge clk_i) begin
    reads_q <= {reads_q[LatReadLatencyMaps-2:0], read_t'('0)};
    if (!rst_ni) begin
      {done_o, start_q, open_q, port_q, held_valid_q, started_q, begun_q} <= '0;
      complete_q <= '0;
      errors_o <= 0;
      filled <= '0;
      {cycle_q, starts_q, lines_q, bursts_q, signals_q, oldest_q, waits_q, buffers_q, most_q, outstanding_q, requested_q} <= '0;
      for (int s = 0; s < int'(WriteSlots); s++) used[s] = 0;
      slot_q <= '0;
    end else if (!done_o) begin
      int buffers, outstanding;
      cycle_q <= cycle_q + 1;
      buffers = buffers_q;
      outstanding = outstanding_q;
      port_q <= chance((cycle_q / 3000) % 3 == 0 ? 100 : (cycle_q / 3000) % 3 == 1 ? 50 : 12);
      open_q <= chance((cycle_q / 4000) % 2 == 0 ? 90 : 8) && outstanding_q < int'(WritesOutstanding) - 1;
      // --- starts
      start_q <= 1'b0;
      if (free && !start_q && !started_q && starts_q < Descriptors && chance(60)) begin
        st_desc_t d;
        d = '0;
        d.dram_address = $urandom_range(1 << 28);
        d.words = chance(20) ? 20'(pick(1, 300)) : 20'(pick(1, 70));
        d.rows = chance(20) ? 20'(pick(1, 12)) : 20'(pick(1, 3));
        d.dram_step = chance(30) ? 32'(d.words) : $urandom_range(1 << 20);
        d.base = 20'(pick(0, 2 ** MapsAddrW - 1));
        d.step = 20'(d.words) + 20'(pick(0, 40));
        d.ring = chance(50) ? 20'(int'(d.step) * pick(1, 6)) : '0;
        d.offset = d.ring == '0 ? 20'(pick(0, 5000)) : 20'(int'(d.step) * pick(0, int'(d.ring / d.step) - 1));
        d.cu = 4'(pick(0, int'(NumCus) - 1));
        expect_lines(d);
        desc_q <= d;
        start_q <= 1'b1;
        started_q <= 1'b1;
        starts_q <= starts_q + 1;
        left.push_back(1000);
        latest.push_back(0);
      end
      if (start_q) started_q <= 1'b0;
      // --- requests on port B
      for (int c = 0; c < int'(NumCus); c++) begin
        if (req[c].valid) begin
          if (requests.size() == 0 || requests[0].cu != 4'(c) || requests[0].addr != req[c].addr) fail("a request");
          else if (!begun_q && requests[0].first) begin
            begun_q <= 1'b1;
            buffers = buffers + 1;
            if (buffers > most_q) most_q <= buffers;
            if (buffers > 2) fail("a third burst buffer");
          end
          if (gnt[c] && requests.size() > 0) begin
            wanted_t w;
            w = requests.pop_front();
            reads_q[0] <= '{valid: 1'b1, cu: 4'(c), addr: req[c].addr};
            requested_q <= requested_q + 1;
            if (w.last_of_burst) begun_q <= 1'b0;
            if (w.last) read_due.push_back(cycle_q + 1);
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
          if (store_mask != w.mask) fail("strobes");
          for (int i = 0; i < 16; i++) if (w.mask[i] && store_words[i] != word_of(w.cu, w.addr + maps_addr_t'(i))) fail("words");
          if (line_slots.size() == 0 || store_slot != line_slots[0] || store_line != (w.first ? 2'd0 : stored_q + 2'd1)) fail("the place of a line");
          stored_q <= store_line;
          if (w.last_of_burst) line_slots.delete(0);
          filled[{store_slot, store_line}] <= 1'b1;
        end
      end
      // --- offers: full bursts, in order
      if (held_valid_q && offer != held_q) fail("an offer changed");
      held_valid_q <= offered && !accept;
      held_q <= offer;
      if (offered && !accept) waits_q <= waits_q + 1;
      if (accept) begin
        logic last;
        last = 1'b0;
        bursts_q <= bursts_q + 1;
        buffers = buffers - 1;
        for (int i = 0; i < int'(offer.lines); i++) begin
          wanted_t w;
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
        // All bursts of a descriptor are accepted in order: its owner is the oldest that is not complete.
        begin
          int owner, n;
          owner = 0;
          while (left[owner] < 900) owner++;
          n = left[owner];
          left[owner] = last ? n - 999 : n + 1;
          flying[port].push_back(owner + oldest_q);
        end
        ready_at[port].push_back(cycle_q + (chance(10) ? pick(80, 200) : pick(20, 60)));
        outstanding = outstanding + 1;
      end
      buffers_q <= buffers;
      // --- responses
      complete_q <= '0;
      for (int p = 0; p < int'(AxiPorts); p++) begin
        if (ready_at[p].size() > 0 && ready_at[p][0] <= cycle_q && chance(60)) begin
          int d, n;
          ready_at[p].delete(0);
          d = flying[p].pop_front() - oldest_q;
          complete_q[p] <= 1'b1;
          outstanding = outstanding - 1;
          n = left[d];
          left[d] = n - 1;
          latest[d] = cycle_q + 1;
        end
      end
      outstanding_q <= outstanding;
      begin
        bit due;
        due = left.size() > 0 && left[0] == 0 && latest[0] + 2 <= cycle_q;
        if (write_signal != due) fail(due ? "no write signal" : "a write signal");
        if (due) begin
          left.delete(0);
          latest.delete(0);
          oldest_q <= oldest_q + 1;
          signals_q <= signals_q + 1;
        end
      end
      if (starts_q == Descriptors && signals_q == Descriptors && !busy) begin
        done_o <= 1'b1;
        if (offers.size() + stores.size() + requests.size() != 0) fail("lines are missing");
        $display("sf_st: %0d descriptors, %0d bursts, %0d lines, %0d burst buffers at most, %0d cycles of back-pressure", starts_q, bursts_q, lines_q, most_q,
                 waits_q);
        if (waits_q == 0 || most_q != 2) errors_o <= errors_o + 1;
      end else if (cycle_q > 3000000) begin
        fail("does not end");
        done_o <= 1'b1;
      end
    end
  end
endmodule
