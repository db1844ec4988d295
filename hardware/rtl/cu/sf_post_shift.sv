// Arithmetic right shift by 0 to 63 in two registered stages: the low 16 bits of the result, and whether it is beyond 16 bits. Latency 2.
// Stages without a sum keep what they have: simulation passes them by.
// Specification: docs/microarchitecture.md, section 4; docs/numbers.md, section 2. Twin: shiftRight in src/simulator/data/arithmetic.ts.
module sf_post_shift (
  input  logic               clk_i,
  input  logic               run_i,  // there is a sum
  input  logic signed [47:0] sum_i,
  input  logic [5:0]         shift_i,
  output logic signed [15:0] value_o,
  output logic               beyond_o,
  output logic               sign_o,
  output logic               run_o    // there is a result
);
  // Shift by 0, 16, 32, 48.
  logic signed [30:0] coarse;
  logic               above, sign1, run_q, run2_q;
  logic [3:0]         fine_q;
  sf_shift_coarse #(.Width(48), .Keep(31)) u_coarse (
    .clk_i, .run_i, .value_i(sum_i), .shift_i(shift_i[5:4]), .coarse_o(coarse), .above_o(above), .sign_o(sign1)
  );

  // Shift by 0, 4, 8, 12, then by 0 to 3: bits from 15 on must all be the sign, which is looked at four by four.
  logic signed [18:0] middle;
  logic signed [15:0] value_d, value_q;
  logic [2:0]         wrong;      // of coarse's bits 19 to 22, 23 to 26, 27 to 30 one is not the sign
  logic [3:0]         wrong_top;  // bits 15 to 18 of middle
  logic               beyond_d, beyond_q, sign2_q;
  always_comb begin
    value_d = value_q;
    beyond_d = beyond_q;
    wrong = '0;
    wrong_top = '0;
    middle = '0;
    if (run_q) begin
      for (int unsigned i = 0; i < 3; i++) wrong[i] = coarse[19+4*i+:4] != {4{sign1}};
      middle = 19'(coarse >>> {fine_q[3:2], 2'b00});
      value_d = 16'(middle >> fine_q[1:0]);
      wrong_top = middle[18:15] ^ {4{sign1}};
      beyond_d = above || (wrong >> fine_q[3:2]) != '0 || (wrong_top >> fine_q[1:0]) != '0;
    end
  end

  always_ff @(posedge clk_i) begin
    run_q <= run_i;
    run2_q <= run_q;
    if (run_i) fine_q <= shift_i[3:0];
    if (run_q) begin
      value_q <= value_d;
      beyond_q <= beyond_d;
      sign2_q <= sign1;
    end
  end
  assign value_o = value_q;
  assign beyond_o = beyond_q;
  assign sign_o = sign2_q;
  assign run_o = run2_q;
endmodule
