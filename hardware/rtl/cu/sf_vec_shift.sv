// Rounding arithmetic right shift of 40 bits by 0 to 47 in three stages: (sum + half(shift)) >> shift, its low 16 bits, and whether the value is beyond 16
// bits. Rounding adds the last bit shifted out: a positive value that comes out negative is beyond, too. Latency 3.
// Apart from the first stage it is not sf_post_shift, which finds rounding done and has a cycle less.
// Specification: docs/microarchitecture.md, section 5; docs/numbers.md, sections 5 and 6. Twin: shiftRight in src/simulator/data/arithmetic.ts.
module sf_vec_shift (
  input  logic               clk_i,
  input  logic               run_i,  // else every stage keeps what it has
  input  logic signed [39:0] sum_i,
  input  logic [5:0]         shift_i,
  output logic signed [15:0] value_o,
  output logic               beyond_o,
  output logic               sign_o
);
  // By 0, 16, 32, 48. Bit 0 is the bit behind the last one.
  logic signed [31:0] coarse;
  logic               above, sign1;
  sf_shift_coarse #(.Width(41), .Keep(32)) u_coarse (
    .clk_i, .run_i, .value_i({sum_i, 1'b0}), .shift_i(shift_i[5:4]), .coarse_o(coarse), .above_o(above), .sign_o(sign1)
  );

  // By 0, 4, 8, 12.
  logic [11:0] wrong;  // bits 20 to 31 that are not the sign
  logic [19:0] middle_d, middle_q;
  logic        beyond_d, beyond2_q, sign2_q;
  assign wrong = coarse[31:20] ^ {12{sign1}};
  always_comb begin
    middle_d = middle_q;
    beyond_d = beyond2_q;
    if (run_i) begin
      unique case (shift_i[3:2])
        2'd0: middle_d = coarse[19:0];
        2'd1: middle_d = coarse[23:4];
        2'd2: middle_d = coarse[27:8];
        default: middle_d = coarse[31:12];
      endcase
      beyond_d = above || (shift_i[3:2] == 2'd0 && wrong[3:0] != '0) || (!shift_i[3] && wrong[7:4] != '0) ||
          (shift_i[3:2] != 2'd3 && wrong[11:8] != '0);
    end
  end

  // By 0 to 3, rounded.
  logic [15:0] floor, value_d, value_q;
  logic        round, beyond3_d, beyond3_q, sign3_q;
  always_comb begin
    {floor, round} = '0;
    value_d = value_q;
    beyond3_d = beyond3_q;
    if (run_i) begin
      unique case (shift_i[1:0])
        2'd0: {floor, round} = middle_q[16:0];
        2'd1: {floor, round} = middle_q[17:1];
        2'd2: {floor, round} = middle_q[18:2];
        default: {floor, round} = middle_q[19:3];
      endcase
      value_d = floor + 16'(round);
      beyond3_d = beyond2_q || middle_q[19] != sign2_q || (shift_i[1:0] != 2'd3 && middle_q[18] != sign2_q) ||
          (!shift_i[1] && middle_q[17] != sign2_q) || (shift_i[1:0] == 2'd0 && middle_q[16] != sign2_q) || (!sign2_q && value_d[15]);
    end
  end

  always_ff @(posedge clk_i) begin
    if (run_i) begin
      middle_q <= middle_d;
      beyond2_q <= beyond_d;
      value_q <= value_d;
      beyond3_q <= beyond3_d;
      {sign2_q, sign3_q} <= {sign1, sign2_q};
    end
  end
  assign value_o = value_q;
  assign beyond_o = beyond3_q;
  assign sign_o = sign3_q;
endmodule
