// sf_top with a monitor: the events of the commit log as ports, cycle by cycle, read by the harness (main.cc). Simulation only.
// Specification: docs/microarchitecture.md, section 9. Twin: src/simulator/timing/commit-log.ts.
module sf_lockstep
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                      clk_i,
  input  logic                      rst_ni,
  output logic                      interrupt_o,
  input  logic                      s_axil_awvalid_i,
  input  logic [11:0]               s_axil_awaddr_i,
  output logic                      s_axil_awready_o,
  input  logic                      s_axil_wvalid_i,
  input  logic [31:0]               s_axil_wdata_i,
  input  logic [3:0]                s_axil_wstrb_i,
  output logic                      s_axil_wready_o,
  output logic                      s_axil_bvalid_o,
  output logic [1:0]                s_axil_bresp_o,
  input  logic                      s_axil_bready_i,
  input  logic                      s_axil_arvalid_i,
  input  logic [11:0]               s_axil_araddr_i,
  output logic                      s_axil_arready_o,
  output logic                      s_axil_rvalid_o,
  output logic [31:0]               s_axil_rdata_o,
  output logic [1:0]                s_axil_rresp_o,
  input  logic                      s_axil_rready_i,
  // Ports padded to 4, so that the harness is the same for every machine.
  output logic [3:0]                arvalid_o,
  output logic [31:0]               araddr_o [4],
  output logic [3:0]                arlen_o [4],
  input  logic [3:0]                arready_i,
  input  logic [3:0]                rvalid_i,
  input  logic [63:0]               rdata_i [4],
  input  logic [1:0]                rresp_i [4],
  input  logic [3:0]                rlast_i,
  output logic [3:0]                awvalid_o,
  output logic [31:0]               awaddr_o [4],
  output logic [3:0]                awlen_o [4],
  input  logic [3:0]                awready_i,
  output logic [3:0]                wvalid_o,
  output logic [63:0]               wdata_o [4],
  output logic [7:0]                wstrb_o [4],
  output logic [3:0]                wlast_o,
  input  logic [3:0]                wready_i,
  input  logic [3:0]                bvalid_i,
  input  logic [1:0]                bresp_i [4],
  // Monitor: the events of this cycle, by unit
  output logic                      start_o,         // cycle 0
  output logic                      event_o,         // any of those below
  output logic [19:0]               go_o,
  output logic [19:0]               started_o,
  output logic [19:0]               read_signal_o,
  output logic [19:0]               write_signal_o,
  output logic [31:0]               pc_o             // of the GO
);
  logic [AxiPorts-1:0]       arvalid, awvalid, wvalid, wlast, rready, bready;
  logic [AxiPorts-1:0][31:0] araddr, awaddr;
  logic [AxiPorts-1:0][3:0]  arlen, awlen, arcache, awcache;
  logic [AxiPorts-1:0][2:0]  arsize, awsize, arprot, awprot;
  logic [AxiPorts-1:0][1:0]  arburst, awburst, rresp, bresp;
  logic [AxiPorts-1:0][63:0] wdata, rdata;
  logic [AxiPorts-1:0][7:0]  wstrb;
  logic                      unused_constant;
  assign unused_constant = ^{arcache, awcache, arsize, awsize, arprot, awprot, arburst, awburst, rready, bready};

  for (genvar p = 0; p < 4; p++) begin : gen_port
    if (p < int'(AxiPorts)) begin : gen_used
      assign arvalid_o[p] = arvalid[p];
      assign araddr_o[p]  = araddr[p];
      assign arlen_o[p]   = arlen[p];
      assign awvalid_o[p] = awvalid[p];
      assign awaddr_o[p]  = awaddr[p];
      assign awlen_o[p]   = awlen[p];
      assign wvalid_o[p]  = wvalid[p];
      assign wdata_o[p]   = wdata[p];
      assign wstrb_o[p]   = wstrb[p];
      assign wlast_o[p]   = wlast[p];
      assign rdata[p]     = rdata_i[p];
      assign rresp[p]     = rresp_i[p];
      assign bresp[p]     = bresp_i[p];
    end else begin : gen_absent
      assign arvalid_o[p] = 1'b0;
      assign araddr_o[p]  = '0;
      assign arlen_o[p]   = '0;
      assign awvalid_o[p] = 1'b0;
      assign awaddr_o[p]  = '0;
      assign awlen_o[p]   = '0;
      assign wvalid_o[p]  = 1'b0;
      assign wdata_o[p]   = '0;
      assign wstrb_o[p]   = '0;
      assign wlast_o[p]   = 1'b0;
    end
  end

  sf_top u_top (
    .clk_i, .rst_ni, .interrupt_o,
    .s_axil_awvalid_i, .s_axil_awaddr_i, .s_axil_awready_o, .s_axil_wvalid_i, .s_axil_wdata_i, .s_axil_wstrb_i, .s_axil_wready_o,
    .s_axil_bvalid_o, .s_axil_bresp_o, .s_axil_bready_i, .s_axil_arvalid_i, .s_axil_araddr_i, .s_axil_arready_o,
    .s_axil_rvalid_o, .s_axil_rdata_o, .s_axil_rresp_o, .s_axil_rready_i,
    .m_axi_arvalid_o(arvalid),
    .m_axi_araddr_o (araddr),
    .m_axi_arlen_o  (arlen),
    .m_axi_arsize_o (arsize),
    .m_axi_arburst_o(arburst),
    .m_axi_arcache_o(arcache),
    .m_axi_arprot_o (arprot),
    .m_axi_arready_i(arready_i[AxiPorts-1:0]),
    .m_axi_rvalid_i (rvalid_i[AxiPorts-1:0]),
    .m_axi_rdata_i  (rdata),
    .m_axi_rresp_i  (rresp),
    .m_axi_rlast_i  (rlast_i[AxiPorts-1:0]),
    .m_axi_rready_o (rready),
    .m_axi_awvalid_o(awvalid),
    .m_axi_awaddr_o (awaddr),
    .m_axi_awlen_o  (awlen),
    .m_axi_awsize_o (awsize),
    .m_axi_awburst_o(awburst),
    .m_axi_awcache_o(awcache),
    .m_axi_awprot_o (awprot),
    .m_axi_awready_i(awready_i[AxiPorts-1:0]),
    .m_axi_wvalid_o (wvalid),
    .m_axi_wdata_o  (wdata),
    .m_axi_wstrb_o  (wstrb),
    .m_axi_wlast_o  (wlast),
    .m_axi_wready_i (wready_i[AxiPorts-1:0]),
    .m_axi_bvalid_i (bvalid_i[AxiPorts-1:0]),
    .m_axi_bresp_i  (bresp),
    .m_axi_bready_o (bready)
  );

  assign start_o        = u_top.u_cluster.start_i;
  assign go_o           = 20'(u_top.u_cluster.go);
  assign started_o      = 20'(u_top.u_cluster.start);
  assign read_signal_o  = 20'(u_top.u_cluster.read_signal);
  assign write_signal_o = 20'(u_top.u_cluster.write_signal);
  assign pc_o           = 32'(u_top.u_cluster.pc_o);
  assign event_o        = start_o || (go_o | started_o | read_signal_o | write_signal_o) != '0;
endmodule
