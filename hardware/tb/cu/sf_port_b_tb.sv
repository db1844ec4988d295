// Bench of sf_port_b with sf_maps_buffer and sf_bus_in: random requests of all six sources against a plain memory in the order of the grants.
// Specification: docs/microarchitecture.md, sections 2 and 7.
module sf_port_b_tb
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
  localparam int Cycles = 60000;

  load_maps_t load_q;
  line_t      load_words_q, read_words;
  bus_write_t bus_q;
  bus_ack_t   ack;
  logic       bus_req, bus_gnt, mac_req_q, mac_gnt, vec_req_q, vec_gnt, read_req_q, read_gnt, st_gnt;
  granule_t   bus_granule, mac_granule_q, vec_granule_q;
  maps_addr_t read_addr_q;
  st_req_t    st_q;
  load_maps_t unused_load;
  line_t      unused_load_words, b_words;
  logic       en, out;
  logic  [Columns-1:0]   write;
  row_t  [Quadrants-1:0] row;
  line_t [Quadrants-1:0] b_read, a_words;
  row_t  [Quadrants-1:0] a_row_q;

  sf_bus_in u_bus_in (.clk_i, .rst_ni, .write_i(bus_q), .req_o(bus_req), .gnt_i(bus_gnt), .granule_o(bus_granule), .ack_o(ack));
  sf_port_b u_port_b (
    .clk_i, .rst_ni, .load_i(load_q), .load_words_i(load_words_q), .bus_req_i(bus_req), .bus_gnt_o(bus_gnt), .bus_granule_i(bus_granule),
    .mac_req_i(mac_req_q), .mac_gnt_o(mac_gnt), .mac_granule_i(mac_granule_q), .vec_req_i(vec_req_q), .vec_gnt_o(vec_gnt),
    .vec_granule_i(vec_granule_q), .read_req_i(read_req_q), .read_addr_i(read_addr_q), .read_gnt_o(read_gnt), .st_req_i(st_q), .st_gnt_o(st_gnt),
    .read_words_o(read_words), .load_o(unused_load), .load_words_o(unused_load_words), .en_o(en), .write_o(write), .row_o(row),
    .words_o(b_words), .read_o(out), .words_i(b_read)
  );
  sf_maps_buffer u_maps (
    .clk_i, .a_row_i(a_row_q), .a_words_o(a_words), .b_en_i(en), .b_write_i(write), .b_row_i(row), .b_words_i(b_words), .b_read_i(out),
    .b_words_o(b_read)
  );

  // One grant a cycle at most, none without a request, none beside a load.
  assert property (@(posedge clk_i) disable iff (!rst_ni) $onehot0({load_q.maps, bus_gnt, mac_gnt, vec_gnt, read_gnt, st_gnt}));
  assert property (@(posedge clk_i) disable iff (!rst_ni) st_gnt |-> st_q.valid && !read_req_q && !vec_req_q && !mac_req_q && !bus_req);

  // ---------------------------------------------------------------- the memory, written in the order of the grants
  word_t model [2**MapsAddrW];
  bit    known [2**MapsAddrW];

  typedef struct packed {
    int         due;
    line_t      words;
    word_mask_t known;
  } read_t;
  granule_t held [$];     // in the bus-in FIFO
  source_t  sources [$];
  read_t    reads [$];
  int       cycle_q, grants_q [6], wraps_q;

  function automatic maps_addr_t random_addr();
    // Few addresses, so that accesses meet; also round the end of the buffer.
    return maps_addr_t'(pick(-40, 200));
  endfunction

  function automatic granule_t random_granule();
    return '{last: chance(30), addr: random_addr(), mask: word_mask_t'($urandom), words: random_line()};
  endfunction

  function automatic void store(maps_addr_t addr, word_mask_t mask, line_t words);
    for (int i = 0; i < 16; i++) begin
      if (mask[i]) begin
        model[maps_addr_t'(addr + maps_addr_t'(i))] = words[i];
        known[maps_addr_t'(addr + maps_addr_t'(i))] = 1'b1;
      end
    end
  endfunction

  function automatic void read(maps_addr_t addr);
    read_t r;
    r.due = cycle_q + 9;
    for (int i = 0; i < 16; i++) begin
      r.words[i] = model[maps_addr_t'(addr + maps_addr_t'(i))];
      r.known[i] = known[maps_addr_t'(addr + maps_addr_t'(i))];
    end
    reads.push_back(r);
  endfunction

  logic ack_due_q;
  source_t ack_source_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      done_o <= 1'b0;
      errors_o <= 0;
      cycle_q <= 0;
      load_q <= '0;
      bus_q <= '0;
      mac_req_q <= 1'b0;
      vec_req_q <= 1'b0;
      read_req_q <= 1'b0;
      st_q <= '0;
      ack_due_q <= 1'b0;
      a_row_q <= '0;
    end else if (!done_o) begin
      granule_t g;
      int       quiet;
      cycle_q <= cycle_q + 1;
      quiet = (cycle_q / 500) % 3;  // busy, mixed and quiet times
      // --- what this cycle's grants do
      g = random_granule();
      ack_due_q <= 1'b0;
      if (load_q.maps) begin
        store(load_q.addr, load_q.mask, load_words_q);
        grants_q[0]++;
      end
      if (bus_gnt) begin
        granule_t b;
        source_t  source;
        b = held.pop_front();
        source = sources.pop_front();
        store(b.addr, b.mask, b.words);
        ack_due_q <= b.last;
        ack_source_q <= source;
        grants_q[1]++;
      end
      if (mac_gnt) begin
        mac_granule_q <= g;
        store(g.addr, g.mask, g.words);
        grants_q[2]++;
      end
      if (vec_gnt) begin
        vec_granule_q <= g;
        store(g.addr, g.mask, g.words);
        grants_q[3]++;
      end
      if (read_gnt) begin
        read(read_addr_q);
        if (read_addr_q > maps_addr_t'(-16)) wraps_q++;
        grants_q[4]++;
      end
      if (st_gnt) begin
        read(st_q.addr);
        grants_q[5]++;
      end
      // --- requests stay until granted
      load_q <= '{maps: chance(quiet == 0 ? 30 : 10), table_space: 1'b0, addr: random_addr(), mask: word_mask_t'($urandom)};
      load_words_q <= random_line();
      if (!mac_req_q || mac_gnt) mac_req_q <= chance(quiet == 2 ? 5 : 25);
      if (!vec_req_q || vec_gnt) vec_req_q <= chance(quiet == 2 ? 5 : 20);
      if (!read_req_q || read_gnt) begin
        read_req_q <= chance(40);
        read_addr_q <= random_addr();
      end
      if (!st_q.valid || st_gnt) st_q <= '{valid: chance(50), addr: random_addr()};
      if (bus_q.valid) begin
        held.push_back(bus_q.granule);
        sources.push_back(bus_q.source);
      end
      bus_q <= '0;
      // The result bus counts the room.
      if (held.size() < int'(BusFifoEntries) && chance(20)) bus_q <= '{valid: 1'b1, source: source_t'($urandom), granule: g};
      // --- answers
      if (ack.valid != ack_due_q || (ack_due_q && ack.source != ack_source_q)) begin
        errors_o <= report(errors_o, $sformatf("sf_port_b: acknowledge %0d at cycle %0d, expected %0d", ack.valid, cycle_q, ack_due_q));
      end
      if (reads.size() > 0 && reads[0].due == cycle_q) begin
        read_t r;
        r = reads.pop_front();
        for (int i = 0; i < 16; i++) begin
          if (r.known[i] && read_words[i] != r.words[i]) begin
            errors_o <= report(errors_o, $sformatf("sf_port_b: word %0d read at cycle %0d is %h, expected %h", i, cycle_q, read_words[i], r.words[i]));
          end
        end
      end
      if (cycle_q == Cycles) begin
        done_o <= 1'b1;
        $display("sf_port_b: grants: load %0d, bus %0d, MAC %0d, VEC %0d, VEC read %0d, ST %0d; %0d reads round the end of the buffer", grants_q[0],
                 grants_q[1], grants_q[2], grants_q[3], grants_q[4], grants_q[5], wraps_q);
        for (int i = 0; i < 6; i++) if (grants_q[i] < 100) errors_o <= errors_o + 1;
      end
    end
  end

  logic unused_a;
  assign unused_a = ^a_words;
endmodule
