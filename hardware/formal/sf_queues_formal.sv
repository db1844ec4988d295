// sf_queues: the rules of a queue (sf_queue_rules) for one of the units, chosen freely; the others do what they like and do not disturb it. The first
// descriptor is at the head LatQueue cycles after its GO. Units start here whenever they like, so a later descriptor's head may be late.
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
  cu_mask_t                    fulls, lasts, rooms_q, starts, heads, busies;
  unit_mask_t [NumCus-1:0]     wait_reads, wait_writes, read_masks, write_masks;
  logic [NumCus-1:0][3:0]      descs;
  sf_queues #(.DescBits(4)) u_dut (
    .clk_i, .rst_ni, .run_i, .go_i, .full_o(fulls), .last_o(lasts), .wait_read_i, .wait_write_i('0), .signal_read_i, .signal_write_i('0), .desc_i,
    .wait_read_o(wait_reads), .wait_write_o(wait_writes), .tokens_i, .free_i, .start_o(starts), .head_o(heads), .desc_o(descs),
    .read_i, .write_i, .read_mask_o(read_masks), .write_mask_o(write_masks), .busy_o(busies)
  );

  cu_mask_t unit_q, starts_q;
  logic     reset_done_q;
  initial reset_done_q = 1'b0;
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    rooms_q      <= rst_ni ? ~(fulls | (lasts & go_i)) : '1;
    starts_q     <= rst_ni ? starts : '0;
    unit_q       <= unit_i;
  end
  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    // Unit 3 does not exist: masks lose it.
    assume (!wait_read_i[3]);
    assume ((go_i & ~rooms_q) == '0 && (go_i & (go_i - cu_mask_t'(1))) == '0);
    assume (unit_i != '0 && (unit_i & (unit_i - cu_mask_t'(1))) == '0);
    if (reset_done_q) assume (unit_i == unit_q);
    // As sf_queue_rules has it for the unit that is looked at.
    if (reset_done_q) assume ((starts_q & tokens_i) == '0);
  end

  unit_mask_t wait_read;
  logic [3:0] desc;
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
  sf_queue_rules #(.Units(1'b1)) u_rules (
    .clk_i, .rst_ni, .reset_done_i(reset_done_q), .run_i, .mark_i, .desc_i, .wait_read_i,
    .go_i            (|(go_i & unit_i)),
    .tokens_i        (|(tokens_i & unit_i)),
    .free_i          (|(free_i & unit_i)),
    .read_i          (|(read_i & unit_i)),
    .write_i         (|(write_i & unit_i)),
    .room_i          (|(rooms_q & unit_i)),
    .start_i         (|(starts & unit_i)),
    .head_i          (|(heads & unit_i)),
    .head_desc_i     (desc),
    .head_wait_read_i(wait_read),
    .busy_i          (|(busies & unit_i))
  );
  logic unused_masks;
  assign unused_masks = ^{wait_writes, read_masks, write_masks};
endmodule
