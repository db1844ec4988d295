// Rotates a line to the left by 0 to 15 words in two registered 4:1 stages: word i of the result is word (i + amount) mod 16. Latency 2; stages without a line
// keep what they have.
// With right_i the other way round: word (i + amount) mod 16 of the result is word i.
// Specification: docs/microarchitecture.md, section 2 (start anywhere).
module sf_rotate
  import sf_pkg::*;
  import sf_types_pkg::*;
#(
  parameter bit Right = 1'b0
) (
  input  logic       clk_i,
  input  logic       run_i,    // there is a line
  input  line_t      words_i,
  input  logic [3:0] amount_i,
  output line_t      words_o
);
  // Selections in Gray code: in binary, neighbours would share halves of their multiplexers, and synthesis makes two LUTs a bit of what fits one.
  line_t      fine_q, coarse_q;
  logic [1:0] fine_code, coarse_code_q;
  logic       run_q;
  assign fine_code = {amount_i[1], amount_i[1] ^ amount_i[0]};

  for (genvar i = 0; i < int'(LineWords); i++) begin : gen_word
    // Word 0 of the stage's four candidates is the one of amount 0, and so on.
    localparam int unsigned Step = Right ? LineWords - 1 : 1;
    logic [3:0][15:0] fine, coarse;
    for (genvar k = 0; k < 4; k++) begin : gen_candidate
      assign fine[k] = words_i[(i + k * int'(Step)) % int'(LineWords)];
      assign coarse[k] = fine_q[(i + 4 * k * int'(Step)) % int'(LineWords)];
    end
    always_ff @(posedge clk_i) begin
      if (run_i) fine_q[i] <= fine_code[0] ? (fine_code[1] ? fine[2] : fine[1]) : (fine_code[1] ? fine[3] : fine[0]);
      if (run_q) coarse_q[i] <= coarse_code_q[0] ? (coarse_code_q[1] ? coarse[2] : coarse[1]) : (coarse_code_q[1] ? coarse[3] : coarse[0]);
    end
  end
  always_ff @(posedge clk_i) run_q <= run_i;
  always_ff @(posedge clk_i) coarse_code_q <= {amount_i[3], amount_i[3] ^ amount_i[2]};
  assign words_o = coarse_q;
endmodule
