// Window walker: the output pixels of a descriptor in raster order, each with its clipped window, addresses and weights line; one a cycle.
// Specification: docs/microarchitecture.md, section 3. Twin: src/simulator/walker.ts (validRows, validColumns, tapAddress, outputAddress).
//
// Stage 0 (start + 1): position of the pixel as recurrences along x and y. Stage 1: ends of the valid taps, clipped to the kernel.
// Stage 2 (start + 3): counts, addresses, masks: pixel_o. A stage moves on when the one behind it is free.
module sf_walker
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
#(
  parameter bit Mac = 1'b1  // with weights lines and traces; VEC: with source 2 in their place
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       start_i,
  input  walk_t      walk_i,   // of the head, taken at start_i
  input  walk_prep_t prep_i,   // likewise
  input  logic       adjacent_i,
  input  lg_t        lg_i,
  input  logic       depthwise_i,
  // VEC add: rows of source 2; else 0.
  input  ring_t      src2_ring_i,
  input  ring_t      src2_offset_i,
  input  ring_t      src2_row_step_i,
  input  maps_addr_t src2_col_step_i,
  output logic       valid_o,
  output pixel_t     pixel_o,
  input  logic       take_i   // pixel_o is taken at the end of this cycle
);
  // ---------------------------------------------------------------- the descriptor in work
  walk_t      walk_q;
  walk_prep_t prep_q;
  logic       adjacent_q, depthwise_q;
  lg_t        lg_q;
  ring_t      src2_ring_q, src2_row_step_q;
  maps_addr_t src2_col_step_q;

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      walk_q <= walk_i;
      prep_q <= prep_i;
      adjacent_q <= adjacent_i;
      depthwise_q <= depthwise_i;
      lg_q <= lg_i;
      src2_ring_q <= src2_ring_i;
      src2_row_step_q <= src2_row_step_i;
      src2_col_step_q <= src2_col_step_i;
    end
  end

  // ---------------------------------------------------------------- stage 0: recurrences
  // A stride crosses one tap more than its quotient where the remainders add up to a dilation.
  function automatic logic crosses(logic [7:0] rem, logic signed [8:0] over);
    logic signed [9:0] sum;
    sum = 10'(signed'({1'b0, rem})) + 10'(over);
    return sum >= 0;
  endfunction

  // Moves an end of the valid taps on by a stride.
  function automatic edge_t step_edge(edge_t end_now, stride_t stride, logic carry);
    edge_t next;
    next.tap = end_now.tap - PosW'(stride.quot) - PosW'(carry);
    next.rem = end_now.rem + (carry ? stride.over[7:0] : stride.rem);
    return next;
  endfunction

  logic stage0_valid_d, stage0_valid_q, move0, ready1, ready2;

  // Along x.
  edge_t         x_low_d, x_low_q, x_high_d, x_high_q;
  kwords_t       x_low_words_d, x_low_words_q, x_high_last_d, x_high_last_q;
  weights_addr_t x_low_lines_d, x_low_lines_q;
  maps_addr_t    col_d, col_q, out_col_d, out_col_q, src2_col_d, src2_col_q;
  // Along y.
  edge_t         y_low_d, y_low_q, y_high_d, y_high_q;
  ring_t         y_low_ring_d, y_low_ring_q, row_d, row_q, out_row_d, out_row_q, src2_row_d, src2_row_q;
  weights_addr_t y_low_lines_d, y_low_lines_q;
  // Pixels left in the row and in the descriptor behind this one.
  logic [15:0] row_left_d, row_left_q;
  logic [19:0] left_d, left_q;
  logic        row_end_d, row_end_q, last_d, last_q;

  kwords_t       tap_step;
  weights_addr_t tap_lines;
  assign tap_step = kwords_t'(walk_q.tap_step);
  assign tap_lines = prep_q.tap_lines;

  assign move0 = stage0_valid_q && ready1;

  logic x_low_cross, x_high_cross, y_low_cross, y_high_cross;
  assign x_low_cross = crosses(x_low_q.rem, prep_q.x_stride.over);
  assign x_high_cross = crosses(x_high_q.rem, prep_q.x_stride.over);
  assign y_low_cross = crosses(y_low_q.rem, prep_q.y_stride.over);
  assign y_high_cross = crosses(y_high_q.rem, prep_q.y_stride.over);

  always_comb begin
    stage0_valid_d = stage0_valid_q;
    x_low_d = x_low_q;
    x_high_d = x_high_q;
    x_low_words_d = x_low_words_q;
    x_high_last_d = x_high_last_q;
    x_low_lines_d = x_low_lines_q;
    col_d = col_q;
    out_col_d = out_col_q;
    src2_col_d = src2_col_q;
    row_left_d = row_left_q;
    row_end_d = row_end_q;
    left_d = left_q;
    last_d = last_q;
    if (start_i) begin
      stage0_valid_d = 1'b1;
      x_low_d = prep_i.x_low;
      x_high_d = prep_i.x_high;
      x_low_words_d = prep_i.x_low_words;
      x_high_last_d = prep_i.x_high_last;
      x_low_lines_d = prep_i.x_low_lines;
      col_d = prep_i.col;
      out_col_d = prep_i.out;
      src2_col_d = prep_i.src2;
      row_left_d = walk_i.out_width - walk_i.x0 - 16'd1;
      row_end_d = row_left_d == '0;
      left_d = walk_i.count - 20'd1;
      last_d = walk_i.count == 20'd1;
    end else if (move0) begin
      stage0_valid_d = !last_q;
      left_d = left_q - 20'd1;
      last_d = left_q == 20'd1;
      if (row_end_q) begin
        x_low_d = prep_q.x0_low;
        x_high_d = prep_q.x0_high;
        x_low_words_d = prep_q.x0_low_words;
        x_high_last_d = prep_q.x0_high_last;
        x_low_lines_d = prep_q.x0_low_lines;
        col_d = prep_q.col0;
        out_col_d = prep_q.out0;
        src2_col_d = prep_q.src20;
        row_left_d = walk_q.out_width - 16'd1;
        row_end_d = walk_q.out_width == 16'd1;
      end else begin
        x_low_d = step_edge(x_low_q, prep_q.x_stride, x_low_cross);
        x_high_d = step_edge(x_high_q, prep_q.x_stride, x_high_cross);
        x_low_words_d = x_low_words_q - prep_q.x_stride_words - (x_low_cross ? tap_step : '0);
        x_high_last_d = x_high_last_q - prep_q.x_stride_words - (x_high_cross ? tap_step : '0);
        x_low_lines_d = x_low_lines_q - prep_q.x_stride_lines - (x_low_cross ? tap_lines : '0);
        col_d = col_q + maps_addr_t'(walk_q.col_step);
        out_col_d = out_col_q + maps_addr_t'(walk_q.out_col_step);
        src2_col_d = src2_col_q + src2_col_step_q;
        row_left_d = row_left_q - 16'd1;
        row_end_d = row_left_q == 16'd1;
      end
    end
  end

  always_comb begin
    y_low_d = y_low_q;
    y_high_d = y_high_q;
    y_low_ring_d = y_low_ring_q;
    y_low_lines_d = y_low_lines_q;
    row_d = row_q;
    out_row_d = out_row_q;
    src2_row_d = src2_row_q;
    if (start_i) begin
      y_low_d = prep_i.y_low;
      y_high_d = prep_i.y_high;
      y_low_ring_d = prep_i.y_low_ring;
      y_low_lines_d = prep_i.y_low_lines;
      row_d = ring_t'(walk_i.src_offset);
      out_row_d = ring_t'(walk_i.out_offset);
      src2_row_d = src2_offset_i;
    end else if (move0 && row_end_q) begin
      y_low_d = step_edge(y_low_q, prep_q.y_stride, y_low_cross);
      y_high_d = step_edge(y_high_q, prep_q.y_stride, y_high_cross);
      y_low_ring_d = add_ring(y_low_ring_q, y_low_cross ? prep_q.y_ring_step1 : prep_q.y_ring_step,
                              ring_t'(walk_q.src_ring));
      y_low_lines_d = y_low_lines_q - prep_q.y_stride_lines - (y_low_cross ? prep_q.row_lines : '0);
      row_d = add_ring(row_q, ring_t'(walk_q.row_step), ring_t'(walk_q.src_ring));
      out_row_d = add_ring(out_row_q, ring_t'(walk_q.out_row_step), ring_t'(walk_q.out_ring));
      src2_row_d = add_ring(src2_row_q, src2_row_step_q, src2_ring_q);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) stage0_valid_q <= 1'b0;
    else stage0_valid_q <= stage0_valid_d;
  end

  always_ff @(posedge clk_i) begin
    x_low_q <= x_low_d;
    x_high_q <= x_high_d;
    x_low_words_q <= x_low_words_d;
    x_high_last_q <= Mac ? x_high_last_d : '0;
    x_low_lines_q <= Mac ? x_low_lines_d : '0;
    col_q <= col_d;
    out_col_q <= out_col_d;
    src2_col_q <= Mac ? '0 : src2_col_d;
    y_low_q <= y_low_d;
    y_high_q <= y_high_d;
    y_low_ring_q <= y_low_ring_d;
    y_low_lines_q <= Mac ? y_low_lines_d : '0;
    row_q <= row_d;
    out_row_q <= out_row_d;
    src2_row_q <= Mac ? '0 : src2_row_d;
    row_left_q <= row_left_d;
    row_end_q <= row_end_d;
    left_q <= left_d;
    last_q <= last_d;
  end

  // ---------------------------------------------------------------- stage 1: clipped to the kernel
  // The low end in [0, kernel], the high end too.
  function automatic tap_t clip(pos_t tap, tap_t kernel);
    if (tap <= 0) return '0;
    if (tap >= signed'(PosW'(kernel))) return kernel;
    return tap[TapW-1:0];
  endfunction

  typedef struct packed {
    logic          last;
    tap_t          kx_low;
    tap_t          kx_high;
    tap_t          ky_low;
    tap_t          ky_high;
    kwords_t       first_word;  // of the kernel row: kx_low * tapStep
    kwords_t       last_word;   // kx_high * tapStep - 1
    weights_addr_t col_line;
    weights_addr_t row_line;
    ring_t         row;
    maps_addr_t    col;
    ring_t         out_row;
    maps_addr_t    out_col;
    ring_t         src2_row;
    maps_addr_t    src2_col;
  } stage1_t;

  stage1_t stage1_d, stage1_q;
  logic    stage1_valid_d, stage1_valid_q, x_inside, y_inside, x_whole;

  always_comb begin
    x_inside = x_low_q.tap > 0;
    y_inside = y_low_q.tap > 0;
    x_whole = x_high_q.tap >= signed'(PosW'(walk_q.kernel_w));
    stage1_d.last = last_q;
    stage1_d.kx_low = clip(x_low_q.tap, walk_q.kernel_w);
    stage1_d.kx_high = clip(x_high_q.tap, walk_q.kernel_w);
    stage1_d.ky_low = clip(y_low_q.tap, walk_q.kernel_h);
    stage1_d.ky_high = clip(y_high_q.tap, walk_q.kernel_h);
    stage1_d.first_word = x_inside ? x_low_words_q : '0;
    stage1_d.last_word = x_whole ? prep_q.row_last : x_high_last_q;
    stage1_d.col_line = x_inside ? x_low_lines_q : '0;
    stage1_d.row_line = y_inside ? y_low_lines_q : '0;
    stage1_d.row = add_ring(row_q, y_inside ? y_low_ring_q : '0, ring_t'(walk_q.src_ring));
    stage1_d.col = col_q;
    stage1_d.out_row = out_row_q;
    stage1_d.out_col = out_col_q;
    stage1_d.src2_row = src2_row_q;
    stage1_d.src2_col = src2_col_q;
  end

  assign ready1 = !stage1_valid_q || ready2;
  assign stage1_valid_d = ready1 ? stage0_valid_q : stage1_valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) stage1_valid_q <= 1'b0;
    else stage1_valid_q <= stage1_valid_d;
  end

  always_ff @(posedge clk_i) begin
    if (ready1) stage1_q <= stage1_d;
  end

  // ---------------------------------------------------------------- stage 2: counts and addresses
  pixel_t  pixel_d, pixel_q;
  logic    valid_d, valid_q;
  kwords_t step_mask, first_step, last_step, last_tap_word;

  always_comb begin
    step_mask = kwords_t'((32'd1 << lg_q) - 32'd1);
    last_tap_word = kwords_t'(walk_q.words - 16'd1);
    first_step = stage1_q.first_word >> lg_q;
    last_step = stage1_q.last_word >> lg_q;

    pixel_d.last = stage1_q.last;
    pixel_d.empty = stage1_q.kx_high <= stage1_q.kx_low || stage1_q.ky_high <= stage1_q.ky_low;
    pixel_d.rows = stage1_q.ky_high - stage1_q.ky_low - tap_t'(1);
    pixel_d.cols = stage1_q.kx_high - stage1_q.kx_low - tap_t'(1);
    pixel_d.row = stage1_q.row;
    pixel_d.out = maps_addr_t'(stage1_q.out_row) + stage1_q.out_col;
    pixel_d.src2 = maps_addr_t'(stage1_q.src2_row) + stage1_q.src2_col;
    if (adjacent_q) begin
      // One trace a kernel row: its steps are those of the row's grid that hold valid words.
      pixel_d.col = stage1_q.col + maps_addr_t'(stage1_q.first_word & ~step_mask);
      pixel_d.line = stage1_q.row_line + weights_addr_t'(first_step);
      pixel_d.steps = weights_addr_t'(last_step - first_step);
      pixel_d.head = 4'(stage1_q.first_word & step_mask);
      pixel_d.tail = 4'(stage1_q.last_word & step_mask);
    end else begin
      pixel_d.col = stage1_q.col + maps_addr_t'(stage1_q.first_word);
      pixel_d.line = stage1_q.row_line + stage1_q.col_line;
      pixel_d.steps = depthwise_q ? '0 : weights_addr_t'(last_tap_word >> lg_q);
      pixel_d.head = '0;
      pixel_d.tail = 4'(last_tap_word & step_mask);
    end
    if (!Mac) begin
      pixel_d.line = '0;
      pixel_d.steps = '0;
      pixel_d.head = '0;
      pixel_d.tail = '0;
    end
  end

  assign ready2 = !valid_q || take_i;
  assign valid_d = ready2 ? stage1_valid_q : valid_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else valid_q <= valid_d;
  end

  always_ff @(posedge clk_i) begin
    if (ready2) pixel_q <= pixel_d;
  end

  assign valid_o = valid_q;
  assign pixel_o = pixel_q;

  // Fields that only the preparation or the unit needs.
  logic unused_fields;
  assign unused_fields = ^{walk_q, prep_q, src2_ring_q};
endmodule
