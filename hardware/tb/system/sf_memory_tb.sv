// Bench of sf_memory with its ports, acceptance, window and write store: random bursts of all four engines, an AXI memory with random latency and
// back-pressure on every channel; every line on the load bus, every beat written, the outstanding bursts and the refusal at the window are checked.
// Specification: docs/microarchitecture.md, section 6.
module sf_memory_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Bursts = 24000;
  localparam logic [AxiAddrW-1:12] Base = 20'h12345;
  localparam logic [AxiAddrW-1:5]  Size = 27'd1 << 20;   // lines
  localparam int Reads = 3;
  localparam engine_e ReadEngines [Reads] = '{EngineFetch, EngineLdm, EngineLdw};

  typedef struct packed {
    engine_e    engine;
    line_addr_t line;
    read_meta_t meta;     // of this line
    word_mask_t mask;
    logic       last;
    logic       stale;
  } wanted_t;
  typedef struct packed {
    axi_addr_t   addr;
    logic [2:0]  lines;
    line_t [3:0] words;
    logic [3:0][15:0] mask;
  } write_t;

  logic                         start_q, run_q, flush_q, slot_take, store_q, fetch_valid, quiet, violation;
  offer_t     [NumEngines-1:0]  offer_q;
  read_meta_t [NumEngines-1:0]  meta_q;
  write_slot_t                  st_slot_q, slot, store_slot_q;
  logic       [NumEngines-1:0]  accept;
  port_t                        port;
  logic       [AxiPorts-1:0]    ldm_complete, ldw_complete, st_complete, read_error, write_error;
  logic [1:0]                   store_line_q;
  line_t                        store_words_q, load_words;
  word_mask_t                   store_mask_q;
  line_cmd_t                    fetch_cmd;
  load_maps_t    [NumCus-1:0]   load_maps;
  load_weights_t [NumCus-1:0]   load_weights;
  logic      [AxiPorts-1:0]       arvalid, arready_q, rvalid_q, rlast_q, awvalid, awready_q, wvalid, wlast, wready_q, bvalid_q;
  axi_addr_t [AxiPorts-1:0]       araddr, awaddr;
  logic      [AxiPorts-1:0][3:0]  arlen, awlen;
  logic      [AxiPorts-1:0][63:0] rdata_q, wdata;
  logic      [AxiPorts-1:0][1:0]  resp_q;
  logic      [AxiPorts-1:0][7:0]  wstrb;
  logic [15:0]                  reads_on_bus, writes_on_bus;
  engine_e                      violation_engine;
  line_addr_t                   violation_line;
  sf_memory u_dut (
    .clk_i, .rst_ni, .start_i(start_q), .run_i(run_q), .base_i(Base), .size_i(Size), .offer_i(offer_q), .fetch_meta_i(meta_q[EngineFetch]),
    .ldm_meta_i(meta_q[EngineLdm]), .ldw_meta_i(meta_q[EngineLdw]), .st_slot_i(st_slot_q), .accept_o(accept), .port_o(port), .flush_i(flush_q),
    .ldm_complete_o(ldm_complete), .ldw_complete_o(ldw_complete), .st_complete_o(st_complete), .slot_o(slot),
    .slot_take_i(slot_take), .store_i(store_q), .store_slot_i(store_slot_q), .store_line_i(store_line_q), .store_words_i(store_words_q),
    .store_mask_i(store_mask_q), .fetch_valid_o(fetch_valid), .fetch_cmd_o(fetch_cmd), .load_maps_o(load_maps), .load_weights_o(load_weights),
    .load_words_o(load_words), .arvalid_o(arvalid), .araddr_o(araddr), .arlen_o(arlen), .arready_i(arready_q), .rvalid_i(rvalid_q), .rdata_i(rdata_q),
    .rresp_i(resp_q), .rlast_i(rlast_q), .awvalid_o(awvalid), .awaddr_o(awaddr), .awlen_o(awlen), .awready_i(awready_q), .wvalid_o(wvalid),
    .wdata_o(wdata), .wstrb_o(wstrb), .wlast_o(wlast), .wready_i(wready_q), .bvalid_i(bvalid_q), .bresp_i(resp_q), .reads_on_bus_o(reads_on_bus),
    .writes_on_bus_o(writes_on_bus), .quiet_o(quiet), .violation_o(violation), .violation_engine_o(violation_engine),
    .violation_line_o(violation_line), .read_error_o(read_error), .write_error_o(write_error)
  );

  // Four words of a line at a bus address.
  function automatic logic [63:0] beat_of(axi_addr_t at);
    return {at ^ 32'ha5a5_1234, at * 32'h9e37_79b1};
  endfunction
  function automatic axi_addr_t address_of(line_addr_t line);
    return {Base, 12'd0} + {line[26:0], 5'd0};
  endfunction

  wanted_t   wanted [AxiPorts][$];
  axi_addr_t beats [AxiPorts][$];      // read beats that AXI owes
  bit        beat_last [AxiPorts][$];
  int        beat_at [AxiPorts][$];
  write_t    writes [AxiPorts][$];     // accepted, data not yet sent
  write_t    addresses [AxiPorts][$];  // accepted, address not yet sent
  int        answers [AxiPorts][$];
  int        sent_data [AxiPorts], sent_address [AxiPorts], answered [AxiPorts];
  int        beat_q [AxiPorts];
  write_t    building_q;               // the burst that the store engine fills
  int        fill_q, cycle_q, bus_cycle_q, accepted_q, lines_q, stores_q, staled_q, waits_q, flushes_q, port_reads [AxiPorts], engine_reads [NumEngines], end_q;
  logic      filling_q, violating_q, refused_q;
  line_addr_t refused_line_q;
  logic [AxiPorts-1:0] ar_held_q, aw_held_q, w_held_q;
  axi_addr_t [AxiPorts-1:0] ar_q, aw_q;
  logic      [AxiPorts-1:0][63:0] w_q;
  assign slot_take = !filling_q && fill_q == 1;

  function automatic void fail(string what);
    errors_o <= report(errors_o, $sformatf("sf_memory: cycle %0d: %s", cycle_q, what));
  endfunction

  function automatic offer_t random_offer(bit outside);
    offer_t o;
    int first;
    first = pick(0, 3);
    o.valid = 1'b1;
    o.lines = burst_lines_t'(pick(1, 4 - first));
    o.line = line_addr_t'($urandom_range(int'(Size) / 4 - 1) * 4 + first);
    // Many to one port now and then.
    if ((cycle_q / 3000) % 3 == 1) o.line[3:2] = 2'd1;
    if (outside) o.line = line_addr_t'(int'(Size)) + line_addr_t'($urandom_range(1000));
    if (outside && o.line[1:0] + 2'(o.lines - 3'd1) < o.line[1:0]) o.lines = 3'd1;
    return o;
  endfunction

  function automatic read_meta_t random_meta(engine_e engine, burst_lines_t lines);
    read_meta_t m;
    m = '0;
    case (engine)
      EngineFetch: m.addr = read_addr_t'(pick(0, int'(InstrLines) - 1));
      EngineLdm: begin
        m.addr = read_addr_t'($urandom);
        m.cus = cu_mask_t'(pick(1, 2 ** NumCus - 1));
        m.table_space = chance(10);
        m.skip = 4'(pick(0, 15));
        m.tail = lines == 3'd1 ? 4'(pick(int'(m.skip), 15)) : 4'(pick(0, 15));
      end
      default: begin
        m.addr = read_addr_t'(pick(0, int'(WeightsLines) - 1));
        m.base = weights_addr_t'(pick(0, int'(WeightsLines) - 1));
        m.vmac = 2'(pick(0, 3));
        m.left = 3'(pick(1, 5));
        m.image_lines = 3'(pick(1, 5));
        m.per_slot = 4'd1;
        m.cus = cu_mask_t'(1);
      end
    endcase
    return m;
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {done_o, start_q, run_q, flush_q, store_q, filling_q, violating_q, refused_q} <= '0;
      {offer_q, meta_q, arready_q, rvalid_q, rlast_q, awready_q, wready_q, bvalid_q, resp_q, ar_held_q, aw_held_q, w_held_q} <= '0;
      errors_o <= 0;
      {cycle_q, bus_cycle_q, accepted_q, lines_q, stores_q, staled_q, waits_q, flushes_q, end_q} <= '0;
      fill_q <= 0;
      refused_line_q <= '0;
      for (int p = 0; p < int'(AxiPorts); p++) begin
        sent_data[p] = 0;
        sent_address[p] = 0;
        answered[p] = 0;
        beat_q[p] = 0;
        port_reads[p] = 0;
      end
      for (int e = 0; e < int'(NumEngines); e++) engine_reads[e] = 0;
    end else if (!done_o) begin
      bit finish;
      cycle_q <= cycle_q + 1;
      run_q <= 1'b1;
      start_q <= cycle_q == 4;
      bus_cycle_q <= start_q ? 1 : bus_cycle_q + 1;
      finish = accepted_q >= Bursts;
      // --- offers
      for (int i = 0; i < Reads; i++) begin
        engine_e e;
        e = ReadEngines[i];
        if (accept[e] || !offer_q[e].valid) begin
          offer_q[e].valid <= 1'b0;
          if (cycle_q > 10 && !finish && chance((cycle_q / 2000) % 2 == 0 ? 80 : 8)) begin
            offer_t o;
            o = random_offer(1'b0);
            offer_q[e] <= o;
            meta_q[e] <= random_meta(e, o.lines);
          end
        end else if (offer_q[e].valid) waits_q <= waits_q + 1;
      end
      // A flush of fetch: its offer goes, what is accepted up to now (and in this cycle) is stale.
      flush_q <= 1'b0;
      if (cycle_q > 10 && chance(2) && !finish) begin
        flush_q <= 1'b1;
        offer_q[EngineFetch].valid <= 1'b0;
        flushes_q <= flushes_q + 1;
      end
      // --- acceptance
      if ((accept & (accept - 4'd1)) != '0) fail("two accepted");
      for (int e = 0; e < int'(NumEngines); e++) begin
        if (accept[e]) begin
          int p;
          p = AxiPorts > 1 ? int'(offer_q[e].line[2+:PortW]) : 0;
          accepted_q <= accepted_q + 1;
          // Told a cycle late: an offer of fetch may have gone meanwhile.
          if ((!offer_q[e].valid && !(e == int'(EngineFetch) && flush_q)) || int'(port) != p) fail("acceptance");
          if (e == int'(EngineSt)) begin
            writes[p].push_back(building_q);
            addresses[p].push_back(building_q);
            engine_reads[e]++;
            if (engine_reads[e] > int'(WritesOutstanding)) fail("too many writes");
          end else begin
            read_meta_t m;
            m = meta_q[e];
            for (int i = 0; i < int'(offer_q[e].lines); i++) begin
              wanted_t w;
              w = '{engine: engine_e'(e), line: offer_q[e].line + line_addr_t'(i), meta: m, mask: {16{1'b1}} << m.skip,
                    last: i == int'(offer_q[e].lines) - 1, stale: 1'b0};
              if (w.last) w.mask = w.mask & ~({16{1'b1}} << m.tail << 1);
              wanted[p].push_back(w);
              m.skip = '0;
              if (e == int'(EngineLdm)) m.addr = m.addr + read_addr_t'(16);
              else if (e == int'(EngineLdw) && m.left == 3'd1) begin
                m.addr = read_addr_t'(m.base);
                m.left = m.image_lines;
                if (m.vmac == 2'd3) m.cus = m.cus << m.per_slot;
                m.vmac = m.vmac + 2'd1;
              end else begin
                m.addr = e == int'(EngineLdw) && int'(m.addr) == int'(WeightsLines) - 1 ? '0 : m.addr + read_addr_t'(1);
                m.left = m.left - 3'd1;
              end
            end
            port_reads[p]++;
            engine_reads[e]++;
            if (port_reads[p] > int'(ReadsPerPort) || engine_reads[e] > int'(ReadsPerEngine)) fail("too many reads");
          end
        end
      end
      // --- the load bus
      begin
        bit maps, weights;
        int p;
        p = bus_cycle_q % 4;
        maps = 1'b0;
        weights = 1'b0;
        for (int c = 0; c < int'(NumCus); c++) begin
          maps = maps || load_maps[c].maps || load_maps[c].table_space;
          weights = weights || load_weights[c].vmacs != '0;
        end
        if (int'(fetch_valid) + int'(maps) + int'(weights) > 1) fail("two lines on the load bus");
        if (fetch_valid || maps || weights) begin
          if (p >= int'(AxiPorts) || wanted[p].size() == 0) fail("a line too many");
          else begin
            wanted_t w;
            w = wanted[p].pop_front();
            lines_q <= lines_q + 1;
            for (int b = 0; b < 4; b++) if (load_words[4*b+:4] != beat_of(address_of(w.line) + 32'(8 * b))) fail("words");
            if (fetch_valid != (w.engine == EngineFetch) || maps != (w.engine == EngineLdm) || weights != (w.engine == EngineLdw)) fail("another engine's line");
            if (fetch_valid && (fetch_cmd.addr != w.meta.addr || fetch_cmd.stale != w.stale)) fail("a line for fetch");
            if (fetch_valid && w.stale) staled_q <= staled_q + 1;
            for (int c = 0; c < int'(NumCus); c++) begin
              if (maps && (load_maps[c].maps != (w.meta.cus[c] && !w.meta.table_space) || load_maps[c].table_space != (w.meta.cus[c] && w.meta.table_space) ||
                           load_maps[c].addr != maps_addr_t'(w.meta.addr) || load_maps[c].mask != w.mask)) fail("a line for maps");
              if (weights && (load_weights[c].vmacs != (w.meta.cus[c] ? NumVmacs'(1) << w.meta.vmac : '0) ||
                              load_weights[c].line != weights_addr_t'(w.meta.addr))) fail("a line for weights");
            end
          end
        end
      end
      // The line on the bus is one that fetch drops by itself.
      if (flush_q) begin
        for (int p = 0; p < int'(AxiPorts); p++) for (int i = 0; i < wanted[p].size(); i++) begin
          wanted_t w;
          w = wanted[p][i];
          if (w.engine == EngineFetch) w.stale = 1'b1;
          wanted[p][i] = w;
        end
      end
      // --- AXI reads: addresses taken and data sent at random, in order
      for (int p = 0; p < int'(AxiPorts); p++) begin
        arready_q[p] <= chance((cycle_q / 2500) % 2 == 0 ? 90 : 20);
        if (ar_held_q[p] && (!arvalid[p] || araddr[p] != ar_q[p])) fail("a read address went away");
        ar_held_q[p] <= arvalid[p] && !arready_q[p];
        ar_q[p] <= araddr[p];
        if (arvalid[p] && arready_q[p]) begin
          int latency;
          latency = cycle_q + (chance(20) ? pick(60, 150) : pick(6, 30));
          if (arlen[p][1:0] != 2'b11 || araddr[p][4:0] != '0 || 32'(araddr[p][6:5]) + 32'(arlen[p][3:2]) > 3) fail("an AXI read burst");
          for (int b = 0; b <= int'(arlen[p]); b++) begin
            beats[p].push_back(araddr[p] + 32'(8 * b));
            beat_last[p].push_back(b == int'(arlen[p]));
            beat_at[p].push_back(latency);
          end
        end
        rvalid_q[p] <= 1'b0;
        if (beats[p].size() > 0 && beat_at[p][0] <= cycle_q && chance((cycle_q / 1700) % 2 == 0 ? 100 : 50)) begin
          axi_addr_t at;
          bit last;
          at = beats[p].pop_front();
          last = beat_last[p].pop_front();
          beat_at[p].delete(0);
          rvalid_q[p] <= 1'b1;
          rdata_q[p] <= beat_of(at);
          rlast_q[p] <= last;
        end
        if (u_dut.read_done[p]) begin
          port_reads[p]--;
          engine_reads[u_dut.read_engine[p]]--;
        end
        if (u_dut.write_done[p]) engine_reads[EngineSt]--;
      end
      // --- AXI writes
      for (int p = 0; p < int'(AxiPorts); p++) begin
        awready_q[p] <= chance((cycle_q / 2500) % 2 == 0 ? 90 : 20);
        wready_q[p] <= chance((cycle_q / 2100) % 2 == 0 ? 100 : 25);
        if (aw_held_q[p] && (!awvalid[p] || awaddr[p] != aw_q[p])) fail("a write address went away");
        aw_held_q[p] <= awvalid[p] && !awready_q[p];
        aw_q[p] <= awaddr[p];
        if (w_held_q[p] && (!wvalid[p] || wdata[p] != w_q[p])) fail("write data went away");
        w_held_q[p] <= wvalid[p] && !wready_q[p];
        w_q[p] <= wdata[p];
        if (awvalid[p] && awready_q[p]) begin
          if (addresses[p].size() == 0) fail("a write address too many");
          else begin
            write_t w;
            w = addresses[p].pop_front();
            if (awaddr[p] != w.addr || awlen[p] != {2'(w.lines - 3'd1), 2'b11}) fail("a write address");
            sent_address[p]++;
          end
        end
        if (wvalid[p] && wready_q[p]) begin
          if (writes[p].size() == 0) fail("a write beat too many");
          else begin
            write_t w;
            int l, b;
            bit last;
            w = writes[p][0];
            l = beat_q[p] / 4;
            b = beat_q[p] % 4;
            last = l == int'(w.lines) - 1 && b == 3;
            for (int i = 0; i < 4; i++) begin
              if (wstrb[p][2*i+:2] != {2{w.mask[l][4*b+i]}}) fail("a strobe");
              if (w.mask[l][4*b+i] && wdata[p][16*i+:16] != w.words[l][4*b+i]) fail("a written word");
            end
            if (wlast[p] != last) fail("WLAST");
            beat_q[p] = last ? 0 : beat_q[p] + 1;
            if (last) begin
              writes[p].delete(0);
              sent_data[p]++;
            end
          end
        end
        // Responses in order, when address and data are there.
        if (answered[p] + answers[p].size() < sent_data[p] && answered[p] + answers[p].size() < sent_address[p]) answers[p].push_back(cycle_q + pick(2, 40));
        bvalid_q[p] <= 1'b0;
        if (answers[p].size() > 0 && answers[p][0] <= cycle_q) begin
          answers[p].delete(0);
          bvalid_q[p] <= 1'b1;
          answered[p]++;
        end
      end
      // --- the store engine: takes a slot, fills its lines, offers the burst
      store_q <= 1'b0;
      if (accept[EngineSt]) begin
        offer_q[EngineSt].valid <= 1'b0;
        filling_q <= 1'b0;
        stores_q <= stores_q + 1;
        fill_q <= 0;
      end
      if (fill_q == 0 && cycle_q > 10 && !finish && chance(50)) fill_q <= 1;
      if (slot_take) begin
        offer_t o;
        o = random_offer(1'b0);
        filling_q <= 1'b1;
        st_slot_q <= slot;
        fill_q <= 2;
        offer_q[EngineSt] <= '{valid: 1'b0, line: o.line, lines: o.lines};
        building_q.addr <= address_of(o.line);
        building_q.lines <= o.lines;
      end
      if (filling_q && fill_q >= 2 && fill_q < 2 + int'(building_q.lines)) begin
        line_t words;
        word_mask_t mask;
        words = random_line();
        mask = word_mask_t'($urandom);
        store_q <= 1'b1;
        store_slot_q <= st_slot_q;
        store_line_q <= 2'(fill_q - 2);
        store_words_q <= words;
        store_mask_q <= mask;
        building_q.words[fill_q-2] <= words;
        building_q.mask[fill_q-2] <= mask;
        fill_q <= fill_q + 1;
      end
      if (filling_q && fill_q == 2 + int'(building_q.lines)) begin
        offer_q[EngineSt].valid <= 1'b1;
        fill_q <= 8;
      end
      // --- the end: everything has come; then a burst outside the window is refused
      if (read_error != '0 || write_error != '0) fail("an AXI error");
      if (violation && !violating_q) fail("a violation");
      if (finish) begin
        bit open;
        open = 1'b0;
        for (int e = 0; e < int'(NumEngines); e++) open = open || offer_q[e].valid;
        for (int p = 0; p < int'(AxiPorts); p++) open = open || writes[p].size() > 0 || addresses[p].size() > 0 || beats[p].size() > 0;
        if (fill_q > 0) open = 1'b1;
        if (fill_q == 1 && !filling_q) fill_q <= 0;
        end_q <= open || !quiet ? 0 : end_q + 1;
        if (end_q == 60 && !violating_q) begin
          for (int p = 0; p < int'(AxiPorts); p++) begin
            if (wanted[p].size() > 0) fail("lines are missing");
          end
          if (reads_on_bus != '0 || writes_on_bus != '0) fail("bursts on the bus");
          violating_q <= 1'b1;
          offer_q[EngineLdm] <= random_offer(1'b1);
        end
      end
      if (violating_q) begin
        if (accept[EngineLdm]) refused_line_q <= offer_q[EngineLdm].line;
        if (violation) begin
          refused_q <= 1'b1;
          if (violation_engine != EngineLdm || violation_line != refused_line_q) fail("who was refused");
        end
        if (arvalid != '0) fail("a refused burst goes out");
        if (end_q > 80 || cycle_q > 3000000) begin
          done_o <= 1'b1;
          if (!refused_q) fail("no refusal");
          $display("sf_memory: %0d bursts, %0d lines read (%0d stale), %0d stores, %0d flushes, %0d cycles of waiting offers", accepted_q, lines_q, staled_q, stores_q,
                   flushes_q, waits_q);
          if (staled_q == 0 || stores_q == 0) errors_o <= errors_o + 1;
        end
      end else if (cycle_q > 3000000) begin
        fail("does not end");
        done_o <= 1'b1;
      end
    end
  end
endmodule
