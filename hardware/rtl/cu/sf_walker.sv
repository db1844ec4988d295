// Window walker: the output pixels of a descriptor in raster order, each with its clipped window, addresses and weights line; one in two cycles.
// Specification: docs/microarchitecture.md, section 3. Twin: src/simulator/walker.ts (validRows, validColumns, tapAddress, outputAddress).
//
// Stage 0 (from start + 1 on): the pixel along its row as sums, each one adder: cleared behind the last pixel of a row, then the start of the next row or
// the step to the next pixel is added. Stage 1: what is clipped. Stage 2 (start + 3): counts, addresses, masks: pixel_o.
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
  input  walk_row_t  row_i,    // first row at start_i, then with row_valid_i
  input  logic       row_valid_i,
  output logic       row_take_o,  // row_i is taken at the end of this cycle (not at start_i)
  input  logic       adjacent_i,
  input  lg_t        lg_i,
  input  maps_addr_t src2_col_step_i,  // VEC
  output logic       valid_o,
  output pixel_t     pixel_o,
  input  logic       take_i   // pixel_o is taken at the end of this cycle
);
  // ---------------------------------------------------------------- the descriptor in work
  walk_prep_t prep_q;
  logic       adjacent_q;
  lg_t        lg_q;
  logic [3:0] step_mask_q;  // words of a step - 1
  logic [3:0] grid_q;       // the same where steps lie on the grid of the row
  tap_t       taps_q;       // of a kernel row - 1
  logic [7:0] dilation_q;
  maps_addr_t col_step_q, out_col_step_q, src2_col_step_q;

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      prep_q <= prep_i;
      adjacent_q <= adjacent_i;
      lg_q <= lg_i;
      step_mask_q <= 4'((5'd1 << lg_i) - 5'd1);
      grid_q <= Mac && adjacent_i ? 4'((5'd1 << lg_i) - 5'd1) : '0;
      taps_q <= walk_i.kernel_w - tap_t'(1);
      dilation_q <= walk_i.dilation_w;
      col_step_q <= maps_addr_t'(walk_i.col_step);
      out_col_step_q <= maps_addr_t'(walk_i.out_col_step);
      src2_col_step_q <= Mac ? '0 : src2_col_step_i;
    end
  end

  // ---------------------------------------------------------------- stage 0: sequence
  logic valid0_d, valid0_q;  // a pixel
  logic step_d, step_q;      // the step to the next one is added
  logic load_d, load_q;      // the next row is added when it is there
  logic move0, ready1, load, row_end, clear, add;
  logic row_first_q, row_last_q;
  logic [15:0] left_q;       // pixels of the row behind this one

  assign row_end = left_q == '0;
  assign move0 = valid0_q && ready1;
  assign row_take_o = load_q && row_valid_i;
  assign load = start_i || row_take_o;
  assign add = load || step_q;
  assign clear = !rst_ni || (move0 && row_end);
  assign step_d = move0 && !row_end;
  assign load_d = (move0 && row_end && !row_last_q) || (load_q && !row_valid_i);
  assign valid0_d = add || (valid0_q && !ready1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid0_q <= 1'b0;
      step_q <= 1'b0;
      load_q <= 1'b0;
    end else begin
      valid0_q <= valid0_d;
      step_q <= step_d;
      load_q <= load_d;
    end
  end

  // What a row has in common.
  logic          empty_q;
  tap_t          rows_q;
  ring_t         row_q;
  weights_addr_t line_q;
  always_ff @(posedge clk_i) begin
    if (add) row_first_q <= load;
    if (load) begin
      row_last_q <= row_i.last;
      empty_q <= row_i.empty;
      rows_q <= row_i.rows;
      row_q <= row_i.row;
      line_q <= row_i.line;
    end
  end

  // ---------------------------------------------------------------- stage 0: sums
  // Remainders of x and r: in the cycle of the move the stride's is added and the dilation subtracted, in the next the dilation is given back where the
  // sum is below 0; where it is not, the stride crosses one tap more.
  logic signed [8:0] x_rem_q, r_rem_q;
  logic              x_cross, r_cross;
  assign x_cross = !x_rem_q[8];
  assign r_cross = !r_rem_q[8];

  pos_t          x_q, r_q;
  kwords_t       x_words_q, r_words_q;
  weights_addr_t x_lines_q;
  maps_addr_t    col_q, out_q, src2_q;

  logic signed [8:0] x_rem_add, r_rem_add;
  logic [PosW:0]     x_sum, r_sum;
  logic [WordsW:0]   x_words_sum, r_words_sum;
  logic [WeightsAddrW:0] x_lines_sum;
  always_comb begin
    x_rem_add = load ? signed'({1'b0, row_i.x_rem}) : step_q ? signed'({1'b0, dilation_q & {8{x_rem_q[8]}}}) : prep_q.over;
    r_rem_add = load ? signed'({1'b0, row_i.r_rem}) : step_q ? signed'({1'b0, dilation_q & {8{r_rem_q[8]}}}) : prep_q.over;
    // With the carry in as lowest bit.
    x_sum = {x_q, 1'b1} + {load ? row_i.x : pos_t'({1'b0, prep_q.stride}), !load && x_cross};
    r_sum = {r_q, 1'b1} + {load ? row_i.r : ~pos_t'({1'b0, prep_q.stride}), !load && !r_cross};
    x_words_sum = {x_words_q, 1'b1} + {load ? row_i.x_words : x_cross ? ~prep_q.words1 : ~prep_q.words, !load};
    r_words_sum = {r_words_q, 1'b1} + {load ? row_i.r_words : r_cross ? ~prep_q.words1 : ~prep_q.words, !load};
    x_lines_sum = {x_lines_q, 1'b1} + {load ? row_i.x_lines : x_cross ? ~prep_q.lines1 : ~prep_q.lines, !load};
  end

  always_ff @(posedge clk_i) begin
    if (clear) begin
      x_rem_q <= '0;
      r_rem_q <= '0;
    end else if (add || move0) begin
      x_rem_q <= x_rem_q + x_rem_add;
      r_rem_q <= r_rem_q + r_rem_add;
    end
  end
  always_ff @(posedge clk_i) begin
    if (clear) begin
      x_q <= '0;
      r_q <= '0;
      x_words_q <= '0;
      col_q <= '0;
      out_q <= '0;
      left_q <= '0;
    end else if (add) begin
      x_q <= x_sum[PosW:1];
      r_q <= r_sum[PosW:1];
      x_words_q <= x_words_sum[WordsW:1];
      col_q <= col_q + (load ? row_i.col : col_step_q);
      out_q <= out_q + (load ? row_i.out : out_col_step_q);
      left_q <= left_q + (load ? row_i.pixels : 16'hffff);
    end
  end
  if (Mac) begin : gen_lines
    always_ff @(posedge clk_i) begin
      if (clear) begin
        r_words_q <= '0;
        x_lines_q <= '0;
      end else if (add) begin
        r_words_q <= r_words_sum[WordsW:1];
        x_lines_q <= x_lines_sum[WeightsAddrW:1];
      end
    end
    assign src2_q = '0;
  end else begin : gen_src2
    always_ff @(posedge clk_i) begin
      if (clear) src2_q <= '0;
      else if (add) src2_q <= src2_q + (load ? row_i.src2 : src2_col_step_q);
    end
    assign r_words_q = '0;
    assign x_lines_q = '0;
  end

  // ---------------------------------------------------------------- stage 1: clipped to the kernel
  logic          valid1_d, valid1_q, ready2;
  logic          last1_q, row_first1_q, row_last1_q, empty1_q;
  tap_t          rows1_q;
  ring_t         row1_q;
  weights_addr_t line1_q, step1_q;    // of the row; of the first tap in it
  pos_t          clipped1_q, taps1_q;  // taps clipped at the left (negative), all others less 1
  kwords_t       first1_q, last1_word_q;  // first and last valid word of a trace
  maps_addr_t    col1_q, out1_q, src21_q;

  assign ready1 = !valid1_q || ready2;
  assign valid1_d = ready1 ? valid0_q : valid1_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid1_q <= 1'b0;
    else valid1_q <= valid1_d;
  end
  always_ff @(posedge clk_i) begin
    if (ready1) begin
      last1_q <= row_end && row_last_q;
      row_first1_q <= row_first_q;
      row_last1_q <= row_last_q;
      empty1_q <= empty_q;
      rows1_q <= rows_q;
      row1_q <= row_q;
      line1_q <= Mac ? line_q : '0;
      taps1_q <= pos_t'({1'b0, taps_q}) + (r_q[PosW-1] ? r_q : '0);
      last1_word_q <= Mac ? prep_q.row_last + (r_q[PosW-1] && adjacent_q ? r_words_q : '0) : '0;
      col1_q <= col_q;
      out1_q <= out_q;
      src21_q <= src2_q;
    end
  end
  // Nothing is clipped at the left: zero.
  always_ff @(posedge clk_i) begin
    if (ready1) begin
      clipped1_q <= x_q[PosW-1] ? x_q : '0;
      first1_q <= x_q[PosW-1] ? x_words_q : '0;
      step1_q <= !Mac || !x_q[PosW-1] ? '0 : adjacent_q ? weights_addr_t'(x_words_q >> lg_q) : x_lines_q;
    end
  end

  // ---------------------------------------------------------------- stage 2: counts and addresses
  pixel_t pixel_d, pixel_q;
  logic   valid_d, valid_q;
  pos_t   cols;

  always_comb begin
    cols = taps1_q + clipped1_q;
    pixel_d.last = last1_q;
    pixel_d.row_first = row_first1_q;
    pixel_d.last_row = row_last1_q;
    pixel_d.empty = cols[PosW-1] || empty1_q;
    pixel_d.rows = rows1_q;
    pixel_d.cols = tap_t'(cols);
    pixel_d.row = row1_q;
    pixel_d.out = out1_q;
    pixel_d.src2 = src21_q;
    // Adjacent taps: one trace a kernel row, its steps are those of the row's grid that hold valid words.
    pixel_d.col = col1_q + maps_addr_t'(first1_q & ~kwords_t'(grid_q));
    pixel_d.line = line1_q + step1_q;
    pixel_d.steps = weights_addr_t'(last1_word_q >> lg_q) - (adjacent_q ? step1_q : '0);
    pixel_d.head = adjacent_q ? first1_q[3:0] & step_mask_q : '0;
    pixel_d.tail = last1_word_q[3:0] & step_mask_q;
    if (!Mac) begin
      pixel_d.line = '0;
      pixel_d.steps = '0;
      pixel_d.head = '0;
      pixel_d.tail = '0;
    end
  end

  // From registers only: the next pixel is there two cycles after this one is taken.
  assign ready2 = !valid_q;
  assign valid_d = valid_q ? !take_i : valid1_q;
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
  assign unused_fields = ^{walk_i, prep_q, row_i, src2_col_step_q, r_words_sum, x_lines_sum, x_words_sum[0], x_sum[0], r_sum[0]};
endmodule
