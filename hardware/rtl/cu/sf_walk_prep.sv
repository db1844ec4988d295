// Prepares the descriptor at the head of a unit's queue: the quotients of starts, extents and strides by the dilation (clipping), and
// products with them (addresses, weights lines), serially, in LatPrepare cycles, while the descriptor before it runs.
// Specification: docs/microarchitecture.md, sections 3 and 9 (T3). Twin: validRows, validColumns, sourceRowOffset in src/simulator/walker.ts.
//
// An end of the valid taps of an axis is kept as tap and rem: for the low end dilation * tap - rem = -start, so that tap = ceil(-start / dilation),
// for the high end dilation * tap - rem = extent - start. A step of the walker subtracts the stride: quotient and remainder of stride / dilation.
//
// Cycles from the head's first one (0):
//   0      operands of the multiplier (x0 * strideW first, one product a cycle)
//   3, 4   start column of the first pixel; dividends
//   5-21   17 quotient bits
//   22     signs: low ends        23  high ends from low ends and extents        24  ready
module sf_walk_prep
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
#(
  parameter bit Mac = 1'b1  // with weights lines and traces; VEC: with source 2 in their place
) (
  input  logic          clk_i,
  input  logic          rst_ni,
  input  logic          head_i,   // a descriptor is at the head; its fields are stable
  input  walk_t         walk_i,
  input  maps_addr_t    src2_base_i,      // VEC, else 0
  input  logic [19:0]   src2_col_step_i,  // VEC, else 0
  input  logic          adjacent_i,  // MAC: a kernel row is one trace
  input  lg_t           lg_i,        // MAC: log2 lanes per output
  input  logic          depthwise_i,
  input  logic          start_i,  // the head starts: prep_o is taken at the end of this cycle
  output logic          ready_d_o,  // ready in the next cycle
  output walk_prep_t    prep_o
);
  // ---------------------------------------------------------------- sequence
  localparam int unsigned Bits = 17;  // of a dividend
  localparam int unsigned DivideAt = 4;
  localparam int unsigned Ready = DivideAt + Bits + 3;
  // LatPrepare may be longer (another machine), not shorter.
  if (LatPrepare < Ready || LatPrepare > 62) begin : gen_check
    $error("LatPrepare is out of range");
  end

  logic [5:0] cycle_d, cycle_q;  // since the head's first cycle; holds at LatPrepare
  logic load, run, run_short;

  always_comb begin
    cycle_d = cycle_q;
    if (!head_i || start_i) cycle_d = '0;
    else if (cycle_q != 6'(LatPrepare)) cycle_d = cycle_q + 6'd1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) cycle_q <= '0;
    else cycle_q <= cycle_d;
  end

  assign ready_d_o = cycle_d == 6'(LatPrepare);
  assign load = cycle_q == 6'(DivideAt);
  assign run = cycle_q > 6'(DivideAt) && cycle_q <= 6'(DivideAt + Bits);
  assign run_short = cycle_q > 6'(DivideAt) && cycle_q <= 6'(DivideAt + 8);  // quotients of 8 bits

  // ---------------------------------------------------------------- weights lines of a tap
  weights_addr_t tap_lines_d, tap_lines;  // of one tap, taps not adjacent; registered
  logic [16:0]   tap_words_up;
  always_comb begin
    tap_words_up = ({1'b0, walk_i.words} + (17'd1 << lg_i) - 17'd1) >> lg_i;
    tap_lines_d = !Mac ? '0 : depthwise_i ? weights_addr_t'(1) : weights_addr_t'(tap_words_up);
  end
  always_ff @(posedge clk_i) tap_lines <= tap_lines_d;

  // ---------------------------------------------------------------- one multiplier for all products with x0 and kernelW
  logic [19:0] mul_a_d, mul_a_q;
  logic [15:0] mul_b_d, mul_b_q;
  logic [35:0] mul_m_q, mul_p_q;

  always_comb begin
    mul_b_d = walk_i.x0;
    unique case (cycle_q[2:0])
      3'd0: mul_a_d = {12'b0, walk_i.stride_w};
      3'd1: begin
        mul_a_d = adjacent_i ? {4'b0, walk_i.words} : 20'(tap_lines);
        mul_b_d = {6'b0, walk_i.kernel_w};
      end
      3'd2: mul_a_d = walk_i.col_step;
      3'd3: mul_a_d = walk_i.out_col_step;
      default: mul_a_d = src2_col_step_i;
    endcase
  end

  // Signed operands with a 0 in front, as a DSP has them.
  always_ff @(posedge clk_i) begin
    mul_a_q <= mul_a_d;
    mul_b_q <= mul_b_d;
    mul_m_q <= mul_a_q * mul_b_q;
    mul_p_q <= mul_m_q;
  end

  // Start column of the first pixel. Beyond 2^17 - 1 nothing can be valid in its row: saturated.
  logic signed [25:0] start_sum;
  logic signed [17:0] start_d, start_q;
  kwords_t            row_words;
  weights_addr_t      row_lines_d;
  logic               latch_start, latch_row, latch_col, latch_out, latch_src2;
  assign start_sum = 26'(signed'(walk_i.ix0)) + signed'({2'b0, mul_p_q[23:0]});
  assign start_d = (start_sum > 26'sd131071) ? 18'sd131071 : start_sum[17:0];
  assign row_words = kwords_t'(mul_p_q);
  always_comb begin
    // A kernel row's lines: all its words up to a line, or tap by tap.
    row_lines_d = weights_addr_t'(row_words);
    if (adjacent_i) row_lines_d = weights_addr_t'((row_words + kwords_t'((32'd1 << lg_i) - 32'd1)) >> lg_i);
  end
  assign latch_start = cycle_q == 6'd3;
  assign latch_row = cycle_q == 6'd4;
  assign latch_col = cycle_q == 6'd5;
  assign latch_out = cycle_q == 6'd6;
  assign latch_src2 = cycle_q == 6'd7;

  kwords_t       row_last_q;
  weights_addr_t row_lines_q;
  maps_addr_t    col_q, out_q, src2_q, col0_q, out0_q;
  always_ff @(posedge clk_i) begin
    if (latch_start) start_q <= start_d;
    col0_q <= maps_addr_t'(walk_i.src_base) + maps_addr_t'(walk_i.src_column);
    out0_q <= maps_addr_t'(walk_i.out_base);
    if (latch_row) begin
      row_last_q <= Mac ? row_words - kwords_t'(1) : '0;
      row_lines_q <= Mac ? row_lines_d : '0;
    end
    if (latch_col) col_q <= col0_q + maps_addr_t'(mul_p_q);
    if (latch_out) out_q <= out0_q + maps_addr_t'(mul_p_q);
    if (latch_src2) src2_q <= Mac ? '0 : src2_base_i + maps_addr_t'(mul_p_q);
  end

  // ---------------------------------------------------------------- dividends
  // ceil(-start / d) = (d - 1 - start) / d for start < 0, -(start / d) else.
  function automatic logic [Bits-1:0] dividend(logic signed [17:0] start, logic [7:0] divisor);
    // Below 2^17 for a start below 0, modulo 2^17 else.
    logic [Bits-1:0] negative;
    negative = Bits'(divisor) - Bits'(1) - start[Bits-1:0];
    return start[17] ? negative : start[Bits-1:0];
  endfunction

  logic            x_bit, x0_bit, xs_bit, xe_bit, y_bit, ys_bit, ye_bit;
  logic [Bits-1:0] x_quot, x0_quot, y_quot;
  logic [7:0]      xs_quot, ys_quot;
  logic [15:0]     xe_quot, ye_quot;
  logic [7:0]      x_rem, x0_rem, xs_rem, xe_rem, y_rem, ys_rem, ye_rem;

  sf_serial_div #(.Width(Bits)) u_div_x (
    .clk_i, .load_i(load), .run_i(run), .dividend_i(dividend(start_q, walk_i.dilation_w)), .divisor_i(walk_i.dilation_w),
    .bit_o(x_bit), .quotient_o(x_quot), .remainder_o(x_rem)
  );
  sf_serial_div #(.Width(Bits)) u_div_x0 (
    .clk_i, .load_i(load), .run_i(run), .dividend_i(dividend(18'(signed'(walk_i.ix0)), walk_i.dilation_w)), .divisor_i(walk_i.dilation_w),
    .bit_o(x0_bit), .quotient_o(x0_quot), .remainder_o(x0_rem)
  );
  sf_serial_div #(.Width(8)) u_div_xs (
    .clk_i, .load_i(load), .run_i(run_short), .dividend_i(walk_i.stride_w), .divisor_i(walk_i.dilation_w),
    .bit_o(xs_bit), .quotient_o(xs_quot), .remainder_o(xs_rem)
  );
  // Extents have 16 bits: the first of the 17 cycles goes to a leading 0.
  logic run_extent;
  assign run_extent = run && cycle_q != 6'(DivideAt + 1);
  sf_serial_div #(.Width(16)) u_div_xe (
    .clk_i, .load_i(load), .run_i(run_extent), .dividend_i(walk_i.in_width), .divisor_i(walk_i.dilation_w),
    .bit_o(xe_bit), .quotient_o(xe_quot), .remainder_o(xe_rem)
  );
  sf_serial_div #(.Width(Bits)) u_div_y (
    .clk_i, .load_i(load), .run_i(run), .dividend_i(dividend(18'(signed'(walk_i.iy0)), walk_i.dilation_h)), .divisor_i(walk_i.dilation_h),
    .bit_o(y_bit), .quotient_o(y_quot), .remainder_o(y_rem)
  );
  sf_serial_div #(.Width(8)) u_div_ys (
    .clk_i, .load_i(load), .run_i(run_short), .dividend_i(walk_i.stride_h), .divisor_i(walk_i.dilation_h),
    .bit_o(ys_bit), .quotient_o(ys_quot), .remainder_o(ys_rem)
  );
  sf_serial_div #(.Width(16)) u_div_ye (
    .clk_i, .load_i(load), .run_i(run_extent), .dividend_i(walk_i.in_height), .divisor_i(walk_i.dilation_h),
    .bit_o(ye_bit), .quotient_o(ye_quot), .remainder_o(ye_rem)
  );

  // ---------------------------------------------------------------- products with the quotients
  kwords_t       tap_step, x_words, x0_words, xs_words, xe_words;
  weights_addr_t x_lines, x0_lines, xs_lines, y_lines, ys_lines;
  ring_t         ring, k_row_step, y_ring, ys_ring;
  assign tap_step = kwords_t'(walk_i.tap_step);
  assign ring = ring_t'(walk_i.src_ring);
  assign k_row_step = ring_t'(walk_i.k_row_step);

  sf_serial_product #(.Width(WordsW)) u_words_x (
    .clk_i, .load_i(load), .run_i(run), .bit_i(x_bit), .factor_i(tap_step), .product_o(x_words)
  );
  sf_serial_product #(.Width(WordsW)) u_words_x0 (
    .clk_i, .load_i(load), .run_i(run), .bit_i(x0_bit), .factor_i(tap_step), .product_o(x0_words)
  );
  sf_serial_product #(.Width(WordsW)) u_words_xs (
    .clk_i, .load_i(load), .run_i(run_short), .bit_i(xs_bit), .factor_i(tap_step), .product_o(xs_words)
  );
  sf_serial_product #(.Width(WordsW)) u_words_xe (
    .clk_i, .load_i(load), .run_i(run_extent), .bit_i(xe_bit), .factor_i(tap_step), .product_o(xe_words)
  );
  if (Mac) begin : gen_lines
    sf_serial_product #(.Width(WeightsAddrW)) u_lines_x (
      .clk_i, .load_i(load), .run_i(run), .bit_i(x_bit), .factor_i(tap_lines), .product_o(x_lines)
    );
    sf_serial_product #(.Width(WeightsAddrW)) u_lines_x0 (
      .clk_i, .load_i(load), .run_i(run), .bit_i(x0_bit), .factor_i(tap_lines), .product_o(x0_lines)
    );
    sf_serial_product #(.Width(WeightsAddrW)) u_lines_xs (
      .clk_i, .load_i(load), .run_i(run_short), .bit_i(xs_bit), .factor_i(tap_lines), .product_o(xs_lines)
    );
    sf_serial_product #(.Width(WeightsAddrW)) u_lines_y (
      .clk_i, .load_i(load), .run_i(run), .bit_i(y_bit), .factor_i(row_lines_q), .product_o(y_lines)
    );
    sf_serial_product #(.Width(WeightsAddrW)) u_lines_ys (
      .clk_i, .load_i(load), .run_i(run_short), .bit_i(ys_bit), .factor_i(row_lines_q), .product_o(ys_lines)
    );
  end else begin : gen_no_lines
    assign x_lines = '0;
    assign x0_lines = '0;
    assign xs_lines = '0;
    assign y_lines = '0;
    assign ys_lines = '0;
  end
  // Modulo a ring, a cycle behind the quotients.
  logic y_bit_q, ys_bit_q, run_q, run_stride_q;
  always_ff @(posedge clk_i) begin
    y_bit_q <= y_bit;
    ys_bit_q <= ys_bit;
    run_q <= run;
    run_stride_q <= run_short;
  end
  sf_serial_ring_product u_ring_y (
    .clk_i, .load_i(load), .run_i(run_q), .bit_i(y_bit_q), .factor_i(k_row_step), .ring_i(ring), .product_o(y_ring)
  );
  sf_serial_ring_product u_ring_ys (
    .clk_i, .load_i(load), .run_i(run_stride_q), .bit_i(ys_bit_q), .factor_i(k_row_step), .ring_i(ring), .product_o(ys_ring)
  );

  // ---------------------------------------------------------------- low ends (22), high ends (23)
  function automatic edge_t low_edge(logic negative, logic [Bits-1:0] quot, logic [7:0] rem, logic [7:0] divisor);
    edge_t low;
    low.tap = negative ? PosW'(quot) : -PosW'(quot);
    low.rem = negative ? divisor - 8'd1 - rem : rem;
    return low;
  endfunction

  // (extent - start) / dilation from -start and extent = dilation * quot + rem.
  function automatic edge_t high_edge(edge_t low, logic [15:0] quot, logic [7:0] rem, logic [7:0] divisor);
    edge_t high;
    logic  above;
    above = rem > low.rem;
    high.tap = low.tap + PosW'(quot) + PosW'(above);
    high.rem = above ? divisor - (rem - low.rem) : low.rem - rem;
    return high;
  endfunction

  edge_t   x_low_q, x0_low_q, y_low_q, x_high_q, x0_high_q, y_high_q;
  kwords_t x_words_q, x0_words_q, x_last_q, x0_last_q;
  ring_t   ring_step_q, ring_step1_q;
  always_ff @(posedge clk_i) begin
    x_low_q <= low_edge(start_q[17], x_quot, x_rem, walk_i.dilation_w);
    x0_low_q <= low_edge(walk_i.ix0[16], x0_quot, x0_rem, walk_i.dilation_w);
    y_low_q <= low_edge(walk_i.iy0[16], y_quot, y_rem, walk_i.dilation_h);
    x_words_q <= start_q[17] ? x_words : -x_words;
    x0_words_q <= walk_i.ix0[16] ? x0_words : -x0_words;
    ring_step_q <= (ys_ring == '0) ? '0 : ring - ys_ring;

    x_high_q <= high_edge(x_low_q, xe_quot, xe_rem, walk_i.dilation_w);
    x0_high_q <= high_edge(x0_low_q, xe_quot, xe_rem, walk_i.dilation_w);
    y_high_q <= high_edge(y_low_q, ye_quot, ye_rem, walk_i.dilation_h);
    x_last_q <= Mac ? x_words_q + xe_words + (xe_rem > x_low_q.rem ? tap_step : '0) - kwords_t'(1) : '0;
    x0_last_q <= Mac ? x0_words_q + xe_words + (xe_rem > x0_low_q.rem ? tap_step : '0) - kwords_t'(1) : '0;
    ring_step1_q <= (ring_step_q >= k_row_step || ring == '0) ? ring_step_q - k_row_step : ring_step_q - k_row_step + ring;
  end

  logic unused_bits;
  assign unused_bits = ^{walk_i, tap_words_up, mul_p_q, ye_bit};

  // ---------------------------------------------------------------- result
  always_comb begin
    prep_o.x_low = x_low_q;
    prep_o.x_high = x_high_q;
    prep_o.x_low_words = x_words_q;
    prep_o.x_high_last = x_last_q;
    prep_o.x_low_lines = x_lines;
    prep_o.x0_low = x0_low_q;
    prep_o.x0_high = x0_high_q;
    prep_o.x0_low_words = x0_words_q;
    prep_o.x0_high_last = x0_last_q;
    prep_o.x0_low_lines = x0_lines;
    prep_o.x_stride = '{quot: xs_quot, rem: xs_rem, over: 9'(signed'({1'b0, xs_rem})) - 9'(signed'({1'b0, walk_i.dilation_w}))};
    prep_o.x_stride_words = xs_words;
    prep_o.x_stride_lines = xs_lines;
    prep_o.col = col_q;
    prep_o.col0 = col0_q;
    prep_o.out = out_q;
    prep_o.out0 = out0_q;
    prep_o.src2 = src2_q;
    prep_o.src20 = src2_base_i;
    prep_o.y_low = y_low_q;
    prep_o.y_high = y_high_q;
    prep_o.y_low_ring = y_ring;
    prep_o.y_low_lines = y_lines;
    prep_o.y_stride = '{quot: ys_quot, rem: ys_rem, over: 9'(signed'({1'b0, ys_rem})) - 9'(signed'({1'b0, walk_i.dilation_h}))};
    prep_o.y_ring_step = ring_step_q;
    prep_o.y_ring_step1 = ring_step1_q;
    prep_o.y_stride_lines = ys_lines;
    prep_o.row_last = row_last_q;
    prep_o.row_lines = row_lines_q;
    prep_o.tap_lines = tap_lines;
  end
endmodule
