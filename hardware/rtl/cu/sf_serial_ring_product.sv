// Product of a bit stream (most significant first) and a ring offset, modulo the ring: 2 * acc + bit * factor is below 3 * ring,
// so the ring is subtracted at most twice a bit. Ring 0: modulo the buffer.
// Specification: docs/microarchitecture.md, section 3 (rings). Twin: sourceRowOffset in src/simulator/walker.ts.
module sf_serial_ring_product
  import sf_cu_pkg::*;
(
  input  logic  clk_i,
  input  logic  load_i,  // clears
  input  logic  run_i,
  input  logic  bit_i,
  input  ring_t factor_i,  // <= ring
  input  ring_t ring_i,
  output ring_t product_o
);
  ring_t acc_q, acc_d;
  logic [RingW+1:0] sum, less1, less2;

  assign sum = {1'b0, acc_q, 1'b0} + (bit_i ? {2'b0, factor_i} : '0);
  assign less1 = sum - {2'b0, ring_i};
  assign less2 = sum - {1'b0, ring_i, 1'b0};

  always_comb begin
    if (ring_i == '0 || less1[RingW+1]) acc_d = sum[RingW-1:0];
    else if (less2[RingW+1]) acc_d = less1[RingW-1:0];
    else acc_d = less2[RingW-1:0];
  end

  always_ff @(posedge clk_i) begin
    if (load_i) acc_q <= '0;
    else if (run_i) acc_q <= acc_d;
  end

  assign product_o = acc_q;

  logic unused_bits;
  assign unused_bits = ^{sum[RingW+1:RingW], less1[RingW], less2[RingW]};
endmodule
