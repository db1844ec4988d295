// The VEC unit's datapath: operands (of max the running maximum) into a FIFO, from there through four lanes to the columns of the result FIFO.
// Specification: docs/microarchitecture.md, section 5. Twin: src/simulator/data/vec.ts.
//
// Words of a read granted at p are here at p + 9 = 0 of the stages below, in the FIFO from 2 on. A group of four words (of a table: a half of it) whose
// cycle of T13 is c leaves the FIFO at c + 10 = 0', b a cycle behind a, and is in the result FIFO's columns at 9'.
module sf_vec_data
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic         clk_i,
  input  logic         rst_ni,
  input  vec_step_t    step_i,   // at p + 1
  input  vec_work_t    work_i,   // at c + 1
  input  vec_late_t    late_i,
  input  line_t        words_i,  // at p + 9
  // Activation table: an entry a cycle after its index
  output logic [1:0][7:0]  index_o,
  input  logic [1:0][31:0] base_i,
  input  logic [1:0][15:0] slope_i,
  // Result FIFO
  output word_mask_t   write_o,
  output logic [LineWords-1:0][VecFifoW-1:0] slot_o,
  output line_t        words_o
);
  localparam int unsigned Lanes = 4;
  localparam int unsigned Groups = LineWords / Lanes;
  typedef logic [Lanes-1:0][15:0] group_t;
  typedef logic [VecFifoW-1:0] slot_t;

  // ---------------------------------------------------------------- control beside port B's pipeline
  vec_step_t step;  // at 0
  vec_work_t work;  // at 0'
  sf_delay #(.Width($bits(vec_step_t)), .Cycles(8)) u_step (.clk_i, .rst_ni, .d_i(step_i), .q_o(step));
  sf_delay #(.Width($bits(vec_work_t)), .Cycles(9)) u_work (.clk_i, .rst_ni, .d_i(work_i), .q_o(work));

  // ---------------------------------------------------------------- 0: operands, the maximum so far
  line_t line_q;
  for (genvar i = 0; i < int'(LineWords); i++) begin : gen_word
    always_ff @(posedge clk_i) begin
      if (step.valid && step.idle) line_q[i] <= 16'h8000;
      else if (step.valid && (step.load || signed'(words_i[i]) > signed'(line_q[i]))) line_q[i] <= words_i[i];
    end
  end

  // ---------------------------------------------------------------- 1: into the FIFO; a and b of a chunk in places of their own
  logic  store_q, second_q, last_q;
  slot_t write_slot_q, read_slot_q, old_slot_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      store_q <= 1'b0;
      last_q <= 1'b0;
      write_slot_q <= '0;
      read_slot_q <= '0;
    end else begin
      store_q <= step.valid && step.store;
      last_q <= step.valid && step.last;
      if (last_q) write_slot_q <= write_slot_q + slot_t'(1);
      if (work.valid && work.last) read_slot_q <= read_slot_q + slot_t'(1);
    end
  end
  always_ff @(posedge clk_i) begin
    second_q <= step.second;
    old_slot_q <= read_slot_q;
  end

  // ---------------------------------------------------------------- 0': a; 1': b. A bank is read once a cycle: it gives b when another one gives a.
  group_t [Groups-1:0] bank;
  group_t              a_q, b_q;
  logic [1:0]          group_q;  // of b
  for (genvar g = 0; g < int'(Groups); g++) begin : gen_bank
    group_t           ram_q [2**(VecFifoW+1)];
    logic             is_a;
    slot_t            slot;
    assign is_a = work.group == 2'(g);
    // Behind the last group of a chunk the next chunk may follow at once.
    assign slot = (g == int'(Groups) - 1 && !is_a) ? old_slot_q : read_slot_q;
    always_ff @(posedge clk_i) begin
      if (store_q) ram_q[{write_slot_q, second_q}] <= line_q[Lanes*g +: Lanes];
    end
    assign bank[g] = ram_q[{slot, !is_a}];
  end
  // From here on nothing moves while no work is at 0' to 8'.
  logic [15:0] valid_q;  // work.valid 8 cycles ahead, 7, and so on
  logic        run_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      run_q <= 1'b0;
    end else begin
      valid_q <= {valid_q[14:0], work_i.valid};
      run_q <= valid_q[15:7] != '0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (run_q) begin
      a_q <= bank[work.group];
      group_q <= work.group;
      b_q <= bank[group_q];
    end
  end

  // ---------------------------------------------------------------- 1' to 9': lanes. A table serves lanes 0 and 1, then 2 and 3.
  vec_work_t work1, work9;
  sf_delay #(.Width($bits(vec_work_t)), .Cycles(1)) u_work1 (.clk_i, .rst_ni, .d_i(work), .q_o(work1));
  sf_delay #(.Width($bits(vec_work_t)), .Cycles(8)) u_work9 (.clk_i, .rst_ni, .d_i(work1), .q_o(work9));
  for (genvar l = 0; l < 2; l++) begin : gen_index
    logic [7:0] high;
    assign high = work1.odd ? a_q[2+l][15:8] : a_q[l][15:8];
    assign index_o[l] = {!high[7], high[6:0]};
  end
  group_t words;
  for (genvar l = 0; l < int'(Lanes); l++) begin : gen_lane
    sf_vec_lane u_lane (
      .clk_i, .run_i(run_q), .late_i, .a_i(a_q[l]), .b_i(b_q[l]), .base_i(base_i[l%2]), .slope_i(slope_i[l%2]), .word_o(words[l])
    );
  end

  // ---------------------------------------------------------------- 9': columns of the result FIFO
  slot_t slot_q;
  always_comb begin
    write_o = '0;
    if (work9.valid) begin
      for (int unsigned c = 0; c < LineWords; c++) begin
        write_o[c] = work9.group == 2'(c / Lanes) && (!late_i.is_table || work9.odd == 1'((c / 2) % 2));
      end
    end
  end
  for (genvar c = 0; c < int'(LineWords); c++) begin : gen_column
    assign words_o[c] = words[c%Lanes];
    assign slot_o[c] = slot_q;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) slot_q <= '0;
    else if (work9.valid && work9.last) slot_q <= slot_q + slot_t'(1);
  end
endmodule
