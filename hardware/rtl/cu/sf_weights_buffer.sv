// Weights buffers of a CU's vMACs: lines of 256 bits each, one read port for all, one write port for those that are named. Read latency 2.
// Specification: docs/microarchitecture.md, section 2.
//
// Block RAM has 18 bits a column: 14 RAMB18E1 as 1024 x 18 hold 252 bits of a vMAC's line. The 4 bits that are left would take a fifteenth; those of all
// vMACs share a RAMB36E1 as 1024 x 36, which can write each quarter of its rows alone.
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
  localparam int unsigned OwnBits = 14 * 18;
  localparam int unsigned RestBits = 16 * LineWords - OwnBits;
  typedef logic [OwnBits-1:0] own_t;
  typedef logic [NumVmacs-1:0][RestBits-1:0] rest_t;

  rest_t rest_ram_q [WeightsLines];
  rest_t rest_latch_q, rest_out_q;
  always_ff @(posedge clk_i) begin
    for (int unsigned v = 0; v < NumVmacs; v++) begin
      if (write_i[v]) rest_ram_q[write_line_i][v] <= write_words_i[LineWords-1][15-:RestBits];
    end
  end
  always_ff @(posedge clk_i) begin
    rest_latch_q <= rest_ram_q[read_line_i];
    rest_out_q <= rest_latch_q;
  end

  for (genvar v = 0; v < int'(NumVmacs); v++) begin : gen_vmac
    own_t ram_q [WeightsLines];
    own_t latch_q, out_q;
    always_ff @(posedge clk_i) begin
      if (write_i[v]) ram_q[write_line_i] <= own_t'(write_words_i);
    end
    always_ff @(posedge clk_i) begin
      latch_q <= ram_q[read_line_i];
      out_q <= latch_q;
    end
    assign words_o[v] = {rest_out_q[v], out_q};
  end
endmodule
