// sf_token_counter: counts what was given and not taken up to 128, and reports a token too many (which stops the machine).
module sf_token_counter_formal (
  input logic clk_i,
  input logic rst_ni,
  input logic clear_i,
  input logic give_i,
  input logic take_i
);
  logic there, overflow;
  sf_token_counter u_dut (.clk_i, .rst_ni, .clear_i, .give_i, .take_i, .there_o(there), .overflow_o(overflow));

  logic [15:0] tokens_q;  // wide enough not to wrap by itself
  logic        reset_done_q, stopped_q;
  initial reset_done_q = 1'b0;
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    stopped_q    <= rst_ni && !clear_i && overflow;
    if (!rst_ni || clear_i) tokens_q <= '0;
    else tokens_q <= tokens_q + 16'(give_i) - 16'(take_i);
  end
  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    assume (!take_i || there);
    // Nothing counts behind an overflow.
    assume (!stopped_q);
    if (reset_done_q) begin
      assert (tokens_q <= 16'd128);
      assert (there == (tokens_q != '0));
      assert (overflow == (give_i && tokens_q == 16'd128));
      // Invariants.
      assert (u_dut.count_q == 7'(tokens_q) - 7'd1);
      assert (u_dut.there_q || tokens_q == '0);
    end
  end
endmodule
