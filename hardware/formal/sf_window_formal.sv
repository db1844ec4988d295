// sf_window: a burst goes out only when all its bytes lie in the window and below 2^32; it is then where the window says, and inside a 4 KB page.
module sf_window_formal
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input logic                clk_i,
  input logic                rst_ni,
  input logic [AxiAddrW-1:12] base_i,
  input logic [AxiAddrW-1:5]  size_i,
  input logic                valid_i,
  input line_addr_t          line_i,
  input burst_lines_t        lines_i
);
  logic      pass, violation;
  axi_addr_t address;
  sf_window u_dut (.clk_i, .rst_ni, .base_i, .size_i, .valid_i, .line_i, .lines_i, .pass_o(pass), .address_o(address), .violation_o(violation));

  // The request of the cycle before, in bytes of 40 bits: nothing wraps.
  logic        reset_done_q, valid_q;
  logic [39:0] first_q, end_q, base_q, limit_q;
  initial reset_done_q = 1'b0;
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    valid_q      <= rst_ni && valid_i;
    base_q       <= {8'd0, base_i, 12'd0};
    limit_q      <= {8'd0, base_i, 12'd0} + {8'd0, size_i, 5'd0};
    first_q      <= {8'd0, base_i, 12'd0} + {7'd0, line_i, 5'd0};
    end_q        <= {8'd0, base_i, 12'd0} + {7'd0, line_i, 5'd0} + {32'd0, lines_i, 5'd0};
  end
  always_comb begin
    // What the burst splitters give (sf_run_bursts_formal): inside an aligned block of 128 bytes.
    assume (lines_i >= 3'd1 && 4'(line_i[1:0]) + 4'(lines_i) <= 4'd4);
    if (reset_done_q) begin
      assert (!(pass && violation));
      assert (valid_q == (pass || violation));
      if (pass) begin
        assert (first_q >= base_q && end_q <= limit_q && first_q < 40'h1_0000_0000);
        assert (40'(address) == first_q);
        assert (address[31:12] == 20'((end_q - 40'd1) >> 12));
      end
      // Refused only what leaves the window or the address space.
      if (violation) assert (end_q > limit_q || first_q >= 40'h1_0000_0000);
    end
  end
endmodule
