// Bench of sf_post: shift, saturation and clamp against 64-bit arithmetic. docs/numbers.md, section 2.
module sf_post_tb
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  logic signed [47:0] sum_q;
  logic [5:0]         shift_q;
  word_t              low_q, high_q, low1_q, low2_q, high1_q, high2_q, word, expected [4];
  int                 cycle_q, high_hits_q, low_hits_q, through_q, shifts_q [64];
  sf_post u_dut (.clk_i, .run_i(1'b1), .sum_i(sum_q), .shift_i(shift_q), .low_i(low2_q), .high_i(high2_q), .word_o(word));

  always_ff @(posedge clk_i) begin
    word_t bound;
    sum_q <= 48'(signed'({$urandom, $urandom}) >>> pick(0, 63));
    shift_q <= 6'(pick(0, 63));
    bound = random_word();
    low_q <= chance(50) ? -16'sd32768 : (bound < 0) ? bound : 16'sd0;
    high_q <= chance(50) ? 16'sd32767 : (bound < 0) ? 16'sd0 : bound;
    low1_q <= low_q;
    low2_q <= low1_q;
    high1_q <= high_q;
    high2_q <= high1_q;
    expected[1] <= clamp(longint'(sum_q) >>> shift_q, low_q, high_q);
    expected[2] <= expected[1];
    expected[3] <= expected[2];
    if (!rst_ni) begin
      cycle_q <= 0;
      done_o <= 1'b0;
      errors_o <= 0;
      high_hits_q <= 0;
      low_hits_q <= 0;
      through_q <= 0;
    end else if (!done_o) begin
      cycle_q <= cycle_q + 1;
      shifts_q[shift_q] <= shifts_q[shift_q] + 1;
      if (longint'(sum_q) >>> shift_q > longint'(high_q)) high_hits_q <= high_hits_q + 1;
      else if (longint'(sum_q) >>> shift_q < longint'(low_q)) low_hits_q <= low_hits_q + 1;
      else through_q <= through_q + 1;
      if (cycle_q > 5 && word != expected[3]) begin
        errors_o <= report(errors_o, $sformatf("sf_post: %0d, expected %0d", word, expected[3]));
      end
      if (cycle_q == 30000) begin
        done_o <= 1'b1;
        for (int i = 0; i < 64; i++) if (shifts_q[i] == 0) $display("sf_post: shift %0d not covered", i);
        $display("sf_post: 30000 sums: %0d above, %0d below, %0d within the bounds; all shifts", high_hits_q, low_hits_q, through_q);
      end
    end
  end
endmodule
