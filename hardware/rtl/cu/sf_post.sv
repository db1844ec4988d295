// Output path of one result a cycle: arithmetic right shift, saturation and clamp in three stages. Latency 3.
// Saturation is part of the clamp: a value beyond 16 bits is beyond the clamp bound of its sign, too.
// Specification: docs/microarchitecture.md, section 4; docs/numbers.md, section 2. Twin: shiftRight, clampResult in src/simulator/data/arithmetic.ts.
module sf_post (
  input  logic               clk_i,
  input  logic signed [47:0] sum_i,
  input  logic [5:0]         shift_i,
  input  logic signed [15:0] low_i,   // two cycles later
  input  logic signed [15:0] high_i,  // two cycles later
  output logic signed [15:0] word_o
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
  logic               beyond_d, beyond_q, sign2_q;
  assign shifted = coarse_q >>> fine_q;
  always_comb begin
    beyond_d = above_q;
    for (int unsigned i = 15; i < 31; i++) begin
      if (5'(i) >= 5'd15 + {1'b0, fine_q} && coarse_q[i] != sign1_q) beyond_d = 1'b1;
    end
  end

  logic        too_high, too_low;
  logic signed [15:0] word_d, word_q;
  assign too_high = beyond_q ? !sign2_q : value_q > high_i;
  assign too_low = beyond_q ? sign2_q : value_q < low_i;
  assign word_d = too_high ? high_i : too_low ? low_i : value_q;

  always_ff @(posedge clk_i) begin
    coarse_q <= coarse_d;
    above_q <= above_d;
    sign1_q <= sum_i[47];
    fine_q <= shift_i[3:0];
    value_q <= shifted[15:0];
    beyond_q <= beyond_d;
    sign2_q <= sign1_q;
    word_q <= word_d;
  end
  assign word_o = word_q;

  logic unused_shifted;
  assign unused_shifted = ^shifted[30:16];
endmodule
