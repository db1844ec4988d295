// sf_fifo against a list: order, head, room. Invariants tie the ring to the list, so that induction closes.
module sf_fifo_formal (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       push_i,
  input logic [3:0] data_i,
  input logic       pop_i
);
  localparam int unsigned Depth = 4;
  logic       valid, full;
  logic [3:0] data;
  sf_fifo #(.Width(4), .Depth(Depth)) u_dut (
    .clk_i, .rst_ni, .push_i, .data_i, .pop_i, .valid_o(valid), .data_o(data), .full_o(full)
  );

  // The list: entry 0 is the head.
  logic [3:0] list_q [Depth];
  logic [2:0] length_q;
  logic       reset_done_q;
  initial reset_done_q = 1'b0;
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    if (!rst_ni) begin
      length_q <= '0;
    end else begin
      length_q <= length_q + 3'(push_i) - 3'(pop_i);
      for (int i = 0; i < int'(Depth); i++) begin
        if (push_i && 3'(i) == length_q - 3'(pop_i)) list_q[i] <= data_i;
        else if (pop_i && i < int'(Depth) - 1) list_q[i] <= list_q[i+1];
      end
    end
  end

  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    assume (!pop_i || valid);
    assume (!push_i || !full || pop_i);
    if (reset_done_q) begin
      assert (valid == (length_q != 0));
      assert (!valid || data == list_q[0]);
      assert (full == (length_q == 3'(Depth)));
      // Invariants.
      assert (length_q <= 3'(Depth));
      assert (u_dut.write_q == u_dut.read_q + length_q[1:0]);
      for (int i = 0; i < int'(Depth); i++) begin
        if (3'(i) < length_q) assert (u_dut.mem[u_dut.read_q + 2'(i)] == list_q[i]);
      end
    end
  end
endmodule
