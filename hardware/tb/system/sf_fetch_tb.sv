// Bench of sf_fetch: random programs, branches, back-pressure of the core and of the memory; every instruction, its order, and every burst is checked.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T1).
module sf_fetch_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Instructions = 60000;

  typedef struct packed {
    read_addr_t addr;
    line_addr_t line;
    logic       stale;
    int         ready;  // can be on the load bus from this cycle on
  } line_on_way_t;

  line_addr_t code_line_q;
  pc_t        last_pc_q, target_q, pc, expected_q;
  logic       flush_q, restart_q, done_line, valid, ready_q, accept, flush, line_valid_q, busy, leaves, open_q;
  logic [31:0] instr;
  offer_t     offer;
  read_meta_t meta;
  line_cmd_t  cmd_q;
  line_t      line_q;

  // The word at a place in DRAM.
  function automatic logic [31:0] word_of(line_addr_t line, int i);
    return 32'(line) * 32'h9e37_79b1 ^ (32'(i) * 32'h85eb_ca6b) ^ 32'h1357;
  endfunction
  // Fetch sees an acceptance a cycle late; its offer of that cycle does not count.
  logic accepted_q, offered;
  assign offered = offer.valid && !accepted_q;
  assign accept  = offered && open_q;
  always_ff @(posedge clk_i) accepted_q <= rst_ni && accept;
  // A line is done when its last instruction executes: here two cycles after it was read.
  logic [2:0] last_of_line_q;
  assign done_line = last_of_line_q[1] && !flush_q;
  sf_fetch u_dut (
    .clk_i, .rst_ni, .code_line_i(code_line_q), .last_pc_i(last_pc_q), .flush_i(flushing_q), .restart_i(restart_q), .target_i(target_q),
    .line_done_i(done_line), .instr_valid_o(valid), .instr_o(instr), .instr_pc_o(pc), .instr_ready_i(ready_q), .offer_o(offer), .meta_o(meta),
    .accept_i(accepted_q), .flush_o(flush), .line_valid_i(line_valid_q), .line_cmd_i(cmd_q), .line_i(line_q), .busy_o(busy), .leaves_o(leaves)
  );

  line_on_way_t on_way [AxiPorts][$];
  int     cycle_q, seen_q, flushes_q, bursts_q, stale_q, waits_q, programs_q, since_q;
  logic   held_valid_q, flushing_q;
  offer_t held_q;
  line_addr_t next_line_q;

  function automatic void fail(string what);
    errors_o <= report(errors_o, $sformatf("sf_fetch: cycle %0d: %s", cycle_q, what));
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {done_o, flush_q, restart_q, ready_q, line_valid_q, open_q, held_valid_q, flushing_q} <= '0;
      errors_o <= 0;
      last_of_line_q <= '0;
      {cycle_q, seen_q, flushes_q, bursts_q, stale_q, waits_q, programs_q, since_q} <= '0;
      {code_line_q, last_pc_q, target_q, expected_q, next_line_q} <= '0;
    end else if (!done_o) begin
      bit branch;
      cycle_q <= cycle_q + 1;
      since_q <= since_q + 1;
      ready_q <= chance((cycle_q / 2000) % 3 == 0 ? 100 : (cycle_q / 2000) % 3 == 1 ? 50 : 8);
      open_q <= chance((cycle_q / 3000) % 2 == 0 ? 80 : 15);
      last_of_line_q <= flush_q ? '0 : {last_of_line_q[1:0], valid && ready_q && pc[2:0] == 3'd7};
      // --- instructions in order
      if (valid && ready_q && !flush_q) begin
        line_addr_t at;
        at = code_line_q + line_addr_t'(pc >> 3);
        seen_q <= seen_q + 1;
        if (pc != expected_q) fail("another pc");
        if (instr != word_of(at, int'(pc[2:0]))) fail("another word");
        expected_q <= expected_q + pc_t'(1);
      end
      if (!valid) waits_q <= waits_q + 1;
      if (flushing_q && valid) fail("an instruction right behind a flush");
      if (leaves && expected_q <= last_pc_q) fail("leaves the program");
      // --- offers: stable until accepted, in order, inside blocks and the program
      if (held_valid_q && !flushing_q && offer != held_q) fail("an offer changed");
      held_valid_q <= offered && !accept && !flush_q;
      held_q <= offer;
      flushing_q <= flush_q;
      // The program may be another one from the flush on.
      if (offered && !flush_q) begin
        if (offer.line != next_line_q) fail("another line offered");
        if (offer.lines == '0 || 32'(offer.line[1:0]) + 32'(offer.lines) > 4) fail("a burst across blocks");
        if (offer.line + line_addr_t'(offer.lines) > code_line_q + line_addr_t'(last_pc_q >> 3) + line_addr_t'(1)) fail("a burst behind the program");
      end
      // --- memory: lines in order for each port, at the load bus in its slot
      if (flush) for (int p = 0; p < int'(AxiPorts); p++) for (int i = 0; i < on_way[p].size(); i++) begin
        line_on_way_t l;
        l = on_way[p][i];
        l.stale = 1'b1;
        on_way[p][i] = l;
      end
      line_valid_q <= 1'b0;
      begin
        int p;
        p = (cycle_q + 1) % int'(Slots);
        if (p < int'(AxiPorts) && on_way[p].size() > 0 && on_way[p][0].ready <= cycle_q && chance(80)) begin
          line_on_way_t l;
          l = on_way[p].pop_front();
          line_valid_q <= 1'b1;
          cmd_q <= '0;
          cmd_q.addr <= l.addr;
          cmd_q.stale <= l.stale;
          if (l.stale) stale_q <= stale_q + 1;
          for (int i = 0; i < 8; i++) begin
            line_q[2*i] <= 16'(word_of(l.line, i));
            line_q[2*i+1] <= 16'(word_of(l.line, i) >> 16);
          end
        end
      end
      if (accept) begin
        int p, latency;
        p = int'(AxiPorts) > 1 ? int'(offer.line[2+:PortW]) : 0;
        latency = pick(12, 40);
        bursts_q <= bursts_q + 1;
        next_line_q <= offer.line + line_addr_t'(offer.lines);
        for (int i = 0; i < int'(offer.lines); i++) begin
          line_on_way_t l;
          l = '{addr: meta.addr + read_addr_t'(i), line: offer.line + line_addr_t'(i), stale: 1'b0, ready: cycle_q + latency};
          on_way[p].push_back(l);
        end
      end
      // --- branches: now and then, and at the end of a program
      branch = seen_q == 0 ? cycle_q == 5 : expected_q > last_pc_q ? since_q > 30 : chance(1) && chance(40);
      flush_q <= 1'b0;
      if (branch && !flush_q) begin
        pc_t at;
        line_addr_t code;
        pc_t last;
        code = code_line_q;
        last = last_pc_q;
        // Another program, when nothing of this one is on its way.
        if (seen_q == 0 || (!busy && !accept && since_q > 4 && chance(50))) begin
          code = line_addr_t'($urandom_range(1 << 20));
          last = pc_t'(pick(0, 1500));
          programs_q <= programs_q + 1;
        end
        at = pc_t'(pick(0, int'(last)));
        code_line_q <= code;
        last_pc_q <= last;
        flush_q <= 1'b1;
        restart_q <= 1'b1;
        target_q <= at;
        flushes_q <= flushes_q + 1;
        since_q <= 0;
      end
      // The offer of the cycle of the flush may still be accepted; the next one is of the new stream.
      if (flush_q) begin
        expected_q <= target_q;
        next_line_q <= code_line_q + line_addr_t'(target_q >> 3);
      end
      if (seen_q >= Instructions && !busy) begin
        done_o <= 1'b1;
        $display("sf_fetch: %0d instructions of %0d programs, %0d branches, %0d bursts, %0d stale lines, %0d cycles without instruction", seen_q,
                 programs_q, flushes_q, bursts_q, stale_q, waits_q);
        if (stale_q == 0 || programs_q < 10) errors_o <= errors_o + 1;
      end else if (cycle_q > 3000000) begin
        fail("does not end");
        done_o <= 1'b1;
      end
    end
  end
endmodule
