// Weights buffer of a vMAC: lines of 256 bits, one read and one write port, output register (8 RAMB36E1 as 1024 x 36). Read latency 2.
// Specification: docs/microarchitecture.md, section 2.
module sf_weights_buffer
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic          clk_i,
  input  logic          write_i,
  input  weights_addr_t write_line_i,
  input  line_t         write_words_i,
  input  weights_addr_t read_line_i,
  output line_t         words_o
);
  logic [16*LineWords-1:0] ram_q [WeightsLines];
  logic [16*LineWords-1:0] latch_q, out_q;

  always_ff @(posedge clk_i) begin
    if (write_i) ram_q[write_line_i] <= write_words_i;
  end
  always_ff @(posedge clk_i) begin
    latch_q <= ram_q[read_line_i];
    out_q <= latch_q;
  end
  assign words_o = out_q;
endmodule
