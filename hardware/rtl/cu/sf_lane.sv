// One multiply-accumulate: a DSP48E1 with all its registers. Its pre-adder takes the place of a multiplexer between the word that all vMACs share
// and, in depthwise mode, the lane's own: the one that does not count is 0. P = M + (first step of a window ? C : P); C holds the bias of an output
// whose first lane this is, so that no adder for biases is needed. A lane that does not count has its weight reset to 0.
// Specification: docs/microarchitecture.md, section 4.
//
// Cycles of sf_operand's count: own_i, shared_i at 6 -> A, D at 7 -> their sum AD at 8; drop_i, weight_i, bias_i at 7 -> B, C at 8; M at 9, P at 10.
// first_i at 9.
module sf_lane (
  input  logic               clk_i,
  input  logic signed [15:0] own_i,
  input  logic               own_clear_i,  // own_i does not count: at 6
  input  logic signed [15:0] shared_i,  // 0 where own_i counts
  input  logic signed [15:0] weight_i,
  input  logic               drop_i,    // the weight is 0
  input  logic signed [47:0] bias_i,
  input  logic               bias_load_i,
  input  logic               bias_clear_i,
  input  logic               first_i,
  output logic signed [47:0] sum_o
);
  // Of AD 17 bits count and of M 33: the others repeat the sign. Synthesis drops them, simulation need not extend what is wide already.
  logic signed [15:0] a_q, d_q, b_q;
  logic signed [31:0] ad_q;
  logic signed [63:0] m_q;
  logic signed [47:0] c_q, p_q;

  always_ff @(posedge clk_i) begin
    if (own_clear_i) a_q <= '0;
    else a_q <= own_i;
  end
  always_ff @(posedge clk_i) begin
    if (drop_i) b_q <= '0;
    else b_q <= weight_i;
  end
  always_ff @(posedge clk_i) begin
    d_q <= shared_i;
    ad_q <= 32'(a_q) + 32'(d_q);
    m_q <= 64'(ad_q) * 64'(b_q);
    p_q <= 48'(m_q) + (first_i ? c_q : p_q);
  end
  always_ff @(posedge clk_i) begin
    if (bias_clear_i) c_q <= '0;
    else if (bias_load_i) c_q <= bias_i;
  end
  assign sum_o = p_q;

  logic unused_sign;
  assign unused_sign = ^m_q[63:48];
endmodule
