// One of four words, its number plain or in Gray code (the word's number is which ^ which[1]): of two selections with a bit in common one is in Gray
// code (sf_operand), as synthesis would share half a multiplexer between them and make three LUTs a bit of what fits two.
// Specification: docs/microarchitecture.md, section 4.
module sf_choose
  import sf_types_pkg::*;
#(
  parameter bit Gray = 1'b0
) (
  input  logic [1:0] code_i,
  input  word_t      word0_i,
  input  word_t      word1_i,
  input  word_t      word2_i,
  input  word_t      word3_i,
  output word_t      word_o
);
  if (Gray) begin : gen_gray
    assign word_o = code_i[0] ? (code_i[1] ? word2_i : word1_i) : (code_i[1] ? word3_i : word0_i);
  end else begin : gen_plain
    assign word_o = code_i[1] ? (code_i[0] ? word3_i : word2_i) : (code_i[0] ? word1_i : word0_i);
  end
endmodule
