// One multiply-accumulate: a DSP48E1 with all its registers. P = M + (first step of a window ? C : P); C holds the bias of an output whose
// first lane this is, so that no adder for biases is needed. Masked operands are reset to 0.
// Specification: docs/microarchitecture.md, section 4.
//
// operand_i, mask, weight, bias at cycle 7 (of sf_operand's count) -> A, B, C at 8, M at 9, P at 10. first_i at 9.
module sf_lane (
  input  logic               clk_i,
  input  logic signed [15:0] operand_i,
  input  logic               keep_i,  // else the operand is 0
  input  logic signed [15:0] weight_i,
  input  logic signed [47:0] bias_i,
  input  logic               bias_load_i,
  input  logic               bias_clear_i,
  input  logic               first_i,
  output logic signed [47:0] sum_o
);
  logic signed [15:0] a_q, b_q;
  logic signed [31:0] m_q;
  logic signed [47:0] c_q, p_q;

  always_ff @(posedge clk_i) begin
    if (!keep_i) a_q <= '0;
    else a_q <= operand_i;
  end
  always_ff @(posedge clk_i) begin
    b_q <= weight_i;
    m_q <= a_q * b_q;
    p_q <= 48'(m_q) + (first_i ? c_q : p_q);
  end
  always_ff @(posedge clk_i) begin
    if (bias_clear_i) c_q <= '0;
    else if (bias_load_i) c_q <= bias_i;
  end
  assign sum_o = p_q;
endmodule
