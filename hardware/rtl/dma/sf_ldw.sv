// The weights load engine: one run of consecutive images, cut into bursts; the AXI ports write the lines to weights buffers.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T15, T16). Twins: src/simulator/timing/dma.ts, src/simulator/data/ldw.ts.
//
// A burst may span images. Where its first line belongs goes with the burst as meta data; sf_read_port steps from line to line. Counts
// that matter only within a burst are kept up to 5.
module sf_ldw
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,
  input  ldw_desc_t           desc_i,
  output logic                free_o,
  // Memory
  output offer_t              offer_o,
  output read_meta_t          meta_o,
  input  logic                accept_i,
  input  port_t               port_i,
  input  logic [AxiPorts-1:0] complete_i,
  // Signals: read and write at once
  output logic                signal_o,
  output logic                busy_o
);
  localparam int unsigned BlockW = $clog2(BurstLines);
  // Registers between start and first offer: descriptor, position, offer.
  localparam int unsigned ExtraStages = LatDmaSetup - 3;

  // Counts that matter only within a burst: 5 stands for 5 or more.
  function automatic logic [2:0] at_most_5(logic [15:0] value);
    return value > 16'd5 ? 3'd5 : value[2:0];
  endfunction

  // --- descriptor ---
  logic          busy_q, first_q, valid_q, load, full, waiting;
  logic [15:0]   lines_q;        // of an image
  logic [2:0]    image_lines_q;  // up to 5
  weights_addr_t base_q;
  logic [3:0]    per_slot_q;
  cu_mask_t      slot_cus_q;     // CUs of slot 0
  logic [2:0]    slot_q;         // slot of the first image
  logic          unused_desc;
  // An image of no lines, which no right program has, counts as one line: no burst may be empty on AXI.
  logic [15:0]   image_lines;

  assign unused_desc = ^{desc_i.dram_address[3:0], desc_i.line, desc_i.first_image};

  assign image_lines = {desc_i.lines[15:1], desc_i.lines[0] || desc_i.lines == '0};

  // --- position of the next burst to offer ---
  line_addr_t    line_q;
  logic [15:0]   left_q;         // lines left of the current image
  logic [15:0]   images_q;       // images after the current one
  logic [1:0]    vmac_q;
  cu_mask_t      cus_q;
  weights_addr_t addr_q;

  burst_lines_t  to_boundary, lines;
  logic [2:0]    left_5, rest_5;
  logic          is_last;

  if (BurstLines == 1) begin : gen_single
    assign to_boundary = 3'd1;
  end else begin : gen_burst
    assign to_boundary = 3'(BurstLines) - 3'(line_q[BlockW-1:0]);
  end

  // Lines left of the run: this image's and those of whole images.
  always_comb begin
    logic [4:0] whole, sum;
    left_5 = at_most_5(left_q);
    whole  = 5'(at_most_5(images_q)) * 5'(image_lines_q);
    sum    = 5'(left_5) + (whole > 5'd5 ? 5'd5 : whole);
    rest_5 = sum > 5'd5 ? 3'd5 : sum[2:0];
  end
  assign is_last = rest_5 <= to_boundary;
  assign lines   = is_last ? rest_5 : to_boundary;

  // Position after the burst: at most one image of 4 lines or more further, or up to 4 short ones.
  logic [16:0]   over;        // lines beyond the current image's end, less one image
  logic [15:0]   left_next;
  logic [2:0]    images_on;
  logic [1:0]    vmac_next;
  logic          slot_next;
  weights_addr_t addr_next;
  always_comb begin
    over      = {1'b0, left_q} - 17'(lines);
    images_on = '0;
    left_next = over[15:0];
    if (over[16] || over == '0) begin
      // At most 3 lines of the burst lie beyond this image's last.
      left_next = over[15:0] + lines_q;
      images_on = 3'd1;
      if (image_lines_q == 3'd1) begin
        left_next = 16'd1;
        images_on = lines;
      end else if (image_lines_q == 3'd2 && 17'(lines) >= {1'b0, left_q} + 17'd2) begin
        left_next = over[15:0] + 16'd4;
        images_on = 3'd2;
      end else if (image_lines_q == 3'd3 && 17'(lines) >= {1'b0, left_q} + 17'd3) begin
        left_next = over[15:0] + 16'd6;
        images_on = 3'd2;
      end
    end
    {slot_next, vmac_next} = {1'b0, vmac_q} + images_on;
    // Line address: from the image's begin when another image has begun.
    addr_next = images_on == '0 ? wrap(32'(addr_q) + 32'(lines)) : wrap(32'(base_q) + 32'(lines_q) - 32'(left_next));
  end

  // Line addresses wrap at the end of the buffer, which need not be a power of two. The sum is below twice its size.
  function automatic weights_addr_t wrap(logic [31:0] line);
    return line >= WeightsLines ? weights_addr_t'(line - WeightsLines) : weights_addr_t'(line);
  endfunction

  // --- offer ---
  line_addr_t   offer_line_q;
  burst_lines_t offer_lines_q;
  read_meta_t   meta_q, meta_d;
  logic         last_q, pending_q;

  always_comb begin
    meta_d             = '0;
    meta_d.addr        = read_addr_t'(addr_q);
    meta_d.cus         = cus_q;
    meta_d.vmac        = vmac_q;
    meta_d.base        = base_q;
    meta_d.left        = left_5;
    meta_d.image_lines = image_lines_q;
    meta_d.per_slot    = per_slot_q;
  end

  logic position_ready;
  if (ExtraStages == 0) begin : gen_no_wait
    assign position_ready = first_q;
  end else begin : gen_wait
    logic [ExtraStages-1:0] wait_q;
    always_ff @(posedge clk_i) wait_q <= rst_ni ? ExtraStages'({wait_q, first_q}) : '0;
    assign position_ready = wait_q[ExtraStages-1];
  end

  assign load = pending_q && (!valid_q || accept_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q    <= 1'b0;
      first_q   <= 1'b0;
      pending_q <= 1'b0;
      valid_q   <= 1'b0;
    end else begin
      first_q <= start_i;
      if (start_i) busy_q <= 1'b1;
      else if (accept_i && last_q) busy_q <= 1'b0;
      if (position_ready) pending_q <= 1'b1;
      else if (load && is_last) pending_q <= 1'b0;
      if (load) valid_q <= 1'b1;
      else if (accept_i) valid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      line_q        <= desc_i.dram_address[31:4];
      lines_q       <= image_lines;
      image_lines_q <= at_most_5(image_lines);
      base_q        <= desc_i.line[WeightsAddrW-1:0];
      per_slot_q    <= desc_i.cus_per_slot;
      slot_cus_q    <= ~({NumCus{1'b1}} << desc_i.cus_per_slot);
      slot_q        <= desc_i.first_image[4:2];
      vmac_q        <= desc_i.first_image[1:0];
      left_q        <= image_lines;
      images_q      <= desc_i.images - 16'd1;
      addr_q        <= desc_i.line[WeightsAddrW-1:0];
    end else if (load) begin
      line_q   <= line_q + line_addr_t'(lines);
      left_q   <= left_next;
      images_q <= images_q - 16'(images_on);
      vmac_q   <= vmac_next;
      addr_q   <= addr_next;
    end
    if (first_q) cus_q <= slot_cus_q << (7'(slot_q) * 7'(per_slot_q));
    else if (load && slot_next) cus_q <= cus_q << per_slot_q;
    if (load) begin
      offer_line_q  <= line_q;
      offer_lines_q <= lines;
      meta_q        <= meta_d;
      last_q        <= is_last;
    end
  end
  assign offer_o = '{valid: valid_q, line: offer_line_q, lines: offer_lines_q};
  assign meta_o = meta_q;

  sf_order u_order (
    .clk_i, .rst_ni,
    .issue_i (accept_i),
    .port_i,
    .last_i  (last_q),
    .complete_i,
    .full_o  (full),
    .signal_o,
    .busy_o  (waiting)
  );
  assign free_o = !busy_q && !full;
  assign busy_o = busy_q || waiting;
endmodule
