// MAC unit of a CU: sequencer, operand path, vMACs with their weights buffers, results to the columns of the result FIFO.
// Specification: docs/microarchitecture.md, sections 3, 4 and 9 (T4 to T7). Twins: src/simulator/timing/mac.ts, src/simulator/data/mac.ts.
module sf_mac
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  cu_mask_t              own_cu_i,
  // Unit
  input  logic                  head_i,
  input  mac_desc_t             desc_i,
  input  logic                  start_i,
  output logic                  free_o,
  output logic                  read_o,
  output logic                  busy_o,
  // Weights
  input  load_weights_t         load_i,
  input  line_t                 load_words_i,
  // Maps buffer, port A
  output row_t  [Quadrants-1:0] row_o,
  input  line_t [Quadrants-1:0] words_i,
  // Result FIFO
  output logic                  alloc_o,
  output meta_t                 meta_o,
  output logic                  ready_o,
  output word_mask_t            write_o,
  output logic [LineWords-1:0][FifoW-1:0] write_slot_o,
  output line_t                 write_words_o,
  input  logic                  credit_i,
  // Events to count
  output logic                  perf_step_o,
  output logic                  perf_window_o,
  output logic                  perf_credit_o
);
  // ---------------------------------------------------------------- steps
  maps_addr_t               addr;
  mac_ctl_t                 ctl;
  weights_addr_t            line;
  logic signed [1:0][15:0]  clamp_low, clamp_high;
  logic [2:0]               granules;
  sf_mac_seq u_seq (
    .clk_i, .rst_ni, .own_cu_i, .head_i, .desc_i, .start_i, .free_o, .read_o, .busy_o,
    .addr_o(addr), .ctl_o(ctl), .line_o(line), .clamp_low_o(clamp_low), .clamp_high_o(clamp_high),
    .alloc_o, .meta_o, .granules_o(granules), .ready_o, .credit_i, .perf_step_o, .perf_window_o, .perf_credit_o
  );

  // ---------------------------------------------------------------- operands
  line_t                shared;
  line_t [NumVmacs-1:0] own;
  logic                 own_clear;
  mac_ctl_t             operand_ctl;
  sf_operand u_operand (
    .clk_i, .rst_ni, .addr_i(addr), .ctl_i(ctl), .row_o, .words_a_i(words_i), .shared_o(shared), .own_o(own), .own_clear_o(own_clear),
    .ctl_o(operand_ctl)
  );

  // ---------------------------------------------------------------- weights: the line's address waits for the operands (e + 2 to e + 5)
  load_weights_t load_q;
  line_t         load_words_q;
  weights_addr_t line3_q, line4_q, line5_q;
  always_ff @(posedge clk_i) begin
    line3_q <= line;
    line4_q <= line3_q;
    line5_q <= line4_q;
  end
  always_ff @(posedge clk_i) begin
    load_q.vmacs <= rst_ni ? load_i.vmacs : '0;
  end
  always_ff @(posedge clk_i) begin
    if (load_i.vmacs != '0) begin
      load_q.line <= load_i.line;
      load_words_q <= load_words_i;
    end
  end

  line_t [NumVmacs-1:0] weights;
  sf_weights_buffer u_weights (
    .clk_i, .write_i(load_q.vmacs), .write_line_i(load_q.line), .write_words_i(load_words_q), .read_line_i(line5_q), .words_o(weights)
  );

  // ---------------------------------------------------------------- vMACs
  vmac_ctl_t                 vmac_ctl;
  vmac_pick_t [NumVmacs-1:0] vmac_pick;
  sf_vmac_ctl u_vmac_ctl (.clk_i, .rst_ni, .ctl_i(operand_ctl), .ctl_o(vmac_ctl), .pick_o(vmac_pick));

  // Clamp bounds at 18 + k of the slot at 16 + k.
  logic                 slot_q;
  logic signed [15:0]   low_q, high_q;
  pair_t [NumVmacs-1:0] pair;
  always_ff @(posedge clk_i) begin
    slot_q <= vmac_pick[0].shift_place[0][2];
    low_q <= clamp_low[slot_q];
    high_q <= clamp_high[slot_q];
  end
  for (genvar v = 0; v < int'(NumVmacs); v++) begin : gen_vmac
    sf_vmac #(.Index(v)) u_vmac (
      .clk_i, .ctl_i(vmac_ctl), .pick_i(vmac_pick[v]), .shared_i(shared), .own_i(own[v]), .own_clear_i(own_clear), .weights_i(weights[v]),
      .clamp_low_i(low_q), .clamp_high_i(high_q), .pair_o(pair[v])
    );
  end

  sf_mac_collect u_collect (
    .clk_i, .rst_ni, .last_i(ctl.last), .lg_i(ctl.lg), .granules_i(granules), .pairs_i(pair),
    .write_o, .slot_o(write_slot_o), .words_o(write_words_o)
  );
endmodule
