// The store engine: reads lines of one CU's maps through port B, collects them in burst buffers, offers full bursts to the memory.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T17, T18). Twins: src/simulator/timing/store.ts, src/simulator/data/st.ts.
//
// The "two burst buffers" of the table are a count (taken_q): the lines lie in the write store of sf_memory, where a burst keeps its slot until
// its data are on the AXI port. Words outside the run are read too (the access is always 16 words) and masked by strobes.
module sf_st
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                 clk_i,
  input  logic                 rst_ni,
  input  logic                 start_i,
  input  st_desc_t             desc_i,
  output logic                 free_o,
  // Port B of the CUs
  output st_req_t [NumCus-1:0] req_o,
  input  logic    [NumCus-1:0] gnt_i,
  input  line_t   [NumCus-1:0] words_i,      // at the grant + LatReadLatencyMaps
  // Write store
  input  write_slot_t          slot_i,       // free: there are more than bursts
  output logic                 slot_take_o,  // registered
  output logic                 store_o,      // write a line
  output write_slot_t          store_slot_o,
  output logic [1:0]           store_line_o,
  output line_t                store_words_o,
  output word_mask_t           store_mask_o,
  // Memory
  output offer_t               offer_o,
  output write_slot_t          offer_slot_o,
  input  logic                 accept_i,     // the offer was accepted in the cycle before
  input  port_t                port_i,
  input  logic [AxiPorts-1:0]  complete_i,
  // Signals
  output logic                 read_signal_o,
  output logic                 write_signal_o,
  output logic                 busy_o
);
  localparam int unsigned BurstBuffers = 2;
  localparam int unsigned ReadStages = LatReadLatencyMaps;
  localparam int unsigned CuW = NumCus > 1 ? $clog2(NumCus) : 1;

  logic       busy_q, full, hold, waiting;
  logic [3:0] cu_q;
  logic       cut_valid, next_valid, burst_valid, begin_burst, begun_q;
  run_burst_t cut, next, burst;

  sf_run_bursts u_bursts (
    .clk_i, .rst_ni, .start_i,
    .dram_address_i(desc_i.dram_address),
    .dram_step_i   (desc_i.dram_step),
    .base_i        (desc_i.base),
    .ring_i        (desc_i.ring),
    .offset_i      (desc_i.offset),
    .step_i        (desc_i.step),
    .rows_i        (desc_i.rows),
    .words_i       (desc_i.words),
    .valid_o       (cut_valid),
    .burst_o       (cut),
    .next_valid_o  (next_valid),
    .next_o        (next),
    .ready_i       (begun_q)
  );
  // A grant that ends a burst begins the next one in the same cycle, late in it: sf_run_bursts learns of that a cycle later and shows what follows meanwhile.
  assign burst_valid = begun_q ? next_valid : cut_valid;
  assign burst       = begun_q ? next : cut;

  // --- line requests of the current burst ---
  logic         req_q, gnt, line_is_last, burst_done, can_begin;
  cu_mask_t     req_cus_q;     // req_q, by CU
  run_burst_t   current_q;     // addr and skip of the line requested
  logic [1:0]   line_q;
  write_slot_t  slot_q;        // from two cycles after begin_burst on: known a cycle after the first line's grant at the latest
  logic [1:0]   taken_q;       // burst buffers: from the first request to the acceptance

  assign gnt          = gnt_i != '0;
  assign line_is_last = 3'(line_q) + 3'd1 == current_q.lines;
  assign burst_done   = gnt && line_is_last;
  // Where the grant comes in there is time for little: whether a burst begins with a grant and without one is known before.
  assign can_begin    = burst_valid && taken_q != 2'(BurstBuffers);
  assign begin_burst  = gnt ? can_begin && line_is_last : can_begin && !req_q;
  assign slot_take_o  = begun_q;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q        <= 1'b0;
      req_q         <= 1'b0;
      req_cus_q     <= '0;
      begun_q       <= 1'b0;
      taken_q       <= '0;
      read_signal_o <= 1'b0;
    end else begin
      if (start_i) busy_q <= 1'b1;
      else if (burst_done && current_q.last) busy_q <= 1'b0;
      begun_q <= begin_burst;
      if (begin_burst) begin
        req_q <= 1'b1;
        for (int c = 0; c < int'(NumCus); c++) req_cus_q[c] <= cu_q == 4'(c);
      end else if (burst_done) begin
        req_q     <= 1'b0;
        req_cus_q <= '0;
      end
      taken_q       <= taken_q + 2'(begin_burst) - 2'(accept_i);
      read_signal_o <= burst_done && current_q.last;
    end
  end
  always_ff @(posedge clk_i) begin
    if (start_i) cu_q <= desc_i.cu;
    if (begin_burst) begin
      current_q <= burst;
      line_q    <= '0;
    end else if (gnt) begin
      current_q.addr <= current_q.addr + maps_addr_t'(LineWords);
      current_q.skip <= '0;
      line_q         <= line_q + 2'd1;
    end
    if (begun_q) slot_q <= slot_i;
  end
  always_comb begin
    for (int c = 0; c < int'(NumCus); c++) req_o[c] = '{valid: req_cus_q[c], addr: current_q.addr};
  end

  // --- lines on their way from maps to the write store ---
  typedef struct packed {
    logic              valid;
    logic [CuW-1:0]    cu;
    write_slot_t       slot;
    logic [1:0]        line;
    word_mask_t        mask;
  } read_t;
  typedef struct packed {
    line_addr_t   line;
    burst_lines_t lines;
    write_slot_t  slot;
    logic         last;
  } full_t;
  read_t                 read_q [ReadStages];
  logic [ReadStages-2:0] full_valid_q;
  word_mask_t            mask;

  always_comb begin
    mask = {LineWords{1'b1}} << current_q.skip;
    if (line_is_last) mask = mask & ~({LineWords{1'b1}} << current_q.tail << 1);
  end
  always_ff @(posedge clk_i) begin
    read_q[0] <= '{valid: gnt && rst_ni, cu: CuW'(cu_q), slot: '0, line: line_q, mask: mask};
    for (int i = 1; i < int'(ReadStages); i++) read_q[i] <= read_q[i-1];
    read_q[1].slot <= slot_q;
    full_valid_q <= rst_ni ? (ReadStages - 1)'({full_valid_q, burst_done}) : '0;
    if (!rst_ni) for (int i = 1; i < int'(ReadStages); i++) read_q[i].valid <= 1'b0;
  end
  assign store_o      = read_q[ReadStages-1].valid;
  assign store_slot_o = read_q[ReadStages-1].slot;
  assign store_line_o = read_q[ReadStages-1].line;
  assign store_mask_o = read_q[ReadStages-1].mask;
  assign store_words_o = words_i[read_q[ReadStages-1].cu];

  // --- bursts read, offered in order when their lines are in the write store ---
  full_t      read_burst, head;
  logic       head_valid, unused_valid, unused_full;
  logic [1:0] full_bursts_q;
  // A cycle after the last line's grant, when the slot is known.
  full_t full_q;
  always_ff @(posedge clk_i) full_q <= '{line: current_q.line, lines: current_q.lines, slot: '0, last: current_q.last};
  always_comb begin
    read_burst      = full_q;
    read_burst.slot = slot_q;
  end
  sf_fifo #(.Width($bits(full_t)), .Depth(BurstBuffers)) u_full (
    .clk_i, .rst_ni,
    .push_i (full_valid_q[0]),
    .data_i (read_burst),
    .pop_i  (accept_i),
    .valid_o(unused_valid),
    .data_o (head),
    .full_o (unused_full)
  );
  always_ff @(posedge clk_i) full_bursts_q <= rst_ni ? full_bursts_q + 2'(full_valid_q[ReadStages-2]) - 2'(accept_i) : '0;
  assign head_valid   = full_bursts_q != '0;
  assign offer_o      = '{valid: head_valid && !hold, line: head.line, lines: head.lines};
  assign offer_slot_o = head.slot;

  sf_order u_order (
    .clk_i, .rst_ni,
    .issue_i (accept_i),
    .port_i,
    .last_i  (head.last),
    .complete_i,
    .full_o  (full),
    .hold_o  (hold),
    .signal_o(write_signal_o),
    .busy_o  (waiting)
  );
  assign free_o = !busy_q && !full;
  assign busy_o = busy_q || taken_q != '0 || waiting;
endmodule
