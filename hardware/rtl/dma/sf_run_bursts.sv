// Cuts the runs of an LDM or ST descriptor into bursts: at most BurstLines lines, inside an aligned block of that many lines, one burst a cycle.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T15, T17). Twin: src/simulator/timing/memory.ts (BurstStream); addresses:
// src/simulator/data/ldm.ts.
//
// start_i at t: the first burst is at the output at t+LatDmaSetup; after ready_i at a the next one is there at a+1.
// Stages: run (address of the next run) → cut (lines of the current run that are left) → output. next_o is what the output will show when ready_i is high:
// who takes bursts and says so in ready_i a cycle late finds the one to take in next_o in that cycle.
module sf_run_bursts
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic        start_i,
  input  logic [31:0] dram_address_i,
  input  logic [31:0] dram_step_i,
  input  logic [19:0] base_i,
  input  logic [19:0] ring_i,
  input  logic [19:0] offset_i,
  input  logic [19:0] step_i,
  input  logic [19:0] rows_i,
  input  logic [19:0] words_i,
  output logic        valid_o,
  output run_burst_t  burst_o,
  output logic        next_valid_o,  // combinational, from registers only, as next_o
  output run_burst_t  next_o,
  input  logic        ready_i
);
  localparam int unsigned OffsetW = 20;
  localparam int unsigned ExtraStages = LatDmaSetup - 3;
  localparam int unsigned BlockW = $clog2(BurstLines);
  localparam int unsigned BlockWordsW = BlockW + $clog2(LineWords);

  // --- run: address of the next run, ring offset ---
  logic               run_valid_q, run_take;
  logic [31:0]        address_q, step_q;
  maps_addr_t         base_q;
  logic [OffsetW-1:0] offset_q, offset_step_q, rows_left_q;
  // Ring step as a signed number: the step less the ring. Without a ring it is never taken.
  logic [OffsetW:0]   ring_step_q;
  logic               has_ring_q;
  logic [OffsetW-1:0] offset_straight;
  logic [OffsetW:0]   offset_wrapped;
  logic               wraps;
  // How far the run's last word lies from the beginning of the first word's block, less a block: negative if it is in that block. The words less one
  // and less a block are kept for it.
  logic [OffsetW:0]   words_less_block_q, run_end;
  logic               unused_base;

  assign unused_base     = ^base_i;
  assign offset_straight = offset_q + offset_step_q;
  assign offset_wrapped  = {1'b0, offset_q} + ring_step_q;
  // offset + step − ring is not negative: offset < ring and step ≤ ring keep it below 2^20.
  assign wraps           = has_ring_q && !offset_wrapped[OffsetW];
  assign run_end         = words_less_block_q + (OffsetW + 1)'(address_q[BlockWordsW-1:0]);

  logic start_run;
  if (ExtraStages == 0) begin : gen_no_wait
    assign start_run = 1'b1;
  end else begin : gen_wait
    logic [ExtraStages-1:0] wait_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) wait_q <= '0;
      else wait_q <= start_i ? '1 : wait_q >> 1;
    end
    assign start_run = !wait_q[0];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) run_valid_q <= 1'b0;
    else if (start_i) run_valid_q <= 1'b1;
    else if (run_take && rows_left_q == '0) run_valid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      address_q      <= dram_address_i;
      step_q         <= dram_step_i;
      base_q         <= base_i[MapsAddrW-1:0];
      offset_q       <= offset_i;
      offset_step_q  <= step_i;
      ring_step_q    <= {1'b0, step_i} - {1'b0, ring_i};
      has_ring_q     <= ring_i != '0;
      words_less_block_q <= {1'b0, words_i} - (OffsetW + 1)'(LineWords * BurstLines + 1);
      rows_left_q    <= rows_i - OffsetW'(1);
    end else if (run_take) begin
      address_q   <= address_q + step_q;
      offset_q    <= wraps ? offset_wrapped[OffsetW-1:0] : offset_straight;
      rows_left_q <= rows_left_q - OffsetW'(1);
    end
  end

  // --- cut: what is left of the current run ---
  logic         cut_valid_q, cut_take, run_done, same_block;
  line_addr_t   line_q;
  // Blocks behind the current one and the next, negative in the run's last block; there the last word's place is end_q.
  logic [OffsetW-BlockWordsW:0] blocks_q;
  logic [BlockWordsW-1:0]       end_q;
  maps_addr_t   maps_q;
  logic [3:0]   skip_q;
  logic         last_run_q;
  burst_lines_t lines;
  line_addr_t   next_line;   // behind the burst, where the run goes on
  maps_addr_t   burst_words; // up to there

  if (BurstLines == 1) begin : gen_single
    assign lines      = 3'd1;
    assign next_line  = line_q + line_addr_t'(1);
    assign burst_words = maps_addr_t'(LineWords);
  end else begin : gen_burst
    logic [BlockW-1:0] first, last;
    assign first      = line_q[BlockW-1:0];
    assign last       = same_block ? end_q[BlockWordsW-1-:BlockW] : '1;
    assign lines      = 3'(last) - 3'(first) + 3'd1;
    // A run that goes on does so at the next block.
    assign next_line  = {line_q[LineAddrW-1:BlockW] + (LineAddrW - BlockW)'(1), BlockW'(0)};
    assign burst_words = maps_addr_t'(burst_lines_t'(3'(BurstLines) - 3'(first))) << 4;
  end
  assign same_block  = blocks_q[OffsetW-BlockWordsW];
  assign run_done    = cut_take && same_block;
  assign run_take    = run_valid_q && start_run && (!cut_valid_q || run_done);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) cut_valid_q <= 1'b0;
    else if (run_take) cut_valid_q <= 1'b1;
    else if (run_done) cut_valid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (run_take) begin
      line_q     <= address_q[31:4];
      blocks_q   <= run_end[OffsetW:BlockWordsW];
      end_q      <= run_end[BlockWordsW-1:0];
      skip_q     <= address_q[3:0];
      maps_q     <= base_q + offset_q[MapsAddrW-1:0] - maps_addr_t'(address_q[3:0]);
      last_run_q <= rows_left_q == '0;
    end else if (cut_take) begin
      line_q   <= next_line;
      blocks_q <= blocks_q - (OffsetW - BlockWordsW + 1)'(1);
      skip_q   <= '0;
      maps_q   <= maps_q + burst_words;
    end
  end

  // --- output ---
  logic       valid_q;
  run_burst_t burst_q;

  assign next_valid_o = cut_valid_q;
  assign next_o = '{line: line_q, lines: lines, addr: maps_q, skip: skip_q, tail: same_block ? end_q[3:0] : 4'd15, last: same_block && last_run_q};

  assign cut_take = cut_valid_q && (!valid_q || ready_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (cut_take) valid_q <= 1'b1;
    else if (ready_i) valid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) if (cut_take) burst_q <= next_o;
  assign valid_o = valid_q;
  assign burst_o = burst_q;
endmodule
