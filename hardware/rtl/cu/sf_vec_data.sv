// The VEC unit's datapath: running maximum, eight lanes of add (a chunk in two cycles), two products a cycle, one clamp per word column.
// Specification: docs/microarchitecture.md, section 5. Twin: src/simulator/data/vec.ts.
//
// Words of a read granted at p are here at p + 9 = 0 of the stages below.
//   max      1 maximum, 2 clamped                         add      7 values of the first eight words (8: the others), 8 (9) clamped
//   products operands wait in a FIFO; two words read at 0', values at 8', clamped at 9', where 0' is 9 cycles after their cycle of T13
module sf_vec_data
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic         clk_i,
  input  logic         rst_ni,
  input  vec_step_t    step_i,     // at p + 1
  input  vec_product_t product_i,  // one cycle after its cycle of T13
  input  vec_late_t    late_i,
  input  line_t        words_i,    // at p + 9
  // Activation table
  output logic [1:0][7:0]  index_o,
  input  logic [1:0][31:0] base_i,
  input  logic [1:0][15:0] slope_i,
  // Result FIFO
  output word_mask_t   write_o,
  output logic [LineWords-1:0][VecFifoW-1:0] slot_o,
  output line_t        words_o
);
  // ---------------------------------------------------------------- control beside port B's pipeline
  vec_step_t    step;  // at 0
  vec_product_t product;  // at 0'
  sf_delay #(.Width($bits(vec_step_t)), .Cycles(8)) u_step (.clk_i, .rst_ni, .d_i(step_i), .q_o(step));
  sf_delay #(.Width($bits(vec_product_t)), .Cycles(8)) u_product (.clk_i, .rst_ni, .d_i(product_i), .q_o(product));

  logic is_max, is_add, is_table, is_product;
  assign is_max = late_i.is_max;
  assign is_add = late_i.is_add;
  assign is_table = late_i.is_table;
  assign is_product = late_i.is_product;

  // ---------------------------------------------------------------- max
  line_t max_q;
  for (genvar i = 0; i < int'(LineWords); i++) begin : gen_max
    always_ff @(posedge clk_i) begin
      if (step.valid && is_max) begin
        if (step.idle) max_q[i] <= 16'h8000;
        else if (step.first || signed'(words_i[i]) > signed'(max_q[i])) max_q[i] <= words_i[i];
      end
    end
  end

  // ---------------------------------------------------------------- add: words 0 to 7 when source 2 is there, 8 to 15 a cycle later
  line_t               a_q;
  logic [7:0][15:0]    b_q;  // words 8 to 15
  logic                second;
  logic [7:0]          run_q;    // first half, one to eight cycles ago
  logic [4:0]          run;
  logic [7:0][15:0]    lane_value;
  logic [7:0]          lane_beyond, lane_sign;
  assign second = step.valid && step.second && is_add;
  assign run = {run_q[3:0] | run_q[4:1], second || run_q[0]};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) run_q <= '0;
    else run_q <= {run_q[6:0], second};
  end
  always_ff @(posedge clk_i) begin
    if (step.valid && step.first && is_add) a_q <= words_i;
    if (second) b_q <= words_i[15:8];
  end
  for (genvar l = 0; l < 8; l++) begin : gen_lane
    sf_vec_lane u_lane (
      .clk_i, .run_i(run), .a_i(run_q[0] ? a_q[8+l] : a_q[l]), .b_i(run_q[0] ? b_q[l] : words_i[l]), .late_i,
      .value_o(lane_value[l]), .beyond_o(lane_beyond[l]), .sign_o(lane_sign[l])
    );
  end

  // ---------------------------------------------------------------- products: operands wait for their turn
  line_t                  fifo_a_q [2**VecFifoW];
  line_t                  fifo_b_q [2**VecFifoW];
  logic [VecFifoW-1:0]    fifo_write_q, fifo_read_q;
  line_t                  line_a, line_b;
  logic [1:0][15:0]       operand_a_q, operand_b_q, product_value;
  logic [1:0]             product_beyond, product_sign;
  always_ff @(posedge clk_i) begin
    if (step.valid && is_product && step.first) fifo_a_q[fifo_write_q] <= words_i;
    if (step.valid && is_product && step.last) fifo_b_q[fifo_write_q] <= words_i;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fifo_write_q <= '0;
      fifo_read_q <= '0;
    end else begin
      if (step.valid && is_product && step.last) fifo_write_q <= fifo_write_q + VecFifoW'(1);
      if (product.valid && product.index == 3'd7) fifo_read_q <= fifo_read_q + VecFifoW'(1);
    end
  end
  assign line_a = fifo_a_q[fifo_read_q];
  assign line_b = fifo_b_q[fifo_read_q];
  for (genvar l = 0; l < 2; l++) begin : gen_product
    always_ff @(posedge clk_i) begin
      if (product.valid) begin
        operand_a_q[l] <= line_a[{product.index, 1'(l)}];
        operand_b_q[l] <= line_b[{product.index, 1'(l)}];
      end
    end
    sf_vec_product u_product (
      .clk_i, .table_i(is_table), .late_i, .a_i(operand_a_q[l]), .b_i(operand_b_q[l]), .index_o(index_o[l]),
      .base_i(base_i[l]), .slope_i(slope_i[l]), .value_o(product_value[l]), .beyond_o(product_beyond[l]), .sign_o(product_sign[l])
    );
  end

  // ---------------------------------------------------------------- clamp and columns of the result FIFO
  vec_product_t        product8;  // at 8': values
  logic                max1_q;    // at 1: the maximum is complete
  word_mask_t          write_d, write_q;
  logic                end_d, end_q;  // the chunk's last words
  logic [VecFifoW-1:0] slot_q;
  sf_delay #(.Width($bits(vec_product_t)), .Cycles(8)) u_value (.clk_i, .rst_ni, .d_i(product), .q_o(product8));
  for (genvar c = 0; c < int'(LineWords); c++) begin : gen_clamp
    logic signed [15:0] value;
    logic               beyond, sign;
    assign value = is_max ? max_q[c] : is_add ? lane_value[c%8] : product_value[c%2];
    assign beyond = is_max ? 1'b0 : is_add ? lane_beyond[c%8] : product_beyond[c%2];
    assign sign = is_add ? lane_sign[c%8] : product_sign[c%2];
    sf_clamp u_clamp (
      .clk_i, .value_i(value), .beyond_i(beyond), .sign_i(sign), .low_i(late_i.clamp_low), .high_i(late_i.clamp_high), .word_o(words_o[c])
    );
    assign write_d[c] = (is_max && max1_q) || (is_add && run_q[c < 8 ? 6 : 7]) || (product8.valid && product8.index == 3'(c / 2));
    assign slot_o[c] = slot_q;
  end
  assign end_d = (is_max && max1_q) || (is_add && run_q[7]) || (product8.valid && product8.index == 3'd7);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      max1_q <= 1'b0;
      write_q <= '0;
      end_q <= 1'b0;
      slot_q <= '0;
    end else begin
      max1_q <= step.valid && step.last && is_max;
      write_q <= write_d;
      end_q <= end_d;
      if (end_q) slot_q <= slot_q + VecFifoW'(1);
    end
  end
  assign write_o = write_q;
endmodule
