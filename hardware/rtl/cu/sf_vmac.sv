// vMAC: 16 multiply-accumulates with their biases, reduction by output, shift, saturation, clamp. Its control: sf_vmac_ctl.
// Specification: docs/microarchitecture.md, section 4. Twin: computeOutput in src/simulator/data/mac-scalar.ts.
//
// Cycles from the step's e: operands at 6; weights line at 7; AD, B, C 8; M 9; P 10; shadow 11; sums 17 + k; results pair_o at 20 + k.
// A parameter line (4 words an output: 48 bits of bias, shift in the low 6 bits of the fourth word) passes in place of weights at 7.
module sf_vmac
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
#(
  parameter int unsigned Index = 0
) (
  input  logic      clk_i,
  input  vmac_ctl_t  ctl_i,
  input  vmac_pick_t pick_i,
  input  line_t     shared_i,     // at 6: words of all vMACs, 0 in depthwise mode
  input  line_t     own_i,        // at 6: own words
  input  logic      own_clear_i,  // at 6: they do not count
  input  line_t     weights_i,    // at 7
  input  logic signed [15:0] clamp_low_i,   // at 18 + k
  input  logic signed [15:0] clamp_high_i,
  output pair_t     pair_o        // at 20 + k
);
  // ---------------------------------------------------------------- lanes, sums by output
  logic signed [1:0][47:0] sum;
  sf_reduce #(.Index(Index)) u_reduce (.clk_i, .ctl_i, .shared_i, .own_i, .own_clear_i, .weights_i, .sum_o(sum));

  // ---------------------------------------------------------------- shifts: small RAMs by slot and parameter line, one a word
  logic [3:0][5:0] shift_read;
  logic [1:0][5:0] shift_q;
  for (genvar q = 0; q < 4; q++) begin : gen_shift
    logic [5:0] ram_q [8];
    always_ff @(posedge clk_i) begin
      if (ctl_i.param) ram_q[ctl_i.param_place] <= weights_i[4*q+3][5:0];
    end
    assign shift_read[q] = ram_q[pick_i.shift_place[q%2]];
  end
  always_ff @(posedge clk_i) begin
    if (ctl_i.run[16]) shift_q <= {shift_read[pick_i.shift_word[1]], shift_read[pick_i.shift_word[0]]};
  end

  // ---------------------------------------------------------------- two results a cycle
  logic signed [15:0]      low_q, high_q;
  logic signed [1:0][15:0] word;
  logic                    run17_q;
  always_ff @(posedge clk_i) begin
    run17_q <= ctl_i.run[16];
    low_q <= clamp_low_i;
    high_q <= clamp_high_i;
  end
  for (genvar p = 0; p < 2; p++) begin : gen_post
    sf_post u_post (.clk_i, .run_i(run17_q), .sum_i(sum[p]), .shift_i(shift_q[p]), .low_i(low_q), .high_i(high_q), .word_o(word[p]));
  end
  assign pair_o.words = {(ctl_i.wide20 || pick_i.swap20) ? word[0] : word[1], pick_i.swap20 ? word[1] : word[0]};
endmodule
