// sf_credits: never more than there are entries, never taken when not there, all of them come back.
module sf_credits_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       returned_i,
  input logic [2:0] need_i,
  input logic       take_i
);
  localparam int unsigned Entries = 32;
  logic enough;
  sf_credits #(.Entries(Entries), .Most(4)) u_dut (.clk_i, .rst_ni, .returned_i, .need_i, .enough_o(enough), .take_i);
  logic [7:0] out_q;  // granules that hold a credit
  logic       reset_done_q;
  initial reset_done_q = 1'b0;
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    out_q <= !rst_ni ? '0 : out_q + (take_i ? 8'(need_i) : '0) - 8'(returned_i);
  end
  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    assume (!take_i || enough);
    assume (need_i >= 3'd1 && need_i <= 3'd4);
    assume (!returned_i || out_q != '0);
    if (reset_done_q) begin
      assert (out_q <= 8'(Entries));
      assert (enough == (8'(Entries) - out_q >= 8'(need_i)));
      assert (8'(u_dut.count_q) + out_q == 8'(Entries));  // invariant
    end
  end
endmodule
