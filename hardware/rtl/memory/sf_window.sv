// The DMA window: turns a burst's lines into a bus address and lets it pass only when all of them lie inside.
// Specification: docs/microarchitecture.md, section 6; hardware/README.md (window). No twin: a right program never leaves its window.
//
// Programs count lines from 0; the window says where they lie: bus address = base + 32·line, allowed are the lines below size/32. The base
// is a multiple of 4096, so that a burst, which stays inside an aligned block of 128 bytes, never crosses a 4 KB boundary.
module sf_window
  import sf_types_pkg::*;
(
  input  logic         clk_i,
  input  logic         rst_ni,
  input  logic [AxiAddrW-1:12] base_i,
  input  logic [AxiAddrW-1:5]  size_i,     // lines of the window
  input  logic         valid_i,
  input  line_addr_t   line_i,
  input  burst_lines_t lines_i,
  output logic         pass_o,             // registered: the burst may go out, at address_o
  output axi_addr_t    address_o,
  output logic         violation_o         // registered
);
  localparam int unsigned BlockW = 2;

  line_addr_t        last;
  logic [AxiAddrW:0] address;
  logic              fits, unused_lines;

  // Four lines are as none here.
  assign unused_lines = lines_i[BlockW];

  // The burst's last line lies in the same block as its first.
  assign last    = {line_i[LineAddrW-1:BlockW], line_i[BlockW-1:0] + BlockW'(lines_i) - BlockW'(1)};
  assign address = {1'b0, base_i, 12'd0} + {line_i, 5'd0};
  assign fits    = last < line_addr_t'(size_i) && !address[AxiAddrW];

  always_ff @(posedge clk_i) begin
    pass_o      <= rst_ni && valid_i && fits;
    violation_o <= rst_ni && valid_i && !fits;
    address_o   <= address[AxiAddrW-1:0];
  end
endmodule
