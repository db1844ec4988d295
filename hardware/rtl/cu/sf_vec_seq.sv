// The VEC unit's sequencer: prepares and walks a descriptor, requests its operand lines at port B, announces granules.
// Specification: docs/microarchitecture.md, sections 3, 5 and 9 (T12 to T14). Twin: src/simulator/timing/vec.ts.
//
// Stages from the start t: walker t + 1 to t + 3, read generator t + 4, reads ready t + 5; the first is raised at t + LatVecSetup = visible the cycle after.
module sf_vec_seq
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic         clk_i,
  input  logic         rst_ni,
  input  cu_mask_t     own_cu_i,
  // Unit
  input  logic         head_i,
  input  vec_desc_t    desc_i,
  input  logic         start_i,
  output logic         free_o,
  output logic         read_o,
  output logic         busy_o,
  // Port B
  output logic         req_o,
  output maps_addr_t   addr_o,
  input  logic         gnt_i,
  // Datapath
  output vec_step_t    step_o,     // the cycle after a grant
  output vec_work_t    work_o,     // the cycle after a cycle of the lanes
  output vec_late_t    late_o,     // of the descriptor whose words are at port B's output or behind it
  // Result FIFO
  output logic         alloc_o,
  output meta_t        meta_o,
  output logic         ready_o,
  input  logic         credit_i,
  // Events to count
  output logic         perf_read_o
);
  if (LatVecSetup < 7 || LatVecPipeline < 19 || LatCredit < 2 || LatPrepare < 20 || LatVecPixelPeriod < 2) begin : gen_check
    $error("VEC latencies are shorter than the stages");
  end

  // ---------------------------------------------------------------- head
  walk_prep_t prep;
  walk_row_t  row;
  walk_src2_t src2;
  logic       prep_ready_d, row_valid, row_take, last_row;
  assign src2 = '{
    base: desc_i.src2_base, ring: desc_i.src2_ring, offset: desc_i.src2_offset, row_step: desc_i.src2_row_step, col_step: desc_i.src2_col_step
  };
  sf_walk_prep #(.Mac(1'b0)) u_prep (
    .clk_i, .rst_ni, .head_i, .walk_i(desc_i.walk), .src2_i(src2), .adjacent_i(1'b0), .lg_i(3'd4), .depthwise_i(1'b0), .start_i,
    .last_row_i(last_row), .ready_d_o(prep_ready_d), .prep_o(prep), .row_o(row), .row_valid_o(row_valid), .row_take_i(row_take)
  );

  // ---------------------------------------------------------------- descriptor in work
  typedef struct packed {
    logic        is_max;
    logic        is_table;
    logic        is_sum;    // ... of sums
    logic        is_mul;
    logic        is_complement;
    logic        pairs;     // two sources
    logic        swap;      // source 2 is read first: the operand that is shifted
    logic [4:0]  shift;     // of one operand
    logic [5:0]  shift_out;
    logic [5:0]  shift_sum;
    word_t       clamp_low;
    word_t       clamp_high;
    logic [11:0] chunks;    // - 1
    word_mask_t  tail;      // words of the last chunk
    cu_mask_t    out_cus;
    ring_t       k_row_step;
    ring_t       src_ring;
    maps_addr_t  tap_step;
  } work_t;
  work_t     work_d, work_q;
  vec_late_t late_d, late_q;
  logic      late_load;

  always_comb begin
    work_d.is_max = desc_i.op == VecMax;
    work_d.is_table = desc_i.op == VecTable || desc_i.op == VecAddTable;
    work_d.is_sum = desc_i.op == VecAddTable;
    work_d.is_mul = desc_i.op == VecMul;
    work_d.is_complement = desc_i.op == VecMul && desc_i.shift_b != '0;
    work_d.pairs = desc_i.op == VecAdd || desc_i.op == VecMul || desc_i.op == VecAddTable;
    work_d.swap = (desc_i.op == VecAdd || desc_i.op == VecAddTable) && desc_i.shift_b != '0;
    work_d.shift = desc_i.shift_a | desc_i.shift_b;
    work_d.shift_out = desc_i.shift_out;
    work_d.shift_sum = desc_i.shift_sum;
    work_d.clamp_low = desc_i.walk.clamp_low;
    work_d.clamp_high = desc_i.walk.clamp_high;
    work_d.chunks = 12'((desc_i.walk.words - 16'd1) >> 4);
    work_d.tail = ~((word_mask_t'('1) << 4'(desc_i.walk.words - 16'd1)) << 1);
    work_d.out_cus = cu_mask_t'(desc_i.walk.out_cus);
    work_d.k_row_step = ring_t'(desc_i.walk.k_row_step);
    work_d.src_ring = ring_t'(desc_i.walk.src_ring);
    work_d.tap_step = maps_addr_t'(desc_i.walk.tap_step);
    late_d.is_table = work_q.is_table;
    late_d.is_sum = work_q.is_sum;
    late_d.is_mul = work_q.is_mul;
    late_d.is_complement = work_q.is_complement;
    late_d.is_plain = work_q.is_max || work_q.is_mul;
    late_d.power = (work_q.is_mul && !work_q.is_complement) ? '0 : (24'd1 << work_q.shift) | 24'(work_q.is_complement);
    late_d.shift_out = work_q.shift_out;
    late_d.shift_sum = work_q.shift_sum;
    late_d.clamp_low = work_q.clamp_low;
    late_d.clamp_high = work_q.clamp_high;
  end
  // The words of the descriptor before are through the lanes at t + 18, those of this one arrive there at t + 20 at the earliest.
  sf_delay #(.Width(1), .Cycles(18)) u_late (.clk_i, .rst_ni, .d_i(start_i), .q_o(late_load));
  always_ff @(posedge clk_i) begin
    if (start_i) work_q <= work_d;
    if (late_load) late_q <= late_d;
  end
  assign late_o = late_q;

  // ---------------------------------------------------------------- setup: cycles since the start
  localparam int unsigned PhaseW = $clog2(LatVecSetup + 1);
  logic [PhaseW-1:0] phase_d, phase_q;
  logic              set_up;
  assign set_up = phase_q == PhaseW'(LatVecSetup);
  always_comb begin
    phase_d = phase_q;
    if (start_i) phase_d = PhaseW'(1);
    else if (!set_up) phase_d = phase_q + PhaseW'(1);
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) phase_q <= PhaseW'(LatVecSetup);
    else phase_q <= phase_d;
  end

  // ---------------------------------------------------------------- walker
  logic   pixel_valid, pixel_take;
  pixel_t pixel;
  sf_walker #(.Mac(1'b0)) u_walker (
    .clk_i, .rst_ni, .start_i, .walk_i(desc_i.walk), .prep_i(prep), .row_i(row), .row_valid_i(row_valid), .row_take_o(row_take), .adjacent_i(1'b0),
    .lg_i(3'd4), .src2_col_step_i(maps_addr_t'(desc_i.src2_col_step)), .valid_o(pixel_valid), .pixel_o(pixel), .take_i(pixel_take)
  );

  // ---------------------------------------------------------------- reads: chunk by chunk, tap by tap; one a cycle
  typedef struct packed {
    logic        last_pixel;
    logic        empty;
    tap_t        rows;       // valid rows and columns of the window, - 1
    tap_t        cols;
    tap_t        rows_left;  // behind this read
    tap_t        cols_left;
    logic [11:0] chunks_left;
    logic        no_rows;    // of these 0 are left
    logic        no_cols;
    logic        no_chunks;
    ring_t       row;        // of the window's first tap
    ring_t       ring;       // of this read
    maps_addr_t  chunk_col;  // of the chunk's first tap
    maps_addr_t  col;        // of this read
    maps_addr_t  src2;
    maps_addr_t  out;
    logic        second;
    logic        first;      // of the chunk
    logic        pixel_first;  // of the pixel, of the output row
    logic        row_first;
    logic        last_row;
  } gen_t;
  typedef struct packed {
    maps_addr_t addr;
    logic       idle;
    logic       first;   // of the chunk
    logic       pixel_first;  // of the pixel, of the output row
    logic       row_first;
    logic       last_row;
    logic       last;    // of the chunk
    logic       second;
    logic       final_read;  // of the descriptor
    maps_addr_t out;
    word_mask_t mask;
  } item_t;
  gen_t  gen_d, gen_q;
  logic  gen_valid_d, gen_valid_q, gen_move, chunk_end, pixel_end, room;
  item_t item;

  assign chunk_end = gen_q.empty || (work_q.pairs ? gen_q.second : gen_q.no_rows && gen_q.no_cols);
  assign pixel_end = chunk_end && gen_q.no_chunks;
  assign gen_move = gen_valid_q && room;
  assign pixel_take = pixel_valid && (!gen_valid_q || (gen_move && pixel_end));

  // The next row's offset: modulo the ring (0: no ring); offset and step are no larger than it.
  logic [RingW:0] ring_wrapped;
  ring_t          ring_next;
  assign ring_wrapped = {1'b0, gen_q.ring} + {1'b0, work_q.k_row_step} - {1'b0, work_q.src_ring};
  assign ring_next = (work_q.src_ring != '0 && !ring_wrapped[RingW]) ? ring_wrapped[RingW-1:0] : gen_q.ring + work_q.k_row_step;

  always_comb begin
    gen_d = gen_q;
    gen_valid_d = gen_valid_q;
    if (pixel_take) begin
      gen_valid_d = 1'b1;
      gen_d.last_pixel = pixel.last;
      gen_d.empty = pixel.empty;
      gen_d.rows = pixel.rows;
      gen_d.cols = pixel.cols;
      gen_d.rows_left = pixel.rows;
      gen_d.cols_left = pixel.cols;
      gen_d.chunks_left = work_q.chunks;
      gen_d.no_rows = pixel.rows == '0;
      gen_d.no_cols = pixel.cols == '0;
      gen_d.no_chunks = work_q.chunks == '0;
      gen_d.row = pixel.row;
      gen_d.ring = pixel.row;
      gen_d.chunk_col = pixel.col;
      gen_d.col = pixel.col;
      gen_d.src2 = pixel.src2;
      gen_d.out = pixel.out;
      gen_d.second = 1'b0;
      gen_d.first = 1'b1;
      gen_d.pixel_first = 1'b1;
      gen_d.row_first = pixel.row_first;
      gen_d.last_row = pixel.last_row;
    end else if (gen_move) begin
      gen_d.pixel_first = 1'b0;
      gen_d.row_first = 1'b0;
      if (pixel_end) begin
        gen_valid_d = 1'b0;
      end else if (chunk_end) begin
        gen_d.rows_left = gen_q.rows;
        gen_d.cols_left = gen_q.cols;
        gen_d.chunks_left = gen_q.chunks_left - 12'd1;
        gen_d.no_rows = gen_q.rows == '0;
        gen_d.no_cols = gen_q.cols == '0;
        gen_d.no_chunks = gen_q.chunks_left == 12'd1;
        gen_d.ring = gen_q.row;
        gen_d.chunk_col = gen_q.chunk_col + maps_addr_t'(LineWords);
        gen_d.col = gen_q.chunk_col + maps_addr_t'(LineWords);
        gen_d.src2 = gen_q.src2 + maps_addr_t'(LineWords);
        gen_d.out = gen_q.out + maps_addr_t'(LineWords);
        gen_d.second = 1'b0;
        gen_d.first = 1'b1;
      end else begin
        gen_d.first = 1'b0;
        if (work_q.pairs) begin
          gen_d.second = 1'b1;
        end else if (!gen_q.no_cols) begin
          gen_d.cols_left = gen_q.cols_left - tap_t'(1);
          gen_d.no_cols = gen_q.cols_left == tap_t'(1);
          gen_d.col = gen_q.col + work_q.tap_step;
        end else begin
          gen_d.cols_left = gen_q.cols;
          gen_d.rows_left = gen_q.rows_left - tap_t'(1);
          gen_d.no_cols = gen_q.cols == '0;
          gen_d.no_rows = gen_q.rows_left == tap_t'(1);
          gen_d.col = gen_q.chunk_col;
          gen_d.ring = ring_next;
        end
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) gen_valid_q <= 1'b0;
    else gen_valid_q <= gen_valid_d;
  end
  always_ff @(posedge clk_i) gen_q <= gen_d;

  always_comb begin
    item.addr = (gen_q.second != work_q.swap) ? gen_q.src2 : gen_q.col + maps_addr_t'(gen_q.ring);
    item.idle = gen_q.empty;
    item.first = gen_q.first;
    item.pixel_first = gen_q.pixel_first;
    item.row_first = gen_q.row_first;
    item.last_row = gen_q.last_row;
    item.last = chunk_end;
    item.second = gen_q.second;
    item.final_read = pixel_end && gen_q.last_pixel;
    item.out = gen_q.out;
    item.mask = gen_q.no_chunks ? work_q.tail : '1;
  end

  // Two reads ahead, so that a grant does not reach back into the generator.
  item_t      items_q [2];
  logic [1:0] items_d, items_held_q;
  logic       item_take;
  assign room = items_held_q != 2'd2;
  assign items_d = items_held_q + 2'(gen_move) - 2'(item_take);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) items_held_q <= '0;
    else items_held_q <= items_d;
  end
  always_ff @(posedge clk_i) begin
    if (item_take) begin
      items_q[0] <= (items_held_q == 2'd2) ? items_q[1] : item;
      items_q[1] <= item;
    end else if (gen_move) begin
      if (items_held_q == '0) items_q[0] <= item;
      items_q[1] <= item;
    end
  end

  // ---------------------------------------------------------------- request
  item_t req_q;
  logic  row_blocked_q, pixel_blocked_q;
  logic  req_valid_d, req_valid_q, port_req_d, port_req_q, granted, enough, enough_next;
  // The grant comes late in the cycle: all else of what it decides is from registers.
  logic  idle_req_d, idle_req_q, item_ready;
  assign granted = gnt_i || idle_req_q;
  assign item_ready = items_held_q != '0 && set_up && (!items_q[0].first || enough) && !(items_q[0].pixel_first && pixel_blocked_q) &&
                      !(items_q[0].row_first && row_blocked_q);
  assign item_take = item_ready && (!req_valid_q || granted);
  assign last_row = item_take && items_q[0].row_first && items_q[0].last_row;
  assign req_valid_d = item_take || (req_valid_q && !granted);
  assign port_req_d = item_take ? !items_q[0].idle : (port_req_q && !gnt_i);
  assign idle_req_d = item_take && items_q[0].idle;
  sf_credits #(.Entries(VecFifoGranules), .Most(1), .LateTake(1'b1)) u_credits (
    .clk_i, .rst_ni, .returned_i(credit_i), .need_i(1'b1), .enough_o(enough), .enough_next_o(enough_next), .take_i(item_take && items_q[0].first)
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      req_valid_q <= 1'b0;
      port_req_q <= 1'b0;
      idle_req_q <= 1'b0;
    end else begin
      req_valid_q <= req_valid_d;
      port_req_q <= port_req_d;
      idle_req_q <= idle_req_d;
    end
  end
  always_ff @(posedge clk_i) begin
    if (item_take) req_q <= items_q[0];
  end
  assign req_o = port_req_q;

  // ---------------------------------------------------------------- distances of pixels and rows (T13)
  localparam int unsigned WaitW = $clog2(LatRowPeriod + LatVecPixelPeriod + 1);
  logic [WaitW-1:0] row_wait_d, row_wait_q, pixel_wait_d, pixel_wait_q;
  always_comb begin
    row_wait_d = (row_wait_q == '0) ? '0 : row_wait_q - WaitW'(1);
    if (item_take && items_q[0].row_first) row_wait_d = WaitW'(LatRowPeriod - 1);
    if (start_i) row_wait_d = '0;
    pixel_wait_d = (pixel_wait_q == '0) ? '0 : pixel_wait_q - WaitW'(1);
    if (item_take && items_q[0].pixel_first) pixel_wait_d = WaitW'(LatVecPixelPeriod - 1);
    if (start_i) pixel_wait_d = '0;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      row_wait_q <= '0;
      pixel_wait_q <= '0;
      row_blocked_q <= 1'b0;
      pixel_blocked_q <= 1'b0;
    end else begin
      row_wait_q <= row_wait_d;
      pixel_wait_q <= pixel_wait_d;
      row_blocked_q <= !start_i && ((item_take && items_q[0].row_first) || row_wait_q > WaitW'(1));
      pixel_blocked_q <= !start_i && ((item_take && items_q[0].pixel_first) || pixel_wait_q > WaitW'(1));
    end
  end
  assign addr_o = req_q.addr;

  // ---------------------------------------------------------------- what a grant begins
  logic      chunk_read;  // the chunk's last operand
  vec_step_t step_q;
  meta_t     meta_q;
  logic      alloc_q;
  assign chunk_read = granted && req_q.last;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      step_q <= '0;
      alloc_q <= 1'b0;
    end else begin
      step_q <= '{
        valid: granted, idle: req_q.idle, load: !work_q.is_max || req_q.first, store: work_q.pairs || req_q.last, second: req_q.second,
        last: req_q.last
      };
      alloc_q <= chunk_read;
    end
  end
  always_ff @(posedge clk_i) begin
    meta_q <= '{last: req_q.final_read, own: work_q.out_cus == own_cu_i, cus: work_q.out_cus, addr: req_q.out, mask: req_q.mask};
  end
  assign step_o = step_q;
  assign alloc_o = alloc_q;
  assign meta_o = meta_q;
  assign perf_read_o = gnt_i;

  // ---------------------------------------------------------------- lanes
  logic done;
  sf_vec_pace u_pace (
    .clk_i, .rst_ni, .start_i, .table_i(work_q.is_table), .sum_i(work_q.is_sum), .read_i(chunk_read), .last_i(req_q.final_read), .work_o, .done_o(done), .ready_o
  );

  // ---------------------------------------------------------------- the unit is free (T13), its read signal (T14)
  logic idle_d, idle_q, free_q, read_signal_q;
  assign idle_d = (idle_q && !start_i) || done;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      idle_q <= 1'b1;
      free_q <= 1'b0;
      read_signal_q <= 1'b0;
    end else begin
      idle_q <= idle_d;
      free_q <= idle_d && prep_ready_d;
      read_signal_q <= work_q.is_table ? done : chunk_read && req_q.final_read;
    end
  end
  assign free_o = free_q;
  assign read_o = read_signal_q;
  assign busy_o = !idle_q || read_signal_q;

  logic unused_bits;
  assign unused_bits = ^{desc_i, pixel, prep, enough_next, req_q};
endmodule
