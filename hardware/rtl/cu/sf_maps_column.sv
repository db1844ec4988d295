// One word column of a maps buffer: a true dual port RAM with output registers (RAMB18E1 as 1024 x 18). Read latency 2.
// Specification: docs/microarchitecture.md, section 2.
module sf_maps_column
  import sf_cu_pkg::*;
(
  input  logic        clk_i,
  input  row_t        a_row_i,
  output logic [15:0] a_word_o,
  input  logic        b_en_i,
  input  logic        b_write_i,
  input  row_t        b_row_i,
  input  logic [15:0] b_word_i,
  input  logic        b_read_i,  // enables the output register
  output logic [15:0] b_word_o
);
  logic [15:0] ram_q [2**RowW];
  logic [15:0] a_latch_q, b_latch_q, a_out_q, b_out_q;

  always_ff @(posedge clk_i) begin
    a_latch_q <= ram_q[a_row_i];
    a_out_q <= a_latch_q;
  end

  always_ff @(posedge clk_i) begin
    if (b_en_i) begin
      if (b_write_i) ram_q[b_row_i] <= b_word_i;
      b_latch_q <= ram_q[b_row_i];
    end
    if (b_read_i) b_out_q <= b_latch_q;
  end

  assign a_word_o = a_out_q;
  assign b_word_o = b_out_q;
endmodule
