// One token counter: tokens of one kind from one unit to another. 8 bits; a token more than 255 is an error and is dropped.
// Specification: docs/microarchitecture.md, sections 1 and 9 (T3). Twin: src/simulator/timing/tokens.ts.
module sf_token_counter (
  input  logic clk_i,
  input  logic rst_ni,
  input  logic clear_i,
  input  logic give_i,
  input  logic take_i,      // only when there_o
  output logic there_o,     // registered: at least one token
  output logic overflow_o   // combinational: given to a full counter
);
  logic [7:0] count_q, count_d;
  logic       there_q;

  assign overflow_o = give_i && !take_i && count_q == '1;
  assign count_d    = take_i ? count_q - 8'd1 : count_q + 8'd1;

  always_ff @(posedge clk_i) begin
    if (!rst_ni || clear_i) begin
      count_q <= '0;
      there_q <= 1'b0;
    end else if (give_i != take_i && !overflow_o) begin
      count_q <= count_d;
      there_q <= count_d != '0;
    end
  end
  assign there_o = there_q;
endmodule
