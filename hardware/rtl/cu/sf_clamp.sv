// Saturation and clamp of one result. Latency 1. Saturation is part of the clamp: a value beyond 16 bits is beyond the clamp bound of its sign, too.
// Specification: docs/microarchitecture.md, section 4; docs/numbers.md, section 2. Twin: clampResult in src/simulator/data/arithmetic.ts.
module sf_clamp (
  input  logic               clk_i,
  input  logic               run_i,     // there is a value: without one word_o stays
  input  logic signed [15:0] value_i,
  input  logic               beyond_i,  // the value is beyond 16 bits,
  input  logic               sign_i,    // and this is its sign
  input  logic signed [15:0] low_i,
  input  logic signed [15:0] high_i,
  output logic signed [15:0] word_o
);
  logic               too_high, too_low;
  logic signed [15:0] word_d, word_q;
  assign too_high = beyond_i ? !sign_i : value_i > high_i;
  assign too_low = beyond_i ? sign_i : value_i < low_i;
  assign word_d = too_high ? high_i : too_low ? low_i : value_i;
  always_ff @(posedge clk_i) begin
    if (run_i) word_q <= word_d;
  end
  assign word_o = word_q;
endmodule
