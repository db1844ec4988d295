// Rotates a line to the left by 0 to 15 words in two registered 4:1 stages: word i of the result is word (i + amount) mod 16. Latency 2.
// With right_i the other way round: word (i + amount) mod 16 of the result is word i.
// Specification: docs/microarchitecture.md, section 2 (start anywhere).
module sf_rotate
  import sf_pkg::*;
  import sf_types_pkg::*;
#(
  parameter bit Right = 1'b0
) (
  input  logic       clk_i,
  input  line_t      words_i,
  input  logic [3:0] amount_i,
  output line_t      words_o
);
  line_t      fine_d, fine_q, coarse_d, coarse_q;
  logic [1:0] coarse_amount_q;

  for (genvar i = 0; i < int'(LineWords); i++) begin : gen_word
    if (Right) begin : gen_right
      assign fine_d[i] = words_i[4'(i) - 4'(amount_i[1:0])];
      assign coarse_d[i] = fine_q[4'(i) - {coarse_amount_q, 2'b0}];
    end else begin : gen_left
      assign fine_d[i] = words_i[4'(i) + 4'(amount_i[1:0])];
      assign coarse_d[i] = fine_q[4'(i) + {coarse_amount_q, 2'b0}];
    end
  end

  always_ff @(posedge clk_i) begin
    fine_q <= fine_d;
    coarse_amount_q <= amount_i[3:2];
    coarse_q <= coarse_d;
  end
  assign words_o = coarse_q;
endmodule
