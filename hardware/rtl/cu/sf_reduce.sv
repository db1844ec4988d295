// The lanes of a vMAC, and the sums of a window's 16 accumulators by output: held shadows, 8 lanes a cycle, two chains of four additions, two results a cycle.
// Specification: docs/microarchitecture.md, section 4 (O = max(2, 8 / g) cycles a window; what cycle k treats: sf_vmac_ctl).
// Twin: computeOutput in src/simulator/data/mac-scalar.ts.
//
// A chain sums lanes 0 to 3 (4 to 7) of a half, one after the other: stage 0 holds the first one, stages 1 to 3 add one each or, for g <= 2, 0 in its
// place. An adder's carry chain has room for that and for the choice of the half at its second operand; a tree would need multiplexers of their own for
// the first operands of all its pairs. Later stages see a window later: its lanes are handed on from register to register meanwhile, as the next
// window's may follow two cycles behind.
//
// A carry through 48 bits is too long for a cycle: the low bits are added a cycle ahead of the high bits, and their carry is registered.
// Capture at 10 (the sums are the accumulators' last) -> low bits: stage i 11 + k + i -> eights 15 + k -> 16 + k, 17 + k; high bits: stage i
// 12 + k + i -> eights 16 + k -> 17 + k = sum_o.
module sf_reduce
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
#(
  parameter int unsigned Index = 0  // of the vMAC
) (
  input  logic        clk_i,
  input  vmac_ctl_t   ctl_i,
  input  line_t       shared_i,     // as in sf_vmac
  input  line_t       own_i,
  input  logic        own_clear_i,
  input  line_t       weights_i,
  output logic signed [1:0][47:0] sum_o
);
  // ---------------------------------------------------------------- lanes
  logic signed [47:0] sums [NumLanes];
  for (genvar l = 0; l < int'(NumLanes); l++) begin : gen_lane
    sf_lane u_lane (
      .clk_i,
      .own_i(own_i[l]),
      .own_clear_i,
      .shared_i(shared_i[l]),
      .weight_i(weights_i[l]),
      .drop_i(ctl_i.drop[l]),
      .bias_i({weights_i[4*(l%4)+2], weights_i[4*(l%4)+1], weights_i[4*(l%4)]}),
      .bias_load_i(ctl_i.bias_load[l]),
      .bias_clear_i(ctl_i.bias_clear[l]),
      .first_i(ctl_i.first),
      .sum_o(sums[l])
    );
  end

  localparam int unsigned LowW = 24;
  localparam int unsigned HighW = 48 - LowW;
  localparam int unsigned Stages = 4;
  typedef logic [LowW-1:0] low_t;
  typedef logic [HighW-1:0] high_t;

  // Cycles of a window at 10 + i and its choices there; stage i of the low bits adds at 10 + i, that of the high bits at 11 + i.
  logic [Stages:1] run, upper;
  logic [Stages-1:1] count_low, count_high;  // by stage
  assign run = ctl_i.run[14:11];
  assign upper = ctl_i.upper;
  assign count_low = ctl_i.count_low;
  assign count_high = ctl_i.count_high;

  // ---------------------------------------------------------------- two chains: low bits of stage i at 11 + k + i, high bits at 12 + k + i
  low_t  chain_low [2];
  high_t chain_high [2];
  for (genvar c = 0; c < 2; c++) begin : gen_chain
    // The lane of stage i. For g = 1 stage k counts in cycle k: outputs whose places in their lines differ by vMAC and, modulo 2, by chain.
    localparam int unsigned Turn = (c == 0) ? Index % 4 : 3 - Index % 4;

    low_t  first_low_q, first_upper_low_q;
    high_t first_high_q;
    high_t [1:0] first_held_q;
    always_ff @(posedge clk_i) begin
      if (ctl_i.late10) first_low_q <= '0;
      else if (ctl_i.capture) first_low_q <= sums[4*c+Turn][LowW-1:0];
      else if (ctl_i.next10) first_low_q <= first_upper_low_q;
    end
    always_ff @(posedge clk_i) begin
      if (ctl_i.capture) begin
        first_upper_low_q <= sums[8+4*c+Turn][LowW-1:0];
        first_held_q <= {sums[8+4*c+Turn][47:LowW], sums[4*c+Turn][47:LowW]};
      end
    end
    always_ff @(posedge clk_i) begin
      if (ctl_i.late11) first_high_q <= '0;
      else if (run[1]) first_high_q <= first_held_q[upper[1]];
    end

    low_t  low [Stages];
    high_t high [Stages];
    assign low[0] = first_low_q;
    assign high[0] = first_high_q;
    for (genvar i = 1; i < int'(Stages); i++) begin : gen_stage
      localparam int unsigned Lane = 4 * c + (i ^ Turn);
      // Element d: the lanes' sums d cycles behind their capture. The upper half is wanted half a window later than the lower one: a cycle at least.
      localparam int unsigned Late = (i > 1) ? i - 2 : 0;
      low_t  lower_low_q [Late+1];
      low_t  upper_low_q [i];
      high_t lower_high_q [i];
      high_t upper_high_q [i+1];
      always_ff @(posedge clk_i) begin
        if (ctl_i.capture) begin
          {lower_high_q[0], lower_low_q[0]} <= sums[Lane];
          {upper_high_q[0], upper_low_q[0]} <= sums[8+Lane];
        end
      end
      for (genvar d = 1; d <= i; d++) begin : gen_late
        always_ff @(posedge clk_i) begin
          if (run[d]) upper_high_q[d] <= upper_high_q[d-1];
        end
        if (d < i) begin : gen_two
          always_ff @(posedge clk_i) begin
            if (run[d]) {upper_low_q[d], lower_high_q[d]} <= {upper_low_q[d-1], lower_high_q[d-1]};
          end
        end
        if (d <= int'(Late)) begin : gen_four
          always_ff @(posedge clk_i) begin
            if (run[d]) lower_low_q[d] <= lower_low_q[d-1];
          end
        end
      end

      // A second operand: one of two words or 0. Its lowest bit is made apart, and without a name of its own: of two operands Yosys takes the one with
      // fewer parts for the first, and a multiplexer in front of the first one would not fit the carry chain.
      low_t  low_q;
      high_t high_q;
      logic  carry_q;
      always_ff @(posedge clk_i) begin
        if (run[i]) begin
          {carry_q, low_q} <= {1'b0, low[i-1]} + {
            1'b0, count_low[i] ? (upper[i] ? upper_low_q[i-1][LowW-1:1] : lower_low_q[Late][LowW-1:1]) : '0,
            count_low[i] && (upper[i] ? upper_low_q[i-1][0] : lower_low_q[Late][0])
          };
        end
        if (run[i+1]) begin
          high_q <= high[i-1] + {
            count_high[i] ? (upper[i+1] ? upper_high_q[i][HighW-1:1] : lower_high_q[i-1][HighW-1:1]) : '0,
            count_high[i] && (upper[i+1] ? upper_high_q[i][0] : lower_high_q[i-1][0])
          } + high_t'(carry_q);
        end
      end
      assign low[i] = low_q;
      assign high[i] = high_q;
    end
    assign chain_low[c] = low[Stages-1];
    assign chain_high[c] = high[Stages-1];
  end

  // ---------------------------------------------------------------- eights (15 + k, 16 + k), sixteens (16 + k, 17 + k)
  low_t  [1:0] eight_low_q, sum_low_q, sum_low_last_q;
  high_t [1:0] eight_q, sum_q;
  logic        eight_carry_q, sum_carry_q;
  // Second operands that count or are 0, their lowest bits apart as above.
  always_ff @(posedge clk_i) begin
    if (ctl_i.run[14]) begin
      {eight_carry_q, eight_low_q[0]} <= {1'b0, chain_low[0]} + {
        1'b0, ctl_i.wide14 ? chain_low[1][LowW-1:1] : '0, ctl_i.wide14 && chain_low[1][0]
      };
      eight_low_q[1] <= chain_low[1];
    end
    if (ctl_i.run[15]) begin
      eight_q[0] <= chain_high[0] + {
        ctl_i.wide15 ? chain_high[1][HighW-1:1] : '0, ctl_i.wide15 && chain_high[1][0]
      } + high_t'(eight_carry_q);
      eight_q[1] <= chain_high[1];
      {sum_carry_q, sum_low_q[0]} <= {1'b0, eight_low_q[0]} + {
        1'b0, ctl_i.again15 ? sum_low_q[0][LowW-1:1] : '0, ctl_i.again15 && sum_low_q[0][0]
      };
      sum_low_q[1] <= eight_low_q[1];
    end
    if (ctl_i.run[16]) begin
      sum_low_last_q <= sum_low_q;
      sum_q[0] <= eight_q[0] + {
        ctl_i.again16 ? sum_q[0][HighW-1:1] : '0, ctl_i.again16 && sum_q[0][0]
      } + high_t'(sum_carry_q);
      sum_q[1] <= eight_q[1];
    end
  end
  assign sum_o[0] = {sum_q[0], sum_low_last_q[0]};
  assign sum_o[1] = {sum_q[1], sum_low_last_q[1]};

  logic unused_ctl;
  assign unused_ctl = ^ctl_i;
endmodule
