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
    logic [Cycles-1:0][Width-1:0] stage_q;
    always_ff @(posedge clk_i) begin
      if (!rst_ni) begin
        stage_q <= '0;
      end else begin
        stage_q[0] <= d_i;
        for (int unsigned i = 1; i < Cycles; i++) stage_q[i] <= stage_q[i-1];
      end
    end
    assign q_o = stage_q[Cycles-1];
  end
endmodule
