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
  logic       given_q;
  logic [8:0] tokens_q;
  logic       take;
  assign take = start_i[consumer_i] && wait_read_i[consumer_i][producer_i];
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    consumer_q   <= consumer_i;
    producer_q   <= producer_i;
    if (!rst_ni || clear_i) begin
      given_q  <= 1'b0;
      tokens_q <= '0;
    end else begin
      given_q  <= read_signal_i[producer_i][consumer_i];
      tokens_q <= tokens_q + 9'(given_q) - 9'(take);
    end
  end
  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    assume (consumer_i < 4'(NumUnits) && producer_i < 4'(NumUnits) && consumer_i != 4'd3 && producer_i != 4'd3);
    if (reset_done_q) assume (consumer_i == consumer_q && producer_i == producer_q);
    // The start rule of sf_queue.
    assume ((start_i & ~ok) == '0);
    if (reset_done_q) begin
      if (wait_read_i[consumer_i][producer_i] && tokens_q == '0) assert (!ok[consumer_i]);
      if (wait_read_i[consumer_i] == (unit_mask_t'(1) << producer_i) && wait_write_i[consumer_i] == '0 && tokens_q != '0) begin
        assert (ok[consumer_i]);
      end
      if (wait_read_i[consumer_i] == '0 && wait_write_i[consumer_i] == '0) assert (ok[consumer_i]);
    end
  end
  logic unused_overflow;
  assign unused_overflow = ^{overflow, producer};
endmodule
