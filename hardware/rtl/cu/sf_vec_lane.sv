// One of VEC's lanes: x * y + z in a DSP48E1 with all its registers, then shift, rounding and clamp.
// Specification: docs/microarchitecture.md, section 5. Twin: src/simulator/data/vec.ts.
//
//             x            y              z
//   max       maximum      2^shift        0
//   add       a            2^shift        b         (a: the operand that is shifted)
//   table     low byte     slope          base
//   mul       a            b              0         (or 2^shift - b)
//
// a_i at cycle 1; b_i and the table's entry at 2; x, y at 3; products at 4; sum at 5; shifted and rounded at 8; word_o at 9. A sum that is looked up takes
// a_i's place at 8: it is at cycle 1 again.
module sf_vec_lane
  import sf_cu_pkg::*;
(
  input  logic               clk_i,
  input  logic               run_i,   // there is work in the lanes
  input  vec_late_t          late_i,
  input  logic               look1_i,  // what is at cycle 1 is looked up, at 2
  input  logic               look2_i,
  input  logic [23:0]        power_i,  // at cycle 2: 0 where a look-up is
  input  logic [5:0]         shift_i,  // of what is at 5, at 6, at 7: two bits each
  input  logic signed [15:0] a_i,
  input  logic signed [15:0] b_i,
  input  logic signed [31:0] base_i,
  input  logic signed [15:0] slope_i,
  output logic [7:0]         high_o,  // upper half of the sum at 8, not saturated;
  output logic               beyond_o,  // whether it is beyond 16 bits, and its sign
  output logic               sign_o,
  output logic signed [15:0] word_o
);
  logic [15:0]        a2_q;
  logic signed [15:0] x3_q;
  logic signed [24:0] y_d, y3_q;  // 2^23 is the greatest power
  logic signed [31:0] z3_q, z4_q;
  logic signed [40:0] product_q, sum_q;
  logic signed [15:0] value;  // at 8
  logic               beyond, sign;
  logic signed [15:0] factor;
  assign factor = look2_i ? slope_i : late_i.is_mul ? b_i ^ {16{late_i.is_complement}} : '0;
  assign y_d = signed'({1'b0, power_i}) + 25'(factor);
  always_ff @(posedge clk_i) begin
    if (look1_i) a2_q[15:8] <= '0;
    else if (run_i) a2_q[15:8] <= a_i[15:8];
    if (late_i.is_plain) z3_q <= '0;
    else if (run_i) z3_q <= look2_i ? base_i : 32'(b_i);
    if (run_i) begin
      a2_q[7:0] <= (late_i.is_sum && look1_i) ? (beyond ? {8{!sign}} : value[7:0]) : a_i[7:0];
      x3_q <= a2_q;
      y3_q <= y_d;
      product_q <= x3_q * y3_q;
      z4_q <= z3_q;
      sum_q <= product_q + 41'(z4_q);
    end
  end

  sf_vec_shift u_shift (.clk_i, .run_i, .sum_i(sum_q[39:0]), .shift_i, .value_o(value), .beyond_o(beyond), .sign_o(sign));
  assign high_o = value[15:8];
  assign beyond_o = beyond;
  assign sign_o = sign;
  sf_clamp u_clamp (
    .clk_i, .run_i, .value_i(value), .beyond_i(beyond), .sign_i(sign), .low_i(late_i.clamp_low), .high_i(late_i.clamp_high),
    .word_o
  );

  logic unused_bits;
  assign unused_bits = ^{sum_q[40], late_i};
endmodule
