// What holds for the queue of one unit, alone (sf_queue) or among others (sf_queues): descriptors start in the order of their GO, one at a time, only with
// head, tokens, free unit and run; none is lost; room holds. One marked descriptor, chosen freely, is followed through the queue.
module sf_queue_rules
  import sf_pkg::*;
  import sf_types_pkg::*;
#(
  parameter bit DescAtStart = 1'b0,  // the descriptor is right at its start, not before; its waits are from its first cycle at the head on
  parameter bit Units = 1'b0         // among others: only the first head must be in time, as units start here whenever they like
) (
  input logic       clk_i,
  input logic       rst_ni,
  input logic       reset_done_i,
  input logic       run_i,
  input logic       go_i,
  input logic       mark_i,      // this GO is the marked one
  input logic [3:0] desc_i,      // field registers
  input unit_mask_t wait_read_i,
  input logic       tokens_i,
  input logic       free_i,
  input logic       read_i,
  input logic       write_i,
  // Outputs of the queue
  input logic       room_i,      // there was room for a GO
  input logic       start_i,
  input logic       head_i,
  input logic [3:0] head_desc_i,
  input unit_mask_t head_wait_read_i,
  input logic       busy_i
);
  logic                marked_q, captured_q, start_q, run_q, none_started_q;
  logic [LatQueue-2:0] late_q;              // GO of the last cycles: their descriptors need not be there yet
  logic [4:0]          ahead_q, waiting_q;  // descriptors before the marked one, inclusive; all that have not started
  logic [6:0]          reads_q, writes_q;   // started, signal not sent
  logic [3:0]          desc_q;
  unit_mask_t          wait_q;
  always_ff @(posedge clk_i) begin
    late_q         <= rst_ni ? (LatQueue - 1)'({late_q, go_i}) : '0;
    run_q          <= run_i;
    start_q        <= rst_ni && start_i;
    none_started_q <= !rst_ni || (none_started_q && !start_i);
    if (!rst_ni) begin
      marked_q   <= 1'b0;
      captured_q <= 1'b0;
      ahead_q    <= '0;
      waiting_q  <= '0;
      reads_q    <= '0;
      writes_q   <= '0;
    end else begin
      waiting_q <= waiting_q + 5'(go_i) - 5'(start_i);
      reads_q   <= reads_q + 7'(start_i) - 7'(read_i);
      writes_q  <= writes_q + 7'(start_i) - 7'(write_i);
      if (go_i && mark_i && !marked_q) begin
        marked_q <= 1'b1;
        ahead_q  <= waiting_q + 5'd1 - 5'(start_i);
      end else if (start_i && ahead_q != '0) begin
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
    assume (!go_i || room_i);
    // sf_tokens answers about the next head two cycles after a start.
    if (reset_done_i && start_q) assume (!tokens_i);
    // Units signal later than the cycle after a start.
    assume (!read_i || reads_q > 7'(start_q));
    assume (!write_i || writes_q > 7'(start_q));
    if (reset_done_i) begin
      assert (!start_i || (head_i && tokens_i && free_i && run_q));
      assert (waiting_q <= 5'(QueueDepth));
      assert (!head_i || waiting_q != '0);
      // At the head when it is the first: what was given, all that was given.
      if (captured_q && ahead_q == 5'd1 && head_i) assert (head_wait_read_i == wait_q && ((DescAtStart && !start_i) || head_desc_i == desc_q));
      // A descriptor is at the head LatQueue cycles after its GO.
      if (waiting_q > late && (none_started_q || !Units)) assert (head_i);
      assert (busy_i || (waiting_q == '0 && reads_q == '0 && writes_q == '0));
    end
  end
endmodule
