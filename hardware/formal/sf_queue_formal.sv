// sf_queue: descriptors start in the order of their GO, one at a time, only with head, tokens, free unit and run; none is lost; room holds.
// One marked descriptor, chosen freely, is followed through the queue.
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
  logic       full, last, start, head, busy;
  unit_mask_t wait_read, wait_write, read_mask, write_mask;
  logic [3:0] desc;
  sf_queue #(.DescBits(4)) u_dut (
    .clk_i, .rst_ni, .run_i, .go_i, .full_o(full), .last_o(last), .wait_read_i, .wait_write_i('0), .signal_read_i, .signal_write_i('0), .desc_i,
    .wait_read_o(wait_read), .wait_write_o(wait_write), .tokens_i, .free_i, .start_o(start), .head_o(head), .desc_o(desc),
    .read_i, .write_i, .read_mask_o(read_mask), .write_mask_o(write_mask), .busy_o(busy)
  );

  logic                reset_done_q, marked_q, start_q, run_q, room;
  always_ff @(posedge clk_i) room <= !rst_ni || !(full || (last && go_i));
  logic [LatQueue-2:0] late_q;           // GO of the last cycles: their descriptors need not be there yet

  logic [4:0] ahead_q, waiting_q;  // descriptors before the marked one, inclusive; all that have not started
  logic [6:0] reads_q, writes_q;   // started, signal not sent
  logic       captured_q;
  logic [3:0] desc_q;
  unit_mask_t wait_q;
  initial reset_done_q = 1'b0;
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    late_q       <= rst_ni ? (LatQueue - 1)'({late_q, go_i}) : '0;
    run_q        <= run_i;
    start_q      <= rst_ni && start;
    if (!rst_ni) begin
      marked_q   <= 1'b0;
      captured_q <= 1'b0;
      ahead_q    <= '0;
      waiting_q  <= '0;
      reads_q    <= '0;
      writes_q   <= '0;
    end else begin
      waiting_q <= waiting_q + 5'(go_i) - 5'(start);
      reads_q   <= reads_q + 7'(start) - 7'(read_i);
      writes_q  <= writes_q + 7'(start) - 7'(write_i);
      if (go_i && mark_i && !marked_q) begin
        marked_q <= 1'b1;
        ahead_q  <= waiting_q + 5'd1 - 5'(start);
      end else if (start && ahead_q != '0) begin
        ahead_q <= ahead_q - 5'd1;
      end
      // The descriptor is taken from the field registers in the cycle after its GO.
      if (marked_q && !captured_q) begin
        captured_q <= 1'b1;
        desc_q     <= desc_i;
        wait_q     <= wait_read_i;
      end
    end
  end
  logic [4:0] late;
  always_comb begin
    late = '0;
    for (int i = 0; i < int'(LatQueue) - 1; i++) late = late + 5'(late_q[i]);
  end
  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    assume (!go_i || room);
    // sf_tokens answers about the next head two cycles after a start.
    if (reset_done_q && start_q) assume (!tokens_i);
    // Units signal later than the cycle after a start.
    assume (!read_i || reads_q > 7'(start_q));
    assume (!write_i || writes_q > 7'(start_q));
    if (reset_done_q) begin
      assert (!start || (head && tokens_i && free_i && run_q));
      assert (waiting_q <= 5'(QueueDepth));
      assert (!head || waiting_q != '0);
      // At the head when it is the first: what was given, all that was given.
      if (captured_q && ahead_q == 5'd1 && head) assert (wait_read == wait_q && (!start || desc == desc_q));
      // A descriptor is at the head LatQueue cycles after its GO.
      if (waiting_q > late) assert (head);
      assert (busy || (waiting_q == '0 && reads_q == '0 && writes_q == '0));
    end
  end
  logic unused_masks;
  assign unused_masks = ^{wait_write, read_mask, write_mask};
endmodule
