// Unsigned division, one quotient bit a cycle, most significant first, so that products with the quotient can be made on the way.
// Specification: docs/microarchitecture.md, section 3 (clipping: taps = start / dilation). Twin: firstValidTap, endValidTap in src/simulator/walker.ts.
//
// load_i, then Width cycles of run_i; divisor_i is held meanwhile and not 0. Then the quotient and the remainder stay.
module sf_serial_div #(
  parameter int unsigned Width = 17
) (
  input  logic             clk_i,
  input  logic             load_i,
  input  logic             run_i,
  input  logic [Width-1:0] dividend_i,
  input  logic [7:0]       divisor_i,
  output logic             bit_o,  // quotient bit of this cycle of run_i
  output logic [Width-1:0] quotient_o,
  output logic [7:0]       remainder_o
);
  logic [Width-1:0] value_d, value_q;  // dividend bits not used yet, then quotient bits
  logic [7:0]       rem_d, rem_q;
  logic [8:0]       shifted;
  logic [8:0]       trial;  // the remainder stays below the divisor: 8 bits and a sign

  assign shifted = {rem_q, value_q[Width-1]};
  assign trial = shifted - {1'b0, divisor_i};
  assign bit_o = shifted >= {1'b0, divisor_i};

  always_comb begin
    value_d = value_q;
    rem_d = rem_q;
    if (load_i) begin
      value_d = dividend_i;
      rem_d = '0;
    end else if (run_i) begin
      value_d = {value_q[Width-2:0], bit_o};
      rem_d = bit_o ? trial[7:0] : shifted[7:0];
    end
  end

  always_ff @(posedge clk_i) begin
    value_q <= value_d;
    rem_q <= rem_d;
  end

  assign quotient_o = value_q;
  assign remainder_o = rem_q;

  logic unused_trial;
  assign unused_trial = trial[8];
endmodule
