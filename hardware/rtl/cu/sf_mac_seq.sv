// The MAC unit's sequencer: prepares and walks a descriptor, issues parameter lines and steps, one a cycle, and announces granules.
// Specification: docs/microarchitecture.md, sections 3, 4 and 9 (T4 to T7). Twin: src/simulator/timing/mac.ts.
//
// Stages from the start t: walker t + 1 to t + 3, trace t + 4, step from t + 5 = t + LatMacSetup + 1 on. A window is its traces, a trace its steps.
// In cycle e a step is at the step register and leaves it (fires): port A's address registers and ctl_o hold it at e + 1.
module sf_mac_seq
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic       clk_i,
  input  logic       rst_ni,
  input  cu_mask_t   own_cu_i,
  // Unit
  input  logic       head_i,
  input  mac_desc_t  desc_i,
  input  logic       start_i,
  output logic       free_o,
  output logic       read_o,
  output logic       busy_o,
  // Datapath
  output maps_addr_t addr_o,   // at e: first word of the step
  output mac_ctl_t   ctl_o,    // at e + 1
  output weights_addr_t line_o,  // at e + 2
  output logic signed [1:0][15:0] clamp_low_o,  // by slot
  output logic signed [1:0][15:0] clamp_high_o,
  // Result FIFO
  output logic       alloc_o,
  output meta_t      meta_o,
  output logic [2:0] granules_o,  // at e + 1: of the window
  output logic       ready_o,  // at f: a granule is in the FIFO
  input  logic       credit_i,
  // Events to count
  output logic       perf_step_o,
  output logic       perf_window_o,
  output logic       perf_credit_o
);
  if (LatMacSetup < 4 || LatMacPipeline < 19 || LatCredit < 2) begin : gen_check
    $error("MAC latencies are shorter than the stages");
  end

  // ---------------------------------------------------------------- head
  logic       head_adjacent, prep_ready_d, row_valid, row_take, last_row;
  lg_t        head_lg;
  walk_prep_t prep;
  walk_row_t  row;
  assign head_lg = {desc_i.lanes[4], desc_i.lanes[3] | desc_i.lanes[2], desc_i.lanes[3] | desc_i.lanes[1]};  // log2 of one bit
  assign head_adjacent = !desc_i.depthwise && desc_i.walk.tap_step == 20'(desc_i.walk.words);

  sf_walk_prep u_prep (
    .clk_i, .rst_ni, .head_i, .walk_i(desc_i.walk), .src2_i('0), .adjacent_i(head_adjacent), .lg_i(head_lg), .depthwise_i(desc_i.depthwise),
    .start_i, .last_row_i(last_row), .ready_d_o(prep_ready_d), .prep_o(prep), .row_o(row), .row_valid_o(row_valid), .row_take_i(row_take)
  );

  // ---------------------------------------------------------------- descriptor in work
  typedef struct packed {
    lg_t           lg;
    logic          depthwise;
    logic [6:0]    out_words;
    cu_mask_t      out_cus;
    weights_addr_t params_line;  // first parameter line
    weights_addr_t row_lines;
    ring_t         k_row_step;
    ring_t         src_ring;
    maps_addr_t    tap_step;
    logic          adjacent;
    logic          slot;
  } work_t;
  work_t work_d, work_q;
  logic [2:0] granules_q, last_path, last_param;  // of a window, O - 1, parameter lines - 1

  always_comb begin
    work_d = work_q;
    if (start_i) begin
      work_d.lg = head_lg;
      work_d.depthwise = desc_i.depthwise;
      work_d.out_words = desc_i.out_words;
      work_d.out_cus = cu_mask_t'(desc_i.walk.out_cus);
      work_d.params_line = weights_addr_t'(desc_i.weights_line);
      work_d.row_lines = prep.row_lines;
      work_d.k_row_step = ring_t'(desc_i.walk.k_row_step);
      work_d.src_ring = ring_t'(desc_i.walk.src_ring);
      work_d.tap_step = maps_addr_t'(desc_i.walk.tap_step);
      work_d.adjacent = head_adjacent;
      work_d.slot = !work_q.slot;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) work_q.slot <= 1'b0;
    else work_q.slot <= work_d.slot;
  end
  always_ff @(posedge clk_i) begin
    work_q.lg <= work_d.lg;
    work_q.depthwise <= work_d.depthwise;
    work_q.out_words <= work_d.out_words;
    work_q.out_cus <= work_d.out_cus;
    work_q.params_line <= work_d.params_line;
    work_q.row_lines <= work_d.row_lines;
    work_q.k_row_step <= work_d.k_row_step;
    work_q.src_ring <= work_d.src_ring;
    work_q.tap_step <= work_d.tap_step;
    work_q.adjacent <= work_d.adjacent;
  end

  // Two descriptors may be in flight behind the steps: preparation keeps the third away.
  logic signed [1:0][15:0] clamp_low_q, clamp_high_q;
  always_ff @(posedge clk_i) begin
    if (start_i) begin
      clamp_low_q[work_d.slot] <= desc_i.walk.clamp_low;
      clamp_high_q[work_d.slot] <= desc_i.walk.clamp_high;
    end
  end
  assign clamp_low_o = clamp_low_q;
  assign clamp_high_o = clamp_high_q;

  // Right from two cycles after the start on.
  always_ff @(posedge clk_i) granules_q <= 3'((8'(work_q.out_words) + 8'd15) >> 4);
  // O = max(2, 8 / g), parameter lines = max(1, 4 / g).
  assign last_path = (work_q.lg == 3'd0) ? 3'd7 : (work_q.lg == 3'd1) ? 3'd3 : 3'd1;
  assign last_param = (work_q.lg == 3'd0) ? 3'd3 : (work_q.lg == 3'd1) ? 3'd1 : 3'd0;

  // ---------------------------------------------------------------- setup: cycles since the start
  localparam int unsigned PhaseW = $clog2(LatMacSetup + 5);
  logic [PhaseW-1:0] phase_d, phase_q;
  logic              param, allowed_d, allowed_q;  // windows
  logic [1:0]        param_index;

  always_comb begin
    phase_d = phase_q;
    if (start_i) phase_d = PhaseW'(1);
    else if (!allowed_q) phase_d = phase_q + PhaseW'(1);
  end
  // last_param is not that of the descriptor yet in the cycle of the start.
  assign allowed_d = !start_i && (allowed_q || phase_q >= PhaseW'(LatMacSetup) + PhaseW'(last_param));
  assign param = phase_q >= PhaseW'(LatMacSetup) && !allowed_q;
  assign param_index = 2'(phase_q - PhaseW'(LatMacSetup));
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      phase_q <= PhaseW'(LatMacSetup + 4);
      allowed_q <= 1'b1;
    end else begin
      phase_q <= phase_d;
      allowed_q <= allowed_d;
    end
  end

  // ---------------------------------------------------------------- walker
  logic   pixel_valid, pixel_take;
  pixel_t pixel;
  sf_walker u_walker (
    .clk_i, .rst_ni, .start_i, .walk_i(desc_i.walk), .prep_i(prep), .row_i(row), .row_valid_i(row_valid), .row_take_o(row_take),
    .adjacent_i(head_adjacent), .lg_i(head_lg), .src2_col_step_i('0), .valid_o(pixel_valid), .pixel_o(pixel), .take_i(pixel_take)
  );

  // ---------------------------------------------------------------- traces
  mac_trace_t trace;
  logic       trace_valid, trace_take;
  sf_mac_traces u_traces (
    .clk_i, .rst_ni, .adjacent_i(work_q.adjacent), .tap_step_i(work_q.tap_step), .k_row_step_i(work_q.k_row_step), .src_ring_i(work_q.src_ring),
    .row_lines_i(work_q.row_lines), .pixel_valid_i(pixel_valid), .pixel_i(pixel), .pixel_take_o(pixel_take), .valid_o(trace_valid), .trace_o(trace),
    .take_i(trace_take)
  );

  // ---------------------------------------------------------------- steps: one a cycle
  mac_trace_t step_d, step_q;  // steps: those left behind this one
  logic       step_valid_d, step_valid_q;
  logic       begin_d, begin_q;  // first step of its trace
  logic       pad_d, pad_q;      // a window shorter than O is stretched
  logic [2:0] count_d, count_q;  // steps of the window before this one, up to 7
  logic       long_d, long_q;    // the window may end with this step: count_q >= last_path
  logic       single_d, single_q;  // last step of its trace: step_q.steps = 0
  logic       fire, at_end, window_begin, window_end;
  logic       window_first_d, window_first_q;  // no window of the descriptor has started
  // All of a window's conditions are registers: windows begin two cycles apart at least.
  logic       open_q;     // setup is over, the output path is free
  logic       enough_q;   // credits
  logic       blocked_q;  // the row before began less than LatRowPeriod ago

  assign at_end = pad_q || (step_q.final_trace && single_q);
  assign fire = step_valid_q && (!step_q.first || (open_q && enough_q && !(step_q.row_first && blocked_q)));
  assign window_begin = fire && step_q.first;
  assign window_end = fire && at_end && long_q;
  assign trace_take = trace_valid && (!step_valid_q || (fire && single_q && !pad_q && !step_q.final_trace) || window_end);
  assign last_row = window_begin && step_q.row_first && step_q.last_row;

  always_comb begin
    step_valid_d = step_valid_q;
    step_d = step_q;
    begin_d = begin_q;
    pad_d = pad_q;
    count_d = count_q;
    long_d = long_q;
    single_d = single_q;
    window_first_d = window_first_q;
    if (fire) begin
      step_d.first = 1'b0;
      begin_d = 1'b0;
      step_d.addr = step_q.addr + (maps_addr_t'(1) << work_q.lg);
      step_d.line = step_q.line + weights_addr_t'(1);
      step_d.steps = step_q.steps - weights_addr_t'(1);
      pad_d = at_end;
      if (count_q != 3'd7) count_d = count_q + 3'd1;
      long_d = 4'(count_q) + 4'd1 >= 4'(last_path);
      single_d = step_q.steps == weights_addr_t'(1);
      if (window_end) step_valid_d = 1'b0;
      if (step_q.first) window_first_d = 1'b0;
    end
    if (trace_take) begin
      step_valid_d = 1'b1;
      step_d = trace;
      begin_d = 1'b1;
      pad_d = 1'b0;
      single_d = trace.single;
      if (trace.first) begin
        count_d = '0;
        long_d = 1'b0;
      end
    end
    if (start_i) window_first_d = 1'b1;
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) step_valid_q <= 1'b0;
    else step_valid_q <= step_valid_d;
  end
  always_ff @(posedge clk_i) begin
    step_q <= step_d;
    begin_q <= begin_d;
    pad_q <= pad_d;
    count_q <= count_d;
    long_q <= long_d;
    single_q <= single_d;
    window_first_q <= window_first_d;
  end

  // ---------------------------------------------------------------- output path: credits (T5), empty before another descriptor (T4)
  logic [3:0] path_d, path_q;
  always_comb begin
    path_d = path_q;
    if (window_end) path_d = 4'(last_path) + 4'd1;
    else if (path_q != '0) path_d = path_q - 4'd1;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) path_q <= '0;
    else path_q <= path_d;
  end
  // No window ends in the cycles before another descriptor's first: what path_q is next needs no look at window_end.
  always_ff @(posedge clk_i) open_q <= allowed_d && (path_q <= 4'd1 || !window_first_q);

  logic enough_now, enough_next;
  sf_credits #(.Entries(ResultFifoGranules), .Most(4)) u_credits (
    .clk_i, .rst_ni, .returned_i(credit_i), .need_i(granules_q), .enough_o(enough_now), .enough_next_o(enough_next), .take_i(window_begin)
  );
  always_ff @(posedge clk_i) enough_q <= enough_next;

  // ---------------------------------------------------------------- rows (T5)
  localparam int unsigned WaitW = $clog2(LatRowPeriod + 1);
  logic [WaitW-1:0] row_wait_d, row_wait_q;  // cycles in which the next row must not begin
  logic            row_begin;
  assign row_begin = window_begin && step_q.row_first;
  always_comb begin
    row_wait_d = (row_wait_q == '0) ? '0 : row_wait_q - WaitW'(1);
    if (row_begin) row_wait_d = WaitW'(LatRowPeriod - 1);
    if (start_i) row_wait_d = '0;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      row_wait_q <= '0;
      blocked_q <= 1'b0;
    end else begin
      row_wait_q <= row_wait_d;
      blocked_q <= !start_i && (row_begin || row_wait_q > WaitW'(1));
    end
  end

  // ---------------------------------------------------------------- the unit is free, its signals
  logic idle_d, idle_q, free_q, done;
  assign done = window_end && step_q.last_pixel;
  always_comb begin
    idle_d = idle_q;
    if (start_i) idle_d = 1'b0;
    else if (done) idle_d = 1'b1;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      idle_q <= 1'b1;
      free_q <= 1'b0;
    end else begin
      idle_q <= idle_d;
      free_q <= idle_d && prep_ready_d;
    end
  end
  assign free_o = free_q;
  assign busy_o = !idle_q;
  sf_delay #(.Width(1), .Cycles(LatReadDone)) u_read (.clk_i, .rst_ni, .d_i(done), .q_o(read_o));

  // ---------------------------------------------------------------- issue
  mac_ctl_t      ctl_d, ctl_q;
  word_mask_t    outside;  // lanes whose words are not of the trace
  weights_addr_t taps_line_q;
  // Weights line addresses wrap at the end of the buffer.
  logic [WeightsAddrW:0] line_sum_d, line_sum_q, taps_sum;
  logic [WeightsAddrW+1:0] line_wrapped, taps_wrapped;
  weights_addr_t line_d, line_q, taps_line_d;

  always_comb begin
    ctl_d.valid = fire;
    ctl_d.first = step_q.first;
    ctl_d.last = window_end;
    ctl_d.param = param;
    ctl_d.index = param_index;
    ctl_d.lg = work_q.lg;
    ctl_d.depthwise = work_q.depthwise;
    ctl_d.slot = work_q.slot;
    // Words of an output's lanes in front of the trace's first, behind its last; every output has them. Depthwise: all 64 words of a tap; those behind
    // its last one are of no output (outWords <= words).
    outside = (begin_q ? ~(word_mask_t'('1) << step_q.head) : '0) | (single_q ? (word_mask_t'('1) << step_q.tail) << 1 : '0);
    unique case (work_q.lg)
      3'd0: outside = {16{outside[0]}};
      3'd1: outside = {8{outside[1:0]}};
      3'd2: outside = {4{outside[3:0]}};
      3'd3: outside = {2{outside[7:0]}};
      default: ;
    endcase
    ctl_d.drop = (!fire || pad_q || step_q.idle) ? '1 : work_q.depthwise ? '0 : outside;
    line_sum_d = param ? {1'b0, work_q.params_line} + (WeightsAddrW + 1)'(param_index) : {1'b0, taps_line_q} + {1'b0, step_q.line};
    line_wrapped = {1'b0, line_sum_q} - (WeightsAddrW + 2)'(WeightsLines);
    line_d = line_wrapped[WeightsAddrW+1] ? line_sum_q[WeightsAddrW-1:0] : line_wrapped[WeightsAddrW-1:0];
    taps_sum = {1'b0, work_q.params_line} + (WeightsAddrW + 1)'(last_param) + (WeightsAddrW + 1)'(1);
    taps_wrapped = {1'b0, taps_sum} - (WeightsAddrW + 2)'(WeightsLines);
    taps_line_d = taps_wrapped[WeightsAddrW+1] ? taps_sum[WeightsAddrW-1:0] : taps_wrapped[WeightsAddrW-1:0];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ctl_q <= '0;
    end else begin
      ctl_q <= ctl_d;
    end
  end
  always_ff @(posedge clk_i) begin
    taps_line_q <= taps_line_d;
    line_sum_q <= line_sum_d;
    line_q <= line_d;
  end
  assign addr_o = step_q.addr;
  assign ctl_o = ctl_q;
  assign granules_o = granules_q;
  assign line_o = line_q;

  // ---------------------------------------------------------------- granules (T6)
  sf_mac_granules u_granules (
    .clk_i, .rst_ni, .own_cu_i, .end_i(window_end), .granules_i(granules_q), .lg_i(work_q.lg), .out_words_i(work_q.out_words),
    .out_cus_i(work_q.out_cus), .out_i(step_q.out), .last_i(step_q.last_pixel), .alloc_o, .meta_o, .ready_o
  );

  // ---------------------------------------------------------------- events
  assign perf_step_o = fire && !pad_q;
  assign perf_window_o = fire;
  assign perf_credit_o = step_valid_q && step_q.first && open_q && !enough_q;

  logic unused_head;
  assign unused_head = ^{desc_i, enough_now};
endmodule
