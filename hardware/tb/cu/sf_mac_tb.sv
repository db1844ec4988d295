// Bench of the MAC unit (sf_mac: sequencer, operands, vMACs, weights buffers, collection) with its result FIFO: random descriptors, random grants,
// every granule against docs/microarchitecture.md, section 4, word by word.
module sf_mac_tb
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
  localparam int Descriptors = 400;
  localparam cu_mask_t OwnCu = cu_mask_t'(1);

  logic          head_q, start, free, read, busy, alloc, ready, returned, own_req, last, bus_last, own_gnt, bus_gnt, perf_step, perf_window, perf_credit;
  mac_desc_t     desc_q;
  load_weights_t load_q;
  line_t         load_words_q, fifo_words;
  row_t  [Quadrants-1:0] row;
  line_t [Quadrants-1:0] words_q, latch_q;
  meta_t         meta;
  word_mask_t    write;
  logic [LineWords-1:0][FifoW-1:0] write_slot;
  bus_req_t      bus_req;
  granule_t      granule;
  logic          start_q, grant_q;

  sf_mac u_mac (
    .clk_i, .rst_ni, .own_cu_i(OwnCu), .head_i(head_q), .desc_i(desc_q), .start_i(start), .free_o(free), .read_o(read), .busy_o(busy),
    .load_i(load_q), .load_words_i(load_words_q), .row_o(row), .words_i(words_q), .alloc_o(alloc), .meta_o(meta), .ready_o(ready),
    .write_o(write), .write_slot_o(write_slot), .write_words_o(fifo_words), .credit_i(returned), .perf_step_o(perf_step),
    .perf_window_o(perf_window), .perf_credit_o(perf_credit)
  );
  sf_result_fifo #(.SlotW(FifoW)) u_fifo (
    .clk_i, .rst_ni, .alloc_i(alloc), .meta_i(meta), .ready_i(ready), .write_i(write), .write_slot_i(write_slot), .write_words_i(fifo_words),
    .returned_o(returned), .own_req_o(own_req), .bus_req_o(bus_req), .last_o(last), .bus_last_o(bus_last), .own_gnt_i(own_gnt), .bus_gnt_i(bus_gnt), .granule_o(granule)
  );

  // A request stays until it is granted, never both.
  assert property (@(posedge clk_i) disable iff (!rst_ni) !(own_req && bus_req.valid));
  assert property (@(posedge clk_i) disable iff (!rst_ni) own_req && !own_gnt |=> own_req);
  assert property (@(posedge clk_i) disable iff (!rst_ni) bus_req.valid && !bus_gnt |=> bus_req.valid);
  assert property (@(posedge clk_i) disable iff (!rst_ni) !head_q |-> !free || $past(start));

  // ---------------------------------------------------------------- memories
  word_t maps [2**MapsAddrW];
  line_t weights [NumVmacs][WeightsLines];
  always_ff @(posedge clk_i) begin
    for (int q = 0; q < int'(Quadrants); q++) begin
      for (int c = 0; c < int'(LineWords); c++) latch_q[q][c] <= maps[{row[q], 2'(q), 4'(c)}];
    end
    words_q <= latch_q;
  end

  // ---------------------------------------------------------------- expected granules
  expected_t expected [$];
  logic      grant_open_q;  // this cycle's grants are allowed
  int        descriptors_q, granules_q, by_lanes_q [6], credits_q, reads_q, bus_q, load_line_q, load_vmac_q, load_lines_q, load_first_q, cycle_q;
  bit        loading_q;

  function automatic longint output_of(mac_desc_t d, window_t p, int o);
    int     g, v, j, lines, line, params, place, shift;
    longint sum, bias;
    g = int'(d.lanes);
    v = o / (16 / g);
    j = o % (16 / g);
    params = (g >= 4) ? 1 : 4 / g;
    sum = 0;
    for (int ky = p.ky0; ky < p.ky1; ky++) begin
      if (d.depthwise) begin
        for (int kx = p.kx0; kx < p.kx1; kx++) begin
          if (o < int'(d.walk.words)) begin
            line = int'(d.weights_line) + params + ky * int'(d.walk.kernel_w) + kx;
            sum += longint'(maps[maps_addr_t'(tap_addr(d.walk, p.y, p.x, ky, kx) + maps_addr_t'(o))]) *
                longint'(signed'(weights[v][line % int'(WeightsLines)][o%16]));
          end
        end
      end else if (d.walk.tap_step == 20'(d.walk.words)) begin
        lines = (int'(d.walk.kernel_w) * int'(d.walk.words) + g - 1) / g;
        for (int w = p.kx0 * int'(d.walk.words); w < p.kx1 * int'(d.walk.words); w++) begin
          line = int'(d.weights_line) + params + ky * lines + w / g;
          sum += longint'(maps[maps_addr_t'(tap_addr(d.walk, p.y, p.x, ky, 0) + maps_addr_t'(w))]) *
              longint'(signed'(weights[v][line % int'(WeightsLines)][j*g+w%g]));
        end
      end else begin
        lines = (int'(d.walk.words) + g - 1) / g;
        for (int kx = p.kx0; kx < p.kx1; kx++) begin
          for (int w = 0; w < int'(d.walk.words); w++) begin
            line = int'(d.weights_line) + params + (ky * int'(d.walk.kernel_w) + kx) * lines + w / g;
            sum += longint'(maps[maps_addr_t'(tap_addr(d.walk, p.y, p.x, ky, kx) + maps_addr_t'(w))]) *
                longint'(signed'(weights[v][line % int'(WeightsLines)][j*g+w%g]));
          end
        end
      end
    end
    line = (int'(d.weights_line) + j / 4) % int'(WeightsLines);
    place = (g == 2 && (j % 4 == 1 || j % 4 == 2)) ? 3 - j % 4 : j % 4;
    bias = longint'(signed'({weights[v][line][4*place+2], weights[v][line][4*place+1], weights[v][line][4*place]}));
    shift = int'(weights[v][line][4*place+3][5:0]);
    return wrap48(sum + bias) >>> shift;
  endfunction

  function automatic void expect_descriptor(mac_desc_t d);
    for (int n = 0; n < int'(d.walk.count); n++) begin
      window_t p;
      p = window_of(d.walk, n);
      for (int first = 0; first < int'(d.out_words); first += 16) begin
        expected_t e;
        line_t     words;
        word_mask_t mask;
        words = '0;
        mask = '0;
        for (int i = 0; i < 16; i++) begin
          if (first + i < int'(d.out_words)) begin
            mask[i] = 1'b1;
            words[i] = clamp(output_of(d, p, first + i), d.walk.clamp_low, d.walk.clamp_high);
          end
        end
        e.last = n == int'(d.walk.count) - 1 && first + 16 >= int'(d.out_words);
        e.cus = cu_mask_t'(d.walk.out_cus);
        e.addr = maps_addr_t'(out_addr(d.walk, p.y, p.x) + maps_addr_t'(first));
        e.mask = mask;
        e.words = words;
        expected.push_back(e);
      end
    end
  endfunction

  function automatic mac_desc_t random_descriptor(int half_line);
    mac_desc_t d;
    bit        adjacent;
    int        g, words, lines;
    d.depthwise = chance(20);
    d.lanes = d.depthwise ? 5'd1 : 5'(1 << pick(0, 4));
    g = int'(d.lanes);
    adjacent = !d.depthwise && chance(60);
    words = d.depthwise ? pick(1, 64) : pick(1, chance(60) ? 10 : 50);
    d.out_words = d.depthwise ? 7'(words) : 7'(pick(1, 64 / g));
    d.walk = random_walk(words, int'(d.out_words), chance(20), adjacent, 1'b0, d.depthwise ? 16 : 1, 16);
    if (adjacent) d.walk.tap_step = 20'(words);
    lines = ((adjacent ? int'(d.walk.kernel_w) : 1) * words + g - 1) / g;
    while (!d.depthwise && int'(d.walk.kernel_h) * (adjacent ? 1 : int'(d.walk.kernel_w)) * lines > int'(WeightsLines) / 2 - 4) begin
      d.walk.kernel_h = 10'd1;
      d.walk.kernel_w = 10'd1;
      lines = (words + g - 1) / g;
    end
    d.walk.out_cus = (NumCus > 1 && chance(50)) ? 8'(pick(1, 2 ** NumCus - 1)) : 8'(OwnCu);
    d.weights_line = 16'(half_line);
    return d;
  endfunction

  function automatic int group_lines(mac_desc_t d);
    int g, params;
    g = int'(d.lanes);
    params = (g >= 4) ? 1 : 4 / g;
    if (d.depthwise) return params + int'(d.walk.kernel_h) * int'(d.walk.kernel_w);
    if (d.walk.tap_step == 20'(d.walk.words)) return params + int'(d.walk.kernel_h) * ((int'(d.walk.kernel_w) * int'(d.walk.words) + g - 1) / g);
    return params + int'(d.walk.kernel_h) * int'(d.walk.kernel_w) * ((int'(d.walk.words) + g - 1) / g);
  endfunction

  initial begin
    for (int i = 0; i < 2 ** MapsAddrW; i++) maps[i] = random_word();
  end

  logic start_open_q;
  assign start = free && head_q && start_open_q;
  assign own_gnt = own_req && grant_open_q;
  assign bus_gnt = bus_req.valid && grant_open_q;

  always_ff @(posedge clk_i) begin
    start_open_q <= chance(50);
    grant_open_q <= chance(((cycle_q / 2000) % 3 == 0) ? 5 : 60);
    grant_q <= own_gnt || bus_gnt;
    if (!rst_ni) begin
      done_o <= 1'b0;
      errors_o <= 0;
      head_q <= 1'b0;
      loading_q <= 1'b0;
      load_q <= '0;
      descriptors_q <= 0;
      granules_q <= 0;
      cycle_q <= 0;
      credits_q <= 0;
      reads_q <= 0;
      bus_q <= 0;
    end else if (!done_o) begin
      cycle_q <= cycle_q + 1;
      load_q.vmacs <= '0;
      if (perf_credit) credits_q <= credits_q + 1;
      if (read) reads_q <= reads_q + 1;
      if (bus_gnt) bus_q <= bus_q + 1;
      // --- the next descriptor: its weights go to the half of the buffers that the one before does not use
      if (!head_q && !loading_q && descriptors_q < Descriptors && !start) begin
        mac_desc_t d;
        d = random_descriptor((descriptors_q % 2) * int'(WeightsLines) / 2 + int'(WeightsLines) - 7);
        d.weights_line = d.weights_line % 16'(WeightsLines);
        desc_q <= d;
        loading_q <= 1'b1;
        load_line_q <= 0;
        load_vmac_q <= 0;
        load_lines_q <= group_lines(d);
      end
      if (loading_q) begin
        line_t line;
        int    at;
        at = (int'(desc_q.weights_line) + load_line_q) % int'(WeightsLines);
        line = random_line();
        // Biases of any size, shifts that leave something.
        if (load_line_q < ((desc_q.lanes >= 5'd4) ? 1 : 4 / int'(desc_q.lanes))) begin
          for (int o = 0; o < 4; o++) begin
            {line[4*o+2], line[4*o+1], line[4*o]} = 48'(signed'({$urandom, $urandom}) >>> pick(16, 63));
            line[4*o+3] = {10'($urandom), chance(80) ? 6'(pick(8, 26)) : 6'(pick(0, 63))};
          end
        end
        weights[load_vmac_q][at] = line;
        load_q <= '{vmacs: NumVmacs'(1) << load_vmac_q, line: weights_addr_t'(at)};
        load_words_q <= line;
        if (load_vmac_q == int'(NumVmacs) - 1) begin
          load_vmac_q <= 0;
          load_line_q <= load_line_q + 1;
          if (load_line_q == load_lines_q - 1) begin
            loading_q <= 1'b0;
            head_q <= 1'b1;
          end
        end else begin
          load_vmac_q <= load_vmac_q + 1;
        end
      end
      if (start) begin
        expect_descriptor(desc_q);
        by_lanes_q[desc_q.depthwise ? 5 : $clog2(int'(desc_q.lanes))]++;
        head_q <= 1'b0;
        descriptors_q <= descriptors_q + 1;
      end
      // --- granules come the cycle after their grant
      if (grant_q) begin
        granules_q <= granules_q + 1;
        if (expected.size() == 0) begin
          errors_o <= report(errors_o, "sf_mac: a granule too many");
        end else begin
          string wrong;
          wrong = compare_granule(granule, expected.pop_front());
          if (wrong != "") begin
            errors_o <= report(errors_o, $sformatf("sf_mac: granule %0d of descriptor %0d: %s", granules_q, descriptors_q, wrong));
          end
        end
      end
      if ((own_gnt || bus_gnt) && expected.size() > 0 && bus_gnt != (expected[0].cus != OwnCu)) begin
        errors_o <= report(errors_o, $sformatf("sf_mac: wrong way for mask %b", expected[0].cus));
      end
      if (descriptors_q == Descriptors && !busy && expected.size() == 0 && !head_q) begin
        done_o <= 1'b1;
        $display("sf_mac: %0d descriptors (lanes 1: %0d, 2: %0d, 4: %0d, 8: %0d, 16: %0d, depthwise %0d), %0d granules, %0d by the bus, %0d cycles without credit",
                 Descriptors, by_lanes_q[0], by_lanes_q[1], by_lanes_q[2], by_lanes_q[3], by_lanes_q[4], by_lanes_q[5], granules_q, bus_q, credits_q);
        if (reads_q != Descriptors || credits_q == 0) errors_o <= errors_o + 1;
        for (int i = 0; i < 6; i++) if (by_lanes_q[i] == 0) errors_o <= errors_o + 1;
      end
    end
  end

  logic unused_bits;
  assign unused_bits = ^{last, bus_last, perf_step, perf_window};
endmodule
