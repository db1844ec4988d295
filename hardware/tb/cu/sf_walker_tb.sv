// Bench of sf_walk_prep and sf_walker: random descriptors against the formulas of docs/microarchitecture.md, section 3, with back-pressure.
module sf_walker_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
  import sf_bench_pkg::*;
#(
  parameter bit Mac = 1'b1
) (
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Descriptors = 1500;

  walk_t      walk_q;
  walk_src2_t src2_q;
  logic       head_q, start, ready_q, ready_d, adjacent_q, depthwise_q, valid, take, take_q, row_valid, row_take, last_row;
  lg_t        lg_q;
  walk_prep_t prep;
  walk_row_t  row;
  pixel_t     pixel, before_q;
  logic       held_q;
  int         descriptors_q, pixel_q, waited_q, since_q, pixels_q, empties_q, clipped_q, rings_q, held_count_q, dilated_q;
  int         pixel_wait_q, row_wait_q;  // cycles until the walker must have the next pixel, a pixel of the next row
  logic       running_q, row_next_q;

  sf_walk_prep #(.Mac(Mac)) u_prep (
    .clk_i, .rst_ni, .head_i(head_q), .walk_i(walk_q), .src2_i(src2_q), .adjacent_i(adjacent_q), .lg_i(lg_q), .depthwise_i(depthwise_q),
    .start_i(start), .last_row_i(last_row), .ready_d_o(ready_d), .prep_o(prep), .row_o(row), .row_valid_o(row_valid), .row_take_i(row_take)
  );
  sf_walker #(.Mac(Mac)) u_walker (
    .clk_i, .rst_ni, .start_i(start), .walk_i(walk_q), .prep_i(prep), .row_i(row), .row_valid_i(row_valid), .row_take_o(row_take),
    .adjacent_i(adjacent_q), .lg_i(lg_q), .src2_col_step_i(maps_addr_t'(src2_q.col_step)), .valid_o(valid), .pixel_o(pixel), .take_i(take)
  );
  assign start = ready_q && head_q && !running_q;
  // The timing table's least distances of pixels and rows (T5, T13).
  assign take = take_q && valid && pixel_wait_q == 0 && (!pixel.row_first || row_wait_q == 0);
  assign last_row = take && pixel.row_first && pixel.last_row;

  // A pixel stays until it is taken.
  assert property (@(posedge clk_i) disable iff (!rst_ni) valid && !take |=> valid);

  // Preparation is over at the start, the rows of the descriptor before when it begins.
  assert property (@(posedge clk_i) disable iff (!rst_ni) start |-> !u_prep.run_q && !u_prep.issued_valid_q && !u_prep.op_valid_q && !u_prep.sum_valid_q && !u_prep.m_valid_q);
  assert property (@(posedge clk_i) disable iff (!rst_ni) u_prep.begin_prep |-> !u_prep.run_q && !row_valid);

  task automatic check(string what, longint got, longint expected);
    if (got != expected) begin
      errors_o <= report(errors_o, $sformatf("sf_walker: descriptor %0d pixel %0d: %s is %0d, expected %0d", descriptors_q, pixel_q, what, got, expected));
    end
  endtask

  task automatic check_pixel();
    window_t p;
    int      g, words, s0, n, lines;
    p = window_of(walk_q, pixel_q);
    g = 1 << lg_q;
    words = int'(walk_q.words);
    check("last", longint'(pixel.last), longint'(pixel_q == int'(walk_q.count) - 1));
    check("out", longint'(pixel.out), longint'(out_addr(walk_q, p.y, p.x)));
    if (!Mac) check("src2", longint'(pixel.src2), longint'(maps_addr_t'(longint'(src2_q.base) + ring_wrap(longint'(src2_q.offset) +
          longint'(p.y) * longint'(src2_q.row_step), longint'(src2_q.ring)) + longint'(p.x) * longint'(src2_q.col_step))));
    check("row_first", longint'(pixel.row_first), longint'(pixel_q == 0 || p.x == 0));
    check("last_row", longint'(pixel.last_row), longint'(pixel_q - p.x + int'(walk_q.out_width) >= int'(walk_q.count)));
    check("empty", longint'(pixel.empty), longint'(p.ky0 == p.ky1 || p.kx0 == p.kx1));
    pixels_q <= pixels_q + 1;
    if (p.ky0 == p.ky1 || p.kx0 == p.kx1) begin
      empties_q <= empties_q + 1;
    end else begin
      if (p.ky1 - p.ky0 != int'(walk_q.kernel_h) || p.kx1 - p.kx0 != int'(walk_q.kernel_w)) clipped_q <= clipped_q + 1;
      s0 = p.kx0 * words;
      n = (p.kx1 - p.kx0) * words;
      lines = (adjacent_q ? int'(walk_q.kernel_w) * words + g - 1 : words + g - 1) / g;
      if (depthwise_q) lines = 1;
      check("rows", longint'(pixel.rows), longint'(p.ky1 - p.ky0 - 1));
      check("cols", longint'(pixel.cols), longint'(p.kx1 - p.kx0 - 1));
      check("row", longint'(maps_addr_t'(pixel.row)), longint'(maps_addr_t'(row_offset(walk_q, p.y, p.ky0))));
      check("col", longint'(pixel.col), longint'(maps_addr_t'(longint'(walk_q.src_base) + longint'(walk_q.src_column) +
            longint'(p.x) * longint'(walk_q.col_step) + (adjacent_q ? longint'(s0 / g * g) : longint'(p.kx0) * longint'(walk_q.tap_step)))));
      if (Mac) check("line", longint'(pixel.line), longint'(weights_addr_t'(adjacent_q ? p.ky0 * lines + s0 / g : (p.ky0 * int'(walk_q.kernel_w) + p.kx0) * lines)));
      if (Mac) check("steps", longint'(pixel.steps), longint'(weights_addr_t'(depthwise_q ? 0 : (adjacent_q ? (s0 % g + n + g - 1) / g : lines) - 1)));
      if (!depthwise_q && Mac) begin
        check("head", longint'(pixel.head), longint'(adjacent_q ? s0 % g : 0));
        check("tail", longint'(pixel.tail), longint'((adjacent_q ? s0 + n - 1 : words - 1) % g));
      end
    end
  endtask

  always_ff @(posedge clk_i) begin
    ready_q <= ready_d && rst_ni;
    take_q <= chance(70);
    if (!rst_ni) begin
      done_o <= 1'b0;
      errors_o <= 0;
      head_q <= 1'b0;
      running_q <= 1'b0;
      descriptors_q <= 0;
      pixels_q <= 0;
      empties_q <= 0;
      clipped_q <= 0;
      rings_q <= 0;
      held_count_q <= 0;
      dilated_q <= 0;
      pixel_wait_q <= 0;
      row_wait_q <= 0;
      held_q <= 1'b0;
    end else if (!done_o) begin
      held_q <= valid && !take;
      if (pixel_wait_q > 0) pixel_wait_q <= pixel_wait_q - 1;
      if (row_wait_q > 0) row_wait_q <= row_wait_q - 1;
      before_q <= pixel;
      if (held_q && pixel != before_q) check("a held pixel", 1, 0);
      if (held_q) held_count_q <= held_count_q + 1;
      waited_q <= waited_q + 1;
      since_q <= since_q + 1;
      if (!head_q && !running_q) begin
        // A descriptor arrives.
        int  words;
        bit  adjacent, depthwise;
        depthwise = Mac && chance(20);
        adjacent = Mac && !depthwise && chance(50);
        words = pick(1, chance(50) ? 8 : 70);
        lg_q <= depthwise ? 3'd0 : 3'(pick(0, 4));
        adjacent_q <= adjacent;
        depthwise_q <= depthwise;
        walk_q <= random_walk(words, pick(1, 64), chance(15), adjacent, 1'b0, 1, 60);
        src2_q.base <= 20'($urandom);
        src2_q.col_step <= 20'(pick(0, 500));
        src2_q.ring <= chance(50) ? 20'(pick(1, 4) * 1000) : '0;
        src2_q.offset <= 20'(pick(0, 999));
        src2_q.row_step <= 20'(pick(0, 1000));
        head_q <= 1'b1;
        waited_q <= 1;
      end
      if (start) begin
        check("cycles of preparation", longint'(waited_q),
              longint'(walk_q.dilation_w > 1 || walk_q.dilation_h > 1 ? LatPrepareDilated : LatPrepare) + 1);
        if (walk_q.dilation_w > 1 || walk_q.dilation_h > 1) dilated_q <= dilated_q + 1;
        row_next_q <= 1'b0;
        pixel_wait_q <= 2;
        row_wait_q <= 2;
        running_q <= 1'b1;
        head_q <= 1'b0;
        pixel_q <= 0;
        since_q <= 1;
        if (walk_q.src_ring != '0) rings_q <= rings_q + 1;
      end
      if (running_q && pixel_wait_q == 0 && (!row_next_q || row_wait_q == 0)) check("valid in time", longint'(valid), 1);
      if (take) begin
        check_pixel();
        pixel_wait_q <= 1;
        if (pixel.row_first) row_wait_q <= int'(LatRowPeriod) - 1;
        row_next_q <= (int'(walk_q.x0) + pixel_q + 1) % int'(walk_q.out_width) == 0;
        pixel_q <= pixel_q + 1;
        if (pixel.last) begin
          running_q <= 1'b0;
          descriptors_q <= descriptors_q + 1;
          if (descriptors_q == Descriptors - 1) begin
            done_o <= 1'b1;
            $display("sf_walker: %0d descriptors (%0d in rings, %0d dilated), %0d pixels: %0d empty, %0d clipped, %0d cycles of back-pressure", Descriptors,
                     rings_q, dilated_q, pixels_q, empties_q, clipped_q, held_count_q);
            if (empties_q == 0 || clipped_q == 0 || rings_q == 0 || held_count_q == 0) errors_o <= errors_o + 1;
          end
        end
      end
    end
  end
endmodule
