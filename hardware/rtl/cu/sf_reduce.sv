// Sums of a window's 16 accumulators by output: a held shadow, 8 lanes a cycle, an adder tree whose levels add or pass, two results a cycle.
// Specification: docs/microarchitecture.md, section 4 (O = max(2, 8 / g) cycles a window). Twin: computeOutput in src/simulator/data/mac-scalar.ts.
//
// Cycle k = 0 .. O - 1 of the window treats outputs 2k and 2k + 1 (g <= 4), k (g = 8), or half of output 0 (g = 16). For g = 1 and 2 the vMACs
// take their outputs in different orders (k is turned by Index), so that no two of them write the same word column of the result FIFO at once.
//
// capture_i at 10 (the sums are the accumulators' last) -> shadow 11 -> half 12 + k -> pairs 13 + k -> quads 14 + k -> eights 15 + k -> sum_o 16 + k.
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
  // ---------------------------------------------------------------- shadow and the window's cycles (11 + k)
  logic signed [NumLanes-1:0][47:0] shadow_q;
  logic       run_d, run_q, slot_q;
  lg_t        lg_q;
  logic [2:0] k_d, k_q, last_k;

  assign last_k = (lg_q == 3'd0) ? 3'd7 : (lg_q == 3'd1) ? 3'd3 : 3'd1;
  always_comb begin
    run_d = run_q;
    k_d = k_q + 3'd1;
    if (capture_i) begin
      run_d = 1'b1;
      k_d = '0;
    end else if (k_q == last_k) begin
      run_d = 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) run_q <= 1'b0;
    else run_q <= run_d;
  end
  always_ff @(posedge clk_i) begin
    k_q <= k_d;
    if (capture_i) begin
      shadow_q <= sums_i;
      lg_q <= lg_i;
      slot_q <= slot_i;
    end
  end

  logic [2:0] turn;
  always_comb begin
    unique case (lg_q)
      3'd0: turn = k_q + 3'(2 * Index);
      3'd1: turn = {1'b0, k_q[1:0] + 2'(2 * (Index / 2))};
      default: turn = {2'b0, k_q[0]};
    endcase
  end

  // ---------------------------------------------------------------- half of the lanes (12 + k)
  typedef struct packed {
    lg_t        lg;
    logic       slot;
    logic [2:0] turn;
  } stage_t;
  stage_t stage12_q, stage13_q, stage14_q, stage15_q;
  logic   upper;
  logic signed [7:0][47:0] half_q;
  assign upper = (lg_q == 3'd0) ? turn[2] : (lg_q == 3'd1) ? turn[1] : turn[0];
  // Nothing moves while no window is reduced.
  logic run12_q, run13_q, run14_q, run15_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {run12_q, run13_q, run14_q, run15_q} <= '0;
    else {run12_q, run13_q, run14_q, run15_q} <= {run_q, run12_q, run13_q, run14_q};
  end
  always_ff @(posedge clk_i) begin
    if (run_q) half_q <= upper ? shadow_q[15:8] : shadow_q[7:0];
    stage12_q <= '{lg: lg_q, slot: slot_q, turn: turn};
    stage13_q <= stage12_q;
    stage14_q <= stage13_q;
    stage15_q <= stage14_q;
  end

  // ---------------------------------------------------------------- pairs (13 + k), or single lanes
  logic signed [3:0][47:0] pair_d, pair_q;
  logic single, odd;
  assign single = stage12_q.lg == 3'd0;
  assign odd = single && stage12_q.turn[0];
  // Pair 2i: lanes 4i and 4i + 1, single: 4i or 4i + 2. Pair 2i + 1: lanes 4i + 3 and 4i + 2, single: 4i + 1 or 4i + 3.
  always_comb begin
    for (int unsigned i = 0; i < 2; i++) begin
      pair_d[2*i] = (odd ? half_q[4*i+2] : half_q[4*i]) + (single ? '0 : half_q[4*i+1]);
      pair_d[2*i+1] = (single && !odd ? half_q[4*i+1] : half_q[4*i+3]) + (single ? '0 : half_q[4*i+2]);
    end
  end
  always_ff @(posedge clk_i) if (run12_q) pair_q <= pair_d;

  // ---------------------------------------------------------------- quads (14 + k), or two of the pairs
  logic signed [1:0][47:0] quad_d, quad_q;
  logic few, high;
  assign few = stage13_q.lg <= 3'd1;
  assign high = few && ((stage13_q.lg == 3'd0) ? stage13_q.turn[1] : stage13_q.turn[0]);
  always_comb begin
    quad_d[0] = (high ? pair_q[2] : pair_q[0]) + (few ? '0 : pair_q[1]);
    quad_d[1] = (few && !high ? pair_q[1] : pair_q[3]) + (few ? '0 : pair_q[2]);
  end
  always_ff @(posedge clk_i) if (run13_q) quad_q <= quad_d;

  // ---------------------------------------------------------------- eights (15 + k), sixteens (16 + k)
  logic signed [1:0][47:0] eight_q, sum_q;
  logic signed [47:0]      first_half;  // the first half of 16 lanes
  assign first_half = (stage15_q.lg == 3'd4 && stage15_q.turn[0]) ? sum_q[0] : '0;
  always_ff @(posedge clk_i) begin
    if (run14_q) begin
      eight_q[0] <= quad_q[0] + (stage14_q.lg >= 3'd3 ? quad_q[1] : '0);
      eight_q[1] <= quad_q[1];
    end
    if (run15_q) begin
      sum_q[0] <= eight_q[0] + first_half;
      sum_q[1] <= eight_q[1];
    end
  end
  assign sum_o = sum_q;
  assign slot_o = stage15_q.slot;
  assign lg_o = stage15_q.lg;
  assign turn_o = stage15_q.turn;
endmodule
