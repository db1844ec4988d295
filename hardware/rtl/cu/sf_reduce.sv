// Sums of a window's 16 accumulators by output: a held shadow, 8 lanes a cycle, an adder tree, two results a cycle.
// Specification: docs/microarchitecture.md, section 4 (O = max(2, 8 / g) cycles a window). Twin: computeOutput in src/simulator/data/mac-scalar.ts.
//
// Cycle k = 0 .. O - 1 of the window treats two outputs (g <= 4), output k (g = 8), or half of output 0 (g = 16). g = 2, 4: outputs 2k and 2k + 1;
// g = 1: 4 (k / 2) + 0 and 3, then + 1 and 2, as these are in different pairs of lanes. For g = 1 and 2 the vMACs take their outputs in
// different orders (k is turned by Index), so that no two of them write the same word column of the result FIFO at once.
//
// A carry through 48 bits is too long for a cycle: the low bits are added a cycle ahead of the high bits, and their carry is registered.
// capture_i at 10 (the sums are the accumulators' last) -> shadow 11 -> low bits: pairs 12 + k -> quads 13 + k -> eights 14 + k -> 15 + k, 16 + k;
// high bits: half 12 + k -> pairs 13 + k -> quads 14 + k -> eights 15 + k -> 16 + k = sum_o.
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
  output logic [2:0]  turn_o  // k, turned
);
  localparam int unsigned LowW = 20;
  localparam int unsigned HighW = 48 - LowW;
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
    return a + b + HighW'(carry);
  endfunction

  // ---------------------------------------------------------------- shadow and the window's cycles (11 + k)
  logic signed [NumLanes-1:0][47:0] shadow_q;
  logic       run_d, run_q, run12_q, run13_q, run14_q, run15_q;
  logic [2:0] k_d, k_q, last_k;
  stage_t     stage11_d, stage11_q, stage12_q, stage13_q, stage14_q, stage15_q;
  logic       upper_d, upper_q;  // which half of the lanes
  // Lanes of the half that do not belong to this cycle's outputs count as 0: the adders behind need no multiplexers for single lanes.
  logic [7:0] clear_d, clear_q;

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
    unique case (stage11_d.lg)
      3'd0: begin
        stage11_d.turn = k_d + 3'(2 * Index);
        upper_d = stage11_d.turn[2];
        clear_d = (stage11_d.turn[0] ? 8'b1001_1001 : 8'b0110_0110) | (stage11_d.turn[1] ? 8'h0f : 8'hf0);
      end
      3'd1: begin
        stage11_d.turn = {1'b0, k_d[1:0] + 2'(2 * (Index / 2))};
        upper_d = stage11_d.turn[1];
        clear_d = stage11_d.turn[0] ? 8'h0f : 8'hf0;
      end
      default: begin
        stage11_d.turn = {2'b0, k_d[0]};
        upper_d = stage11_d.turn[0];
        clear_d = '0;
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
    upper_q <= upper_d;
    clear_q <= clear_d;
    if (capture_i) shadow_q <= sums_i;
  end

  // ---------------------------------------------------------------- half of the lanes: low bits at once, high bits registered (12 + k)
  low_t  [7:0] half_low;
  high_t [7:0] half_q;
  for (genvar i = 0; i < 8; i++) begin : gen_half
    assign half_low[i] = clear_q[i] ? '0 : upper_q ? shadow_q[8+i][LowW-1:0] : shadow_q[i][LowW-1:0];
    always_ff @(posedge clk_i) begin
      if (clear_q[i]) half_q[i] <= '0;
      else if (run_q) half_q[i] <= upper_q ? shadow_q[8+i][47:LowW] : shadow_q[i][47:LowW];
    end
  end

  // ---------------------------------------------------------------- pairs (12 + k low, 13 + k high)
  low_t  [3:0] pair_low_q;
  high_t [3:0] pair_q;
  logic  [3:0] pair_carry_q;
  for (genvar i = 0; i < 4; i++) begin : gen_pair
    always_ff @(posedge clk_i) begin
      if (run_q) {pair_carry_q[i], pair_low_q[i]} <= add_low(half_low[2*i], half_low[2*i+1]);
      if (run12_q) pair_q[i] <= add_high(half_q[2*i], half_q[2*i+1], pair_carry_q[i]);
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
      {quad_carry_q[0], quad_low_q[0]} <= add_low(pair_low_q[0], low_few ? pair_low_q[2] : pair_low_q[1]);
      {quad_carry_q[1], quad_low_q[1]} <= add_low(pair_low_q[3], low_few ? pair_low_q[1] : pair_low_q[2]);
    end
    if (run13_q) begin
      quad_q[0] <= add_high(pair_q[0], few ? pair_q[2] : pair_q[1], quad_carry_q[0]);
      quad_q[1] <= add_high(pair_q[3], few ? pair_q[1] : pair_q[2], quad_carry_q[1]);
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
      {eight_carry_q, eight_low_q[0]} <= add_low(quad_low_q[0], stage13_q.lg >= 3'd3 ? quad_low_q[1] : '0);
      eight_low_q[1] <= quad_low_q[1];
    end
    if (run14_q) begin
      eight_q[0] <= add_high(quad_q[0], stage14_q.lg >= 3'd3 ? quad_q[1] : '0, eight_carry_q);
      eight_q[1] <= quad_q[1];
      {sum_carry_q, sum_low_q[0]} <= add_low(eight_low_q[0], low_again ? sum_low_q[0] : '0);
      sum_low_q[1] <= eight_low_q[1];
    end
    if (run15_q) begin
      sum_low_last_q <= sum_low_q;
      sum_q[0] <= add_high(eight_q[0], again ? sum_q[0] : '0, sum_carry_q);
      sum_q[1] <= eight_q[1];
    end
  end
  assign sum_o[0] = {sum_q[0], sum_low_last_q[0]};
  assign sum_o[1] = {sum_q[1], sum_low_last_q[1]};
  assign slot_o = stage15_q.slot;
  assign lg_o = stage15_q.lg;
  assign turn_o = stage15_q.turn;
endmodule
