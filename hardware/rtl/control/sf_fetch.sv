// Instruction fetch: streams the program's lines ahead of the core into the instruction buffer and reads them out one instruction a cycle.
// Specification: docs/microarchitecture.md, sections 6, 8 and 9 (T1, T19). Twin: src/simulator/timing/fetch.ts.
//
// A flush at t is known at t+1 (flush_q), when nothing is offered and no instruction is there; the first offer of a new stream is there at
// t+LatBranchRestart. Lines of an abandoned stream come marked as stale (sf_read_port) and are dropped; a line on the bus at t+1 is still one of them.
// free_q and line_done_q count lines neither held nor offered: a line whose last instruction executes at x counts at x+1 and is in an offer at x+2.
module sf_fetch
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic         clk_i,
  input  logic         rst_ni,
  input  line_addr_t   code_line_i,    // DRAM line of instruction 0
  input  pc_t          last_pc_i,      // index of the program's last instruction
  // Core
  input  logic         flush_i,        // flush in the cycle before
  input  logic         restart_i,      // of this cycle, if it has a flush: with a new stream at target_i
  input  pc_t          target_i,
  input  logic         line_done_i,
  output logic         instr_valid_o,
  output logic [31:0]  instr_o,
  output pc_t          instr_pc_o,
  input  logic         instr_ready_i,
  // Memory
  output offer_t       offer_o,
  output read_meta_t   meta_o,
  input  logic         accept_i,       // the offer was accepted in the cycle before
  output logic         flush_o,        // registered: all lines accepted up to now are stale
  // Load bus
  input  logic         line_valid_i,   // a line for fetch is on the bus
  input  line_cmd_t    line_cmd_i,
  input  line_t        line_i,
  // State
  output logic         busy_o,         // lines are on their way
  output logic         leaves_o        // registered: a branch left the program
);
  localparam int unsigned LineInstrs = 8;
  localparam int unsigned LinePcW = PcW - $clog2(LineInstrs);
  localparam int unsigned FreeW = InstrLineW + 1;
  localparam int unsigned InFlightW = $clog2(ReadsPerEngine * BurstLines + 2 * Slots + 1);
  localparam int unsigned ExtraRestart = LatBranchRestart - 3;
  // Line on the bus at b, in the buffer at b+1, decoded b+2, executed b+3.
  localparam int unsigned ExtraWrite = LatInstruction - 3;
  localparam int unsigned BlockW = $clog2(BurstLines);
  localparam int unsigned BlockShift = 2;  // lines of a block, which is at one port
  typedef logic [InstrLineW-1:0] index_t;
  typedef logic [LinePcW-1:0] line_pc_t;

  // --- stream of offers ---
  offer_t           offer_q;
  index_t           offer_index_q;
  logic             active_q, flush_q, flushed_q, restart_q, leaves_q;
  pc_t              target_q;
  line_pc_t         line_q, last_line;
  index_t           index_q;
  logic [FreeW-1:0] free_q;
  logic             load, in_program, wait_restart, has_room, line_done_q;
  burst_lines_t     lines;
  line_addr_t       dram_line;
  // Lines of the program after line_q; negative behind its end.
  logic [LinePcW:0] after_q;
  pc_t              pc_q;  // of the instruction read next

  assign flush_q    = flush_i;
  assign last_line  = last_pc_i[PcW-1:$clog2(LineInstrs)];
  assign in_program = !after_q[LinePcW];
  assign dram_line  = code_line_i + line_addr_t'(line_q);

  // Up to the next multiple of a burst, or to the program's end. Behind that no burst follows, so positions need not know of it.
  burst_lines_t to_boundary_q, to_boundary_d;
  line_pc_t     target_line;
  assign target_line = target_q[PcW-1:$clog2(LineInstrs)];
  if (BurstLines == 1) begin : gen_single
    assign to_boundary_d = 3'd1;
  end else begin : gen_burst
    assign to_boundary_d = 3'(BurstLines) - 3'(BlockW'(code_line_i[BlockW-1:0] + target_line[BlockW-1:0]));
  end
  assign lines = after_q[LinePcW-1:0] < line_pc_t'(to_boundary_q) ? after_q[2:0] + 3'd1 : to_boundary_q;
  // A line that is done counts as free from the next cycle on. A flush overrides what a load does.
  assign has_room = free_q >= FreeW'(BurstLines) || (free_q == FreeW'(BurstLines - 1) && line_done_q);
  assign load  = active_q && !wait_restart && (!offer_q.valid || accept_i) && has_room && in_program;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      active_q      <= 1'b0;
      flushed_q     <= 1'b0;
      leaves_q      <= 1'b0;
      offer_q.valid <= 1'b0;
      free_q        <= FreeW'(InstrLines);
    end else begin
      flushed_q <= flush_q;
      leaves_q  <= flushed_q && active_q && pc_q > last_pc_i;
      if (flush_q) begin
        active_q      <= restart_q;
        offer_q.valid <= 1'b0;
        free_q        <= FreeW'(InstrLines);
      end else begin
        if (load) offer_q.valid <= 1'b1;
        else if (accept_i) offer_q.valid <= 1'b0;
        free_q <= free_q - (load ? FreeW'(to_boundary_q) : '0) + FreeW'(line_done_q);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    restart_q <= restart_i;
    line_done_q <= line_done_i;
    target_q  <= target_i;
    if (flush_q) begin
      line_q        <= target_line;
      after_q       <= {1'b0, last_line} - {1'b0, target_line};
      to_boundary_q <= to_boundary_d;
      index_q       <= '0;
    end else if (load) begin
      line_q        <= line_q + line_pc_t'(to_boundary_q);
      after_q       <= after_q - (LinePcW + 1)'(to_boundary_q);
      to_boundary_q <= burst_lines_t'(BurstLines);
      index_q       <= index_q + index_t'(to_boundary_q);
    end
    if (load) begin
      offer_q.line  <= dram_line;
      offer_q.lines <= lines;
      offer_index_q <= index_q;
    end
  end

  if (ExtraRestart == 0) begin : gen_no_wait
    assign wait_restart = 1'b0;
  end else begin : gen_wait
    logic [ExtraRestart-1:0] wait_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) wait_q <= '0;
      else wait_q <= flush_q ? '1 : wait_q >> 1;
    end
    assign wait_restart = wait_q[0];
  end

  assign offer_o = '{valid: offer_q.valid && !flush_q, line: offer_q.line, lines: offer_q.lines};
  always_comb begin
    meta_o      = '0;
    meta_o.addr = read_addr_t'(offer_index_q);
  end
  assign flush_o  = flush_q;
  assign leaves_o = leaves_q;

  // --- lines on their way: fresh and stale ---
  logic [InFlightW-1:0] in_flight_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) in_flight_q <= '0;
    else in_flight_q <= in_flight_q + (accept_i ? InFlightW'(offer_q.lines) : '0) - InFlightW'(line_valid_i);
  end
  assign busy_o = in_flight_q != '0 || accept_i;

  // --- instruction buffer ---
  line_t      buffer [InstrLines];
  index_t     read_index_q;
  logic       arrives, write, read, leaves_line;
  line_t      write_line, read_line;
  index_t     write_index;
  logic       unused_cmd;

  assign unused_cmd  = ^line_cmd_i;
  assign arrives     = line_valid_i && !line_cmd_i.stale && !flush_q;
  if (ExtraWrite == 0) begin : gen_direct
    assign write       = arrives;
    assign write_index = index_t'(line_cmd_i.addr);
    assign write_line  = line_i;
  end else begin : gen_delay
    logic [ExtraWrite-1:0] write_q;
    index_t                write_index_q [ExtraWrite];
    line_t                 write_line_q [ExtraWrite];
    always_ff @(posedge clk_i) begin
      write_q          <= rst_ni && !flush_q ? ExtraWrite'({write_q, arrives}) : '0;
      write_index_q[0] <= index_t'(line_cmd_i.addr);
      write_line_q[0]  <= line_i;
      for (int i = 1; i < int'(ExtraWrite); i++) begin
        write_index_q[i] <= write_index_q[i-1];
        write_line_q[i]  <= write_line_q[i-1];
      end
    end
    assign write       = write_q[ExtraWrite-1];
    assign write_index = write_index_q[ExtraWrite-1];
    assign write_line  = write_line_q[ExtraWrite-1];
  end
  assign read        = instr_valid_o && instr_ready_i;
  assign leaves_line = read && pc_q[2:0] == 3'd7;
  assign read_line   = buffer[read_index_q];

  always_ff @(posedge clk_i) begin
    if (write) buffer[write_index] <= write_line;
    if (flush_q) begin
      read_index_q <= '0;
      pc_q         <= target_q;
    end else if (read) begin
      pc_q <= pc_q + pc_t'(1);
      if (leaves_line) read_index_q <= read_index_q + index_t'(1);
    end
  end

  // --- lines that are there: a port delivers its lines in the order of the stream, so a count for each port tells whether the next one is there ---
  localparam int unsigned PlaceW = BlockShift + PortW;
  typedef logic [PlaceW-1:0] place_t;  // DRAM line modulo the lines of a block at every port
  place_t              first_place_q, read_place_q, write_place, target_place;
  logic [AxiPorts-1:0] there, unused_overflow;
  logic                unused_place;
  assign target_place = place_t'(code_line_i) + place_t'(target_line);
  assign write_place  = first_place_q + place_t'(write_index);
  assign unused_place = ^{write_place, read_place_q};
  always_ff @(posedge clk_i) begin
    if (flush_q) begin
      first_place_q <= target_place;
      read_place_q  <= target_place;
    end else if (leaves_line) begin
      read_place_q <= read_place_q + place_t'(1);
    end
  end
  port_t write_port, read_port;
  assign write_port = AxiPorts > 1 ? write_place[BlockShift+:PortW] : '0;
  assign read_port  = AxiPorts > 1 ? read_place_q[BlockShift+:PortW] : '0;
  for (genvar p = 0; p < int'(AxiPorts); p++) begin : gen_port
    sf_token_counter #(.CountW(InstrLineW)) u_lines (
      .clk_i, .rst_ni,
      .clear_i   (flush_q),
      .give_i    (write && write_port == port_t'(p)),
      .take_i    (leaves_line && read_port == port_t'(p)),
      .there_o   (there[p]),
      .overflow_o(unused_overflow[p])
    );
  end

  assign instr_valid_o = there[read_port] && !flush_q;
  assign instr_pc_o    = pc_q;
  always_comb begin
    for (int i = 0; i < 2; i++) instr_o[16*i+:16] = read_line[{pc_q[2:0], 1'(i)}];
  end
endmodule
