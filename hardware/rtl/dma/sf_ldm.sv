// The maps load engine: offers the bursts of a descriptor one by one; the AXI ports write the lines to maps or activation tables.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T15, T16). Twins: src/simulator/timing/dma.ts, src/simulator/data/ldm.ts.
module sf_ldm
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,
  input  ldm_desc_t           desc_i,
  output logic                free_o,
  // Memory
  output offer_t              offer_o,
  output read_meta_t          meta_o,
  input  logic                accept_i,     // the offer was accepted in the cycle before
  input  port_t               port_i,       // of that burst
  input  logic [AxiPorts-1:0] complete_i,   // a burst's last line goes on the load bus in the next cycle
  // Signals: read and write at once
  output logic                signal_o,
  output logic                busy_o
);
  logic       busy_q, valid, full, hold, waiting;
  cu_mask_t   cus_q;
  logic       table_q;
  run_burst_t burst, next;
  logic       next_valid, unused_next, unused_cus;

  assign unused_cus  = ^desc_i.cus;
  assign unused_next = ^{next_valid, next};  // the offer is held until the acceptance shows

  always_ff @(posedge clk_i) begin
    if (!rst_ni) busy_q <= 1'b0;
    else if (start_i) busy_q <= 1'b1;
    else if (accept_i && burst.last) busy_q <= 1'b0;
    if (start_i) begin
      cus_q   <= desc_i.cus[NumCus-1:0];
      table_q <= desc_i.space;
    end
  end

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
    .valid_o       (valid),
    .burst_o       (burst),
    .next_valid_o  (next_valid),
    .next_o        (next),
    .ready_i       (accept_i)
  );

  sf_order u_order (
    .clk_i, .rst_ni,
    .issue_i (accept_i),
    .port_i,
    .last_i  (burst.last),
    .complete_i,
    .full_o  (full),
    .hold_o  (hold),
    .signal_o,
    .busy_o  (waiting)
  );

  assign offer_o = '{valid: valid && !hold, line: burst.line, lines: burst.lines};
  always_comb begin
    meta_o             = '0;
    meta_o.addr        = read_addr_t'(burst.addr);
    meta_o.cus         = cus_q;
    meta_o.table_space = table_q;
    meta_o.skip        = burst.skip;
    meta_o.tail        = burst.tail;
  end
  assign free_o = !busy_q && !full;
  assign busy_o = busy_q || waiting;
endmodule
