// Bench of sf_csr: random AXI4-Lite accesses with back-pressure on every channel, random state from the cluster; responses, data, pulses and the interrupt
// are compared with a model of the registers. Specification: hardware/README.md (registers).
module sf_csr_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Accesses = 20000;

  logic        awvalid_q, wvalid_q, bready_q, arvalid_q, rready_q, awready, wready, bvalid, arready, rvalid;
  logic [11:0] awaddr_q, araddr_q;
  logic [31:0] wdata_q, rdata, watchdog;
  logic [3:0]  wstrb_q;
  logic [1:0]  bresp, rresp;
  logic        start, reset, interrupt, busy_q, resetting_q, done_in_q, stop_q;
  line_addr_t  code_line;
  pc_t         last_pc, pc_q;
  logic [AxiAddrW-1:12] base;
  logic [AxiAddrW-1:5]  size;
  error_t      error_q;
  logic [15:0] reads_q, writes_q;
  counter_t [NumCounters-1:0] counters_q;
  sf_csr u_dut (
    .clk_i, .rst_ni, .awvalid_i(awvalid_q), .awaddr_i(awaddr_q), .awready_o(awready), .wvalid_i(wvalid_q), .wdata_i(wdata_q), .wstrb_i(wstrb_q),
    .wready_o(wready), .bvalid_o(bvalid), .bresp_o(bresp), .bready_i(bready_q), .arvalid_i(arvalid_q), .araddr_i(araddr_q), .arready_o(arready),
    .rvalid_o(rvalid), .rdata_o(rdata), .rresp_o(rresp), .rready_i(rready_q), .start_o(start), .reset_o(reset), .code_line_o(code_line),
    .last_pc_o(last_pc), .base_o(base), .size_o(size), .watchdog_o(watchdog), .interrupt_o(interrupt), .busy_i(busy_q), .resetting_i(resetting_q),
    .done_i(done_in_q), .stop_i(stop_q), .error_i(error_q), .pc_i(pc_q), .reads_i(reads_q), .writes_i(writes_q), .counters_i(counters_q)
  );

  // Registers by their byte address; -1: none. Most accesses go to registers.
  localparam int Registers = 17;
  localparam int Addresses [Registers] = '{'h0, 'h4, 'h8, 'hc, 'h10, 'h14, 'h18, 'h1c, 'h20, 'h24, 'h28, 'h2c, 'h30, 'h40, 'h44, 'h48, 'h4c};
  function automatic logic [11:0] random_address();
    int at;
    at = chance(10) ? pick(0, 1023) * 4 : chance(30) ? 'h100 + 4 * pick(0, 2 * int'(NumCounters)) : Addresses[pick(0, Registers - 1)];
    return 12'(at) | 12'(pick(0, 3));
  endfunction

  logic [31:0] code_q, instructions_q, base_q, size_q, watchdog_q;
  logic [1:0]  enable_q, status_q;
  logic        finished_q, was_stop_q;
  int          cycle_q, written_q, read_q, refused_q, starts_q, resets_q, interrupts_q, waits_q;
  // The write that waits for its response, and the read that waits for its data.
  logic        aw_there_q, w_there_q, write_open_q, read_open_q, start_due_q, reset_due_q, state_quiet_q;
  logic        held_b_q, held_r_q;
  logic [33:0] held_data_q;

  function automatic void fail(string what);
    errors_o <= report(errors_o, $sformatf("sf_csr: cycle %0d: %s (write %h, read %h: %h)", cycle_q, what, awaddr_q, araddr_q, rdata));
  endfunction

  function automatic logic is_writable(logic [11:0] address);
    return {address[11:2], 2'b00} inside {12'h10, 12'h18, 12'h1c, 12'h20, 12'h24, 12'h28, 12'h2c, 12'h30};
  endfunction

  // {known, value}
  function automatic logic [32:0] value_of(logic [11:0] address);
    logic [11:0] at;
    at = {address[11:2], 2'b00};
    if (at >= 12'h100) begin
      int counter;
      counter = (int'(at) - 'h100) / 8;
      if (counter >= int'(NumCounters)) return '0;
      return {1'b1, at[2] ? 32'(counters_q[counter] >> 32) : counters_q[counter][31:0]};
    end
    case (at)
      12'h00: return {1'b1, 32'h534e4f57};
      12'h04: return {1'b1, RtlVersion};
      12'h08: return {1'b1, MachineFingerprint};
      12'h0c: return {1'b1, 8'(NumCounters), 8'(AxiPorts), 8'(NumVmacs), 8'(NumCus)};
      12'h10: return {1'b1, 32'd0};
      12'h14: return {1'b1, 28'd0, resetting_q, stop_q, finished_q, busy_q};
      12'h18: return {1'b1, 30'd0, enable_q};
      12'h1c: return {1'b1, 30'd0, status_q};
      12'h20: return {1'b1, code_q & 32'hffff_fff0};
      12'h24: return {1'b1, instructions_q};
      12'h28: return {1'b1, base_q & 32'hffff_f000};
      12'h2c: return {1'b1, size_q & 32'hffff_ffe0};
      12'h30: return {1'b1, watchdog_q};
      12'h40: return {1'b1, 11'd0, error_q.unit, 12'd0, error_q.cause};
      12'h44: return {1'b1, error_q.detail};
      12'h48: return {1'b1, 32'(pc_q)};
      12'h4c: return {1'b1, writes_q, reads_q};
      default: return '0;
    endcase
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {done_o, awvalid_q, wvalid_q, bready_q, arvalid_q, rready_q, busy_q, resetting_q, done_in_q, stop_q} <= '0;
      {aw_there_q, w_there_q, write_open_q, read_open_q, start_due_q, reset_due_q, held_b_q, held_r_q, finished_q, was_stop_q} <= '0;
      {code_q, instructions_q, base_q, size_q, watchdog_q, enable_q, status_q} <= '0;
      {cycle_q, written_q, read_q, refused_q, starts_q, resets_q, interrupts_q, waits_q} <= '0;
      error_q <= '0;
      counters_q <= '0;
      {reads_q, writes_q, pc_q} <= '0;
      state_quiet_q <= 1'b0;
      errors_o <= 0;
    end else if (!done_o) begin
      logic [1:0] status;
      logic [31:0] due;
      cycle_q <= cycle_q + 1;
      start_due_q <= 1'b0;
      reset_due_q <= 1'b0;
      status = status_q;
      // --- the cluster's state: stands still while a read is under way
      done_in_q <= chance(3);
      if (done_in_q) status[0] = 1'b1;
      if (stop_q && !was_stop_q) status[1] = 1'b1;
      was_stop_q <= stop_q;
      if (start || reset) finished_q <= 1'b0;
      else if (done_in_q) finished_q <= 1'b1;
      if (!arvalid_q && !read_open_q && chance(20)) begin
        busy_q <= chance(30);
        resetting_q <= chance(10);
        stop_q <= chance(20);
        error_q <= error_t'({$urandom, $urandom});
        pc_q <= pc_t'($urandom);
        {reads_q, writes_q} <= $urandom;
        for (int i = 0; i < int'(NumCounters); i++) counters_q[i] <= counter_t'({$urandom, $urandom});
      end
      // --- pulses of control
      if (start != start_due_q) fail("start");
      if (reset != reset_due_q) fail("reset");
      if (start) starts_q <= starts_q + 1;
      if (reset) resets_q <= resets_q + 1;
      if (interrupt) interrupts_q <= interrupts_q + 1;
      // --- writes: address and data come in any order
      if (awvalid_q && awready) awvalid_q <= 1'b0;
      if (wvalid_q && wready) wvalid_q <= 1'b0;
      if (awvalid_q && awready) aw_there_q <= 1'b1;
      if (wvalid_q && wready) w_there_q <= 1'b1;
      bready_q <= chance(40);
      if (held_b_q && (!bvalid || bresp != held_data_q[1:0])) fail("a response went away");
      held_b_q <= bvalid && !bready_q;
      if (bvalid && !bready_q) begin
        held_data_q[1:0] <= bresp;
        waits_q <= waits_q + 1;
      end
      if (aw_there_q && w_there_q && !write_open_q) begin
        // Done in this cycle.
        write_open_q <= 1'b1;
        if (is_writable(awaddr_q) && wstrb_q == '1) begin
          case ({awaddr_q[11:2], 2'b00})
            12'h10: begin
              start_due_q <= wdata_q[0] && !busy_q && !stop_q && !resetting_q && instructions_q != '0;
              reset_due_q <= wdata_q[1];
            end
            12'h18: enable_q <= wdata_q[1:0];
            12'h1c: status = (status_q & ~wdata_q[1:0]) | {stop_q && !was_stop_q, done_in_q};
            12'h20: code_q <= wdata_q;
            12'h24: instructions_q <= wdata_q;
            12'h28: base_q <= wdata_q;
            12'h2c: size_q <= wdata_q;
            default: watchdog_q <= wdata_q;
          endcase
        end
      end
      status_q <= status;
      if (bvalid) begin
        if (!write_open_q) fail("a response without a write");
        if ((bresp == 2'b00) != (is_writable(awaddr_q) && wstrb_q == '1)) fail("response");
      end
      if (bvalid && bready_q) begin
        {write_open_q, aw_there_q, w_there_q} <= '0;
        written_q <= written_q + 1;
        if (bresp != 2'b00) refused_q <= refused_q + 1;
      end
      if (!awvalid_q && !wvalid_q && !aw_there_q && !w_there_q && !write_open_q && chance(50)) begin
        awaddr_q <= random_address();
        wdata_q <= chance(20) ? 32'(pick(0, 3)) : $urandom;
        wstrb_q <= chance(8) ? 4'($urandom) : 4'hf;
        awvalid_q <= chance(60);
        wvalid_q <= chance(60);
      end else if (!write_open_q) begin
        if (!awvalid_q && !aw_there_q && (w_there_q || wvalid_q) && chance(40)) awvalid_q <= 1'b1;
        if (!wvalid_q && !w_there_q && (aw_there_q || awvalid_q) && chance(40)) wvalid_q <= 1'b1;
      end
      if (code_line != code_q[31:4] || base != base_q[31:12] || size != size_q[31:5] || watchdog != watchdog_q) begin
        fail("a register's output");
      end
      // --- reads
      rready_q <= chance(40);
      if (held_r_q && (!rvalid || {rresp, rdata} != held_data_q)) begin
        if (!held_b_q) fail("data went away");
      end
      held_r_q <= rvalid && !rready_q && !(bvalid && !bready_q);
      if (rvalid && !rready_q && !(bvalid && !bready_q)) held_data_q <= {rresp, rdata};
      if (arvalid_q && arready) begin
        arvalid_q <= 1'b0;
        read_open_q <= 1'b1;
        // What it must give: registers that the driver or a pulse may change meanwhile are looked at when the data come.
      end else if (!arvalid_q && !read_open_q && chance(50)) begin
        arvalid_q <= 1'b1;
        araddr_q <= random_address();
      end
      if (rvalid && rready_q) begin
        logic [32:0] is_now;
        is_now = value_of(araddr_q);
        due = is_now[31:0];
        read_open_q <= 1'b0;
        read_q <= read_q + 1;
        if (!read_open_q) fail("data without a read");
        if (rresp != (is_now[32] ? 2'b00 : 2'b10)) fail("response of a read");
        if (!is_now[32]) refused_q <= refused_q + 1;
        // Status bits and what a write may have changed since the data were taken are left out.
        if (!({araddr_q[11:2], 2'b00} inside {12'h14, 12'h18, 12'h1c, 12'h20, 12'h24, 12'h28, 12'h2c, 12'h30}) && rdata != due) fail("data");
        if ({araddr_q[11:2], 2'b00} inside {12'h18, 12'h20, 12'h24, 12'h28, 12'h2c, 12'h30} && !write_open_q && !aw_there_q && state_quiet_q && rdata != due) fail("data of a register");
        if ({araddr_q[11:2], 2'b00} == 12'h14 && (rdata & ~32'h2) != (due & ~32'h2)) fail("status");
      end
      // No write was finished since the read was asked for.
      state_quiet_q <= arvalid_q ? 1'b1 : state_quiet_q && !write_open_q;
      if (written_q >= Accesses && read_q >= Accesses) begin
        done_o <= 1'b1;
        $display("sf_csr: %0d writes, %0d reads, %0d refused, %0d starts, %0d resets, %0d cycles with interrupt, %0d waits for a master", written_q, read_q,
                 refused_q, starts_q, resets_q, interrupts_q, waits_q);
        if (starts_q == 0 || resets_q == 0 || interrupts_q == 0 || refused_q == 0) errors_o <= errors_o + 1;
      end
    end
  end
endmodule
