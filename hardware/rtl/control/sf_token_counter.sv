// Token counters of one unit: tokens of one kind from some units (Number of them), up to 2^CountW = 128 each; one more is an error. Also counts lines
// for sf_fetch.
// Specification: docs/microarchitecture.md, sections 1 and 9 (T3). Twin: src/simulator/timing/tokens.ts.
//
// count_q is one less than the tokens, modulo 2^CountW, so that the carry chain tells both ends: no carry of −1 is the step to none, a carry of +1
// with tokens there is the step over the limit. The direction follows the registered signal alone: a start only enables.
// A row of counters is one vector, written where something moves, for the sake of simulation: nearly all of them rest.
module sf_token_counter #(
  parameter int unsigned CountW = 7,
  parameter int unsigned Number = 1
) (
  input  logic              clk_i,
  input  logic              rst_ni,
  input  logic              clear_i,
  input  logic [Number-1:0] give_i,
  input  logic [Number-1:0] take_i,      // only when there_o
  output logic [Number-1:0] there_o,     // registered: at least one token
  output logic [Number-1:0] overflow_o   // combinational: given to a full counter, even when one is taken as well
);
  logic [Number-1:0][CountW-1:0] count_q;
  logic [Number-1:0]             there_q, moves;

  function automatic logic [CountW:0] step(logic [CountW-1:0] count, logic give);
    return {1'b0, count} + {1'b0, {CountW{!give}}} + (CountW + 1)'(give);
  endfunction
  // there_q and count_q after it.
  function automatic logic [CountW:0] next(logic [CountW-1:0] count, logic give);
    logic [CountW:0] sum;
    sum = step(count, give);
    return {give || sum[CountW], sum[CountW-1:0]};
  endfunction
  function automatic logic carries(logic [CountW-1:0] count, logic give);
    logic [CountW:0] sum;
    sum = step(count, give);
    return sum[CountW];
  endfunction

  assign moves = give_i ^ take_i;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      count_q <= '1;
      there_q <= '0;
    end else if (moves != '0) begin
      for (int unsigned i = 0; i < Number; i++) begin
        if (moves[i]) {there_q[i], count_q[i]} <= next(count_q[i], give_i[i]);
      end
    end
  end
  always_comb begin
    overflow_o = '0;
    if (give_i != '0) begin
      for (int unsigned i = 0; i < Number; i++) begin
        if (give_i[i]) overflow_o[i] = there_q[i] && carries(count_q[i], give_i[i]);
      end
    end
  end
  assign there_o = there_q;
endmodule
