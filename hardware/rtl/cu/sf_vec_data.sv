// The VEC unit's datapath: operands (of max the running maximum) into a FIFO, from there through four lanes to the columns of the result FIFO.
// Specification: docs/microarchitecture.md, section 5. Twin: src/simulator/data/vec.ts.
//
// Words of a read granted at p are here at p + 9 = 0 of the stages below, in the FIFO from 2 on. A group of four words (of a table: a half of it) whose
// cycle of T13 is c leaves the FIFO at c + 10 = 0', b a cycle behind a, and is in the result FIFO's columns at 9'. Sums that a table is asked for are there at
// 8', which is 1' of their look-up: lanes 0 and 1 add in one cycle and look up in the next, lanes 2 and 3 the other way round.
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
  // From here on nothing moves while no work is at 0' to 8', or, of sums, at 8' of their look-up.
  logic [15+VecSumCycles:0] valid_q;  // work.valid 8 cycles ahead, 7, and so on
  logic        run_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= '0;
      run_q <= 1'b0;
    end else begin
      valid_q <= {valid_q[14+VecSumCycles:0], work_i.valid};
      run_q <= valid_q[15:7] != '0 || (late_i.is_sum && valid_q[15+VecSumCycles:16] != '0);
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
  vec_work_t work1, work8, work9;
  sf_delay #(.Width($bits(vec_work_t)), .Cycles(1)) u_work1 (.clk_i, .rst_ni, .d_i(work), .q_o(work1));
  sf_delay #(.Width($bits(vec_work_t)), .Cycles(VecSumCycles)) u_work8 (.clk_i, .rst_ni, .d_i(work1), .q_o(work8));
  sf_delay #(.Width($bits(vec_work_t)), .Cycles(8)) u_work9 (.clk_i, .rst_ni, .d_i(late_i.is_sum ? work8 : work1), .q_o(work9));
  group_t                words;
  logic [Lanes-1:0][7:0] high, sum;  // of sums at 8'
  logic [Lanes-1:0]      beyond, sign;
  for (genvar l = 0; l < 2; l++) begin : gen_index
    logic [7:0] asked;
    always_comb begin
      unique case ({late_i.is_sum, work1.odd})
        2'b00: asked = a_q[l][15:8];
        2'b01: asked = a_q[2+l][15:8];
        2'b10: asked = sum[2+l];
        default: asked = sum[l];
      endcase
    end
    assign index_o[l] = {!asked[7], asked[6:0]};
  end

  // Two lanes' turn: what is at 1' and at 2' looks up; shifts of what will be at 5', 6' and 7' in the cycle after. The next descriptor's turns may begin behind 2'.
  logic [1:0]       look1, look2_q;
  logic [1:0][23:0] power_q;  // at 2'
  logic [1:0][5:0]  shift_q;
  logic [5:1]       odd_q;  // work1.odd so many cycles ago
  always_ff @(posedge clk_i) begin
    if (run_q) odd_q <= {odd_q[4:1], work1.odd};
  end
  for (genvar p = 0; p < 2; p++) begin : gen_turn
    assign look1[p] = late_i.is_table && !(late_i.is_sum && work1.odd == 1'(p));
    always_ff @(posedge clk_i) begin
      if (look1[p]) power_q[p] <= '0;
      else if (run_q) power_q[p] <= late_i.power;
      if (run_q) begin
        look2_q[p] <= look1[p];
        shift_q[p][5:4] <= (late_i.is_sum && odd_q[3] == 1'(p)) ? late_i.shift_sum[5:4] : late_i.shift_out[5:4];
        shift_q[p][3:2] <= (late_i.is_sum && odd_q[4] == 1'(p)) ? late_i.shift_sum[3:2] : late_i.shift_out[3:2];
        shift_q[p][1:0] <= (late_i.is_sum && odd_q[5] == 1'(p)) ? late_i.shift_sum[1:0] : late_i.shift_out[1:0];
      end
    end
  end
  for (genvar l = 0; l < int'(Lanes); l++) begin : gen_lane
    sf_vec_lane u_lane (
      .clk_i, .run_i(run_q), .late_i, .look1_i(look1[l/2]), .look2_i(look2_q[l/2]), .power_i(power_q[l/2]), .shift_i(shift_q[l/2]), .a_i(a_q[l]), .b_i(b_q[l]),
      .base_i(base_i[l%2]), .slope_i(slope_i[l%2]), .high_o(high[l]), .beyond_o(beyond[l]), .sign_o(sign[l]), .word_o(words[l])
    );
    assign sum[l] = beyond[l] ? {sign[l], {7{!sign[l]}}} : high[l];
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
