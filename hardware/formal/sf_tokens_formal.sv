// sf_tokens, for any pair of units: a token signalled at t can be taken from t + LatToken on, none is lost or made, other pairs do not disturb.
module sf_tokens_formal
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input logic                      clk_i,
  input logic                      rst_ni,
  input logic                      clear_i,
  input unit_mask_t [NumUnits-1:0] read_signal_i,
  input unit_mask_t [NumUnits-1:0] write_signal_i,
  input unit_mask_t [NumUnits-1:0] wait_read_i,
  input unit_mask_t [NumUnits-1:0] wait_write_i,
  input unit_mask_t                start_i,
  input logic [3:0]                consumer_i,  // the pair: any, but always the same
  input logic [3:0]                producer_i
);
  unit_mask_t ok;
  logic       overflow;
  logic [4:0] producer;
  sf_tokens u_dut (
    .clk_i, .rst_ni, .clear_i, .read_signal_i, .write_signal_i, .wait_read_i, .wait_write_i,
    .ok_o(ok), .start_i, .overflow_o(overflow), .producer_o(producer)
  );

  logic [3:0] consumer_q, producer_q;
  logic       reset_done_q;
  initial reset_done_q = 1'b0;
  // Tokens that can be taken in the next cycle. What was asked in the cycle before, and whether that was the cycle of the consumer's start.
  logic [8:0] tokens_q;
  logic       asks_q, alone_q, none_q, started_q, cleared_q;
  logic [8:0] before_q;
  logic       take;
  assign take = start_i[consumer_i] && wait_read_i[consumer_i][producer_i];
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    consumer_q   <= consumer_i;
    producer_q   <= producer_i;
    asks_q       <= wait_read_i[consumer_i][producer_i];
    alone_q      <= wait_read_i[consumer_i] == (unit_mask_t'(1) << producer_i) && wait_write_i[consumer_i] == '0;
    none_q       <= wait_read_i[consumer_i] == '0 && wait_write_i[consumer_i] == '0;
    started_q    <= start_i[consumer_i] || !rst_ni;
    before_q     <= tokens_q;
    cleared_q    <= clear_i;
    if (!rst_ni || clear_i) begin
      tokens_q <= '0;
    end else begin
      tokens_q <= tokens_q + 9'(read_signal_i[producer_i][consumer_i]) - 9'(take);
    end
  end
  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    assume (consumer_i < 4'(NumUnits) && producer_i < 4'(NumUnits) && consumer_i != 4'd3 && producer_i != 4'd3);
    if (reset_done_q) assume (consumer_i == consumer_q && producer_i == producer_q);
    // The start rule of sf_queue: the head that was asked about starts.
    assume ((start_i & ~ok) == '0);
    // A program begins with empty queues.
    if (reset_done_q && cleared_q) assume (start_i == '0);
    if (reset_done_q && start_i[consumer_i]) assume (wait_read_i[consumer_i][producer_i] == asks_q);
    if (reset_done_q) begin
      if (started_q) assert (!ok[consumer_i]);
      if (asks_q && before_q == '0) assert (!ok[consumer_i]);
      if (alone_q && before_q != '0 && !started_q) assert (ok[consumer_i]);
      if (none_q && !started_q) assert (ok[consumer_i]);
    end
  end
  logic unused_overflow;
  assign unused_overflow = ^{overflow, producer};
endmodule
