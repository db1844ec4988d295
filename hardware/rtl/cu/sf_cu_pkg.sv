// Widths and signal types inside a compute unit.
// Specification: docs/microarchitecture.md, sections 2 to 5. Twin of the walker types: src/simulator/walker.ts.
package sf_cu_pkg;
  import sf_pkg::*;
  import sf_types_pkg::*;

  // Maps buffer: word columns in quadrants of a line each.
  parameter int unsigned Quadrants = 4;
  parameter int unsigned Columns = Quadrants * LineWords;
  parameter int unsigned ColW = 6;
  parameter int unsigned RowW = MapsAddrW - ColW;
  typedef logic [RowW-1:0] row_t;
  typedef logic [ColW-1:0] col_t;

  // Ring offsets are below the ring size, which is at most the buffer: one bit more than an address.
  parameter int unsigned RingW = MapsAddrW + 1;
  typedef logic [RingW-1:0] ring_t;

  // Words from the start of a kernel row: as part of an address modulo the buffer, as a step of a weights line up to 16 words a line.
  parameter int unsigned WordsW = MapsAddrW > WeightsAddrW + 5 ? MapsAddrW : WeightsAddrW + 5;
  typedef logic [WordsW-1:0] kwords_t;

  // Kernel row or column.
  parameter int unsigned TapW = 10;
  typedef logic [TapW-1:0] tap_t;

  // Signed position along a row in kernel taps: up to 65,535 columns of input, stride and clipping each.
  parameter int unsigned PosW = 19;
  typedef logic signed [PosW-1:0] pos_t;

  // log2 of the lanes per output.
  typedef logic [2:0] lg_t;

  // Credits, slots of a result FIFO.
  parameter int unsigned FifoW = $clog2(ResultFifoGranules);
  parameter int unsigned VecFifoW = VecFifoGranules > 1 ? $clog2(VecFifoGranules) : 1;

  // VEC: where source 2 is.
  typedef struct packed {
    logic [19:0] base;
    logic [19:0] ring;
    logic [19:0] offset;
    logic [19:0] row_step;
    logic [19:0] col_step;
  } walk_src2_t;

  // Walker constants of a descriptor, made by sf_walk_prep: steps from one pixel of a row to the next. A stride is dilation * quotient + remainder.
  typedef struct packed {
    logic [7:0]        stride;  // quotient
    logic signed [8:0] over;    // remainder - dilation
    kwords_t           words;   // stride * tapStep
    kwords_t           words1;  // (stride + 1) * tapStep
    weights_addr_t     lines;   // likewise, lines of separate taps
    weights_addr_t     lines1;
    kwords_t           row_last;   // last word of a kernel row (separate taps: of a tap)
    weights_addr_t     row_lines;  // weights lines of a kernel row
  } walk_prep_t;

  // An output row at its first pixel, made by sf_walk_prep.
  typedef struct packed {
    pos_t          x;        // < 0: -x taps are clipped at the left
    pos_t          r;        // < 0: -r taps are clipped at the right
    logic [7:0]    x_rem;    // their remainders: input columns modulo the dilation
    logic [7:0]    r_rem;
    kwords_t       x_words;  // -x * tapStep
    kwords_t       r_words;  // r * tapStep
    weights_addr_t x_lines;  // -x * lines of a tap
    maps_addr_t    col;      // source column, base included
    maps_addr_t    out;
    maps_addr_t    src2;
    logic [15:0]   pixels;   // - 1
    logic          empty;    // no valid kernel row
    tap_t          rows;     // valid kernel rows - 1
    ring_t         row;      // ring offset of the first valid kernel row
    weights_addr_t line;     // its weights line
    logic          last;     // of the descriptor
  } walk_row_t;

  // One output pixel, ready to be walked.
  typedef struct packed {
    logic          last;    // of the descriptor
    logic          row_first;  // of an output row
    logic          last_row;   // in the descriptor's last row
    logic          empty;   // no valid tap
    tap_t          rows;    // valid kernel rows - 1
    tap_t          cols;    // valid kernel columns - 1
    ring_t         row;     // ring offset of the first valid kernel row
    maps_addr_t    col;     // column part of the first step, base included
    weights_addr_t line;    // weights line of the first step behind the parameters
    weights_addr_t steps;   // steps of a trace - 1
    logic [3:0]    head;    // first valid word of a trace's first step
    logic [3:0]    tail;    // last valid word of a trace's last step
    maps_addr_t    out;
    maps_addr_t    src2;
  } pixel_t;

  // A trace of a window: the steps of a kernel row or of a tap. At the step register: those that are left.
  typedef struct packed {
    maps_addr_t    addr;
    weights_addr_t line;
    weights_addr_t steps;  // - 1
    logic [3:0]    head;
    logic [3:0]    tail;
    logic          first;  // of the window
    logic          final_trace;  // of the window
    logic          single;  // one step
    logic          row_first;  // of an output row
    logic          last_row;
    logic          idle;
    maps_addr_t    out;
    logic          last_pixel;
  } mac_trace_t;

  // One step on its way through the MAC datapath.
  typedef struct packed {
    logic       valid;  // a step (also an idle one); else nothing or a parameter line
    logic       first;  // of a window
    logic       last;   // of a window
    logic       param;  // a parameter line
    logic [1:0] index;  // of the parameter line
    word_mask_t drop;   // lanes that do not count, by word of the line
    lg_t        lg;     // log2 lanes per output
    logic       depthwise;
    logic       slot;   // which of the two descriptors that may be in flight
  } mac_ctl_t;

  // Control of all vMACs, each signal in the cycle in which it is used (counted as in sf_vmac).
  typedef struct packed {
    word_mask_t drop;         // at 7: these lanes' weights are 0
    word_mask_t bias_load;    // at 7
    word_mask_t bias_clear;   // at 7
    logic       param;        // at 7: a parameter line,
    logic [2:0] param_place;  // slot and number of it
    logic       first;        // at 9: first step of a window
    logic       capture;      // at 10: the sums of a window are complete
    logic [16:11] run;        // at 11 + k and so on: a cycle k of a window's reduction
    logic       late10;       // stage 0 of the chains becomes 0
    logic       late11;
    logic       next10;       // stage 0 becomes the lane of the upper half
    logic [14:11] upper;      // the half of the lanes
    logic [3:1] count_low;    // the lane of stage i counts: at 10 + i
    logic [3:1] count_high;   // at 11 + i
    logic       wide14;       // g >= 8
    logic       wide15;
    logic       again15;      // the second half of 16 lanes
    logic       again16;
    logic       wide20;       // g >= 8: both results are result 0
  } vmac_ctl_t;

  // The outputs that a vMAC of its own treats in a cycle.
  typedef struct packed {
    logic [1:0][2:0] shift_place;  // at 16: slot and parameter line of words 0 and 2, of words 1 and 3,
    logic [1:0][1:0] shift_word;   // the words of the two outputs
    logic            swap20;       // result 0 is the odd output
  } vmac_pick_t;

  // What is known of a granule before its results are: kept beside the result FIFO.
  typedef struct packed {
    logic       last;
    logic       own;   // the own CU is the only target
    cu_mask_t   cus;
    maps_addr_t addr;
    word_mask_t mask;
  } meta_t;

  // Two results of a vMAC in one cycle.
  typedef struct packed {
    logic [1:0][15:0] words;
  } pair_t;

  // One operand read of VEC, or an idle step, on its way through the datapath.
  typedef struct packed {
    logic valid;
    logic idle;    // no valid tap: nothing was read
    logic load;    // takes the words as they are: no maximum, or its first operand
    logic store;   // what is there now is an operand of the lanes
    logic second;  // ... namely b
    logic last;    // of a chunk
  } vec_step_t;

  // A cycle of the lanes on a chunk: four of its words, of a table two of them.
  typedef struct packed {
    logic       valid;
    logic       last;   // of the chunk
    logic [1:0] group;
    logic       odd;    // table: words 2 and 3 of the group; of the sums of a table: every other cycle, also without a chunk
  } vec_work_t;

  // What the lanes of VEC need of a descriptor.
  typedef struct packed {
    logic               is_table;
    logic               is_sum;    // ... of sums
    logic               is_mul;
    logic               is_complement;  // by 2^shift - b
    logic               is_plain;  // nothing is added: max, mul
    logic [23:0]        power;     // max, add; complement: one more, as b comes inverted
    logic [5:0]         shift_out;
    logic [5:0]         shift_sum;
    logic signed [15:0] clamp_low;
    logic signed [15:0] clamp_high;
  } vec_late_t;
  parameter logic [2:0] VecMax = 3'd0;
  parameter logic [2:0] VecAdd = 3'd1;
  parameter logic [2:0] VecTable = 3'd2;
  parameter logic [2:0] VecMul = 3'd3;
  parameter logic [2:0] VecAddTable = 3'd4;
  // By so many cycles the look-up of a sum follows the sum in its lane: an odd number, as sums and look-ups take turns there.
  parameter int unsigned VecSumCycles = 7;
endpackage
