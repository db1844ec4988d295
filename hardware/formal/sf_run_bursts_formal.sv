// sf_run_bursts: bursts of 1 to 4 lines inside aligned blocks of 128 bytes (so never across 4 KB), run by run, every line of every run exactly
// once, the first and last word marked right, `last` with the last burst of the last run, burst stable until it is taken, and followed by the one
// that `next` shows while it is taken.
module sf_run_bursts_formal
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input logic        clk_i,
  input logic        rst_ni,
  input logic        start_i,
  input logic [31:0] dram_address_i,
  input logic [31:0] dram_step_i,
  input logic [19:0] base_i,
  input logic [19:0] offset_i,
  input logic [19:0] step_i,
  input logic [19:0] rows_i,
  input logic [19:0] words_i,
  input logic        ready_i
);
  logic       valid, next_valid;
  run_burst_t burst, next;
  sf_run_bursts u_dut (
    .clk_i, .rst_ni, .start_i, .dram_address_i, .dram_step_i, .base_i, .ring_i('0), .offset_i, .step_i, .rows_i, .words_i,
    .valid_o(valid), .burst_o(burst), .next_valid_o(next_valid), .next_o(next), .ready_i
  );

  logic        reset_done_q, active_q, held_q, taken_q, follows_q;
  run_burst_t  burst_q, follows_burst_q;
  logic [31:0] next_q, end_q, step_q;   // words: what the next burst must begin with, last word of the run
  logic [31:0] run_q;                   // first word of the run
  logic [19:0] rows_q, words_q, dram_to_maps_q, maps_step_q;
  logic        taken;
  logic [31:0] last_word;
  initial reset_done_q = 1'b0;
  assign taken = valid && ready_i;
  // Last word of the burst that belongs to the run.
  assign last_word = {burst.line + 28'(burst.lines) - 28'd1, burst.tail};
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    held_q       <= rst_ni && valid && !ready_i;
    burst_q      <= burst;
    taken_q      <= rst_ni && taken;
    follows_q    <= next_valid;
    follows_burst_q <= next;
    if (!rst_ni) begin
      active_q <= 1'b0;
    end else if (start_i) begin
      active_q       <= 1'b1;
      run_q          <= dram_address_i;
      next_q         <= dram_address_i;
      end_q          <= dram_address_i + 32'(words_i) - 32'd1;
      step_q         <= dram_step_i;
      rows_q         <= rows_i;
      words_q        <= words_i;
      dram_to_maps_q <= base_i + offset_i;
      maps_step_q    <= step_i;
    end else if (taken) begin
      if (last_word == end_q) begin
        run_q          <= run_q + step_q;
        next_q         <= run_q + step_q;
        end_q          <= run_q + step_q + 32'(words_q) - 32'd1;
        rows_q         <= rows_q - 20'd1;
        dram_to_maps_q <= dram_to_maps_q + maps_step_q;
        if (rows_q == 20'd1) active_q <= 1'b0;
      end else begin
        next_q <= last_word + 32'd1;
      end
    end
  end
  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    else assume (rst_ni);
    // Descriptors as docs/isa.md allows them; runs stay below 2^32 words. The engine is free at a start.
    assume (!start_i || (!active_q && words_i != '0 && rows_i != '0));
    assume (!start_i || (dram_address_i < 32'h8000_0000 && words_i < 20'h10000 && dram_step_i < 32'h0100_0000));
    if (reset_done_q && rst_ni) begin
      assert (!valid || active_q);
      if (held_q) assert (valid && burst == burst_q);
      if (taken_q) assert (valid == follows_q && (!valid || burst == follows_burst_q));
      if (valid) begin
        assert (burst.lines >= 3'd1 && 4'(burst.line[1:0]) + 4'(burst.lines) <= 4'd4);
        assert ({burst.line, burst.skip} == next_q);
        assert (last_word <= end_q);
        // Whole lines but for the run's end, and no shorter than the block allows.
        assert (last_word == end_q || (burst.tail == 4'd15 && 4'(burst.line[1:0]) + 4'(burst.lines) == 4'd4));
        assert (burst.last == (last_word == end_q && rows_q == 20'd1));
        // Where it goes in the maps buffer: as far from the run's first word as in DRAM.
        assert (burst.addr + 16'(burst.skip) == dram_to_maps_q[15:0] + 16'(next_q - run_q));
      end
    end
  end
endmodule
