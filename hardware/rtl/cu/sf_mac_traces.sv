// Traces of the MAC unit's windows, one a cycle: a kernel row each where taps are adjacent, else a tap each.
// Specification: docs/microarchitecture.md, section 4 (trace). Twin: src/simulator/timing/mac.ts, windowSteps in src/simulator/walker.ts.
module sf_mac_traces
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic          clk_i,
  input  logic          rst_ni,
  // Of the descriptor
  input  logic          adjacent_i,
  input  maps_addr_t    tap_step_i,
  input  ring_t         k_row_step_i,
  input  ring_t         src_ring_i,
  input  weights_addr_t row_lines_i,
  // Windows
  input  logic          pixel_valid_i,
  input  pixel_t        pixel_i,
  output logic          pixel_take_o,
  // Traces
  output logic          valid_o,
  output mac_trace_t    trace_o,
  input  logic          take_i  // trace_o is taken at the end of this cycle
);
  mac_trace_t    trace_d, trace_q;
  logic          trace_valid_d, trace_valid_q, trace_move;
  logic          fresh;              // the next trace is a window's first
  logic          next_row;           // or the first of a kernel row
  logic          more_d, more_q;     // cols_left_q is not 0
  logic          final_row_d, final_row_q;  // rows_left_q is 0
  logic          no_rows, no_cols;   // behind the first trace of the pixel
  tap_t          rows_left_d, rows_left_q, cols_left_d, cols_left_q, cols_d, cols_q;
  maps_addr_t    col_q, addr_a, addr_b;
  ring_t         ring_next_d, ring_next_q, ring_a;
  weights_addr_t row_line_q, line_a, line_b;
  logic [WeightsAddrW:0] line_next;

  assign trace_move = !trace_valid_q || take_i;
  assign fresh = !trace_valid_q || trace_q.final_trace;
  assign next_row = fresh || !more_q;
  assign pixel_take_o = trace_move && fresh && pixel_valid_i;
  assign trace_valid_d = trace_move ? !fresh || pixel_valid_i : trace_valid_q;

  // Modulo the ring (0: no ring) with the step less the ring made before: right from two cycles after the start on.
  logic [RingW:0] wrapped_step_q, ring_wrapped;
  logic           has_ring_q;
  always_ff @(posedge clk_i) begin
    wrapped_step_q <= {1'b0, k_row_step_i} - {1'b0, src_ring_i};
    has_ring_q <= src_ring_i != '0;
  end

  always_comb begin
    // One adder each for window, kernel row and tap.
    addr_a = fresh ? pixel_i.col : more_q ? trace_q.addr : col_q;
    addr_b = fresh ? maps_addr_t'(pixel_i.row) : more_q ? tap_step_i : maps_addr_t'(ring_next_q);
    line_a = fresh ? pixel_i.line : more_q ? trace_q.line : row_line_q;
    line_b = fresh ? '0 : more_q ? trace_q.steps : row_lines_i;
    line_next = {line_a, 1'b1} + {line_b, !next_row};
    ring_a = fresh ? pixel_i.row : ring_next_q;
    ring_wrapped = {1'b0, ring_a} + wrapped_step_q;
    ring_next_d = (has_ring_q && !ring_wrapped[RingW]) ? ring_wrapped[RingW-1:0] : ring_a + k_row_step_i;

    no_rows = pixel_i.empty || pixel_i.rows == '0;
    no_cols = pixel_i.empty || pixel_i.cols == '0 || adjacent_i;
    cols_d = no_cols ? '0 : pixel_i.cols;
    rows_left_d = fresh ? pixel_i.rows : rows_left_q - tap_t'(1);
    cols_left_d = fresh ? cols_d : more_q ? cols_left_q - tap_t'(1) : cols_q;
    more_d = fresh ? !no_cols : more_q ? cols_left_q != tap_t'(1) : cols_q != '0;

    trace_d = trace_q;
    trace_d.addr = addr_a + addr_b;
    trace_d.line = line_next[WeightsAddrW:1];
    trace_d.first = fresh;
    trace_d.final_trace = fresh ? no_rows && no_cols : more_q ? final_row_q && cols_left_q == tap_t'(1) : rows_left_q == tap_t'(1) && cols_q == '0;
    if (fresh) begin
      trace_d.steps = pixel_i.empty ? '0 : pixel_i.steps;
      trace_d.head = pixel_i.head;
      trace_d.tail = pixel_i.tail;
      trace_d.single = pixel_i.empty || pixel_i.steps == '0;
      trace_d.row_first = pixel_i.row_first;
      trace_d.last_row = pixel_i.last_row;
      trace_d.idle = pixel_i.empty;
      trace_d.out = pixel_i.out;
      trace_d.last_pixel = pixel_i.last;
    end
  end

  assign final_row_d = fresh ? no_rows : rows_left_q == tap_t'(1);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) trace_valid_q <= 1'b0;
    else trace_valid_q <= trace_valid_d;
  end
  always_ff @(posedge clk_i) begin
    if (trace_move) begin
      trace_q <= trace_d;
      more_q <= more_d;
      cols_left_q <= cols_left_d;
      if (fresh) begin
        cols_q <= cols_d;
        col_q <= pixel_i.col;
      end
      if (next_row) begin
        rows_left_q <= rows_left_d;
        final_row_q <= final_row_d;
        ring_next_q <= ring_next_d;
        row_line_q <= line_next[WeightsAddrW:1];
      end
    end
  end
  assign valid_o = trace_valid_q;
  assign trace_o = trace_q;

  logic unused_bits;
  assign unused_bits = ^{pixel_i.src2, line_next[0]};
endmodule
