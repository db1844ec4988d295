// A quadrant of a maps buffer: 16 word columns that share their row addresses, each a true dual port RAM with output registers (RAMB18E1 as
// 1024 x 18). Registers are those of the RAMs, written as lines. Read latency 2.
// Specification: docs/microarchitecture.md, section 2.
module sf_maps_quadrant
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic       clk_i,
  input  row_t       a_row_i,
  output line_t      a_words_o,
  input  logic       b_en_i,
  input  word_mask_t b_write_i,
  input  row_t       b_row_i,
  input  line_t      b_words_i,
  input  logic       b_read_i,  // enables the output register
  output line_t      b_words_o
);
  line_t a_ram, b_ram, a_latch_q, b_latch_q, a_out_q, b_out_q;

  for (genvar c = 0; c < int'(sf_pkg::LineWords); c++) begin : gen_column
    word_t ram_q [2**RowW];
    always_ff @(posedge clk_i) begin
      if (b_en_i) begin
        if (b_write_i[c]) ram_q[b_row_i] <= b_words_i[c];
      end
    end
    assign a_ram[c] = ram_q[a_row_i];
    assign b_ram[c] = ram_q[b_row_i];
  end

  always_ff @(posedge clk_i) begin
    a_latch_q <= a_ram;
    a_out_q <= a_latch_q;
    if (b_en_i) b_latch_q <= b_ram;
    if (b_read_i) b_out_q <= b_latch_q;
  end
  assign a_words_o = a_out_q;
  assign b_words_o = b_out_q;
endmodule
