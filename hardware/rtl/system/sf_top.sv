// The accelerator: one cluster behind AXI4-Lite registers (slave), AXI masters to DRAM, and an interrupt.
// Specification: hardware/README.md (registers, errors, resets), docs/microarchitecture.md. Twin: src/simulator/.
//
// The masters use INCR bursts of 4 to 16 beats of 64 bits within 128 aligned bytes, one ID per port and direction, in order; they always take
// read data and responses. AXI4 and AXI3 both: for AXI3 tie WID to 0.
module sf_top
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                           clk_i,
  input  logic                           rst_ni,      // synchronous
  output logic                           interrupt_o,
  // AXI4-Lite slave
  input  logic                           s_axil_awvalid_i,
  input  logic [11:0]                    s_axil_awaddr_i,
  output logic                           s_axil_awready_o,
  input  logic                           s_axil_wvalid_i,
  input  logic [31:0]                    s_axil_wdata_i,
  input  logic [3:0]                     s_axil_wstrb_i,
  output logic                           s_axil_wready_o,
  output logic                           s_axil_bvalid_o,
  output logic [1:0]                     s_axil_bresp_o,
  input  logic                           s_axil_bready_i,
  input  logic                           s_axil_arvalid_i,
  input  logic [11:0]                    s_axil_araddr_i,
  output logic                           s_axil_arready_o,
  output logic                           s_axil_rvalid_o,
  output logic [31:0]                    s_axil_rdata_o,
  output logic [1:0]                     s_axil_rresp_o,
  input  logic                           s_axil_rready_i,
  // AXI masters, one per port
  output logic [AxiPorts-1:0]            m_axi_arvalid_o,
  output logic [AxiPorts-1:0][31:0]      m_axi_araddr_o,
  output logic [AxiPorts-1:0][3:0]       m_axi_arlen_o,
  output logic [AxiPorts-1:0][2:0]       m_axi_arsize_o,
  output logic [AxiPorts-1:0][1:0]       m_axi_arburst_o,
  output logic [AxiPorts-1:0][3:0]       m_axi_arcache_o,
  output logic [AxiPorts-1:0][2:0]       m_axi_arprot_o,
  input  logic [AxiPorts-1:0]            m_axi_arready_i,
  input  logic [AxiPorts-1:0]            m_axi_rvalid_i,
  input  logic [AxiPorts-1:0][63:0]      m_axi_rdata_i,
  input  logic [AxiPorts-1:0][1:0]       m_axi_rresp_i,
  input  logic [AxiPorts-1:0]            m_axi_rlast_i,
  output logic [AxiPorts-1:0]            m_axi_rready_o,
  output logic [AxiPorts-1:0]            m_axi_awvalid_o,
  output logic [AxiPorts-1:0][31:0]      m_axi_awaddr_o,
  output logic [AxiPorts-1:0][3:0]       m_axi_awlen_o,
  output logic [AxiPorts-1:0][2:0]       m_axi_awsize_o,
  output logic [AxiPorts-1:0][1:0]       m_axi_awburst_o,
  output logic [AxiPorts-1:0][3:0]       m_axi_awcache_o,
  output logic [AxiPorts-1:0][2:0]       m_axi_awprot_o,
  input  logic [AxiPorts-1:0]            m_axi_awready_i,
  output logic [AxiPorts-1:0]            m_axi_wvalid_o,
  output logic [AxiPorts-1:0][63:0]      m_axi_wdata_o,
  output logic [AxiPorts-1:0][7:0]       m_axi_wstrb_o,
  output logic [AxiPorts-1:0]            m_axi_wlast_o,
  input  logic [AxiPorts-1:0]            m_axi_wready_i,
  input  logic [AxiPorts-1:0]            m_axi_bvalid_i,
  input  logic [AxiPorts-1:0][1:0]       m_axi_bresp_i,
  output logic [AxiPorts-1:0]            m_axi_bready_o
);
  // --- control and state ---
  logic                       start, reset_request, running_q, stop, finished, quiet;
  line_addr_t                 code_line;
  pc_t                        last_pc, pc;
  logic [AxiAddrW-1:12]       base;
  logic [AxiAddrW-1:5]        size;
  logic [31:0]                watchdog;
  error_t                     error;
  logic [15:0]                reads_on_bus, writes_on_bus;
  cluster_perf_t              perf;
  counter_t [NumCounters-1:0] counters;

  // --- soft reset: stop, wait until AXI is quiet, then reset everything but the registers of the driver ---
  localparam int unsigned QuietCycles = 15;
  logic       resetting_q, cluster_rst_n_q, run_q;
  logic [3:0] quiet_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      resetting_q     <= 1'b0;
      cluster_rst_n_q <= 1'b0;
      quiet_q         <= '0;
      running_q       <= 1'b0;
      run_q           <= 1'b0;
    end else begin
      run_q <= !stop && !resetting_q;
      if (reset_request) resetting_q <= 1'b1;
      else if (!cluster_rst_n_q) resetting_q <= 1'b0;
      quiet_q         <= resetting_q && quiet ? quiet_q + 4'd1 : '0;
      cluster_rst_n_q <= quiet_q != 4'(QuietCycles);
      if (start) running_q <= 1'b1;
      else if (finished || !cluster_rst_n_q) running_q <= 1'b0;
    end
  end

  logic          illegal, leaves, violation, overflow;
  engine_e       violation_engine;
  line_addr_t    violation_line;
  logic [4:0]    overflow_unit;
  logic [AxiPorts-1:0] read_error, write_error;

  sf_csr u_csr (
    .clk_i, .rst_ni,
    .awvalid_i  (s_axil_awvalid_i),
    .awaddr_i   (s_axil_awaddr_i),
    .awready_o  (s_axil_awready_o),
    .wvalid_i   (s_axil_wvalid_i),
    .wdata_i    (s_axil_wdata_i),
    .wstrb_i    (s_axil_wstrb_i),
    .wready_o   (s_axil_wready_o),
    .bvalid_o   (s_axil_bvalid_o),
    .bresp_o    (s_axil_bresp_o),
    .bready_i   (s_axil_bready_i),
    .arvalid_i  (s_axil_arvalid_i),
    .araddr_i   (s_axil_araddr_i),
    .arready_o  (s_axil_arready_o),
    .rvalid_o   (s_axil_rvalid_o),
    .rdata_o    (s_axil_rdata_o),
    .rresp_o    (s_axil_rresp_o),
    .rready_i   (s_axil_rready_i),
    .start_o    (start),
    .reset_o    (reset_request),
    .code_line_o(code_line),
    .last_pc_o  (last_pc),
    .base_o     (base),
    .size_o     (size),
    .watchdog_o (watchdog),
    .interrupt_o,
    .busy_i     (running_q),
    .resetting_i(resetting_q),
    .done_i     (finished),
    .stop_i     (stop),
    .error_i    (error),
    .pc_i       (pc),
    .reads_i    (reads_on_bus),
    .writes_i   (writes_on_bus),
    .counters_i (counters)
  );

  sf_error u_error (
    .clk_i,
    .rst_ni            (cluster_rst_n_q),
    .running_i         (running_q),
    .watchdog_i        (watchdog),
    .progress_i        (perf.progress),
    .pc_i              (pc),
    .illegal_i         (illegal),
    .leaves_i          (leaves),
    .violation_i       (violation),
    .violation_engine_i(violation_engine),
    .violation_line_i  (violation_line),
    .overflow_i        (overflow),
    .overflow_unit_i   (overflow_unit),
    .read_error_i      (read_error),
    .write_error_i     (write_error),
    .stop_o            (stop),
    .error_o           (error)
  );

  sf_perf u_perf (
    .clk_i,
    .rst_ni    (cluster_rst_n_q),
    .start_i   (start),
    .perf_i    (perf),
    .counters_o(counters)
  );

  sf_cluster u_cluster (
    .clk_i,
    .rst_ni            (cluster_rst_n_q),
    .start_i           (start),
    .run_i             (run_q),
    .code_line_i       (code_line),
    .last_pc_i         (last_pc),
    .base_i            (base),
    .size_i            (size),
    .arvalid_o         (m_axi_arvalid_o),
    .araddr_o          (m_axi_araddr_o),
    .arlen_o           (m_axi_arlen_o),
    .arready_i         (m_axi_arready_i),
    .rvalid_i          (m_axi_rvalid_i),
    .rdata_i           (m_axi_rdata_i),
    .rresp_i           (m_axi_rresp_i),
    .rlast_i           (m_axi_rlast_i),
    .awvalid_o         (m_axi_awvalid_o),
    .awaddr_o          (m_axi_awaddr_o),
    .awlen_o           (m_axi_awlen_o),
    .awready_i         (m_axi_awready_i),
    .wvalid_o          (m_axi_wvalid_o),
    .wdata_o           (m_axi_wdata_o),
    .wstrb_o           (m_axi_wstrb_o),
    .wlast_o           (m_axi_wlast_o),
    .wready_i          (m_axi_wready_i),
    .bvalid_i          (m_axi_bvalid_i),
    .bresp_i           (m_axi_bresp_i),
    .finished_o        (finished),
    .quiet_o           (quiet),
    .pc_o              (pc),
    .reads_on_bus_o    (reads_on_bus),
    .writes_on_bus_o   (writes_on_bus),
    .perf_o            (perf),
    .illegal_o         (illegal),
    .leaves_o          (leaves),
    .violation_o       (violation),
    .violation_engine_o(violation_engine),
    .violation_line_o  (violation_line),
    .overflow_o        (overflow),
    .overflow_unit_o   (overflow_unit),
    .read_error_o      (read_error),
    .write_error_o     (write_error)
  );

  // Constant parts of the masters: 8 bytes a beat, INCR, normal non-cacheable bufferable, unprivileged secure data.
  assign m_axi_arsize_o  = {AxiPorts{3'b011}};
  assign m_axi_awsize_o  = {AxiPorts{3'b011}};
  assign m_axi_arburst_o = {AxiPorts{2'b01}};
  assign m_axi_awburst_o = {AxiPorts{2'b01}};
  assign m_axi_arcache_o = {AxiPorts{4'b0011}};
  assign m_axi_awcache_o = {AxiPorts{4'b0011}};
  assign m_axi_arprot_o  = '0;
  assign m_axi_awprot_o  = '0;
  assign m_axi_rready_o  = '1;
  assign m_axi_bready_o  = '1;
endmodule
