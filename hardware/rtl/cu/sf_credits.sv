// Credits of a result FIFO: as many as it has entries; taken when results are begun, back LatCredit cycles after a granule's grant.
// Specification: docs/microarchitecture.md, section 9 (T8). Twin: src/simulator/timing/result-fifo.ts.
module sf_credits
  import sf_pkg::*;
#(
  parameter int unsigned Entries = 32,
  parameter int unsigned Most = 4,  // credits needed at once
  parameter bit LateTake = 1'b0     // take_i comes late in its cycle: it goes to a register first. need_i is constant, enough_next_o without meaning
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
  localparam int unsigned NeedW = $clog2(Most + 1);
  logic [CountW-1:0] count_d, count_q;
  logic returned, taken, behind;  // behind: count_q does not know yet of the credits taken in the cycle before

  sf_delay #(.Width(1), .Cycles(LatCredit - 2)) u_delay (.clk_i, .rst_ni, .d_i(returned_i), .q_o(returned));
  sf_delay #(.Width(1), .Cycles(LateTake ? 1 : 0)) u_take (.clk_i, .rst_ni, .d_i(take_i), .q_o(taken));

  assign behind = LateTake && taken;
  assign enough_o = behind ? count_q >= {CountW'(need_i) << 1} : count_q >= CountW'(need_i);
  assign enough_next_o = {1'b0, count_q} + (CountW + 1)'(returned) >= (CountW + 1)'(need_i);

  // One adder, whose second operand is logic of few signals. Less: need_i - returned, bit by bit.
  logic [NeedW-1:0] less;
  logic [CountW:0]  count_sum;
  always_comb begin
    for (int unsigned i = 0; i < NeedW; i++) less[i] = need_i[i] ^ (returned && (need_i & NeedW'((1 << i) - 1)) == '0);
    count_sum = {count_q, 1'b1} + {taken ? ~CountW'(less) : '0, taken || returned};
  end
  assign count_d = count_sum[CountW:1];

  always_ff @(posedge clk_i) begin
    if (!rst_ni) count_q <= CountW'(Entries);
    else count_q <= count_d;
  end

  logic unused_carry;
  assign unused_carry = count_sum[0];
endmodule
