// One lane of VEC's add: both words shifted left, added, half added, shifted right. The clamp comes behind. Latency 7.
// Specification: docs/microarchitecture.md, section 5. Twin: addPixel in src/simulator/data/vec.ts.
module sf_vec_lane
  import sf_cu_pkg::*;
(
  input  logic               clk_i,
  input  logic [4:0]         run_i,  // stages 1 to 5 hold something: a step valid at a_i, one to four cycles ago
  input  logic signed [15:0] a_i,
  input  logic signed [15:0] b_i,
  input  vec_late_t          late_i,
  output logic signed [15:0] value_o,
  output logic               beyond_o,
  output logic               sign_o
);
  logic signed [18:0] fine_a_q, fine_b_q;
  logic signed [47:0] a_q, b_q, rounded_q;
  // Low bits a cycle ahead of the high ones, as a carry through 48 bits is too long.
  logic [23:0] sum_low_q, sum_high_q, rounded_low_q, high_a_q, high_b_q;
  logic        sum_carry_q, rounded_carry_q;
  always_ff @(posedge clk_i) begin
    if (run_i[0]) begin
      fine_a_q <= 19'(a_i) << late_i.shift_a[1:0];
      fine_b_q <= 19'(b_i) << late_i.shift_b[1:0];
    end
    if (run_i[1]) begin
      a_q <= 48'(fine_a_q) << {late_i.shift_a[4:2], 2'b0};
      b_q <= 48'(fine_b_q) << {late_i.shift_b[4:2], 2'b0};
    end
    if (run_i[2]) begin
      {sum_carry_q, sum_low_q} <= {1'b0, a_q[23:0]} + {1'b0, b_q[23:0]};
      high_a_q <= a_q[47:24];
      high_b_q <= b_q[47:24];
    end
    if (run_i[3]) begin
      sum_high_q <= high_a_q + high_b_q + 24'(sum_carry_q);
      {rounded_carry_q, rounded_low_q} <= {1'b0, sum_low_q} + {1'b0, late_i.half[23:0]};
    end
    if (run_i[4]) begin
      rounded_q[23:0] <= rounded_low_q;
      rounded_q[47:24] <= sum_high_q + late_i.half[47:24] + 24'(rounded_carry_q);
    end
  end
  sf_post_shift u_shift (.clk_i, .sum_i(rounded_q), .shift_i(late_i.shift_out), .value_o, .beyond_o, .sign_o);

  logic unused_late;
  assign unused_late = ^late_i;
endmodule
