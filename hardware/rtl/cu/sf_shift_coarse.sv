// First stage of an arithmetic right shift: by 0, 16, 32 or 48, keeping what the shift by 0 to 15 that follows may still reach, and whether more was above
// that. Latency 1. Without a value it keeps what it has.
// Specification: docs/microarchitecture.md, sections 4 and 5; docs/numbers.md, section 2. Twin: shiftRight in src/simulator/data/arithmetic.ts.
module sf_shift_coarse #(
  parameter int unsigned Width = 48,
  parameter int unsigned Keep = 31   // bits: at most Width - 2
) (
  input  logic                    clk_i,
  input  logic                    run_i,    // there is a value
  input  logic signed [Width-1:0] value_i,
  input  logic [1:0]              shift_i,  // by 16 times this
  output logic signed [Keep-1:0]  coarse_o,
  output logic                    above_o,  // bits above coarse_o that are not the sign
  output logic                    sign_o
);
  logic signed [Keep-1:0] coarse_d, coarse_q;
  logic                   above_d, above_q, sign_q;
  always_comb begin
    coarse_d = coarse_q;
    above_d = above_q;
    if (run_i) begin
      unique case (shift_i)
        2'd0: coarse_d = value_i[Keep-1:0];
        2'd1: coarse_d = Keep'(value_i >>> 16);
        2'd2: coarse_d = Keep'(value_i >>> 32);
        default: coarse_d = {Keep{value_i[Width-1]}};
      endcase
      above_d = shift_i == 2'd0 && value_i[Width-2:Keep] != {(Width - 1 - Keep) {value_i[Width-1]}};
    end
  end
  always_ff @(posedge clk_i) begin
    if (run_i) begin
      coarse_q <= coarse_d;
      above_q <= above_d;
      sign_q <= value_i[Width-1];
    end
  end
  assign coarse_o = coarse_q;
  assign above_o = above_q;
  assign sign_o = sign_q;
endmodule
