// One of VEC's two multipliers, a DSP48E1 with all its registers: base + slope * low byte (table) or a * b (mul), half added, shifted right.
// Specification: docs/microarchitecture.md, section 5. Twin: tablePixel, mulPixel in src/simulator/data/vec.ts.
//
// Words at cycle 0 (index_o: its table entry); entry at 2; A, B and C 3; M 4; P 5; value 7.
module sf_vec_product
  import sf_cu_pkg::*;
(
  input  logic               clk_i,
  input  logic               table_i,
  input  vec_late_t          late_i,
  input  logic signed [15:0] a_i,
  input  logic signed [15:0] b_i,
  output logic [7:0]         index_o,
  input  logic signed [31:0] base_i,   // two cycles later
  input  logic signed [15:0] slope_i,
  output logic signed [15:0] value_o,
  output logic               beyond_o,
  output logic               sign_o
);
  assign index_o = {!a_i[15], a_i[14:8]};

  logic signed [15:0] a1_q, a2_q, b1_q, b2_q, a3_q, b3_q;
  logic signed [31:0] m_q;
  logic signed [47:0] c3_q, c4_q, p_q;
  always_ff @(posedge clk_i) begin
    a1_q <= a_i;
    a2_q <= a1_q;
    b1_q <= b_i;
    b2_q <= b1_q;
    a3_q <= table_i ? slope_i : a2_q;
    b3_q <= table_i ? 16'(a2_q[7:0]) : b2_q;
    c3_q <= (table_i ? 48'(base_i) : '0) + late_i.half;
    m_q <= a3_q * b3_q;
    c4_q <= c3_q;
    p_q <= 48'(m_q) + c4_q;
  end
  sf_post_shift u_shift (.clk_i, .sum_i(p_q), .shift_i(late_i.shift_out), .value_o, .beyond_o, .sign_o);

  logic unused_late;
  assign unused_late = ^late_i;
endmodule
