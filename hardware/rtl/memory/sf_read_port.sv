// One AXI read port: read bursts out, beats in, lines with their commands to the load bus in the port's slot.
// Specification: docs/microarchitecture.md, section 6 (read data, load bus). Twin: src/simulator/timing/memory.ts (Memory, LoadBus).
//
// A burst's last beat at the pins at q is the table's cycle c = q+2: its line is in line_q then, may be sent at c (on the bus at c+1), and
// read_done_o is high. Data are always taken (RREADY is 1): a line needs four beats, the port has every fourth slot.
module sf_read_port
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic         clk_i,
  input  logic         rst_ni,
  // Accepted bursts: meta data at t+1, addresses (inside the window) at t+2
  input  logic         meta_push_i,
  input  engine_e      engine_i,
  input  burst_lines_t lines_i,
  input  read_meta_t   meta_i,
  input  logic         address_push_i,
  input  axi_addr_t    address_i,
  input  burst_lines_t address_lines_i,
  input  logic         flush_i,          // fetch bursts up to now are stale, that of this cycle too
  // AXI
  output logic         arvalid_o,
  output axi_addr_t    araddr_o,
  output logic [3:0]   arlen_o,
  input  logic         arready_i,
  input  logic         rvalid_i,
  input  logic [63:0]  rdata_i,
  input  logic [1:0]   rresp_i,
  // Load bus
  input  logic         send_i,           // the next cycle is the port's slot
  output logic         line_valid_o,     // a line leaves
  output line_cmd_t    line_cmd_o,
  output line_t        line_o,
  // Outstanding
  output logic         read_done_o,
  output engine_e      read_engine_o,
  output logic         error_o           // registered: SLVERR or DECERR
);
  localparam int unsigned Beats = Slots;
  // Bursts outstanding, and those whose last line still waits for its slot or whose place is being used again.
  localparam int unsigned Depth = 2 ** $clog2(ReadsPerPort + 2);

  // --- addresses ---
  typedef struct packed {
    logic [AxiAddrW-1:5] line;
    logic [1:0]          lines;  // less 1
  } ar_t;
  ar_t  ar_in, ar;
  logic unused_ar_full, unused_address;
  assign unused_address = ^address_i[4:0];
  assign ar_in = '{line: address_i[AxiAddrW-1:5], lines: 2'(address_lines_i - 3'd1)};
  sf_fifo #(.Width($bits(ar_t)), .Depth(Depth)) u_ar (
    .clk_i, .rst_ni,
    .push_i (address_push_i),
    .data_i (ar_in),
    .pop_i  (arvalid_o && arready_i),
    .valid_o(arvalid_o),
    .data_o (ar),
    .full_o (unused_ar_full)
  );
  assign araddr_o = {ar.line, 5'd0};
  assign arlen_o  = {ar.lines, 2'b11};

  // --- beats to lines ---
  logic [Beats-1:0][63:0] shift_q;
  logic [1:0]             beat_q;
  logic                   full_q, line_valid_q, line_new_q, line_leaves;
  line_t                  line_q;

  logic unused_rresp;
  assign unused_rresp = rresp_i[0];
  assign line_leaves = line_valid_q && send_i;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      beat_q       <= '0;
      full_q       <= 1'b0;
      line_valid_q <= 1'b0;
      line_new_q   <= 1'b0;
      error_o      <= 1'b0;
    end else begin
      if (rvalid_i) beat_q <= beat_q + 2'd1;
      full_q       <= rvalid_i && beat_q == '1;
      line_new_q   <= full_q;
      line_valid_q <= full_q || (line_valid_q && !line_leaves);
      error_o      <= rvalid_i && rresp_i[1];
    end
  end
  always_ff @(posedge clk_i) begin
    if (rvalid_i) shift_q <= {rdata_i, shift_q[Beats-1:1]};
    if (full_q) line_q <= shift_q;
  end

  // --- meta data of the burst that delivers: stepped from line to line ---
  typedef struct packed {
    engine_e      engine;
    burst_lines_t lines;
    read_meta_t   meta;
  } burst_t;
  burst_t   pushed, next, current_q;
  logic     next_valid, next_take, current_valid_q, is_last, unused_meta_full;
  cu_mask_t next_slot;

  assign pushed    = '{engine: engine_i, lines: lines_i, meta: meta_i};
  assign is_last   = current_q.lines == 3'd1;
  assign next_take = next_valid && (!current_valid_q || (line_leaves && is_last));
  assign next_slot = current_q.meta.cus << current_q.meta.per_slot;

  sf_fifo #(.Width($bits(burst_t)), .Depth(Depth)) u_meta (
    .clk_i, .rst_ni,
    .push_i (meta_push_i),
    .data_i (pushed),
    .pop_i  (next_take),
    .valid_o(next_valid),
    .data_o (next),
    .full_o (unused_meta_full)
  );

  // The weights line behind this one.
  read_addr_t weights_after;
  assign weights_after = current_q.meta.addr == read_addr_t'(WeightsLines - 1) ? '0 : current_q.meta.addr + read_addr_t'(1);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) current_valid_q <= 1'b0;
    else if (next_take) current_valid_q <= 1'b1;
    else if (line_leaves && is_last) current_valid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (next_take) current_q <= next;
    else if (line_leaves) begin
      current_q.lines     <= current_q.lines - 3'd1;
      current_q.meta.skip <= '0;
      unique case (current_q.engine)
        EngineLdw: begin
          if (current_q.meta.left == 3'd1) begin
            current_q.meta.addr <= read_addr_t'(current_q.meta.base);
            current_q.meta.left <= current_q.meta.image_lines;
            current_q.meta.vmac <= current_q.meta.vmac + 2'd1;
            if (current_q.meta.vmac == 2'd3) current_q.meta.cus <= next_slot;
          end else begin
            current_q.meta.addr <= weights_after;
            current_q.meta.left <= current_q.meta.left - 3'd1;
          end
        end
        EngineLdm: current_q.meta.addr <= current_q.meta.addr + read_addr_t'(LineWords);
        default:   current_q.meta.addr <= current_q.meta.addr + read_addr_t'(1);
      endcase
    end
  end

  // --- stale bursts of fetch: the port delivers in order, so a count tells them ---
  localparam int unsigned StaleW = $clog2(Depth + 2);
  logic [StaleW-1:0] fetch_q, fetch_d, stale_q;
  logic              fetch_in, fetch_out;
  assign fetch_in  = meta_push_i && engine_i == EngineFetch;
  assign fetch_out = line_leaves && is_last && current_q.engine == EngineFetch;
  assign fetch_d   = fetch_q + StaleW'(fetch_in) - StaleW'(fetch_out);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      fetch_q <= '0;
      stale_q <= '0;
    end else begin
      fetch_q <= fetch_d;
      if (flush_i) stale_q <= fetch_d;
      else if (fetch_out && stale_q != '0) stale_q <= stale_q - StaleW'(1);
    end
  end

  // --- command of the line ---
  always_comb begin
    line_cmd_o.engine      = current_q.engine;
    line_cmd_o.stale       = flush_i || stale_q != '0;
    line_cmd_o.addr        = current_q.meta.addr;
    line_cmd_o.cus         = current_q.meta.cus;
    line_cmd_o.table_space = current_q.meta.table_space;
    line_cmd_o.skip        = current_q.meta.skip;
    line_cmd_o.tail        = current_q.meta.tail;
    line_cmd_o.last        = is_last;
    line_cmd_o.vmac        = current_q.meta.vmac;
  end
  assign line_valid_o  = line_leaves;
  assign line_o        = line_q;
  assign read_done_o   = line_new_q && is_last;
  assign read_engine_o = current_q.engine;
endmodule
