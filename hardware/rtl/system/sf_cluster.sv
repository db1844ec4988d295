// One cluster: control core, DMA engines, compute units, and what connects them. Wiring only.
// Specification: docs/microarchitecture.md, section 1. Twin: src/simulator/timing/engine.ts.
module sf_cluster
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                           clk_i,
  input  logic                           rst_ni,
  input  logic                           start_i,       // cycle 0
  input  logic                           run_i,         // 0: error stop
  input  line_addr_t                     code_line_i,
  input  pc_t                            last_pc_i,
  input  logic [AxiAddrW-1:12]           base_i,
  input  logic [AxiAddrW-1:5]            size_i,
  // AXI masters
  output logic      [AxiPorts-1:0]       arvalid_o,
  output axi_addr_t [AxiPorts-1:0]       araddr_o,
  output logic      [AxiPorts-1:0][3:0]  arlen_o,
  input  logic      [AxiPorts-1:0]       arready_i,
  input  logic      [AxiPorts-1:0]       rvalid_i,
  input  logic      [AxiPorts-1:0][63:0] rdata_i,
  input  logic      [AxiPorts-1:0][1:0]  rresp_i,
  input  logic      [AxiPorts-1:0]       rlast_i,
  output logic      [AxiPorts-1:0]       awvalid_o,
  output axi_addr_t [AxiPorts-1:0]       awaddr_o,
  output logic      [AxiPorts-1:0][3:0]  awlen_o,
  input  logic      [AxiPorts-1:0]       awready_i,
  output logic      [AxiPorts-1:0]       wvalid_o,
  output logic      [AxiPorts-1:0][63:0] wdata_o,
  output logic      [AxiPorts-1:0][7:0]  wstrb_o,
  output logic      [AxiPorts-1:0]       wlast_o,
  input  logic      [AxiPorts-1:0]       wready_i,
  input  logic      [AxiPorts-1:0]       bvalid_i,
  input  logic      [AxiPorts-1:0][1:0]  bresp_i,
  // State
  output logic                           finished_o,    // END has executed, everything is done (T19)
  output logic                           quiet_o,       // nothing on AXI
  output pc_t                            pc_o,
  output logic [15:0]                    reads_on_bus_o,
  output logic [15:0]                    writes_on_bus_o,
  output cluster_perf_t                  perf_o,
  // Errors
  output logic                           illegal_o,
  output logic                           leaves_o,
  output logic                           violation_o,
  output engine_e                        violation_engine_o,
  output line_addr_t                     violation_line_o,
  output logic                           overflow_o,
  output logic [4:0]                     overflow_unit_o,
  output logic      [AxiPorts-1:0]       read_error_o,
  output logic      [AxiPorts-1:0]       write_error_o
);
  localparam int unsigned Ldm = 0;
  localparam int unsigned Ldw = 1;
  localparam int unsigned St = 2;
  localparam int unsigned NoUnit = 3;
  localparam int unsigned FirstMac = 4;
  localparam int unsigned SyncBits = $bits(sync_t);

  // --- control core and fetch ---
  logic               instr_valid, instr_ready, flush, flush_q, restart, line_done, executed, stalled, ended, core_active;
  logic               core_leaves, fetch_leaves, fetch_busy, fetch_valid;
  logic [31:0]        instr;
  pc_t                instr_pc, target;
  unit_mask_t         go, full, last;
  logic [LdmBits-1:0] ldm_fields;
  logic [LdwBits-1:0] ldw_fields;
  logic [StBits-1:0]  st_fields;
  logic [MacBits-1:0] mac_fields;
  logic [VecBits-1:0] vec_fields;
  line_cmd_t          fetch_cmd;
  line_t              load_words;

  offer_t     [NumEngines-1:0] offer;
  logic       [NumEngines-1:0] accept;
  port_t                       accept_port;
  read_meta_t                  fetch_meta, ldm_meta, ldw_meta;

  sf_core u_core (
    .clk_i, .rst_ni, .start_i, .run_i, .last_pc_i,
    .instr_valid_i(instr_valid),
    .instr_i      (instr),
    .instr_pc_i   (instr_pc),
    .instr_ready_o(instr_ready),
    .flush_o      (flush),
    .restart_o    (restart),
    .target_o     (target),
    .line_done_o  (line_done),
    .go_o         (go),
    .full_i       (full),
    .last_i       (last),
    .ldm_o        (ldm_fields),
    .ldw_o        (ldw_fields),
    .st_o         (st_fields),
    .mac_o        (mac_fields),
    .vec_o        (vec_fields),
    .executed_o   (executed),
    .stalled_o    (stalled),
    .end_o        (ended),
    .active_o     (core_active),
    .pc_o,
    .illegal_o,
    .leaves_o     (core_leaves)
  );
  sf_fetch u_fetch (
    .clk_i, .rst_ni, .code_line_i, .last_pc_i,
    .flush_i      (flush),
    .restart_i    (restart),
    .target_i     (target),
    .line_done_i  (line_done),
    .instr_valid_o(instr_valid),
    .instr_o      (instr),
    .instr_pc_o   (instr_pc),
    .instr_ready_i(instr_ready),
    .offer_o      (offer[EngineFetch]),
    .meta_o       (fetch_meta),
    .accept_i     (accept[EngineFetch]),
    .flush_o      (flush_q),
    .line_valid_i (fetch_valid),
    .line_cmd_i   (fetch_cmd),
    .line_i       (load_words),
    .busy_o       (fetch_busy),
    .leaves_o     (fetch_leaves)
  );
  assign leaves_o = core_leaves || fetch_leaves;

  // --- queues and tokens ---
  unit_mask_t                start, free, tokens_ok, queue_busy, read_signal, write_signal;
  unit_mask_t [NumUnits-1:0] wait_read, wait_write, read_masks, write_masks;

  sf_tokens u_tokens (
    .clk_i, .rst_ni,
    .clear_i       (start_i),
    .read_signal_i (read_masks),
    .write_signal_i(write_masks),
    .wait_read_i   (wait_read),
    .wait_write_i  (wait_write),
    .ok_o          (tokens_ok),
    .start_i       (start),
    .overflow_o,
    .producer_o    (overflow_unit_o)
  );

  // Unit 3 does not exist.
  logic unused_tokens;
  assign full[NoUnit]         = 1'b0;
  assign last[NoUnit]         = 1'b0;
  assign start[NoUnit]        = 1'b0;
  assign free[NoUnit]         = 1'b0;
  assign queue_busy[NoUnit]   = 1'b0;
  assign read_signal[NoUnit]  = 1'b0;
  assign write_signal[NoUnit] = 1'b0;
  assign wait_read[NoUnit]    = '0;
  assign wait_write[NoUnit]   = '0;
  assign read_masks[NoUnit]   = '0;
  assign write_masks[NoUnit]  = '0;
  assign unused_tokens        = ^{tokens_ok[NoUnit], go[NoUnit], free[NoUnit]};

  logic [2:0]             unused_head;
  cu_mask_t               mac_head, vec_head;
  ldm_desc_t              ldm_desc;
  ldw_desc_t              ldw_desc;
  st_desc_t               st_desc;
  mac_desc_t [NumCus-1:0] mac_desc;
  vec_desc_t [NumCus-1:0] vec_desc;
  sync_t                  ldm_sync, ldw_sync, st_sync, mac_sync, vec_sync;
  assign ldm_sync = ldm_fields[LdmBits-1-:SyncBits];
  assign ldw_sync = ldw_fields[LdwBits-1-:SyncBits];
  assign st_sync  = st_fields[StBits-1-:SyncBits];
  assign mac_sync = mac_fields[MacBits-1-:SyncBits];
  assign vec_sync = vec_fields[VecBits-1-:SyncBits];
  // Masks name units by 20 bits; those of CUs that this machine lacks mean nothing.
  logic unused_sync;
  assign unused_sync = ^{ldm_sync, ldw_sync, st_sync, mac_sync, vec_sync};

  sf_queue #(.DescBits(LdmBits - SyncBits)) u_ldm_queue (
    .clk_i, .rst_ni, .run_i,
    .go_i          (go[Ldm]),
    .full_o        (full[Ldm]),
    .last_o        (last[Ldm]),
    .wait_read_i   (ldm_sync.wait_read[NumUnits-1:0]),
    .wait_write_i  (ldm_sync.wait_write[NumUnits-1:0]),
    .signal_read_i (ldm_sync.signal_read[NumUnits-1:0]),
    .signal_write_i(ldm_sync.signal_write[NumUnits-1:0]),
    .desc_i        (ldm_fields[LdmBits-SyncBits-1:0]),
    .wait_read_o   (wait_read[Ldm]),
    .wait_write_o  (wait_write[Ldm]),
    .tokens_i      (tokens_ok[Ldm]),
    .free_i        (free[Ldm]),
    .start_o       (start[Ldm]),
    .head_o        (unused_head[Ldm]),
    .desc_o        (ldm_desc),
    .read_i        (read_signal[Ldm]),
    .write_i       (write_signal[Ldm]),
    .read_mask_o   (read_masks[Ldm]),
    .write_mask_o  (write_masks[Ldm]),
    .busy_o        (queue_busy[Ldm])
  );
  sf_queue #(.DescBits(LdwBits - SyncBits)) u_ldw_queue (
    .clk_i, .rst_ni, .run_i,
    .go_i          (go[Ldw]),
    .full_o        (full[Ldw]),
    .last_o        (last[Ldw]),
    .wait_read_i   (ldw_sync.wait_read[NumUnits-1:0]),
    .wait_write_i  (ldw_sync.wait_write[NumUnits-1:0]),
    .signal_read_i (ldw_sync.signal_read[NumUnits-1:0]),
    .signal_write_i(ldw_sync.signal_write[NumUnits-1:0]),
    .desc_i        (ldw_fields[LdwBits-SyncBits-1:0]),
    .wait_read_o   (wait_read[Ldw]),
    .wait_write_o  (wait_write[Ldw]),
    .tokens_i      (tokens_ok[Ldw]),
    .free_i        (free[Ldw]),
    .start_o       (start[Ldw]),
    .head_o        (unused_head[Ldw]),
    .desc_o        (ldw_desc),
    .read_i        (read_signal[Ldw]),
    .write_i       (write_signal[Ldw]),
    .read_mask_o   (read_masks[Ldw]),
    .write_mask_o  (write_masks[Ldw]),
    .busy_o        (queue_busy[Ldw])
  );
  sf_queue #(.DescBits(StBits - SyncBits)) u_st_queue (
    .clk_i, .rst_ni, .run_i,
    .go_i          (go[St]),
    .full_o        (full[St]),
    .last_o        (last[St]),
    .wait_read_i   (st_sync.wait_read[NumUnits-1:0]),
    .wait_write_i  (st_sync.wait_write[NumUnits-1:0]),
    .signal_read_i (st_sync.signal_read[NumUnits-1:0]),
    .signal_write_i(st_sync.signal_write[NumUnits-1:0]),
    .desc_i        (st_fields[StBits-SyncBits-1:0]),
    .wait_read_o   (wait_read[St]),
    .wait_write_o  (wait_write[St]),
    .tokens_i      (tokens_ok[St]),
    .free_i        (free[St]),
    .start_o       (start[St]),
    .head_o        (unused_head[St]),
    .desc_o        (st_desc),
    .read_i        (read_signal[St]),
    .write_i       (write_signal[St]),
    .read_mask_o   (read_masks[St]),
    .write_mask_o  (write_masks[St]),
    .busy_o        (queue_busy[St])
  );

  // --- queues of the compute units ---
  cu_mask_t mac_go, mac_full, mac_last, mac_ok, mac_free, mac_start, mac_read, mac_write, mac_busy;
  cu_mask_t vec_go, vec_full, vec_last, vec_ok, vec_free, vec_start, vec_read, vec_write, vec_busy;
  unit_mask_t [NumCus-1:0] mac_wait_read, mac_wait_write, mac_read_masks, mac_write_masks;
  unit_mask_t [NumCus-1:0] vec_wait_read, vec_wait_write, vec_read_masks, vec_write_masks;
  sf_queues #(.DescBits(MacBits - SyncBits)) u_mac_queues (
    .clk_i, .rst_ni, .run_i,
    .go_i          (mac_go),
    .full_o        (mac_full),
    .last_o        (mac_last),
    .wait_read_i   (mac_sync.wait_read[NumUnits-1:0]),
    .wait_write_i  (mac_sync.wait_write[NumUnits-1:0]),
    .signal_read_i (mac_sync.signal_read[NumUnits-1:0]),
    .signal_write_i(mac_sync.signal_write[NumUnits-1:0]),
    .desc_i        (mac_fields[MacBits-SyncBits-1:0]),
    .wait_read_o   (mac_wait_read),
    .wait_write_o  (mac_wait_write),
    .tokens_i      (mac_ok),
    .free_i        (mac_free),
    .start_o       (mac_start),
    .head_o        (mac_head),
    .desc_o        (mac_desc),
    .read_i        (mac_read),
    .write_i       (mac_write),
    .read_mask_o   (mac_read_masks),
    .write_mask_o  (mac_write_masks),
    .busy_o        (mac_busy)
  );
  sf_queues #(.DescBits(VecBits - SyncBits)) u_vec_queues (
    .clk_i, .rst_ni, .run_i,
    .go_i          (vec_go),
    .full_o        (vec_full),
    .last_o        (vec_last),
    .wait_read_i   (vec_sync.wait_read[NumUnits-1:0]),
    .wait_write_i  (vec_sync.wait_write[NumUnits-1:0]),
    .signal_read_i (vec_sync.signal_read[NumUnits-1:0]),
    .signal_write_i(vec_sync.signal_write[NumUnits-1:0]),
    .desc_i        (vec_fields[VecBits-SyncBits-1:0]),
    .wait_read_o   (vec_wait_read),
    .wait_write_o  (vec_wait_write),
    .tokens_i      (vec_ok),
    .free_i        (vec_free),
    .start_o       (vec_start),
    .head_o        (vec_head),
    .desc_o        (vec_desc),
    .read_i        (vec_read),
    .write_i       (vec_write),
    .read_mask_o   (vec_read_masks),
    .write_mask_o  (vec_write_masks),
    .busy_o        (vec_busy)
  );
  for (genvar c = 0; c < int'(NumCus); c++) begin : gen_queue
    localparam int Mac = int'(FirstMac) + 2 * c;
    localparam int Vec = Mac + 1;
    assign mac_go[c]       = go[Mac];
    assign mac_ok[c]       = tokens_ok[Mac];
    assign mac_free[c]     = free[Mac];
    assign mac_read[c]     = read_signal[Mac];
    assign mac_write[c]    = write_signal[Mac];
    assign full[Mac]       = mac_full[c];
    assign last[Mac]       = mac_last[c];
    assign start[Mac]      = mac_start[c];
    assign wait_read[Mac]  = mac_wait_read[c];
    assign wait_write[Mac] = mac_wait_write[c];
    assign read_masks[Mac] = mac_read_masks[c];
    assign write_masks[Mac] = mac_write_masks[c];
    assign queue_busy[Mac] = mac_busy[c];
    assign vec_go[c]       = go[Vec];
    assign vec_ok[c]       = tokens_ok[Vec];
    assign vec_free[c]     = free[Vec];
    assign vec_read[c]     = read_signal[Vec];
    assign vec_write[c]    = write_signal[Vec];
    assign full[Vec]       = vec_full[c];
    assign last[Vec]       = vec_last[c];
    assign start[Vec]      = vec_start[c];
    assign wait_read[Vec]  = vec_wait_read[c];
    assign wait_write[Vec] = vec_wait_write[c];
    assign read_masks[Vec] = vec_read_masks[c];
    assign write_masks[Vec] = vec_write_masks[c];
    assign queue_busy[Vec] = vec_busy[c];
  end

  // --- DMA engines ---
  logic                 ldm_signal, ldw_signal;
  logic [AxiPorts-1:0]  ldm_complete, ldw_complete, st_complete;
  logic                 ldm_busy, ldw_busy, st_busy;
  st_req_t [NumCus-1:0] st_req;
  cu_mask_t             st_gnt;
  line_t   [NumCus-1:0] st_words;
  logic                 slot_take, store;
  write_slot_t          slot, store_slot, offer_slot;
  logic [1:0]           store_line;
  line_t                store_words;
  word_mask_t           store_mask;

  sf_ldm u_ldm (
    .clk_i, .rst_ni,
    .start_i   (start[Ldm]),
    .desc_i    (ldm_desc),
    .free_o    (free[Ldm]),
    .offer_o   (offer[EngineLdm]),
    .meta_o    (ldm_meta),
    .accept_i  (accept[EngineLdm]),
    .port_i    (accept_port),
    .complete_i(ldm_complete),
    .signal_o  (ldm_signal),
    .busy_o    (ldm_busy)
  );
  sf_ldw u_ldw (
    .clk_i, .rst_ni,
    .start_i   (start[Ldw]),
    .desc_i    (ldw_desc),
    .free_o    (free[Ldw]),
    .offer_o   (offer[EngineLdw]),
    .meta_o    (ldw_meta),
    .accept_i  (accept[EngineLdw]),
    .port_i    (accept_port),
    .complete_i(ldw_complete),
    .signal_o  (ldw_signal),
    .busy_o    (ldw_busy)
  );
  sf_st u_st (
    .clk_i, .rst_ni,
    .start_i       (start[St]),
    .desc_i        (st_desc),
    .free_o        (free[St]),
    .req_o         (st_req),
    .gnt_i         (st_gnt),
    .words_i       (st_words),
    .slot_i        (slot),
    .slot_take_o   (slot_take),
    .store_o       (store),
    .store_slot_o  (store_slot),
    .store_line_o  (store_line),
    .store_words_o (store_words),
    .store_mask_o  (store_mask),
    .offer_o       (offer[EngineSt]),
    .offer_slot_o  (offer_slot),
    .accept_i      (accept[EngineSt]),
    .port_i        (accept_port),
    .complete_i    (st_complete),
    .read_signal_o (read_signal[St]),
    .write_signal_o(write_signal[St]),
    .busy_o        (st_busy)
  );
  assign read_signal[Ldm]  = ldm_signal;
  assign write_signal[Ldm] = ldm_signal;
  assign read_signal[Ldw]  = ldw_signal;
  assign write_signal[Ldw] = ldw_signal;

  // --- memory ---
  load_maps_t    [NumCus-1:0] load_maps;
  load_weights_t [NumCus-1:0] load_weights;
  sf_memory u_memory (
    .clk_i, .rst_ni, .start_i, .run_i, .base_i, .size_i,
    .offer_i       (offer),
    .fetch_meta_i  (fetch_meta),
    .ldm_meta_i    (ldm_meta),
    .ldw_meta_i    (ldw_meta),
    .st_slot_i     (offer_slot),
    .accept_o      (accept),
    .port_o        (accept_port),
    .flush_i       (flush_q),
    .ldm_complete_o(ldm_complete),
    .ldw_complete_o(ldw_complete),
    .st_complete_o (st_complete),
    .slot_o        (slot),
    .slot_take_i   (slot_take),
    .store_i       (store),
    .store_slot_i  (store_slot),
    .store_line_i  (store_line),
    .store_words_i (store_words),
    .store_mask_i  (store_mask),
    .fetch_valid_o (fetch_valid),
    .fetch_cmd_o   (fetch_cmd),
    .load_maps_o   (load_maps),
    .load_weights_o(load_weights),
    .load_words_o  (load_words),
    .arvalid_o, .araddr_o, .arlen_o, .arready_i,
    .rvalid_i, .rdata_i, .rresp_i, .rlast_i,
    .awvalid_o, .awaddr_o, .awlen_o, .awready_i,
    .wvalid_o, .wdata_o, .wstrb_o, .wlast_o, .wready_i,
    .bvalid_i, .bresp_i,
    .reads_on_bus_o, .writes_on_bus_o, .quiet_o,
    .violation_o, .violation_engine_o, .violation_line_o,
    .read_error_o, .write_error_o
  );

  // --- compute units and result bus ---
  bus_req_t   [NumSources-1:0] bus_req;
  logic       [NumSources-1:0] bus_gnt;
  granule_t   [NumSources-1:0] bus_granule;
  bus_write_t [NumCus-1:0]     bus_write;
  cu_mask_t                    bus_pop, cu_busy;
  bus_ack_t   [NumCus-1:0]     bus_ack;
  cu_mask_t   [NumSources-1:0] bus_acked;
  cu_perf_t   [NumCus-1:0]     cu_perf;

  sf_result_bus u_result_bus (
    .clk_i, .rst_ni, .start_i,
    .req_i    (bus_req),
    .gnt_o    (bus_gnt),
    .granule_i(bus_granule),
    .write_o  (bus_write),
    .pop_i    (bus_pop),
    .ack_i    (bus_ack),
    .ack_o    (bus_acked)
  );

  for (genvar c = 0; c < int'(NumCus); c++) begin : gen_cu
    localparam int Mac = int'(FirstMac) + 2 * c;
    localparam int Vec = Mac + 1;

    sf_cu u_cu (
      .clk_i, .rst_ni,
      .own_cu_i      (cu_mask_t'(1) << c),
      .mac_head_i    (mac_head[c]),
      .mac_start_i   (start[Mac]),
      .mac_desc_i    (mac_desc[c]),
      .mac_free_o    (free[Mac]),
      .mac_read_o    (read_signal[Mac]),
      .mac_write_o   (write_signal[Mac]),
      .vec_head_i    (vec_head[c]),
      .vec_start_i   (start[Vec]),
      .vec_desc_i    (vec_desc[c]),
      .vec_free_o    (free[Vec]),
      .vec_read_o    (read_signal[Vec]),
      .vec_write_o   (write_signal[Vec]),
      .busy_o        (cu_busy[c]),
      .load_maps_i   (load_maps[c]),
      .load_weights_i(load_weights[c]),
      .load_words_i  (load_words),
      .bus_req_o     (bus_req[2*c+:2]),
      .bus_gnt_i     (bus_gnt[2*c+:2]),
      .bus_granule_o (bus_granule[2*c+:2]),
      .bus_write_i   (bus_write[c]),
      .bus_pop_o     (bus_pop[c]),
      .bus_ack_o     (bus_ack[c]),
      .bus_ack_i     (bus_acked[2*c+:2]),
      .st_req_i      (st_req[c]),
      .st_gnt_o      (st_gnt[c]),
      .st_words_o    (st_words[c]),
      .perf_o        (cu_perf[c])
    );
  end

  // --- end of the program, events ---
  logic started_q, busy;
  assign busy = core_active || fetch_busy || queue_busy != '0 || ldm_busy || ldw_busy || st_busy || cu_busy != '0;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) started_q <= 1'b0;
    else if (start_i) started_q <= 1'b1;
    else if (finished_o) started_q <= 1'b0;
    finished_o <= rst_ni && started_q && !busy && !start_i && !finished_o;
  end

  // Events, all a cycle late; progress, of which only the watchdog needs to know, another one.
  logic          [2*NumCus-1:0] grants_q;
  cu_mask_t      stores_q;
  unit_mask_t    starts_q;
  cluster_perf_t perf_d, perf_q;
  always_comb begin
    perf_d.executed = executed;
    perf_d.stalled  = stalled;
    perf_d.cus      = cu_perf;
    for (int e = 0; e < int'(NumEngines); e++) perf_d.lines[e] = accept[e] ? offer[e].lines : '0;
    perf_d.event_seen = ended || fetch_valid || read_signal != '0 || write_signal != '0;
    perf_d.progress   = perf_q.event_seen || perf_q.executed || starts_q != '0 || grants_q != '0 || stores_q != '0 || perf_q.lines != '0;
    for (int c = 0; c < int'(NumCus); c++) begin
      perf_d.progress = perf_d.progress || perf_q.cus[c].mac_step || perf_q.cus[c].mac_window || perf_q.cus[c].vec_read;
    end
  end
  always_ff @(posedge clk_i) begin
    starts_q <= rst_ni ? start : '0;
    grants_q <= rst_ni ? bus_gnt : '0;
    stores_q <= rst_ni ? st_gnt : '0;
    perf_q   <= rst_ni ? perf_d : '0;
  end
  assign perf_o = perf_q;
endmodule
