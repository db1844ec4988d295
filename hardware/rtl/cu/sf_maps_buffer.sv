// Maps buffer of a CU: 64 word columns; word address a is column a mod 64, row a div 64. The columns of a quadrant (16 words) share a row
// address at each port: an access of up to 16 words needs at most two quadrants, and each of them only one row.
// Port A reads all columns; port B reads all or writes those that b_write_i names. Read latency 2.
// Specification: docs/microarchitecture.md, section 2.
module sf_maps_buffer
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic                         clk_i,
  input  row_t  [Quadrants-1:0]        a_row_i,
  output line_t [Quadrants-1:0]        a_words_o,
  input  logic                         b_en_i,     // an access
  input  logic  [Columns-1:0]          b_write_i,
  input  row_t  [Quadrants-1:0]        b_row_i,
  input  line_t                        b_words_i,  // the same line for every quadrant
  input  logic                         b_read_i,   // the cycle after a read: to the output registers
  output line_t [Quadrants-1:0]        b_words_o
);
  for (genvar q = 0; q < int'(Quadrants); q++) begin : gen_quadrant
    sf_maps_quadrant u_quadrant (
      .clk_i,
      .a_row_i(a_row_i[q]),
      .a_words_o(a_words_o[q]),
      .b_en_i,
      .b_write_i(b_write_i[q * sf_pkg::LineWords +: sf_pkg::LineWords]),
      .b_row_i(b_row_i[q]),
      .b_words_i,
      .b_read_i,
      .b_words_o(b_words_o[q])
    );
  end
endmodule
