// Product of a bit stream (most significant first) and a word, modulo 2^Width: rides on sf_serial_div.
// Specification: docs/microarchitecture.md, section 3 (addresses). Twin: src/simulator/walker.ts.
module sf_serial_product #(
  parameter int unsigned Width = 16
) (
  input  logic             clk_i,
  input  logic             load_i,  // clears
  input  logic             run_i,
  input  logic             bit_i,
  input  logic [Width-1:0] factor_i,
  output logic [Width-1:0] product_o
);
  logic [Width-1:0] acc_q;

  always_ff @(posedge clk_i) begin
    if (load_i) acc_q <= '0;
    else if (run_i) acc_q <= {acc_q[Width-2:0], 1'b0} + (bit_i ? factor_i : '0);
  end

  assign product_o = acc_q;
endmodule
