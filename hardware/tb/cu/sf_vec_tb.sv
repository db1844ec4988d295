// Bench of the VEC unit (sf_vec_seq, sf_vec_data, sf_table) with its result FIFO: random descriptors of all operations, random grants of reads and
// results, every granule against docs/microarchitecture.md, section 5, word by word.
module sf_vec_tb
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
  localparam int Descriptors = 600;
  localparam int TableLines = 2 ** (TableAddrW - 4);
  localparam cu_mask_t OwnCu = cu_mask_t'(1);

  logic         head_q, start, free, read, busy, req, gnt, alloc, ready, returned, perf_read, own_req, last, bus_last, own_gnt, bus_gnt, grant_q;
  vec_desc_t    desc_q;
  maps_addr_t   addr;
  vec_step_t    step;
  vec_work_t    work;
  vec_late_t    late;
  meta_t        meta;
  line_t        words_q [10], fifo_words, table_words_q;
  logic [1:0][7:0]  index;
  logic [1:0][31:0] base;
  logic [1:0][15:0] slope;
  word_mask_t   write;
  logic [LineWords-1:0][VecFifoW-1:0] write_slot;
  bus_req_t     bus_req;
  granule_t     granule;
  logic         table_write_q;
  logic [TableAddrW-1:0] table_addr_q;

  sf_vec_seq u_seq (
    .clk_i, .rst_ni, .own_cu_i(OwnCu), .head_i(head_q), .desc_i(desc_q), .start_i(start), .free_o(free), .read_o(read), .busy_o(busy),
    .req_o(req), .addr_o(addr), .gnt_i(gnt), .step_o(step), .work_o(work), .late_o(late), .alloc_o(alloc), .meta_o(meta),
    .ready_o(ready), .credit_i(returned), .perf_read_o(perf_read)
  );
  sf_vec_data u_data (
    .clk_i, .rst_ni, .step_i(step), .work_i(work), .late_i(late), .words_i(words_q[9]), .index_o(index), .base_i(base), .slope_i(slope),
    .write_o(write), .slot_o(write_slot), .words_o(fifo_words)
  );
  sf_table u_table (
    .clk_i, .write_i(table_write_q), .addr_i(table_addr_q), .mask_i('1), .words_i(table_words_q), .index_i(index), .base_o(base), .slope_o(slope)
  );
  sf_result_fifo #(.SlotW(VecFifoW)) u_fifo (
    .clk_i, .rst_ni, .alloc_i(alloc), .meta_i(meta), .ready_i(ready), .write_i(write), .write_slot_i(write_slot), .write_words_i(fifo_words),
    .returned_o(returned), .own_req_o(own_req), .bus_req_o(bus_req), .last_o(last), .bus_last_o(bus_last), .own_gnt_i(own_gnt), .bus_gnt_i(bus_gnt), .granule_o(granule)
  );

  assert property (@(posedge clk_i) disable iff (!rst_ni) req && !gnt |=> req && $stable(addr));
  assert property (@(posedge clk_i) disable iff (!rst_ni) own_req && !own_gnt |=> own_req);

  // ---------------------------------------------------------------- port B: words 9 cycles after the grant
  word_t maps [2**MapsAddrW];
  line_t entries [TableLines];
  always_ff @(posedge clk_i) begin
    for (int i = 0; i < 16; i++) words_q[1][i] <= gnt ? maps[maps_addr_t'(addr + maps_addr_t'(i))] : word_t'($urandom);
    for (int i = 2; i < 10; i++) words_q[i] <= words_q[i-1];
  end

  expected_t expected [$];
  int        cycle_q, descriptors_q, granules_q, by_op_q [5], idles_q, reads_q, table_line_q;
  logic      read_open_q, grant_open_q, start_open_q;

  function automatic longint result_of(vec_desc_t d, window_t p, int c);
    maps_addr_t a, b;
    longint     x, y, entry;
    if (d.op == VecMax) begin
      longint most;
      most = -32768;
      for (int ky = p.ky0; ky < p.ky1; ky++) begin
        for (int kx = p.kx0; kx < p.kx1; kx++) begin
          x = longint'(maps[maps_addr_t'(tap_addr(d.walk, p.y, p.x, ky, kx) + maps_addr_t'(c))]);
          if (x > most) most = x;
        end
      end
      return ((most <<< d.shift_a) + half(int'(d.shift_out))) >>> d.shift_out;
    end
    a = maps_addr_t'(tap_addr(d.walk, p.y, p.x, 0, 0) + maps_addr_t'(c));
    b = maps_addr_t'(longint'(d.src2_base) + ring_wrap(longint'(d.src2_offset) + longint'(p.y) * longint'(d.src2_row_step), longint'(d.src2_ring)) +
                     longint'(p.x) * longint'(d.src2_col_step) + longint'(c));
    x = longint'(maps[a]);
    y = longint'(maps[b]);
    case (d.op)
      VecAdd: return ((x <<< d.shift_a) + (y <<< d.shift_b) + half(int'(d.shift_out))) >>> d.shift_out;
      VecMul: return (x * (d.shift_b == '0 ? y : (longint'(1) <<< d.shift_b) - y) + half(int'(d.shift_out))) >>> d.shift_out;
      default: begin
        if (d.op == VecAddTable) begin
          x = ((x <<< d.shift_a) + (y <<< d.shift_b) + half(int'(d.shift_sum))) >>> d.shift_sum;
          if (x > 32767) x = 32767;
          if (x < -32768) x = -32768;
        end
        entry = (x + 32768) >>> 8;
        return (longint'(signed'({entries[entry/4][4*(entry%4)+1], entries[entry/4][4*(entry%4)]})) +
                longint'(signed'(entries[entry/4][4*(entry%4)+2])) * (x & 255) + half(int'(d.shift_out))) >>> d.shift_out;
      end
    endcase
  endfunction

  function automatic void expect_descriptor(vec_desc_t d);
    for (int n = 0; n < int'(d.walk.count); n++) begin
      window_t p;
      p = window_of(d.walk, n);
      if (p.ky0 == p.ky1 || p.kx0 == p.kx1) idles_q++;
      for (int first = 0; first < int'(d.walk.words); first += 16) begin
        expected_t  e;
        line_t      words;
        word_mask_t mask;
        words = '0;
        mask = '0;
        for (int i = 0; i < 16; i++) begin
          if (first + i < int'(d.walk.words)) begin
            mask[i] = 1'b1;
            words[i] = clamp(result_of(d, p, first + i), d.walk.clamp_low, d.walk.clamp_high);
          end
        end
        e.last = n == int'(d.walk.count) - 1 && first + 16 >= int'(d.walk.words);
        e.cus = cu_mask_t'(d.walk.out_cus);
        e.addr = maps_addr_t'(out_addr(d.walk, p.y, p.x) + maps_addr_t'(first));
        e.mask = mask;
        e.words = words;
        expected.push_back(e);
      end
    end
  endfunction

  function automatic vec_desc_t random_descriptor();
    vec_desc_t d;
    int        words;
    d = '0;
    d.op = 3'(pick(0, 4));
    words = pick(1, chance(50) ? 20 : 90);
    d.walk = random_walk(words, words, d.op != VecMax || chance(20), 1'b0, d.op != VecMax, 1, 20);
    d.walk.out_cus = (NumCus > 1 && chance(50)) ? 8'(pick(1, 2 ** NumCus - 1)) : 8'(OwnCu);
    d.src2_base = 20'(pick(0, 2 ** MapsAddrW - 1));
    d.src2_ring = chance(50) ? 20'(pick(1, 4) * 500) : '0;
    d.src2_offset = 20'(pick(0, 499));
    d.src2_row_step = 20'(pick(0, 500));
    d.src2_col_step = 20'(pick(0, 200));
    // At most one operand is shifted.
    if ((d.op == VecAdd || d.op == VecAddTable) && chance(50)) d.shift_b = 5'(pick(0, 23));
    else if (d.op == VecMul) d.shift_b = 5'(chance(50) ? 0 : pick(1, 23));
    else d.shift_a = 5'(chance(50) ? 0 : pick(0, 23));
    d.shift_out = 6'(chance(50) ? pick(0, 16) : pick(0, 47));
    d.shift_sum = 6'(chance(70) ? pick(0, 12) : pick(0, 47));
    return d;
  endfunction

  initial begin
    for (int i = 0; i < 2 ** MapsAddrW; i++) maps[i] = random_word();
    for (int i = 0; i < TableLines; i++) entries[i] = random_line();
  end

  assign start = free && head_q && start_open_q;
  assign gnt = req && read_open_q;
  assign own_gnt = own_req && grant_open_q;
  assign bus_gnt = bus_req.valid && grant_open_q;

  always_ff @(posedge clk_i) begin
    read_open_q <= chance(((cycle_q / 1000) % 4 == 0) ? 20 : ((cycle_q / 1000) % 4 == 1) ? 100 : 70);
    grant_open_q <= chance(((cycle_q / 3000) % 3 == 0) ? 4 : ((cycle_q / 3000) % 3 == 1) ? 100 : 50);
    start_open_q <= chance(60);
    grant_q <= own_gnt || bus_gnt;
    if (!rst_ni) begin
      done_o <= 1'b0;
      errors_o <= 0;
      head_q <= 1'b0;
      cycle_q <= 0;
      descriptors_q <= 0;
      granules_q <= 0;
      reads_q <= 0;
      table_line_q <= 0;
      table_write_q <= 1'b0;
    end else if (!done_o) begin
      cycle_q <= cycle_q + 1;
      if (read) reads_q <= reads_q + 1;
      // --- the table first
      table_write_q <= table_line_q < TableLines;
      table_addr_q <= {(TableAddrW - 4)'(table_line_q), 4'd0};
      if (table_line_q < TableLines) begin
        table_words_q <= entries[table_line_q];
        table_line_q <= table_line_q + 1;
      end
      if (!head_q && table_line_q == TableLines && descriptors_q < Descriptors && chance(30)) begin
        desc_q <= random_descriptor();
        head_q <= 1'b1;
      end
      if (start) begin
        expect_descriptor(desc_q);
        by_op_q[desc_q.op]++;
        head_q <= 1'b0;
        descriptors_q <= descriptors_q + 1;
      end
      if (grant_q) begin
        granules_q <= granules_q + 1;
        if (expected.size() == 0) begin
          errors_o <= report(errors_o, "sf_vec: a granule too many");
        end else begin
          string wrong;
          wrong = compare_granule(granule, expected.pop_front());
          if (wrong != "") begin
            errors_o <= report(errors_o, $sformatf("sf_vec: granule %0d of descriptor %0d (op %0d): %s", granules_q, descriptors_q, desc_q.op, wrong));
          end
        end
      end
      if (descriptors_q == Descriptors && !busy && expected.size() == 0 && !head_q) begin
        done_o <= 1'b1;
        $display("sf_vec: %0d descriptors (max %0d, add %0d, table %0d, mul %0d, table of sums %0d), %0d granules, %0d windows without taps, %0d cycles", Descriptors, by_op_q[0],
                 by_op_q[1], by_op_q[2], by_op_q[3], by_op_q[4], granules_q, idles_q, cycle_q);
        if (reads_q != Descriptors || idles_q == 0) errors_o <= errors_o + 1;
        for (int i = 0; i < 5; i++) if (by_op_q[i] == 0) errors_o <= errors_o + 1;
      end
    end
  end

  logic unused_bits;
  assign unused_bits = ^{last, bus_last, perf_read};
endmodule
