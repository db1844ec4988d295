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

  if (Right) begin : gen_right
    always_comb begin
      unique case (amount_i[1:0])
        2'd0: fine_d = words_i;
        2'd1: fine_d = {words_i[14:0], words_i[15]};
        2'd2: fine_d = {words_i[13:0], words_i[15:14]};
        default: fine_d = {words_i[12:0], words_i[15:13]};
      endcase
      unique case (coarse_amount_q)
        2'd0: coarse_d = fine_q;
        2'd1: coarse_d = {fine_q[11:0], fine_q[15:12]};
        2'd2: coarse_d = {fine_q[7:0], fine_q[15:8]};
        default: coarse_d = {fine_q[3:0], fine_q[15:4]};
      endcase
    end
  end else begin : gen_left
    always_comb begin
      unique case (amount_i[1:0])
        2'd0: fine_d = words_i;
        2'd1: fine_d = {words_i[0], words_i[15:1]};
        2'd2: fine_d = {words_i[1:0], words_i[15:2]};
        default: fine_d = {words_i[2:0], words_i[15:3]};
      endcase
      unique case (coarse_amount_q)
        2'd0: coarse_d = fine_q;
        2'd1: coarse_d = {fine_q[3:0], fine_q[15:4]};
        2'd2: coarse_d = {fine_q[7:0], fine_q[15:8]};
        default: coarse_d = {fine_q[11:0], fine_q[15:12]};
      endcase
    end
  end

  always_ff @(posedge clk_i) begin
    fine_q <= fine_d;
    coarse_amount_q <= amount_i[3:2];
    coarse_q <= coarse_d;
  end
  assign words_o = coarse_q;
endmodule
