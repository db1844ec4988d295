// The cluster's way to DRAM: acceptance of bursts, window check, AXI ports, write store, load bus.
// Specification: docs/microarchitecture.md, sections 6 and 9. Twin: src/simulator/timing/memory.ts.
//
// Stages of a burst accepted at t: command register t+1 (meta data to the read port), window checked t+2 (address to the port), AXI address
// valid t+3. The load bus is a register: what a port sends at b−1 is on the bus at b.
module sf_memory
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                         clk_i,
  input  logic                         rst_ni,
  input  logic                         start_i,        // cycle 0: slot 0 of the load bus
  input  logic                         run_i,
  input  logic [AxiAddrW-1:12]         base_i,
  input  logic [AxiAddrW-1:5]          size_i,
  // Engines
  input  offer_t     [NumEngines-1:0]  offer_i,
  input  read_meta_t                   fetch_meta_i,
  input  read_meta_t                   ldm_meta_i,
  input  read_meta_t                   ldw_meta_i,
  input  write_slot_t                  st_slot_i,
  output logic       [NumEngines-1:0]  accept_o,       // registered: the offer of the cycle before
  output port_t                        port_o,
  input  logic                         flush_i,        // fetch: the cycle after a flush
  output logic [AxiPorts-1:0]          ldm_complete_o,
  output logic [AxiPorts-1:0]          ldw_complete_o,
  output logic [AxiPorts-1:0]          st_complete_o,
  // Write store
  output write_slot_t                  slot_o,
  input  logic                         slot_take_i,
  input  logic                         store_i,
  input  write_slot_t                  store_slot_i,
  input  logic [1:0]                   store_line_i,
  input  line_t                        store_words_i,
  input  word_mask_t                   store_mask_i,
  // Load bus
  output logic                         fetch_valid_o,
  output line_cmd_t                    fetch_cmd_o,
  output load_maps_t    [NumCus-1:0]   load_maps_o,
  output load_weights_t [NumCus-1:0]   load_weights_o,
  output line_t                        load_words_o,
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
  // State and errors
  output logic [15:0]                  reads_on_bus_o,
  output logic [15:0]                  writes_on_bus_o,
  output logic                         quiet_o,          // nothing on AXI or on its way to it
  output logic                         violation_o,
  output engine_e                      violation_engine_o,
  output line_addr_t                   violation_line_o,
  output logic [AxiPorts-1:0]          read_error_o,
  output logic [AxiPorts-1:0]          write_error_o
);
  // --- slots of the load bus ---
  logic [1:0] phase_q;
  always_ff @(posedge clk_i) begin
    // The cycle after start is cycle 1.
    if (start_i) phase_q <= 2'd1;
    else phase_q <= phase_q + 2'd1;
  end

  // --- acceptance ---
  logic    [NumEngines-1:0] accepted;
  logic    [AxiPorts-1:0] read_done, write_done;
  engine_e [AxiPorts-1:0] read_engine;
  sf_accept u_accept (
    .clk_i, .rst_ni, .run_i, .offer_i, .now_o(accepted), .accept_o, .port_o,
    .read_done_i  (read_done),
    .read_engine_i(read_engine),
    .write_done_i (write_done)
  );

  // --- command register, t+1 ---
  logic         cmd_valid_q, cmd_write_q, cmd_read;
  engine_e      cmd_engine_q;
  line_addr_t   cmd_line_q;
  burst_lines_t cmd_lines_q;
  read_meta_t   cmd_meta_q;
  write_slot_t  cmd_slot_q;
  offer_t       offer;
  engine_e      engine;
  read_meta_t   meta;
  always_comb begin
    offer  = '0;
    engine = EngineFetch;
    for (int e = 0; e < int'(NumEngines); e++) begin
      if (accepted[e]) begin
        offer  = offer | offer_i[e];
        engine = engine_e'(e);
      end
    end
    unique case (engine)
      EngineLdm: meta = ldm_meta_i;
      EngineLdw: meta = ldw_meta_i;
      default:   meta = fetch_meta_i;
    endcase
  end
  always_ff @(posedge clk_i) begin
    cmd_valid_q  <= rst_ni && offer.valid;
    cmd_write_q  <= engine == EngineSt;
    cmd_engine_q <= engine;
    cmd_line_q   <= offer.line;
    cmd_lines_q  <= offer.lines;
    cmd_meta_q   <= meta;
    cmd_slot_q   <= st_slot_i;
  end
  assign cmd_read = cmd_valid_q && !cmd_write_q;

  // --- window, t+2 ---
  logic         pass, pass_write_q;
  axi_addr_t    address;
  burst_lines_t pass_lines_q;
  port_t        pass_port_q;
  write_slot_t  pass_slot_q;
  sf_window u_window (
    .clk_i, .rst_ni, .base_i, .size_i,
    .valid_i    (cmd_valid_q),
    .line_i     (cmd_line_q),
    .lines_i    (cmd_lines_q),
    .pass_o     (pass),
    .address_o  (address),
    .violation_o
  );
  always_ff @(posedge clk_i) begin
    pass_write_q       <= cmd_write_q;
    pass_lines_q       <= cmd_lines_q;
    pass_port_q        <= port_o;
    pass_slot_q        <= cmd_slot_q;
    violation_engine_o <= cmd_engine_q;
    violation_line_o   <= cmd_line_q;
  end

  // --- write store ---
  write_slot_t [AxiPorts-1:0]      port_slot;
  logic        [AxiPorts-1:0][1:0] port_line;
  logic        [AxiPorts-1:0]      port_frees, turn;
  write_slot_t                     read_slot;
  logic [1:0]                      read_line;
  line_t                           read_words;
  word_mask_t                      read_mask;
  always_comb begin
    read_slot = '0;
    read_line = '0;
    for (int p = 0; p < int'(AxiPorts); p++) begin
      turn[p] = phase_q == 2'(p);
      if (turn[p]) begin
        read_slot = read_slot | port_slot[p];
        read_line = read_line | port_line[p];
      end
    end
  end
  sf_write_store u_store (
    .clk_i, .rst_ni, .slot_o, .slot_take_i,
    .slot_free_i  (port_frees != '0),
    .freed_slot_i (read_slot),
    .write_i      (store_i),
    .write_slot_i (store_slot_i),
    .write_line_i (store_line_i),
    .write_words_i(store_words_i),
    .write_mask_i (store_mask_i),
    .read_slot_i  (read_slot),
    .read_line_i  (read_line),
    .read_words_o (read_words),
    .read_mask_o  (read_mask)
  );

  // --- ports ---
  logic      [AxiPorts-1:0]      line_valid;
  line_cmd_t [AxiPorts-1:0]      line_cmd;
  line_t     [AxiPorts-1:0]      line;
  for (genvar p = 0; p < int'(AxiPorts); p++) begin : gen_port
    logic cmd_here, pass_here;
    assign cmd_here  = port_o == port_t'(p);
    assign pass_here = pass && pass_port_q == port_t'(p);

    sf_read_port u_read (
      .clk_i, .rst_ni,
      .meta_push_i    (cmd_read && cmd_here),
      .engine_i       (cmd_engine_q),
      .lines_i        (cmd_lines_q),
      .meta_i         (cmd_meta_q),
      .address_push_i (pass_here && !pass_write_q),
      .address_i      (address),
      .address_lines_i(pass_lines_q),
      .flush_i,
      .arvalid_o      (arvalid_o[p]),
      .araddr_o       (araddr_o[p]),
      .arlen_o        (arlen_o[p]),
      .arready_i      (arready_i[p]),
      .rvalid_i       (rvalid_i[p]),
      .rdata_i        (rdata_i[p]),
      .rresp_i        (rresp_i[p]),
      .send_i         (phase_q == 2'(p + 3)),
      .line_valid_o   (line_valid[p]),
      .line_cmd_o     (line_cmd[p]),
      .line_o         (line[p]),
      .read_done_o    (read_done[p]),
      .read_engine_o  (read_engine[p]),
      .error_o        (read_error_o[p])
    );
    sf_write_port u_write (
      .clk_i, .rst_ni,
      .push_i      (pass_here && pass_write_q),
      .address_i   (address),
      .lines_i     (pass_lines_q),
      .slot_i      (pass_slot_q),
      .turn_i      (turn[p]),
      .read_slot_o (port_slot[p]),
      .read_line_o (port_line[p]),
      .read_words_i(read_words),
      .read_mask_i (read_mask),
      .slot_free_o (port_frees[p]),
      .awvalid_o   (awvalid_o[p]),
      .awaddr_o    (awaddr_o[p]),
      .awlen_o     (awlen_o[p]),
      .awready_i   (awready_i[p]),
      .wvalid_o    (wvalid_o[p]),
      .wdata_o     (wdata_o[p]),
      .wstrb_o     (wstrb_o[p]),
      .wlast_o     (wlast_o[p]),
      .wready_i    (wready_i[p]),
      .bvalid_i    (bvalid_i[p]),
      .bresp_i     (bresp_i[p]),
      .complete_o  (st_complete_o[p]),
      .done_o      (write_done[p]),
      .error_o     (write_error_o[p])
    );
  end

  // --- load bus: at most one port sends, the one whose slot comes next ---
  logic      bus_valid;
  line_cmd_t bus_cmd;
  line_t     bus_line;
  always_comb begin
    bus_valid = line_valid != '0;
    bus_cmd   = line_cmd_t'('0);
    bus_line  = '0;
    for (int p = 0; p < int'(AxiPorts); p++) begin
      if (phase_q == 2'(p + 3)) begin
        bus_cmd  = line_cmd[p];
        bus_line = line[p];
      end
      ldm_complete_o[p] = line_valid[p] && line_cmd[p].last && line_cmd[p].engine == EngineLdm;
      ldw_complete_o[p] = line_valid[p] && line_cmd[p].last && line_cmd[p].engine == EngineLdw;
    end
  end

  logic       bus_ldm, bus_ldw;
  word_mask_t bus_mask;
  always_comb begin
    bus_mask = {LineWords{1'b1}} << bus_cmd.skip;
    if (bus_cmd.last) bus_mask = bus_mask & ~({LineWords{1'b1}} << bus_cmd.tail << 1);
  end
  assign bus_ldm = bus_valid && bus_cmd.engine == EngineLdm;
  assign bus_ldw = bus_valid && bus_cmd.engine == EngineLdw;
  always_ff @(posedge clk_i) begin
    fetch_valid_o <= rst_ni && bus_valid && bus_cmd.engine == EngineFetch;
    fetch_cmd_o   <= bus_cmd;
    if (bus_valid) load_words_o <= bus_line;
    for (int c = 0; c < int'(NumCus); c++) begin
      load_maps_o[c].maps        <= rst_ni && bus_ldm && bus_cmd.cus[c] && !bus_cmd.table_space;
      load_maps_o[c].table_space <= rst_ni && bus_ldm && bus_cmd.cus[c] && bus_cmd.table_space;
      load_maps_o[c].addr        <= bus_cmd.addr[MapsAddrW-1:0];
      load_maps_o[c].mask        <= bus_mask;
      load_weights_o[c].vmacs    <= rst_ni && bus_ldw && bus_cmd.cus[c] ? NumVmacs'(1) << bus_cmd.vmac : '0;
      load_weights_o[c].line     <= bus_cmd.addr[WeightsAddrW-1:0];
    end
  end

  // --- state: bursts that AXI has to answer ---
  logic [7:0] reads_q, writes_q, read_answers, write_answers;
  logic [AxiPorts-1:0] read_ends_q, write_ends_q;
  always_comb begin
    read_answers  = '0;
    write_answers = '0;
    for (int p = 0; p < int'(AxiPorts); p++) begin
      read_answers  = read_answers + 8'(read_ends_q[p]);
      write_answers = write_answers + 8'(write_ends_q[p]);
    end
  end
  always_ff @(posedge clk_i) begin
    read_ends_q  <= rst_ni ? rvalid_i & rlast_i : '0;
    write_ends_q <= rst_ni ? bvalid_i : '0;
    reads_q      <= rst_ni ? reads_q + 8'(pass && !pass_write_q) - read_answers : '0;
    writes_q     <= rst_ni ? writes_q + 8'(pass && pass_write_q) - write_answers : '0;
    quiet_o      <= !cmd_valid_q && !pass && reads_q == '0 && writes_q == '0;
  end
  assign reads_on_bus_o  = {8'd0, reads_q};
  assign writes_on_bus_o = {8'd0, writes_q};
endmodule
