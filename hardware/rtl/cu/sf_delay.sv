// A signal some cycles later; 0 cycles: a wire. Reset to 0.
// Specification: docs/microarchitecture.md, section 9 (latencies longer than the stages need).
module sf_delay #(
  parameter int unsigned Width = 1,
  parameter int unsigned Cycles = 1
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic [Width-1:0] d_i,
  output logic [Width-1:0] q_o
);
  if (Cycles == 0) begin : gen_wire
    assign q_o = d_i;
    logic unused_clock;
    assign unused_clock = clk_i ^ rst_ni;
  end else begin : gen_stages
    localparam int unsigned Bits = Cycles * Width;
    logic [Bits-1:0] stages_q;  // the oldest on top
    always_ff @(posedge clk_i) begin
      if (!rst_ni) stages_q <= '0;
      else stages_q <= Bits'({stages_q, d_i});
    end
    assign q_o = stages_q[Bits-1-:Width];
  end
endmodule
