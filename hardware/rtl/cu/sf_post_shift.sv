// Arithmetic right shift by 0 to 63 in two stages: the low 16 bits of the result, and whether it is beyond 16 bits. Latency 2.
// Specification: docs/microarchitecture.md, section 4; docs/numbers.md, section 2. Twin: shiftRight in src/simulator/data/arithmetic.ts.
module sf_post_shift (
  input  logic               clk_i,
  input  logic signed [47:0] sum_i,
  input  logic [5:0]         shift_i,
  output logic signed [15:0] value_o,
  output logic               beyond_o,
  output logic               sign_o
);
  // Shift by 0, 16, 32, 48: what the fine shift may still reach, and whether more was above it.
  logic signed [30:0] coarse_d, coarse_q;
  logic               above_d, above_q, sign1_q;
  logic [3:0]         fine_q;
  always_comb begin
    unique case (shift_i[5:4])
      2'd0: coarse_d = sum_i[30:0];
      2'd1: coarse_d = sum_i[46:16];
      2'd2: coarse_d = 31'(signed'(sum_i[47:32]));
      default: coarse_d = {31{sum_i[47]}};
    endcase
    above_d = shift_i[5:4] == 2'd0 && sum_i[46:31] != {16{sum_i[47]}};
  end

  // Shift by 0 to 15: bits from 15 on must all be the sign.
  logic signed [30:0] shifted;
  logic signed [15:0] value_q;
  logic [15:0]        wrong;  // bits 15 to 30 that are not the sign
  logic               beyond_d, beyond_q, sign2_q;
  assign shifted = coarse_q >>> fine_q;
  assign wrong = coarse_q[30:15] ^ {16{sign1_q}};
  assign beyond_d = above_q || (wrong >> fine_q) != '0;

  always_ff @(posedge clk_i) begin
    coarse_q <= coarse_d;
    above_q <= above_d;
    sign1_q <= sum_i[47];
    fine_q <= shift_i[3:0];
    value_q <= shifted[15:0];
    beyond_q <= beyond_d;
    sign2_q <= sign1_q;
  end
  assign value_o = value_q;
  assign beyond_o = beyond_q;
  assign sign_o = sign2_q;

  logic unused_shifted;
  assign unused_shifted = ^shifted[30:16];
endmodule
