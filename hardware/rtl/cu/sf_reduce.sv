// Sums of a window's 16 accumulators by output: held shadows, 8 lanes a cycle, an adder tree, two results a cycle.
// Specification: docs/microarchitecture.md, section 4 (O = max(2, 8 / g) cycles a window; what cycle k treats: sf_vmac_ctl).
// Twin: computeOutput in src/simulator/data/mac-scalar.ts.
//
// Pairs of lanes: an adder's carry chain has room for a multiplexer of its second operand, not of its first. So the lane that is the first operand
// is held in a register of its own, which goes from the lower to the upper half of the lanes and to 0; the second one is chosen at the adder. For
// g = 1 the first lanes of both pairs are treated first, with 0 as second operand, then the second lanes, with 0 as first one.
//
// A carry through 48 bits is too long for a cycle: the low bits are added a cycle ahead of the high bits, and their carry is registered.
// Capture at 10 (the sums are the accumulators' last) -> operands 11 + k -> low bits: pairs 12 + k -> quads 13 + k -> eights 14 + k -> 15 + k, 16 + k;
// high bits: first operand 12 + k -> pairs 13 + k -> quads 14 + k -> eights 15 + k -> 16 + k = sum_o.
module sf_reduce
  import sf_pkg::*;
  import sf_cu_pkg::*;
#(
  parameter int unsigned Index = 0  // of the vMAC
) (
  input  logic        clk_i,
  input  vmac_ctl_t   ctl_i,
  input  logic signed [47:0] sums_i [NumLanes],
  output logic signed [1:0][47:0] sum_o
);
  localparam int unsigned LowW = 24;
  localparam int unsigned HighW = 48 - LowW;
  typedef logic [LowW-1:0] low_t;
  typedef logic [HighW-1:0] high_t;

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
      if (ctl_i.late10) first_low_q <= '0;
      else if (ctl_i.capture) first_low_q <= sums_i[First][LowW-1:0];
      else if (ctl_i.next10) first_low_q <= first_upper_low_q;
    end
    always_ff @(posedge clk_i) begin
      if (ctl_i.capture) begin
        first_upper_low_q <= sums_i[8+First][LowW-1:0];
        first_high_q <= {sums_i[8+First][47:LowW], sums_i[First][47:LowW]};
        second_low_q <= {sums_i[8+Second][LowW-1:0], sums_i[Second][LowW-1:0]};
        second_high_q <= {sums_i[8+Second][47:LowW], sums_i[Second][47:LowW]};
      end
      if (ctl_i.run11) second_upper_q <= second_high_q[1];
    end
    always_ff @(posedge clk_i) begin
      if (ctl_i.late11) first_q <= '0;
      else if (ctl_i.run11) first_q <= ctl_i.upper11 ? first_high_q[1] : first_high_q[0];
    end
    always_ff @(posedge clk_i) begin
      if (ctl_i.clear11[i/2]) {pair_carry_q[i], pair_low_q[i]} <= '0;
      else if (ctl_i.run11) {pair_carry_q[i], pair_low_q[i]} <= add_low(first_low_q, pick_low(ctl_i.second11, ctl_i.upper11, second_low_q[1], second_low_q[0]));
    end
    always_ff @(posedge clk_i) begin
      if (ctl_i.clear12[i/2]) pair_q[i] <= '0;
      else if (ctl_i.run12) pair_q[i] <= add_high(first_q, pick_high(ctl_i.second12, ctl_i.upper12, second_upper_q, second_high_q[0]), pair_carry_q[i]);
    end
  end

  // ---------------------------------------------------------------- quads (13 + k, 14 + k), g <= 2: pairs 0 and 1 or 2 and 3, as the others are 0
  low_t  [1:0] quad_low_q;
  high_t [1:0] quad_q;
  logic  [1:0] quad_carry_q;
  always_ff @(posedge clk_i) begin
    if (ctl_i.run12) begin
      {quad_carry_q[0], quad_low_q[0]} <= add_low(pair_low_q[0], pick_low(1'b1, ctl_i.few12, pair_low_q[2], pair_low_q[1]));
      {quad_carry_q[1], quad_low_q[1]} <= add_low(pair_low_q[3], pick_low(1'b1, ctl_i.few12, pair_low_q[1], pair_low_q[2]));
    end
    if (ctl_i.run13) begin
      quad_q[0] <= add_high(pair_q[0], pick_high(1'b1, ctl_i.few13, pair_q[2], pair_q[1]), quad_carry_q[0]);
      quad_q[1] <= add_high(pair_q[3], pick_high(1'b1, ctl_i.few13, pair_q[1], pair_q[2]), quad_carry_q[1]);
    end
  end

  // ---------------------------------------------------------------- eights (14 + k, 15 + k), sixteens (15 + k, 16 + k)
  low_t  [1:0] eight_low_q, sum_low_q, sum_low_last_q;
  high_t [1:0] eight_q, sum_q;
  logic        eight_carry_q, sum_carry_q;
  always_ff @(posedge clk_i) begin
    if (ctl_i.run13) begin
      {eight_carry_q, eight_low_q[0]} <= add_low(quad_low_q[0], pick_low(ctl_i.wide13, 1'b0, '0, quad_low_q[1]));
      eight_low_q[1] <= quad_low_q[1];
    end
    if (ctl_i.run14) begin
      eight_q[0] <= add_high(quad_q[0], pick_high(ctl_i.wide14, 1'b0, '0, quad_q[1]), eight_carry_q);
      eight_q[1] <= quad_q[1];
      {sum_carry_q, sum_low_q[0]} <= add_low(eight_low_q[0], pick_low(ctl_i.again14, 1'b0, '0, sum_low_q[0]));
      sum_low_q[1] <= eight_low_q[1];
    end
    if (ctl_i.run15) begin
      sum_low_last_q <= sum_low_q;
      sum_q[0] <= add_high(eight_q[0], pick_high(ctl_i.again15, 1'b0, '0, sum_q[0]), sum_carry_q);
      sum_q[1] <= eight_q[1];
    end
  end
  assign sum_o[0] = {sum_q[0], sum_low_last_q[0]};
  assign sum_o[1] = {sum_q[1], sum_low_last_q[1]};

  logic unused_ctl;
  assign unused_ctl = ^ctl_i;
endmodule
