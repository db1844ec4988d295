// sf_queue: the rules of a queue (sf_queue_rules), every head in time.
module sf_queue_formal
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input logic       clk_i,
  input logic       rst_ni,
  input logic       run_i,
  input logic       go_i,
  input logic       mark_i,   // this GO is the marked one
  input logic [3:0] desc_i,
  input unit_mask_t wait_read_i,
  input unit_mask_t signal_read_i,
  input logic       tokens_i,
  input logic       free_i,
  input logic       read_i,
  input logic       write_i
);
  logic       full, last, room_q, start, head, busy;
  unit_mask_t wait_read, wait_write, read_mask, write_mask;
  logic [3:0] desc;
  sf_queue #(.DescBits(4)) u_dut (
    .clk_i, .rst_ni, .run_i, .go_i, .full_o(full), .last_o(last), .wait_read_i, .wait_write_i('0), .signal_read_i, .signal_write_i('0), .desc_i,
    .wait_read_o(wait_read), .wait_write_o(wait_write), .tokens_i, .free_i, .start_o(start), .head_o(head), .desc_o(desc),
    .read_i, .write_i, .read_mask_o(read_mask), .write_mask_o(write_mask), .busy_o(busy)
  );

  logic reset_done_q;
  initial reset_done_q = 1'b0;
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    room_q       <= !rst_ni || !(full || (last && go_i));
  end
  always_comb if (!reset_done_q) assume (!rst_ni);

  sf_queue_rules #(.DescAtStart(1'b1)) u_rules (
    .clk_i, .rst_ni, .reset_done_i(reset_done_q), .run_i, .go_i, .mark_i, .desc_i, .wait_read_i, .tokens_i, .free_i, .read_i, .write_i,
    .room_i(room_q), .start_i(start), .head_i(head), .head_desc_i(desc), .head_wait_read_i(wait_read), .busy_i(busy)
  );
  logic unused_masks;
  assign unused_masks = ^{wait_write, read_mask, write_mask};
endmodule
