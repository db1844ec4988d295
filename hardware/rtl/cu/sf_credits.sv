// Credits of a result FIFO: as many as it has entries; taken when results are begun, back LatCredit cycles after a granule's grant.
// Specification: docs/microarchitecture.md, section 9 (T8). Twin: src/simulator/timing/result-fifo.ts.
module sf_credits
  import sf_pkg::*;
#(
  parameter int unsigned Entries = 32,
  parameter int unsigned Most = 4  // credits needed at once
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        returned_i,  // the cycle after a grant
  input  logic [$clog2(Most+1)-1:0]   need_i,
  output logic                        enough_o,  // need_i credits are there
  output logic                        enough_next_o,  // in the next cycle, if none is taken in this one
  input  logic                        take_i     // takes need_i at the end of this cycle
);
  localparam int unsigned CountW = $clog2(Entries + 1);
  logic [CountW-1:0] count_d, count_q;
  logic returned;

  sf_delay #(.Width(1), .Cycles(LatCredit - 2)) u_delay (.clk_i, .rst_ni, .d_i(returned_i), .q_o(returned));

  assign enough_o = count_q >= CountW'(need_i);
  assign enough_next_o = {1'b0, count_q} + (CountW + 1)'(returned) >= (CountW + 1)'(need_i);
  assign count_d = count_q + CountW'(returned) - (take_i ? CountW'(need_i) : '0);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= CountW'(Entries);
    else count_q <= count_d;
  end
endmodule
