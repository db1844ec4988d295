// One token counter: tokens of one kind from one unit to another, up to 2^CountW = 128; one more is an error. Also counts lines for sf_fetch.
// Specification: docs/microarchitecture.md, sections 1 and 9 (T3). Twin: src/simulator/timing/tokens.ts.
//
// count_q is one less than the tokens, modulo 2^CountW, so that the carry chain tells both ends: no carry of −1 is the step to none, a carry of +1
// with tokens there is the step over the limit. The direction follows the registered signal alone: a start only enables.
module sf_token_counter #(
  parameter int unsigned CountW = 7
) (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic clear_i,
  input  logic give_i,
  input  logic take_i,      // only when there_o
  output logic there_o,     // registered: at least one token
  output logic overflow_o   // combinational: given to a full counter, even when one is taken as well
);
  logic [CountW-1:0] count_q;
  logic [CountW:0]   step;
  logic              there_q, change;

  assign change = give_i ^ take_i;
  assign step   = {1'b0, count_q} + {1'b0, {CountW{!give_i}}} + (CountW + 1)'(give_i);

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      count_q <= '1;
      there_q <= 1'b0;
    end else if (change) begin
      count_q <= step[CountW-1:0];
      there_q <= give_i || step[CountW];
    end
  end
  assign there_o    = there_q;
  assign overflow_o = give_i && there_q && step[CountW];
endmodule
