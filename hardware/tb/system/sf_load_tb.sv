// Bench of sf_ldm and sf_ldw with sf_run_bursts and sf_order: random descriptors, acceptance with back-pressure, ports that finish out of order; every
// burst, what each of its lines is to do, and the cycle of every signal are compared with plain loops over lines.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T15, T16). Twins: src/simulator/data/ldm.ts, ldw.ts.
module sf_load_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
  import sf_runs_bench_pkg::*;
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

  logic       start_q, free, accept, accepted, last_q, signal, busy;
  ldm_desc_t  ldm_desc_q;
  ldw_desc_t  ldw_desc_q;
  offer_t     offer;
  read_meta_t meta;
  port_t      port;  // of the accepted burst
  logic [AxiPorts-1:0] complete;
  int         signals, waits, memory_errors, own_errors_q;
  sf_engine_memory #(.Name(Weights ? "sf_ldw" : "sf_ldm"), .MetaW($bits(read_meta_t)), .Most(14)) u_memory (
    .clk_i, .rst_ni, .start_i(start_q), .offer_i(offer), .meta_i(meta), .accept_o(accept), .accepted_o(accepted), .port_o(port),
    .last_i(last_q), .complete_o(complete), .signal_i(signal), .signals_o(signals), .waits_o(waits), .errors_o(memory_errors)
  );
  assign errors_o = own_errors_q + memory_errors;
  if (Weights) begin : gen_ldw
    sf_ldw u_dut (
      .clk_i, .rst_ni, .start_i(start_q), .desc_i(ldw_desc_q), .free_o(free), .offer_o(offer), .meta_o(meta), .accept_i(accepted), .port_i(port),
      .complete_i(complete), .signal_o(signal), .busy_o(busy)
    );
  end else begin : gen_ldm
    sf_ldm u_dut (
      .clk_i, .rst_ni, .start_i(start_q), .desc_i(ldm_desc_q), .free_o(free), .offer_o(offer), .meta_o(meta), .accept_i(accepted), .port_i(port),
      .complete_i(complete), .signal_o(signal), .busy_o(busy)
    );
  end

  wanted_t wanted [$];
  int      cycle_q, starts_q, bursts_q, lines_q, start_at_q;
  logic    started_q, first_due_q;

  function automatic void fail(string what);
    own_errors_q <= report(own_errors_q, $sformatf("sf_%s: cycle %0d, descriptor %0d: %s", Weights ? "ldw" : "ldm", cycle_q, starts_q, what));
  endfunction

  function automatic void expect_maps(runs_t r, ldm_desc_t d);
    for (int row = 0; row < int'(r.rows); row++) begin
      for (int n = 0; n < lines_of(r, row); n++) begin
        run_line_t l;
        wanted_t   w;
        l = line_of(r, row, n);
        w = '0;
        w.line = l.line;
        w.addr = read_addr_t'(l.addr);
        w.cus = d.cus[NumCus-1:0];
        w.table_space = d.space;
        w.mask = l.mask;
        w.first = l.first;
        w.last = l.last;
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
      {done_o, start_q, started_q, first_due_q, last_q} <= '0;
      own_errors_q <= 0;
      {cycle_q, starts_q, bursts_q, lines_q, start_at_q} <= '0;
    end else if (!done_o) begin
      cycle_q <= cycle_q + 1;
      if (starts_q != signals && !busy && !started_q && !start_q) fail("not busy");
      // --- starts
      start_q <= 1'b0;
      if (free && !start_q && !started_q && starts_q < Descriptors && chance((cycle_q / 5000) % 2 == 0 ? 90 : 20)) begin
        start_q <= 1'b1;
        started_q <= 1'b1;
        starts_q <= starts_q + 1;
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
          runs_t     r;
          ldm_desc_t d;
          r = random_runs(400, 20);
          d = {r, 8'(pick(1, 2 ** NumCus - 1)), chance(10)};
          expect_maps(r, d);
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
        last_q <= last;
      end
      if (starts_q == Descriptors && signals == Descriptors && !busy) begin
        done_o <= 1'b1;
        if (wanted.size() != 0) fail("lines are missing");
        $display("sf_%s: %0d descriptors, %0d bursts, %0d lines, %0d cycles of back-pressure", Weights ? "ldw" : "ldm", starts_q, bursts_q, lines_q, waits);
        if (waits == 0) own_errors_q <= own_errors_q + 1;
      end else if (cycle_q > 3000000) begin
        fail("does not end");
        done_o <= 1'b1;
      end
    end
  end
endmodule
