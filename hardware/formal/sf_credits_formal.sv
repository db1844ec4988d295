// sf_credits: never more than there are entries, never taken when not there, all of them come back. Twice: as of MAC, and as of VEC (LateTake).
module sf_credits_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       returned_i,
  input logic [2:0] need_i,
  input logic       take_i,
  input logic       late_returned_i,
  input logic       late_take_i
);
  localparam int unsigned Entries = 32;
  localparam int unsigned LateEntries = 16;
  logic enough, late_enough;
  sf_credits #(.Entries(Entries), .Most(4)) u_dut (.clk_i, .rst_ni, .returned_i, .need_i, .enough_o(enough), .take_i);
  sf_credits #(.Entries(LateEntries), .Most(1), .LateTake(1'b1)) u_late (
    .clk_i, .rst_ni, .returned_i(late_returned_i), .need_i(1'b1), .enough_o(late_enough), .take_i(late_take_i)
  );
  logic [7:0] out_q, late_out_q;  // granules that hold a credit
  logic       reset_done_q;
  initial reset_done_q = 1'b0;
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    out_q <= !rst_ni ? '0 : out_q + (take_i ? 8'(need_i) : '0) - 8'(returned_i);
    late_out_q <= !rst_ni ? '0 : late_out_q + 8'(late_take_i) - 8'(late_returned_i);
  end
  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    assume (!take_i || enough);
    assume (need_i >= 3'd1 && need_i <= 3'd4);
    assume (!returned_i || out_q != '0);
    assume (!late_take_i || late_enough);
    assume (!late_returned_i || late_out_q != '0);
    if (reset_done_q) begin
      assert (out_q <= 8'(Entries));
      assert (enough == (8'(Entries) - out_q >= 8'(need_i)));
      assert (8'(u_dut.count_q) + out_q == 8'(Entries));  // invariant
      assert (late_out_q <= 8'(LateEntries));
      assert (late_enough == (late_out_q != 8'(LateEntries)));
      assert (8'(u_late.count_q) + late_out_q == 8'(LateEntries) + 8'(u_late.taken));  // invariant
    end
  end
endmodule
