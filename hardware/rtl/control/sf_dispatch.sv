// The descriptor queues of all units, and the tokens between the units: from GO to start. Wiring only.
// Specification: docs/microarchitecture.md, section 9 (T2, T3). Twins: src/simulator/timing/queue.ts, tokens.ts.
//
// LDM, LDW and ST have a queue each, the MAC units of all CUs share one memory, and so do the VEC units. Masks go by unit: LDM, LDW, ST, one that does not
// exist, then MAC and VEC of every CU.
module sf_dispatch
  import sf_pkg::*;
  import sf_types_pkg::*;
#(
  // Bits of descriptors without what synchronises them
  parameter int unsigned LdmW = LdmBits - $bits(sync_t),
  parameter int unsigned LdwW = LdwBits - $bits(sync_t),
  parameter int unsigned StW = StBits - $bits(sync_t),
  parameter int unsigned MacW = MacBits - $bits(sync_t),
  parameter int unsigned VecW = VecBits - $bits(sync_t)
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        start_i,     // cycle 0: no tokens
  input  logic                        run_i,       // 0: nothing starts (error stop)
  // Control core
  input  unit_mask_t                  go_i,
  output unit_mask_t                  full_o,      // no room in the next cycle
  output unit_mask_t                  last_o,      // none if a GO comes in this one
  // Field registers at the cycle after GO
  input  sync_t [4:0]                 sync_i,      // LDM, LDW, ST, MAC, VEC
  input  logic [LdmW-1:0]             ldm_i,
  input  logic [LdwW-1:0]             ldw_i,
  input  logic [StW-1:0]              st_i,
  input  logic [MacW-1:0]             mac_i,
  input  logic [VecW-1:0]             vec_i,
  // Units
  input  unit_mask_t                  free_i,
  output unit_mask_t                  start_o,     // combinational: head, tokens, free
  output unit_mask_t                  head_o,      // a descriptor is at the head
  output logic [LdmW-1:0]             ldm_o,       // registered: of the head
  output logic [LdwW-1:0]             ldw_o,
  output logic [StW-1:0]              st_o,
  output logic [NumCus-1:0][MacW-1:0] mac_o,
  output logic [NumCus-1:0][VecW-1:0] vec_o,
  input  unit_mask_t                  read_i,      // the units' signals
  input  unit_mask_t                  write_i,
  output unit_mask_t                  busy_o,
  // More tokens than a counter holds
  output logic                        overflow_o,
  output logic [4:0]                  producer_o
);
  localparam int unsigned NoUnit = 3;
  localparam int unsigned FirstMac = 4;

  unit_mask_t                tokens_ok;
  unit_mask_t [NumUnits-1:0] wait_read, wait_write, read_masks, write_masks;
  sf_tokens u_tokens (
    .clk_i, .rst_ni,
    .clear_i       (start_i),
    .read_signal_i (read_masks),
    .write_signal_i(write_masks),
    .wait_read_i   (wait_read),
    .wait_write_i  (wait_write),
    .ok_o          (tokens_ok),
    .start_i       (start_o),
    .overflow_o,
    .producer_o
  );

  assign {full_o[NoUnit], last_o[NoUnit], start_o[NoUnit], head_o[NoUnit], busy_o[NoUnit]} = '0;
  assign {wait_read[NoUnit], wait_write[NoUnit], read_masks[NoUnit], write_masks[NoUnit]} = '0;
  // Masks name units by 20 bits; those of CUs that this machine lacks mean nothing.
  logic unused;
  assign unused = ^{tokens_ok[NoUnit], go_i[NoUnit], free_i[NoUnit], read_i[NoUnit], write_i[NoUnit], sync_i};

  // --- DMA engines ---
  for (genvar u = 0; u < int'(NoUnit); u++) begin : gen_dma
    localparam int unsigned W = u == 0 ? LdmW : u == 1 ? LdwW : StW;
    logic [W-1:0] in, head;
    if (u == 0) begin : gen_ldm
      assign in    = ldm_i;
      assign ldm_o = head;
    end else if (u == 1) begin : gen_ldw
      assign in    = ldw_i;
      assign ldw_o = head;
    end else begin : gen_st
      assign in   = st_i;
      assign st_o = head;
    end
    sf_queue #(.DescBits(W)) u_queue (
      .clk_i, .rst_ni, .run_i,
      .go_i          (go_i[u]),
      .full_o        (full_o[u]),
      .last_o        (last_o[u]),
      .wait_read_i   (sync_i[u].wait_read[NumUnits-1:0]),
      .wait_write_i  (sync_i[u].wait_write[NumUnits-1:0]),
      .signal_read_i (sync_i[u].signal_read[NumUnits-1:0]),
      .signal_write_i(sync_i[u].signal_write[NumUnits-1:0]),
      .desc_i        (in),
      .wait_read_o   (wait_read[u]),
      .wait_write_o  (wait_write[u]),
      .tokens_i      (tokens_ok[u]),
      .free_i        (free_i[u]),
      .start_o       (start_o[u]),
      .head_o        (head_o[u]),
      .desc_o        (head),
      .read_i        (read_i[u]),
      .write_i       (write_i[u]),
      .read_mask_o   (read_masks[u]),
      .write_mask_o  (write_masks[u]),
      .busy_o        (busy_o[u])
    );
  end

  // --- compute units: MAC, VEC ---
  for (genvar k = 0; k < 2; k++) begin : gen_kind
    localparam int unsigned W = k == 0 ? MacW : VecW;
    logic [W-1:0]             in;
    logic [NumCus-1:0][W-1:0] heads;
    if (k == 0) begin : gen_mac
      assign in    = mac_i;
      assign mac_o = heads;
    end else begin : gen_vec
      assign in    = vec_i;
      assign vec_o = heads;
    end
    cu_mask_t                cu_go, cu_full, cu_last, cu_ok, cu_free, cu_start, cu_head, cu_read, cu_write, cu_busy;
    unit_mask_t [NumCus-1:0] cu_wait_read, cu_wait_write, cu_read_masks, cu_write_masks;
    sf_queues #(.DescBits(W)) u_queues (
      .clk_i, .rst_ni, .run_i,
      .go_i          (cu_go),
      .full_o        (cu_full),
      .last_o        (cu_last),
      .wait_read_i   (sync_i[3+k].wait_read[NumUnits-1:0]),
      .wait_write_i  (sync_i[3+k].wait_write[NumUnits-1:0]),
      .signal_read_i (sync_i[3+k].signal_read[NumUnits-1:0]),
      .signal_write_i(sync_i[3+k].signal_write[NumUnits-1:0]),
      .desc_i        (in),
      .wait_read_o   (cu_wait_read),
      .wait_write_o  (cu_wait_write),
      .tokens_i      (cu_ok),
      .free_i        (cu_free),
      .start_o       (cu_start),
      .head_o        (cu_head),
      .desc_o        (heads),
      .read_i        (cu_read),
      .write_i       (cu_write),
      .read_mask_o   (cu_read_masks),
      .write_mask_o  (cu_write_masks),
      .busy_o        (cu_busy)
    );
    for (genvar c = 0; c < int'(NumCus); c++) begin : gen_cu
      localparam int U = int'(FirstMac) + 2 * c + k;
      assign {cu_go[c], cu_ok[c], cu_free[c], cu_read[c], cu_write[c]} = {go_i[U], tokens_ok[U], free_i[U], read_i[U], write_i[U]};
      assign {full_o[U], last_o[U], start_o[U], head_o[U], busy_o[U]} = {cu_full[c], cu_last[c], cu_start[c], cu_head[c], cu_busy[c]};
      assign {wait_read[U], wait_write[U], read_masks[U], write_masks[U]} = {cu_wait_read[c], cu_wait_write[c], cu_read_masks[c], cu_write_masks[c]};
    end
  end
endmodule
