// The weights load engine: one run of consecutive images, cut into bursts; the AXI ports write the lines to weights buffers.
// Specification: docs/microarchitecture.md, sections 6 and 9 (T15, T16). Twins: src/simulator/timing/dma.ts, src/simulator/data/ldw.ts.
//
// A burst may span images. Where its first line belongs goes with the burst as meta data; sf_read_port steps from line to line. Counts
// that matter only within a burst are kept up to 5.
//
// Stages: start, position (of the burst after the one offered) → offer. A position always steps to the next multiple of BurstLines lines: behind the
// last burst nobody looks. Images of up to 4 lines (short) and longer ones step in different ways: of a longer image a burst sees one end at most.
module sf_ldw
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,
  input  ldw_desc_t           desc_i,       // at the start and in the cycle after it
  output logic                free_o,
  // Memory
  output offer_t              offer_o,
  output read_meta_t          meta_o,
  input  logic                accept_i,     // the offer was accepted in the cycle before
  input  port_t               port_i,
  input  logic [AxiPorts-1:0] complete_i,
  // Signals: read and write at once
  output logic                signal_o,
  output logic                busy_o
);
  localparam int unsigned Shortest = 5;  // lines of a long image
  localparam int unsigned LeftW = 17;
  typedef logic [2:0] count_t;   // up to 5
  typedef logic [1:0] small_t;   // one less: 0 to 3 for 1 to 4

  // Lines up to the next multiple of a burst.
  function automatic small_t to_boundary(logic [1:0] line);
    if (BurstLines == 1) return 2'd0;
    return BurstLines == 2 ? {1'b0, !line[0]} : ~line;
  endfunction

  // Functions of a few bits are tables, so that they become LUTs and not carry chains.
  // A burst of lines+1 lines begins left+1 lines before the end of its image: how many images of image+1 lines each (at most 4) it leaves behind, and
  // how many lines further the next burst begins in its image.
  typedef struct packed {
    count_t images;
    small_t begun;
  } short_step_t;
  function automatic short_step_t [63:0] make_short_steps();
    for (int left = 0; left < 4; left++) begin
      for (int lines = 0; lines < 4; lines++) begin
        for (int image = 0; image < 4; image++) begin
          int at;  // where the next burst begins, counted from the begin of this one's image
          at = image < left ? 0 : image - left + lines + 1;
          make_short_steps[16*left + 4*lines + image] = '{images: 3'(at / (image + 1)), begun: 2'(at % (image + 1))};
        end
      end
    end
  endfunction
  localparam short_step_t [63:0] ShortSteps = make_short_steps();

  // Lines of the run, up to 5, with left+1 of the current image and images-1 more of image+1 lines.
  function automatic count_t [127:0] make_short_rests();
    for (int images = 0; images < 8; images++) begin
      for (int left = 0; left < 4; left++) begin
        for (int image = 0; image < 4; image++) begin
          int rest;
          rest = images == 0 ? 5 : left + 1 + (images - 1) * (image + 1);
          make_short_rests[16*images + 4*left + image] = rest > 5 ? 3'd5 : 3'(rest);
        end
      end
    end
  endfunction
  localparam count_t [127:0] ShortRests = make_short_rests();

  // rest lines of the run end within a burst of lines+1.
  function automatic logic [31:0] make_lasts();
    for (int rest = 0; rest < 8; rest++) for (int lines = 0; lines < 4; lines++) make_lasts[4*rest + lines] = rest <= lines + 1;
  endfunction
  localparam logic [31:0] Lasts = make_lasts();

  // --- descriptor ---
  logic                busy_q, full, hold, waiting, short_q;
  small_t              image_q;        // lines of a short image
  logic [LeftW-1:0]    long_step_q;    // lines of a long image, less those of a burst
  weights_addr_t       base_q;
  logic [3:0]          per_slot_q;
  logic                unused_desc;
  assign unused_desc = ^{desc_i.dram_address[3:0], desc_i.line, desc_i.first_image};

  // --- position of the next burst ---
  line_addr_t          line_q;
  small_t              lines_q;        // up to the boundary
  logic [LeftW-1:0]    beyond_q;       // long: lines left of the image behind the burst, less 1; negative when the image ends within it
  small_t              left_q;         // short: lines left of the image
  logic [15:0]         images_q;       // left, this one included
  logic [1:0]          vmac_q;
  cu_mask_t            cus_q;
  weights_addr_t       addr_q;

  short_step_t         step_q;           // of a short image's burst
  count_t              images_on;
  logic                new_image, slot_next, load;
  small_t              begun, left_next;
  logic [1:0]          vmac_next;
  logic [WeightsAddrW:0] addr_sum;

  assign images_on = short_q ? step_q.images : {2'b00, beyond_q[LeftW-1]};
  assign new_image = images_on != '0;
  // Of a long image: −1 is one line beyond none.
  assign begun     = short_q ? step_q.begun : ~beyond_q[1:0];
  assign left_next = image_q - step_q.begun;
  assign {slot_next, vmac_next} = {1'b0, vmac_q} + images_on;
  assign addr_sum  = new_image ? {1'b0, base_q} + (WeightsAddrW + 1)'(begun) : {1'b0, addr_q} + (WeightsAddrW + 1)'(lines_q) + (WeightsAddrW + 1)'(1);

  // Line addresses wrap at the end of the buffer, which need not be a power of two. The sum is below twice its size.
  function automatic weights_addr_t wrap(logic [WeightsAddrW:0] line);
    if (WeightsLines == 2 ** WeightsAddrW) return line[WeightsAddrW-1:0];
    return 32'(line) >= WeightsLines ? weights_addr_t'(32'(line) - WeightsLines) : line[WeightsAddrW-1:0];
  endfunction

  // CUs of slot s are [s·m, (s+1)·m).
  function automatic cu_mask_t slot_cus(logic [2:0] slot, logic [3:0] per_slot);
    return cu_mask_t'(~({NumCus{1'b1}} << per_slot)) << (7'(slot) * 7'(per_slot));
  endfunction

  // An image of no lines, which no right program has, counts as one line: no burst may be empty on AXI.
  logic   is_short;
  small_t image_less_1, first_lines;
  assign is_short     = desc_i.lines < 16'(Shortest);
  assign image_less_1 = desc_i.lines[2:0] == '0 ? 2'd0 : 2'(desc_i.lines[2:0] - 3'd1);
  assign first_lines  = to_boundary(desc_i.dram_address[5:4]);

  // A start is late in its cycle. The descriptor is there for one more, and the position has a cycle to spare.
  logic start_q;
  always_ff @(posedge clk_i) start_q <= start_i;
  always_ff @(posedge clk_i) begin
    if (start_q) begin
      short_q     <= is_short;
      image_q     <= image_less_1;
      long_step_q <= LeftW'(desc_i.lines) - LeftW'(BurstLines);
      base_q      <= desc_i.line[WeightsAddrW-1:0];
      per_slot_q  <= desc_i.cus_per_slot;
    end
    if (start_q) begin
      line_q   <= desc_i.dram_address[31:4];
      lines_q  <= first_lines;
      // lines − (first_lines + 1) − 1
      beyond_q <= LeftW'(desc_i.lines) + {{LeftW - 3{1'b1}}, 3'd6 - 3'(first_lines)};
      left_q   <= image_less_1;
      step_q   <= ShortSteps[{image_less_1, first_lines, image_less_1}];
      images_q <= desc_i.images;
      vmac_q   <= desc_i.first_image[1:0];
      cus_q    <= slot_cus(desc_i.first_image[4:2], desc_i.cus_per_slot);
      addr_q   <= desc_i.line[WeightsAddrW-1:0];
    end else if (load) begin
      line_q   <= (line_q | line_addr_t'(BurstLines - 1)) + line_addr_t'(1);
      lines_q  <= small_t'(BurstLines - 1);
      beyond_q <= beyond_q + (beyond_q[LeftW-1] ? long_step_q : -LeftW'(BurstLines));
      left_q   <= left_next;
      step_q   <= ShortSteps[{left_next, small_t'(BurstLines - 1), image_q}];
      images_q <= images_q - 16'(images_on);
      vmac_q   <= vmac_next;
      cus_q    <= slot_next ? cus_q << per_slot_q : cus_q;
      addr_q   <= wrap(addr_sum);
    end
  end

  // Lines left of the image, and of the run: up to 5.
  count_t left_5, rest_5, images_5;
  always_comb begin
    images_5 = images_q[15:3] != '0 ? 3'd5 : images_q[2:0];
    // Beyond −1 is the burst's own length.
    left_5   = short_q ? {1'b0, left_q} + 3'd1 : beyond_q[LeftW-1] ? count_t'(BurstLines) + beyond_q[2:0] + 3'd1 : 3'd5;
    rest_5   = short_q ? ShortRests[{images_5, left_q, image_q}] : images_5 == 3'd1 ? left_5 : 3'd5;
  end

  // --- offer ---
  line_addr_t offer_line_q;
  small_t     offer_lines_q;  // up to the boundary
  count_t     rest_q;
  read_meta_t meta_q, meta_d;
  logic       valid_q, is_last, ready;

  always_comb begin
    meta_d             = '0;
    meta_d.addr        = read_addr_t'(addr_q);
    meta_d.cus         = cus_q;
    meta_d.vmac        = vmac_q;
    meta_d.base        = base_q;
    meta_d.left        = left_5;
    meta_d.image_lines = short_q ? count_t'(image_q) + 3'd1 : 3'd5;
    meta_d.per_slot    = per_slot_q;
  end

  // Registers between start and first offer: descriptor, position, offer; the position has a cycle or more to spare.
  localparam int unsigned SpareStages = LatDmaSetup - 1;
  logic [SpareStages-1:0] spare_q;
  always_ff @(posedge clk_i) spare_q <= rst_ni ? SpareStages'({spare_q, start_i}) : '0;
  assign ready = spare_q[SpareStages-1];

  assign is_last = Lasts[{rest_q, offer_lines_q}];
  assign load    = ready || (accept_i && !is_last);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      busy_q  <= 1'b0;
      valid_q <= 1'b0;
    end else begin
      if (start_i) busy_q <= 1'b1;
      else if (accept_i && is_last) busy_q <= 1'b0;
      if (ready) valid_q <= 1'b1;
      else if (accept_i && is_last) valid_q <= 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (load) begin
      offer_line_q  <= line_q;
      offer_lines_q <= lines_q;
      rest_q        <= rest_5;
      meta_q        <= meta_d;
    end
  end
  assign offer_o = '{valid: valid_q && !hold, line: offer_line_q, lines: is_last ? rest_q : count_t'(offer_lines_q) + 3'd1};
  assign meta_o = meta_q;

  sf_order u_order (
    .clk_i, .rst_ni,
    .issue_i (accept_i),
    .port_i,
    .last_i  (is_last),
    .complete_i,
    .full_o  (full),
    .hold_o  (hold),
    .signal_o,
    .busy_o  (waiting)
  );
  assign free_o = !busy_q && !full;
  assign busy_o = busy_q || waiting;
endmodule
