// Sums of a window's 16 accumulators by output: held shadows, 8 lanes a cycle, an adder tree, two results a cycle.
// Specification: docs/microarchitecture.md, section 4 (O = max(2, 8 / g) cycles a window). Twin: computeOutput in src/simulator/data/mac-scalar.ts.
//
// Cycle k = 0 .. O - 1 of the window treats two outputs (g <= 4), output k (g = 8), or half of output 0 (g = 16); the lower eight lanes come first.
// g = 4: outputs 2k and 2k + 1. g = 2: outputs 2t and 2t + 1. g = 1: of four outputs 0 and 3, or 1 and 2. For g = 1 and 2 the vMACs take their
// outputs in different orders (k is turned by Index), so that no two of them write the same word column of the result FIFO at once.
//
// Pairs of lanes: an adder's carry chain has room for a multiplexer of its second operand, not of its first. So the lane that is the first operand
// is held in a register of its own, which goes from the lower to the upper half of the lanes and to 0; the second one is chosen at the adder. For
// g = 1 the first lanes of both pairs are treated first, with 0 as second operand, then the second lanes, with 0 as first one.
//
// A carry through 48 bits is too long for a cycle: the low bits are added a cycle ahead of the high bits, and their carry is registered.
// capture_i at 10 (the sums are the accumulators' last) -> operands 11 + k -> low bits: pairs 12 + k -> quads 13 + k -> eights 14 + k -> 15 + k, 16 + k;
// high bits: first operand 12 + k -> pairs 13 + k -> quads 14 + k -> eights 15 + k -> 16 + k = sum_o.
module sf_reduce
  import sf_pkg::*;
  import sf_cu_pkg::*;
#(
  parameter int unsigned Index = 0  // of the vMAC
) (
  input  logic        clk_i,
  input  logic        rst_ni,
  input  logic signed [NumLanes-1:0][47:0] sums_i,
  input  logic        capture_i,
  input  lg_t         lg_i,    // with capture_i
  input  logic        slot_i,  // with capture_i
  output logic signed [1:0][47:0] sum_o,
  // Cycle 15 + k: which parameters belong to the sums of the next cycle.
  output logic        slot_o,
  output lg_t         lg_o,
  output logic [2:0]  turn_o  // k, turned: g = 1: four outputs, then 0: 0 and 3, 1: 1 and 2 of them; g = 2: two outputs; else k
);
  localparam int unsigned LowW = 24;
  localparam int unsigned HighW = 48 - LowW;
  localparam logic [1:0] Turn = 2'(Index);
  typedef logic [LowW-1:0] low_t;
  typedef logic [HighW-1:0] high_t;
  typedef struct packed {
    lg_t        lg;
    logic       slot;
    logic [2:0] turn;
  } stage_t;

  // Sum of the low bits with its carry; sum of the high bits with the carry of the low ones.
  function automatic logic [LowW:0] add_low(low_t a, low_t b);
    return {1'b0, a} + {1'b0, b};
  endfunction
  function automatic high_t add_high(high_t a, high_t b, logic carry);
    return a + b + high_t'(carry);
  endfunction
  // A second operand: one of two words or 0. Its lowest bit is made apart: of two operands Yosys takes the one with fewer parts for the first, and a
  // multiplexer in front of the first one would not fit the carry chain.
  function automatic low_t pick_low(logic count, logic which, low_t word1, low_t word0);
    return {count ? (which ? word1[LowW-1:1] : word0[LowW-1:1]) : '0, count && (which ? word1[0] : word0[0])};
  endfunction
  function automatic high_t pick_high(logic count, logic which, high_t word1, high_t word0);
    return {count ? (which ? word1[HighW-1:1] : word0[HighW-1:1]) : '0, count && (which ? word1[0] : word0[0])};
  endfunction

  // ---------------------------------------------------------------- the window's cycles (11 + k)
  logic       run_d, run_q, run12_q, run13_q, run14_q, run15_q;
  logic [2:0] k_d, k_q, last_k;
  stage_t     stage11_d, stage11_q, stage12_q, stage13_q, stage14_q, stage15_q;
  logic       upper_d, upper_q, upper12_q;     // the half of the lanes
  logic       late_d, late_q;                  // the first operands are 0
  logic       second_d, second_q, second12_q;  // the second operands are not 0
  logic [1:0] clear_d, clear_q, clear12_q;     // pairs 0 and 1, pairs 2 and 3 do not count

  assign last_k = (stage11_q.lg == 3'd0) ? 3'd7 : (stage11_q.lg == 3'd1) ? 3'd3 : 3'd1;
  always_comb begin
    run_d = run_q;
    k_d = k_q + 3'd1;
    stage11_d.lg = stage11_q.lg;
    stage11_d.slot = stage11_q.slot;
    if (capture_i) begin
      run_d = 1'b1;
      k_d = '0;
      stage11_d.lg = lg_i;
      stage11_d.slot = slot_i;
    end else if (k_q == last_k) begin
      run_d = 1'b0;
    end
    late_d = 1'b0;
    second_d = 1'b1;
    clear_d = 2'b00;
    unique case (stage11_d.lg)
      3'd0: begin
        upper_d = k_d[2];
        late_d = k_d[1];
        second_d = k_d[1];
        clear_d = (k_d[0] ^ Turn[0]) ? 2'b01 : 2'b10;
        stage11_d.turn = {k_d[2], k_d[0] ^ Turn[0], k_d[1] ^ Turn[1]};
      end
      3'd1: begin
        upper_d = k_d[1];
        clear_d = (k_d[0] ^ Turn[1]) ? 2'b01 : 2'b10;
        stage11_d.turn = {1'b0, k_d[1], k_d[0] ^ Turn[1]};
      end
      default: begin
        upper_d = k_d[0];
        stage11_d.turn = {2'b0, k_d[0]};
      end
    endcase
  end
  // Nothing moves while no window is reduced. The stages have a reset so that they become registers, not slow shift registers.
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {run_q, run12_q, run13_q, run14_q, run15_q} <= '0;
      {stage11_q, stage12_q, stage13_q, stage14_q, stage15_q} <= '0;
    end else begin
      {run_q, run12_q, run13_q, run14_q, run15_q} <= {run_d, run_q, run12_q, run13_q, run14_q};
      {stage11_q, stage12_q, stage13_q, stage14_q, stage15_q} <= {stage11_d, stage11_q, stage12_q, stage13_q, stage14_q};
    end
  end
  always_ff @(posedge clk_i) begin
    k_q <= k_d;
    late_q <= late_d;
    {upper_q, upper12_q} <= {upper_d, upper_q};
    {second_q, second12_q} <= {second_d, second_q};
    {clear_q, clear12_q} <= {clear_d, clear_q};
  end

  // ---------------------------------------------------------------- pairs of lanes: low bits (12 + k), high bits (13 + k)
  low_t  [3:0] pair_low_q;
  high_t [3:0] pair_q;
  logic  [3:0] pair_carry_q;
  for (genvar i = 0; i < 4; i++) begin : gen_pair
    // Lanes 2i and 2i + 1 of a half: for g = 1, first operands of neighbouring pairs are outputs 0 and 3 of four, or 1 and 2.
    localparam int unsigned First = 2 * i + ((i % 2) ^ (int'(Index) / 2 % 2));
    localparam int unsigned Second = 2 * i + 1 - ((i % 2) ^ (int'(Index) / 2 % 2));
    low_t        first_low_q, first_upper_low_q;
    low_t  [1:0] second_low_q;
    high_t       first_q;
    high_t [1:0] first_high_q, second_high_q;
    high_t       second_upper_q;  // a cycle later, as the next window's may follow
    always_ff @(posedge clk_i) begin
      if (late_d) first_low_q <= '0;
      else if (capture_i) first_low_q <= sums_i[First][LowW-1:0];
      else if (run_q && upper_d) first_low_q <= first_upper_low_q;
    end
    always_ff @(posedge clk_i) begin
      if (capture_i) begin
        first_upper_low_q <= sums_i[8+First][LowW-1:0];
        first_high_q <= {sums_i[8+First][47:LowW], sums_i[First][47:LowW]};
        second_low_q <= {sums_i[8+Second][LowW-1:0], sums_i[Second][LowW-1:0]};
        second_high_q <= {sums_i[8+Second][47:LowW], sums_i[Second][47:LowW]};
      end
      if (run_q) second_upper_q <= second_high_q[1];
    end
    always_ff @(posedge clk_i) begin
      if (late_q) first_q <= '0;
      else if (run_q) first_q <= upper_q ? first_high_q[1] : first_high_q[0];
    end
    always_ff @(posedge clk_i) begin
      if (clear_q[i/2]) {pair_carry_q[i], pair_low_q[i]} <= '0;
      else if (run_q) {pair_carry_q[i], pair_low_q[i]} <= add_low(first_low_q, pick_low(second_q, upper_q, second_low_q[1], second_low_q[0]));
    end
    always_ff @(posedge clk_i) begin
      if (clear12_q[i/2]) pair_q[i] <= '0;
      else if (run12_q) pair_q[i] <= add_high(first_q, pick_high(second12_q, upper12_q, second_upper_q, second_high_q[0]), pair_carry_q[i]);
    end
  end

  // ---------------------------------------------------------------- quads (13 + k, 14 + k), g <= 2: pairs 0 and 1 or 2 and 3, as the others are 0
  logic        low_few, few;
  low_t  [1:0] quad_low_q;
  high_t [1:0] quad_q;
  logic  [1:0] quad_carry_q;
  assign low_few = stage12_q.lg <= 3'd1;
  assign few = stage13_q.lg <= 3'd1;
  always_ff @(posedge clk_i) begin
    if (run12_q) begin
      {quad_carry_q[0], quad_low_q[0]} <= add_low(pair_low_q[0], pick_low(1'b1, low_few, pair_low_q[2], pair_low_q[1]));
      {quad_carry_q[1], quad_low_q[1]} <= add_low(pair_low_q[3], pick_low(1'b1, low_few, pair_low_q[1], pair_low_q[2]));
    end
    if (run13_q) begin
      quad_q[0] <= add_high(pair_q[0], pick_high(1'b1, few, pair_q[2], pair_q[1]), quad_carry_q[0]);
      quad_q[1] <= add_high(pair_q[3], pick_high(1'b1, few, pair_q[1], pair_q[2]), quad_carry_q[1]);
    end
  end

  // ---------------------------------------------------------------- eights (14 + k, 15 + k), sixteens (15 + k, 16 + k)
  low_t  [1:0] eight_low_q, sum_low_q, sum_low_last_q;
  high_t [1:0] eight_q, sum_q;
  logic        eight_carry_q, sum_carry_q;
  logic        low_again, again;  // the second half of 16 lanes
  assign low_again = stage14_q.lg == 3'd4 && stage14_q.turn[0];
  assign again = stage15_q.lg == 3'd4 && stage15_q.turn[0];
  always_ff @(posedge clk_i) begin
    if (run13_q) begin
      {eight_carry_q, eight_low_q[0]} <= add_low(quad_low_q[0], pick_low(stage13_q.lg >= 3'd3, 1'b0, '0, quad_low_q[1]));
      eight_low_q[1] <= quad_low_q[1];
    end
    if (run14_q) begin
      eight_q[0] <= add_high(quad_q[0], pick_high(stage14_q.lg >= 3'd3, 1'b0, '0, quad_q[1]), eight_carry_q);
      eight_q[1] <= quad_q[1];
      {sum_carry_q, sum_low_q[0]} <= add_low(eight_low_q[0], pick_low(low_again, 1'b0, '0, sum_low_q[0]));
      sum_low_q[1] <= eight_low_q[1];
    end
    if (run15_q) begin
      sum_low_last_q <= sum_low_q;
      sum_q[0] <= add_high(eight_q[0], pick_high(again, 1'b0, '0, sum_q[0]), sum_carry_q);
      sum_q[1] <= eight_q[1];
    end
  end
  assign sum_o[0] = {sum_q[0], sum_low_last_q[0]};
  assign sum_o[1] = {sum_q[1], sum_low_last_q[1]};
  assign slot_o = stage15_q.slot;
  assign lg_o = stage15_q.lg;
  assign turn_o = stage15_q.turn;
endmodule
