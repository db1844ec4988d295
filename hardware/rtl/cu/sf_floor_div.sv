// Division of a signed value, rounded down, one quotient bit a cycle: 0 <= remainder < divisor.
// Specification: docs/microarchitecture.md, section 3 (address engine). Twin: firstValidTap, endValidTap in src/simulator/walker.ts.
//
// load_i, then Width cycles of busy_o; then quotient and remainder stay. divisor_i is held meanwhile and not 0. The remainder begins as that of the
// sign (-1 or 0): so the quotient of the bits so far is rounded down in every step.
module sf_floor_div #(
  parameter int unsigned Width = 21
) (
  input  logic                    clk_i,
  input  logic                    rst_ni,
  input  logic                    load_i,
  input  logic signed [Width-1:0] dividend_i,
  input  logic [7:0]              divisor_i,
  output logic                    busy_o,
  output logic signed [Width-1:0] quotient_o,
  output logic [7:0]              remainder_o
);
  localparam int unsigned CountW = $clog2(Width + 1);
  logic [Width-1:0]  value_d, value_q;  // dividend bits not used yet, then quotient bits
  logic [7:0]        rem_d, rem_q;
  logic [CountW-1:0] count_d, count_q;
  logic [8:0]        shifted;
  logic [9:0]        trial;

  assign shifted = {rem_q, value_q[Width-1]};
  assign trial = {1'b0, shifted} - {2'b0, divisor_i};
  assign busy_o = count_q != '0;

  always_comb begin
    value_d = value_q;
    rem_d = rem_q;
    count_d = count_q;
    if (load_i) begin
      // The sign is the first quotient bit.
      value_d = {dividend_i[Width-2:0], dividend_i[Width-1]};
      rem_d = dividend_i[Width-1] ? divisor_i - 8'd1 : '0;
      count_d = CountW'(Width - 1);
    end else if (busy_o) begin
      value_d = {value_q[Width-2:0], !trial[9]};
      rem_d = trial[9] ? shifted[7:0] : trial[7:0];
      count_d = count_q - CountW'(1);
    end
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= '0;
    else count_q <= count_d;
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
