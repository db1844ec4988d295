// Weights buffers of a CU's vMACs: lines of 256 bits each, one read port for all, one write port for those that are named. Read latency 2.
// Specification: docs/microarchitecture.md, section 2.
//
// 14 RAMB18E1 as 1024 x 18 hold 247 bits of a vMAC's line; for the other 9 it would take a fifteenth. Two vMACs share one for theirs: it can write either
// half of its rows alone. The 247 bits are two memories, each of an odd number of columns: as RAMB36E1 they would take more.
module sf_weights_buffer
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                 clk_i,
  input  logic [NumVmacs-1:0]  write_i,
  input  weights_addr_t        write_line_i,
  input  line_t                write_words_i,
  input  weights_addr_t        read_line_i,
  output line_t [NumVmacs-1:0] words_o
);
  localparam int unsigned RestBits = 9;
  localparam int unsigned LowBits = 7 * 18;
  localparam int unsigned HighBits = 16 * LineWords - RestBits - LowBits;
  localparam int unsigned Pairs = (NumVmacs + 1) / 2;
  typedef logic [LowBits-1:0] low_t;
  typedef logic [HighBits-1:0] high_t;
  typedef logic [RestBits-1:0] rest_t;

  rest_t [2*Pairs-1:0] rest;
  logic  [2*Pairs-1:0] write;
  assign write = (2 * Pairs)'(write_i);
  for (genvar p = 0; p < int'(Pairs); p++) begin : gen_pair
    rest_t [1:0] ram_q [WeightsLines];
    rest_t [1:0] latch_q, out_q;
    always_ff @(posedge clk_i) begin
      for (int unsigned i = 0; i < 2; i++) begin
        if (write[2*p+i]) ram_q[write_line_i][i] <= write_words_i[LineWords-1][15-:RestBits];
      end
    end
    always_ff @(posedge clk_i) begin
      latch_q <= ram_q[read_line_i];
      out_q <= latch_q;
    end
    assign rest[2*p+:2] = out_q;
  end

  for (genvar v = 0; v < int'(NumVmacs); v++) begin : gen_vmac
    low_t  low_ram_q [WeightsLines];
    high_t high_ram_q [WeightsLines];
    low_t  low_latch_q, low_out_q;
    high_t high_latch_q, high_out_q;
    rest_t unused_rest;
    high_t high;
    low_t  low;
    assign {unused_rest, high, low} = write_words_i;
    always_ff @(posedge clk_i) begin
      if (write_i[v]) begin
        low_ram_q[write_line_i] <= low;
        high_ram_q[write_line_i] <= high;
      end
    end
    always_ff @(posedge clk_i) begin
      low_latch_q <= low_ram_q[read_line_i];
      low_out_q <= low_latch_q;
      high_latch_q <= high_ram_q[read_line_i];
      high_out_q <= high_latch_q;
    end
    assign words_o[v] = {rest[v], high_out_q, low_out_q};
  end
endmodule
