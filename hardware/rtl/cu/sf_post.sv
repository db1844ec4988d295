// Output path of one result a cycle: arithmetic right shift, saturation and clamp in three stages. Latency 3. Registers of the shift
// keep what they have where there is no sum.
// Specification: docs/microarchitecture.md, section 4; docs/numbers.md, section 2. Twin: computeOutput in src/simulator/data/mac-scalar.ts.
module sf_post (
  input  logic               clk_i,
  input  logic               run_i,   // there is a sum
  input  logic signed [47:0] sum_i,
  input  logic [5:0]         shift_i,
  input  logic signed [15:0] low_i,   // two cycles later
  input  logic signed [15:0] high_i,  // two cycles later
  output logic signed [15:0] word_o
);
  logic signed [15:0] value;
  logic               beyond, sign, run;
  sf_post_shift u_shift (.clk_i, .run_i, .sum_i, .shift_i, .value_o(value), .beyond_o(beyond), .sign_o(sign), .run_o(run));
  sf_clamp u_clamp (.clk_i, .run_i(run), .value_i(value), .beyond_i(beyond), .sign_i(sign), .low_i, .high_i, .word_o);
endmodule
