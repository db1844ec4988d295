// Registers for the driver: an AXI4-Lite slave with 32-bit registers.
// Specification: hardware/README.md (registers). No twin.
//
// One access at a time. A write is done when address and data are there; bits that a register does not have read 0. Strobes must be all ones:
// a write with others is ignored with SLVERR, as are accesses to addresses without register.
module sf_csr
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                       clk_i,
  input  logic                       rst_ni,
  // AXI4-Lite
  input  logic                       awvalid_i,
  input  logic [11:0]                awaddr_i,
  output logic                       awready_o,
  input  logic                       wvalid_i,
  input  logic [31:0]                wdata_i,
  input  logic [3:0]                 wstrb_i,
  output logic                       wready_o,
  output logic                       bvalid_o,
  output logic [1:0]                 bresp_o,
  input  logic                       bready_i,
  input  logic                       arvalid_i,
  input  logic [11:0]                araddr_i,
  output logic                       arready_o,
  output logic                       rvalid_o,
  output logic [31:0]                rdata_o,
  output logic [1:0]                 rresp_o,
  input  logic                       rready_i,
  // Control
  output logic                       start_o,         // pulse
  output logic                       reset_o,         // pulse: the driver asks for a soft reset
  output line_addr_t                 code_line_o,
  output pc_t                        last_pc_o,
  output logic [AxiAddrW-1:12]       base_o,
  output logic [AxiAddrW-1:5]        size_o,
  output logic [31:0]                watchdog_o,
  output logic                       interrupt_o,
  // State
  input  logic                       busy_i,          // a program runs
  input  logic                       resetting_i,
  input  logic                       done_i,          // pulse: a program has finished
  input  logic                       stop_i,          // error stop
  input  error_t                     error_i,
  input  pc_t                        pc_i,
  input  logic [15:0]                reads_i,
  input  logic [15:0]                writes_i,
  input  counter_t [NumCounters-1:0] counters_i
);
  localparam logic [31:0] Magic = 32'h534e_4f57;  // "SNOW"
  localparam logic [1:0] Okay = 2'b00;
  localparam logic [1:0] SlvErr = 2'b10;

  // Word addresses.
  typedef enum logic [9:0] {
    RegMagic = 10'h000, RegVersion = 10'h001, RegFingerprint = 10'h002, RegShape = 10'h003,
    RegControl = 10'h004, RegStatus = 10'h005, RegIntEnable = 10'h006, RegIntStatus = 10'h007,
    RegCode = 10'h008, RegInstructions = 10'h009, RegBase = 10'h00a, RegSize = 10'h00b, RegWatchdog = 10'h00c,
    RegCause = 10'h010, RegDetail = 10'h011, RegPc = 10'h012, RegOutstanding = 10'h013
  } register_e;
  localparam logic [9:0] FirstCounter = 10'h040;  // two words each: low, high
  localparam int unsigned CounterIndexW = $clog2(NumCounters);

  // --- write ---
  logic        aw_q, w_q, write, known;
  logic [9:0]  write_index_q;
  logic [31:0] write_data_q;
  logic        write_full_q;
  assign awready_o = !aw_q;
  assign wready_o  = !w_q;
  assign write     = aw_q && w_q && !bvalid_o;
  always_comb begin
    unique case (write_index_q)
      RegControl, RegIntEnable, RegIntStatus, RegCode, RegInstructions, RegBase, RegSize, RegWatchdog: known = write_full_q;
      default: known = 1'b0;
    endcase
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      aw_q     <= 1'b0;
      w_q      <= 1'b0;
      bvalid_o <= 1'b0;
      bresp_o  <= Okay;
    end else begin
      if (awvalid_i && awready_o) aw_q <= 1'b1;
      if (wvalid_i && wready_o) w_q <= 1'b1;
      if (write) begin
        aw_q     <= 1'b0;
        w_q      <= 1'b0;
        bvalid_o <= 1'b1;
        bresp_o  <= known ? Okay : SlvErr;
      end else if (bready_i) bvalid_o <= 1'b0;
    end
    if (awvalid_i && awready_o) write_index_q <= awaddr_i[11:2];
    if (wvalid_i && wready_o) begin
      write_data_q <= wdata_i;
      write_full_q <= wstrb_i == '1;
    end
  end
  logic unused_low;
  assign unused_low = ^{awaddr_i[1:0], araddr_i[1:0]};

  // --- registers ---
  logic [1:0]  int_enable_q, int_status_q, int_set;
  logic        done_q, stop_q;
  logic [31:0] instructions_q;
  logic        set;
  assign set     = write && known;
  assign int_set = {stop_i && !stop_q, done_i};
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      start_o        <= 1'b0;
      reset_o        <= 1'b0;
      int_enable_q   <= '0;
      int_status_q   <= '0;
      code_line_o    <= '0;
      instructions_q <= '0;
      base_o         <= '0;
      size_o         <= '0;
      watchdog_o     <= '0;
      interrupt_o    <= 1'b0;
      done_q         <= 1'b0;
      stop_q         <= 1'b0;
    end else begin
      // A start is ignored while a program runs or an error waits for its reset, and without a program.
      start_o <= set && write_index_q == RegControl && write_data_q[0] && !busy_i && !stop_i && !resetting_i && instructions_q != '0;
      reset_o <= set && write_index_q == RegControl && write_data_q[1];
      if (set && write_index_q == RegIntEnable) int_enable_q <= write_data_q[1:0];
      if (set && write_index_q == RegIntStatus) int_status_q <= (int_status_q & ~write_data_q[1:0]) | int_set;
      else int_status_q <= int_status_q | int_set;
      if (set && write_index_q == RegCode) code_line_o <= write_data_q[31:4];
      if (set && write_index_q == RegInstructions) instructions_q <= write_data_q;
      if (set && write_index_q == RegBase) base_o <= write_data_q[31:12];
      if (set && write_index_q == RegSize) size_o <= write_data_q[31:5];
      if (set && write_index_q == RegWatchdog) watchdog_o <= write_data_q;
      interrupt_o <= (int_status_q & int_enable_q) != '0;
      if (start_o || reset_o) done_q <= 1'b0;
      else if (done_i) done_q <= 1'b1;
      stop_q <= stop_i;
    end
    last_pc_o <= pc_t'(instructions_q) - pc_t'(1);
  end
  logic unused_instructions;
  assign unused_instructions = ^instructions_q[31:PcW];

  // --- read: address register, data register ---
  logic       ar_q, read_known;
  logic [9:0] read_index_q;
  logic [31:0] read_data;
  counter_t   counter;
  logic [CounterIndexW-1:0] counter_index_q;
  logic       counter_known_q;
  logic [8:0] counter_index;
  assign arready_o     = !ar_q && !rvalid_o;
  assign counter_index = 9'((araddr_i[11:2] - FirstCounter) >> 1);
  always_comb begin
    // Behind the last one anything: nobody sees it.
    counter = counters_i[counter_index_q];
    read_known = 1'b1;
    unique case (read_index_q)
      RegMagic:        read_data = Magic;
      RegVersion:      read_data = RtlVersion;
      RegFingerprint:  read_data = MachineFingerprint;
      RegShape:        read_data = {8'(NumCounters), 8'(AxiPorts), 8'(NumVmacs), 8'(NumCus)};
      RegControl:      read_data = '0;
      RegStatus:       read_data = {28'd0, resetting_i, stop_i, done_q, busy_i};
      RegIntEnable:    read_data = {30'd0, int_enable_q};
      RegIntStatus:    read_data = {30'd0, int_status_q};
      RegCode:         read_data = {code_line_o, 4'd0};
      RegInstructions: read_data = instructions_q;
      RegBase:         read_data = {base_o, 12'd0};
      RegSize:         read_data = {size_o, 5'd0};
      RegWatchdog:     read_data = watchdog_o;
      RegCause:        read_data = {11'd0, error_i.unit, 12'd0, error_i.cause};
      RegDetail:       read_data = error_i.detail;
      RegPc:           read_data = 32'(pc_i);
      RegOutstanding:  read_data = {writes_i, reads_i};
      default: begin
        read_data  = read_index_q[0] ? 32'(counter[CounterW-1:32]) : counter[31:0];
        read_known = counter_known_q;
      end
    endcase
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ar_q     <= 1'b0;
      rvalid_o <= 1'b0;
    end else begin
      ar_q <= arvalid_i && arready_o;
      if (ar_q) rvalid_o <= 1'b1;
      else if (rready_i) rvalid_o <= 1'b0;
    end
    if (arvalid_i && arready_o) begin
      read_index_q    <= araddr_i[11:2];
      counter_index_q <= CounterIndexW'(counter_index);
      counter_known_q <= araddr_i[11:2] >= FirstCounter && counter_index < 9'(NumCounters);
    end
    if (ar_q) begin
      rdata_o <= read_known ? read_data : '0;
      rresp_o <= read_known ? Okay : SlvErr;
    end
  end
endmodule
