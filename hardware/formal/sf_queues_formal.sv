// sf_queues: descriptors of a unit start in the order of their GO, only with head, tokens, free unit and run; none is lost; room holds; no unit disturbs another:
// the first descriptor is at the head LatQueue cycles after its GO. One marked descriptor of one unit, both chosen freely, is followed. Units start here whenever
// they like, so a later descriptor's head may be late.
module sf_queues_formal
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input logic       clk_i,
  input logic       rst_ni,
  input logic       run_i,
  input cu_mask_t   go_i,
  input cu_mask_t   unit_i,   // one-hot, constant: the unit that is looked at
  input logic       mark_i,   // this GO is the marked one
  input logic [3:0] desc_i,
  input unit_mask_t wait_read_i,
  input unit_mask_t signal_read_i,
  input cu_mask_t   tokens_i,
  input cu_mask_t   free_i,
  input cu_mask_t   read_i,
  input cu_mask_t   write_i
);
  cu_mask_t                    fulls, lasts, rooms, starts, heads, busies;
  unit_mask_t [NumCus-1:0]     wait_reads, wait_writes, read_masks, write_masks;
  logic [NumCus-1:0][3:0]      descs;
  sf_queues #(.DescBits(4)) u_dut (
    .clk_i, .rst_ni, .run_i, .go_i, .full_o(fulls), .last_o(lasts), .wait_read_i, .wait_write_i('0), .signal_read_i, .signal_write_i('0), .desc_i,
    .wait_read_o(wait_reads), .wait_write_o(wait_writes), .tokens_i, .free_i, .start_o(starts), .head_o(heads), .desc_o(descs),
    .read_i, .write_i, .read_mask_o(read_masks), .write_mask_o(write_masks), .busy_o(busies)
  );

  always_ff @(posedge clk_i) rooms <= rst_ni ? ~(fulls | (lasts & go_i)) : '1;

  logic       go, room, start, head, busy, tokens, unit_free, read, write;
  unit_mask_t wait_read;
  logic [3:0] desc;
  assign {go, room, start, head, busy} = {|(go_i & unit_i), |(rooms & unit_i), |(starts & unit_i), |(heads & unit_i), |(busies & unit_i)};
  assign {tokens, unit_free, read, write} = {|(tokens_i & unit_i), |(free_i & unit_i), |(read_i & unit_i), |(write_i & unit_i)};
  always_comb begin
    wait_read = '0;
    desc      = '0;
    for (int c = 0; c < int'(NumCus); c++) begin
      if (unit_i[c]) begin
        wait_read = wait_read | wait_reads[c];
        desc      = desc | descs[c];
      end
    end
  end

  cu_mask_t            unit_q, starts_q;
  logic                reset_done_q, marked_q, start_q, run_q, ahead_all_q;
  logic [LatQueue-2:0] late_q;           // GO of the last cycles: their descriptors need not be there yet

  logic [4:0] ahead_q, waiting_q;  // descriptors before the marked one, inclusive; all that have not started
  logic [6:0] reads_q, writes_q;   // started, signal not sent
  logic       captured_q;
  logic [3:0] desc_q;
  unit_mask_t wait_q;
  initial reset_done_q = 1'b0;
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    late_q       <= rst_ni ? (LatQueue - 1)'({late_q, go}) : '0;
    run_q        <= run_i;
    start_q      <= rst_ni && start;
    starts_q     <= rst_ni ? starts : '0;
    unit_q       <= unit_i;
    // None of this unit has started yet.
    ahead_all_q  <= !rst_ni || (ahead_all_q && !start);
    if (!rst_ni) begin
      marked_q   <= 1'b0;
      captured_q <= 1'b0;
      ahead_q    <= '0;
      waiting_q  <= '0;
      reads_q    <= '0;
      writes_q   <= '0;
    end else begin
      waiting_q <= waiting_q + 5'(go) - 5'(start);
      reads_q   <= reads_q + 7'(start) - 7'(read);
      writes_q  <= writes_q + 7'(start) - 7'(write);
      if (go && mark_i && !marked_q) begin
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
    // Unit 3 does not exist: masks lose it.
    assume (!wait_read_i[3]);
    assume ((go_i & ~rooms) == '0 && (go_i & (go_i - cu_mask_t'(1))) == '0);
    assume (unit_i != '0 && (unit_i & (unit_i - cu_mask_t'(1))) == '0);
    if (reset_done_q) assume (unit_i == unit_q);
    // sf_tokens answers about the next head two cycles after a start.
    if (reset_done_q) assume ((starts_q & tokens_i) == '0);
    // Units signal later than the cycle after a start.
    assume (!read || reads_q > 7'(start_q));
    assume (!write || writes_q > 7'(start_q));
    if (reset_done_q) begin
      assert (!start || (head && tokens && unit_free && run_q));
      assert (waiting_q <= 5'(QueueDepth));
      assert (!head || waiting_q != '0);
      // At the head when it is the first: what was given, all that was given.
      if (captured_q && ahead_q == 5'd1 && head) assert (desc == desc_q && wait_read == wait_q);
      // A descriptor is at the head LatQueue cycles after its GO.
      if (waiting_q > late && ahead_all_q) assert (head);
      assert (busy || (waiting_q == '0 && reads_q == '0 && writes_q == '0));
    end
  end
  logic unused_masks;
  assign unused_masks = ^{wait_writes, read_masks, write_masks};
endmodule
