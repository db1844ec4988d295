// Bench of sf_ldm and sf_ldw with sf_run_bursts and sf_order: random descriptors, acceptance with back-pressure, ports that finish out of order; every
// burst, what each of its lines is to do, and the cycle of every signal are compared with plain loops over lines.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T15, T16). Twins: src/simulator/data/ldm.ts, ldw.ts.
module sf_load_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
#(
  parameter bit Weights = 1'b0  // sf_ldw in place of sf_ldm
) (
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Descriptors = 1500;

  // One line of a descriptor, and what is to be done with it.
  typedef struct packed {
    line_addr_t  line;
    read_addr_t  addr;
    cu_mask_t    cus;
    word_mask_t  mask;    // LDM
    logic        table_space;
    logic [1:0]  vmac;    // LDW
    logic        first;   // of a burst
    logic        last;    // of the descriptor
  } wanted_t;

  logic       start_q, free, accept, signal, busy, open_q;
  ldm_desc_t  ldm_desc_q;
  ldw_desc_t  ldw_desc_q;
  offer_t     offer;
  read_meta_t meta;
  port_t      port;
  logic [AxiPorts-1:0] complete_q;
  // The engine sees an acceptance a cycle late; its offer of that cycle does not count.
  logic  accepted_q, offered;
  port_t port_q;
  assign offered = offer.valid && !accepted_q;
  assign accept  = offered && open_q;
  always_ff @(posedge clk_i) begin
    accepted_q <= rst_ni && accept;
    port_q     <= port;
  end
  assign port   = AxiPorts > 1 ? offer.line[2+:PortW] : '0;
  if (Weights) begin : gen_ldw
    sf_ldw u_dut (
      .clk_i, .rst_ni, .start_i(start_q), .desc_i(ldw_desc_q), .free_o(free), .offer_o(offer), .meta_o(meta), .accept_i(accepted_q), .port_i(port_q),
      .complete_i(complete_q), .signal_o(signal), .busy_o(busy)
    );
  end else begin : gen_ldm
    sf_ldm u_dut (
      .clk_i, .rst_ni, .start_i(start_q), .desc_i(ldm_desc_q), .free_o(free), .offer_o(offer), .meta_o(meta), .accept_i(accepted_q), .port_i(port_q),
      .complete_i(complete_q), .signal_o(signal), .busy_o(busy)
    );
  end

  wanted_t wanted [$];
  int      flying [AxiPorts][$];     // descriptor of each burst on its way
  int      ready_at [AxiPorts][$];
  int      left [$], latest [$];     // by descriptor in flight: bursts to come, -1000 more while not all are accepted; cycle of the last completion
  int      cycle_q, starts_q, bursts_q, lines_q, signals_q, first_q, oldest_q, waits_q, outstanding_q, start_at_q, last_signal_q;
  logic    held_valid_q, started_q, first_due_q;
  offer_t  held_q;
  read_meta_t held_meta_q;

  function automatic void fail(string what);
    errors_o <= errors_o + 1;
    if (errors_o < 5) $display("sf_%s: cycle %0d, descriptor %0d: %s", Weights ? "ldw" : "ldm", cycle_q, starts_q, what);
  endfunction

  function automatic void expect_maps(ldm_desc_t d);
    for (int r = 0; r < int'(d.rows); r++) begin
      logic [31:0] address, last;
      logic [31:0] offset;
      address = d.dram_address + 32'(r) * d.dram_step;
      last = address + 32'(d.words) - 32'd1;
      offset = 32'(d.offset) + 32'(r) * 32'(d.step);
      if (d.ring != '0) offset = offset % 32'(d.ring);
      for (logic [27:0] l = address[31:4]; l <= last[31:4]; l++) begin
        wanted_t w;
        w = '0;
        w.line = l;
        w.addr = read_addr_t'(maps_addr_t'(32'(d.base) + offset + {l, 4'd0} - address));
        w.cus = d.cus[NumCus-1:0];
        w.table_space = d.space;
        for (int i = 0; i < 16; i++) w.mask[i] = {l, 4'(i)} >= address && {l, 4'(i)} <= last;
        w.first = l == address[31:4] || int'(l) % int'(BurstLines) == 0;
        w.last = r == int'(d.rows) - 1 && l == last[31:4];
        wanted.push_back(w);
      end
    end
  endfunction

  function automatic void expect_weights(ldw_desc_t d);
    for (int n = 0; n < int'(d.images) * int'(d.lines); n++) begin
      wanted_t w;
      int image;
      image = n / int'(d.lines);
      w = '0;
      w.line = d.dram_address[31:4] + 28'(n);
      w.addr = read_addr_t'((int'(d.line) + n % int'(d.lines)) % int'(WeightsLines));
      w.vmac = 2'((int'(d.first_image) + image) % 4);
      w.cus = cu_mask_t'(((1 << d.cus_per_slot) - 1) << ((int'(d.first_image) / 4 + (int'(d.first_image) % 4 + image) / 4) * int'(d.cus_per_slot)));
      w.first = n == 0 || int'(w.line) % int'(BurstLines) == 0;
      w.last = n == int'(d.images) * int'(d.lines) - 1;
      wanted.push_back(w);
    end
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {done_o, start_q, open_q, held_valid_q, started_q, first_due_q} <= '0;
      complete_q <= '0;
      errors_o <= 0;
      {cycle_q, starts_q, bursts_q, lines_q, signals_q, oldest_q, waits_q, outstanding_q, start_at_q} <= '0;
      last_signal_q <= -1;
    end else if (!done_o) begin
      int outstanding;
      cycle_q <= cycle_q + 1;
      outstanding = outstanding_q;
      // At most as many bursts as the memory allows are outstanding.
      open_q <= chance((cycle_q / 4000) % 3 == 0 ? 100 : (cycle_q / 4000) % 3 == 1 ? 50 : 10) && outstanding_q < 14;
      if (left.size() > 0 && !busy && !started_q && !start_q) fail("not busy");
      // --- starts
      start_q <= 1'b0;
      if (free && !start_q && !started_q && starts_q < Descriptors && chance((cycle_q / 5000) % 2 == 0 ? 90 : 20)) begin
        start_q <= 1'b1;
        started_q <= 1'b1;
        starts_q <= starts_q + 1;
        left.push_back(1000);
        latest.push_back(0);
        if (Weights) begin
          ldw_desc_t d;
          d = '0;
          d.dram_address = {28'($urandom_range(1 << 24)), 4'd0};
          d.line = 16'(pick(0, int'(WeightsLines) - 1));
          d.lines = chance(60) ? 16'(pick(1, 6)) : 16'(pick(1, 90));
          d.images = chance(60) ? 16'(pick(1, 16)) : 16'(pick(1, 4));
          d.cus_per_slot = 4'(1 << pick(0, $clog2(NumCus)));
          d.first_image = 16'(pick(0, 4 * (int'(NumCus) / int'(d.cus_per_slot)) - 1));
          expect_weights(d);
          ldw_desc_q <= d;
        end else begin
          ldm_desc_t d;
          d = '0;
          d.dram_address = $urandom_range(1 << 28);
          d.words = chance(20) ? 20'(pick(1, 400)) : 20'(pick(1, 70));
          d.rows = chance(20) ? 20'(pick(1, 20)) : 20'(pick(1, 3));
          d.dram_step = chance(30) ? 32'(d.words) : $urandom_range(1 << 20);
          d.base = 20'(pick(0, 2 ** MapsAddrW - 1));
          d.step = 20'(d.words) + 20'(pick(0, 40));
          d.ring = chance(50) ? 20'(int'(d.step) * pick(1, 6)) : '0;
          d.offset = d.ring == '0 ? 20'(pick(0, 5000)) : 20'(int'(d.step) * pick(0, int'(d.ring / d.step) - 1));
          d.cus = 8'(pick(1, 2 ** NumCus - 1));
          d.space = chance(10);
          expect_maps(d);
          ldm_desc_q <= d;
        end
      end
      if (start_q) begin
        start_at_q <= cycle_q;
        first_due_q <= 1'b1;
        started_q <= 1'b0;
      end
      // The first offer LatDmaSetup after the start, the next ones at once.
      if (first_due_q && !start_q) begin
        if (offer.valid != (cycle_q == start_at_q + int'(LatDmaSetup))) fail("the cycle of the first offer");
        if (offer.valid) first_due_q <= 1'b0;
      end
      // --- offers
      if (held_valid_q && (offer != held_q || meta != held_meta_q)) fail("an offer changed");
      held_valid_q <= offered && !accept;
      held_q <= offer;
      held_meta_q <= meta;
      if (offered && !accept) waits_q <= waits_q + 1;
      if (accept) begin
        read_meta_t m;
        logic       last;
        m = meta;
        last = 1'b0;
        bursts_q <= bursts_q + 1;
        lines_q <= lines_q + int'(offer.lines);
        if (offer.lines == '0 || 32'(offer.line[1:0]) + 32'(offer.lines) > 4) fail("a burst across blocks");
        // Line by line, stepped as sf_read_port does.
        for (int i = 0; i < int'(offer.lines); i++) begin
          wanted_t w;
          word_mask_t mask;
          if (wanted.size() == 0) fail("a line too many");
          else begin
            w = wanted.pop_front();
            last = w.last;
            mask = {16{1'b1}} << m.skip;
            if (i == int'(offer.lines) - 1) mask = mask & ~({16{1'b1}} << m.tail << 1);
            if (w.line != offer.line + 28'(i) || m.addr != w.addr || m.cus != w.cus) fail("a line, its place or its CUs");
            if (!Weights && (mask != w.mask || m.table_space != w.table_space)) fail("a mask");
            if (Weights && m.vmac != w.vmac) fail("a vMAC");
            if (w.first != (i == 0)) fail("the cut");
            m.skip = '0;
            if (!Weights) m.addr = m.addr + 16'd16;
            else if (m.left == 3'd1) begin
              m.addr = read_addr_t'(m.base);
              m.left = m.image_lines;
              m.vmac = m.vmac + 2'd1;
              if (m.vmac == 2'd0) m.cus = m.cus << m.per_slot;
            end else begin
              m.addr = int'(m.addr) == int'(WeightsLines) - 1 ? '0 : m.addr + 16'd1;
              m.left = m.left - 3'd1;
            end
          end
        end
        flying[port].push_back(starts_q - 1);
        ready_at[port].push_back(cycle_q + (chance(10) ? pick(100, 300) : pick(14, 40)));
        outstanding = outstanding + 1;
        begin
          int n;
          n = left[starts_q-1-oldest_q];
          left[starts_q-1-oldest_q] = last ? n - 999 : n + 1;
        end
      end
      // --- completions: in order for each port
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
      // --- signals: two cycles after the last completion, one a cycle, in order
      begin
        bit due;
        due = left.size() > 0 && left[0] == 0 && latest[0] + 2 <= cycle_q;
        if (signal != due) fail(due ? "no signal" : "a signal");
        if (due) begin
          left.delete(0);
          latest.delete(0);
          oldest_q <= oldest_q + 1;
          signals_q <= signals_q + 1;
        end
      end
      if (starts_q == Descriptors && signals_q == Descriptors && !busy) begin
        done_o <= 1'b1;
        if (wanted.size() != 0) fail("lines are missing");
        $display("sf_%s: %0d descriptors, %0d bursts, %0d lines, %0d cycles of back-pressure", Weights ? "ldw" : "ldm", starts_q, bursts_q, lines_q, waits_q);
        if (waits_q == 0) errors_o <= errors_o + 1;
      end else if (cycle_q > 3000000) begin
        fail("does not end");
        done_o <= 1'b1;
      end
    end
  end
endmodule
