// Bench of sf_rotate: every amount, both directions, latency 2.
module sf_rotate_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  line_t      words_q, left, right, left_d, right_d, left1_q, left2_q, right1_q, right2_q;
  logic [3:0] amount_q;
  int         cycle_q, amounts_q [16];
  sf_rotate u_left (.clk_i, .run_i(1'b1), .words_i(words_q), .amount_i(amount_q), .words_o(left));
  sf_rotate #(.Right(1'b1)) u_right (.clk_i, .run_i(1'b1), .words_i(words_q), .amount_i(amount_q), .words_o(right));

  always_comb begin
    for (int i = 0; i < 16; i++) begin
      left_d[i] = words_q[4'(i) + amount_q];
      right_d[4'(i) + amount_q] = words_q[i];
    end
  end
  always_ff @(posedge clk_i) begin
    words_q <= random_line();
    amount_q <= 4'($urandom);
    left1_q <= left_d;
    left2_q <= left1_q;
    right1_q <= right_d;
    right2_q <= right1_q;
    if (!rst_ni) begin
      cycle_q <= 0;
      done_o <= 1'b0;
      errors_o <= 0;
    end else begin
      cycle_q <= cycle_q + 1;
      amounts_q[amount_q] <= amounts_q[amount_q] + 1;
      if (cycle_q > 4 && !done_o && (left != left2_q || right != right2_q)) errors_o <= errors_o + 1;
      if (cycle_q == 2000) begin
        done_o <= 1'b1;
        for (int i = 0; i < 16; i++) if (amounts_q[i] == 0) $display("sf_rotate: amount %0d not covered", i);
        $display("sf_rotate: 2000 lines, all amounts, both directions");
      end
    end
  end
endmodule
