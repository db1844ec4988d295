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
  unit_mask_t             start, head, free, queue_busy, read_signal, write_signal;
  ldm_desc_t              ldm_desc;
  ldw_desc_t              ldw_desc;
  st_desc_t               st_desc;
  mac_desc_t [NumCus-1:0] mac_desc;
  vec_desc_t [NumCus-1:0] vec_desc;
  sync_t [4:0]            sync;
  assign sync = {vec_fields[VecBits-1-:SyncBits], mac_fields[MacBits-1-:SyncBits], st_fields[StBits-1-:SyncBits], ldw_fields[LdwBits-1-:SyncBits],
                 ldm_fields[LdmBits-1-:SyncBits]};
  sf_dispatch u_dispatch (
    .clk_i, .rst_ni, .start_i, .run_i,
    .go_i      (go),
    .full_o    (full),
    .last_o    (last),
    .sync_i    (sync),
    .ldm_i     (ldm_fields[LdmBits-SyncBits-1:0]),
    .ldw_i     (ldw_fields[LdwBits-SyncBits-1:0]),
    .st_i      (st_fields[StBits-SyncBits-1:0]),
    .mac_i     (mac_fields[MacBits-SyncBits-1:0]),
    .vec_i     (vec_fields[VecBits-SyncBits-1:0]),
    .free_i    (free),
    .start_o   (start),
    .head_o    (head),
    .ldm_o     (ldm_desc),
    .ldw_o     (ldw_desc),
    .st_o      (st_desc),
    .mac_o     (mac_desc),
    .vec_o     (vec_desc),
    .read_i    (read_signal),
    .write_i   (write_signal),
    .busy_o    (queue_busy),
    .overflow_o,
    .producer_o(overflow_unit_o)
  );
  // Unit 3 does not exist.
  assign {free[NoUnit], read_signal[NoUnit], write_signal[NoUnit]} = '0;
  logic unused_heads;
  assign unused_heads = ^head[NoUnit:Ldm];

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
  granule_t                    bus_granule [NumSources];
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

    granule_t granule [2];
    assign bus_granule[2*c] = granule[0];
    assign bus_granule[2*c+1] = granule[1];
    sf_cu u_cu (
      .clk_i, .rst_ni,
      .own_cu_i      (cu_mask_t'(1) << c),
      .mac_head_i    (head[Mac]),
      .mac_start_i   (start[Mac]),
      .mac_desc_i    (mac_desc[c]),
      .mac_free_o    (free[Mac]),
      .mac_read_o    (read_signal[Mac]),
      .mac_write_o   (write_signal[Mac]),
      .vec_head_i    (head[Vec]),
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
      .bus_granule_o (granule),
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
