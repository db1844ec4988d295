// Write signals of a MAC or VEC unit: one per descriptor, in order, when its last granule is written at every target.
// Specification: docs/microarchitecture.md, section 9 (T11). Twin: ResultFifo#written in src/simulator/timing/result-fifo.ts.
//
// Own granule granted at p: signal at p + 1. By the bus: the cycle after the last acknowledge. Never before the cycle after the signal before it.
module sf_write_signal
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic     clk_i,
  input  logic     rst_ni,
  input  logic     own_last_i,  // a last granule was granted port B,
  input  logic     bus_last_i,  // or the result bus, for cus_i
  input  cu_mask_t cus_i,
  input  cu_mask_t ack_i,       // CUs that have written a last granule: in the order of the descriptors for each
  output logic     write_o,
  output logic     busy_o
);
  // Descriptors whose last granule was granted and not signalled. A unit starts one in 25 cycles at most: the FIFO never fills.
  localparam int unsigned Pending = 16;
  localparam int unsigned AckW = $clog2(Pending + 2);

  logic     push, pop, valid, direct, write_q, unused_full;
  cu_mask_t targets, acked;
  assign direct = own_last_i && !valid;
  assign push = bus_last_i || (own_last_i && valid);
  sf_fifo #(.Width(NumCus), .Depth(Pending)) u_pending (
    .clk_i, .rst_ni, .push_i(push), .data_i(bus_last_i ? cus_i : '0), .pop_i(pop), .valid_o(valid), .data_o(targets), .full_o(unused_full)
  );

  for (genvar c = 0; c < int'(NumCus); c++) begin : gen_ack
    logic [AckW-1:0] count_d, count_q;  // acknowledges not used yet
    assign acked[c] = count_q != '0 || ack_i[c];
    assign count_d = count_q + AckW'(ack_i[c]) - AckW'(pop && targets[c]);
    always_ff @(posedge clk_i) begin
      if (!rst_ni) count_q <= '0;
      else count_q <= count_d;
    end
  end
  assign pop = valid && (targets & ~acked) == '0;

  always_ff @(posedge clk_i) begin
    if (!rst_ni) write_q <= 1'b0;
    else write_q <= pop || direct;
  end
  assign write_o = write_q;
  assign busy_o = valid || write_q;
endmodule
