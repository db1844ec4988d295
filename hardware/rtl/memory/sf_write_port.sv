// One AXI write port: addresses and data of accepted write bursts out, responses in.
// Specification: docs/microarchitecture.md, section 6 (write). Twin: src/simulator/timing/memory.ts (writes).
//
// Lines are read from the write store in the port's cycle of four and sent in four beats, so that bursts follow each other without gaps
// while the memory takes a beat a cycle. A response at the pins at q is the table's cycle r = q+2: complete_o at r−1, done_o at r.
module sf_write_port
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic         clk_i,
  input  logic         rst_ni,
  // Accepted bursts inside the window
  input  logic         push_i,
  input  axi_addr_t    address_i,
  input  burst_lines_t lines_i,
  input  write_slot_t  slot_i,
  // Write store
  input  logic         turn_i,         // the store is read for this port in this cycle
  output write_slot_t  read_slot_o,
  output logic [1:0]   read_line_o,
  input  line_t        read_words_i,
  input  word_mask_t   read_mask_i,
  output logic         slot_free_o,    // the slot read_slot_o is not needed any more
  // AXI
  output logic         awvalid_o,
  output axi_addr_t    awaddr_o,
  output logic [3:0]   awlen_o,
  input  logic         awready_i,
  output logic         wvalid_o,
  output logic [63:0]  wdata_o,
  output logic [7:0]   wstrb_o,
  output logic         wlast_o,
  input  logic         wready_i,
  input  logic         bvalid_i,
  input  logic [1:0]   bresp_i,
  // Responses
  output logic         complete_o,
  output logic         done_o,
  output logic         error_o         // registered: SLVERR or DECERR
);
  localparam int unsigned Depth = 2 ** $clog2(WritesOutstanding);
  localparam int unsigned Beats = Slots;

  // --- addresses ---
  typedef struct packed {
    logic [AxiAddrW-1:5] line;
    logic [1:0]          lines;  // less 1
  } aw_t;
  aw_t  aw_in, aw;
  logic unused_aw_full, unused_address;
  assign unused_address = ^address_i[4:0];
  assign aw_in = '{line: address_i[AxiAddrW-1:5], lines: 2'(lines_i - 3'd1)};
  sf_fifo #(.Width($bits(aw_t)), .Depth(Depth)) u_aw (
    .clk_i, .rst_ni,
    .push_i,
    .data_i (aw_in),
    .pop_i  (awvalid_o && awready_i),
    .valid_o(awvalid_o),
    .data_o (aw),
    .full_o (unused_aw_full)
  );
  assign awaddr_o = {aw.line, 5'd0};
  assign awlen_o  = {aw.lines, 2'b11};

  // --- data ---
  typedef struct packed {
    write_slot_t  slot;
    burst_lines_t lines;
  } data_t;
  data_t data_in, data;
  logic  data_valid, data_pop, unused_data_full;
  assign data_in = '{slot: slot_i, lines: lines_i};
  sf_fifo #(.Width($bits(data_t)), .Depth(Depth)) u_data (
    .clk_i, .rst_ni,
    .push_i,
    .data_i (data_in),
    .pop_i  (data_pop),
    .valid_o(data_valid),
    .data_o (data),
    .full_o (unused_data_full)
  );

  logic [1:0]             line_q;
  logic [2:0]             beats_q;       // left of the line: 4 to 0
  logic [1:0]             index;
  logic [Beats-1:0][63:0] words_q;
  logic [Beats-1:0][3:0]  mask_q;
  logic                   last_line_q, beat, load, is_last;

  assign beat     = wvalid_o && wready_i;
  assign is_last  = 3'(line_q) + 3'd1 == data.lines;
  assign load     = turn_i && data_valid && (beats_q == '0 || (beats_q == 3'd1 && beat));
  assign data_pop = load && is_last;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      line_q  <= '0;
      beats_q <= '0;
    end else begin
      if (load) begin
        line_q  <= is_last ? '0 : line_q + 2'd1;
        beats_q <= 3'(Beats);
      end else if (beat) beats_q <= beats_q - 3'd1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (load) begin
      words_q     <= read_words_i;
      mask_q      <= read_mask_i;
      last_line_q <= is_last;
    end
  end
  assign read_slot_o = data.slot;
  assign read_line_o = line_q;
  assign slot_free_o = data_pop;
  assign wvalid_o    = beats_q != '0;
  assign index       = 2'd0 - beats_q[1:0];
  assign wdata_o     = words_q[index];
  assign wlast_o     = last_line_q && beats_q == 3'd1;
  logic [3:0] mask;
  assign mask        = mask_q[index];
  for (genvar i = 0; i < 8; i++) begin : gen_strobe
    assign wstrb_o[i] = mask[i/2];
  end

  // --- responses ---
  logic unused_bresp;
  assign unused_bresp = bresp_i[0];
  always_ff @(posedge clk_i) begin
    complete_o <= rst_ni && bvalid_i;
    done_o     <= rst_ni && complete_o;
    error_o    <= rst_ni && bvalid_i && bresp_i[1];
  end
endmodule
