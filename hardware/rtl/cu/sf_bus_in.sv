// Bus-in FIFO: granules that come by the result bus wait for port B; the last one of a descriptor is acknowledged when it is granted.
// Specification: docs/microarchitecture.md, sections 7 and 9 (T10, T11). Twin: PortB#grantFromBus in src/simulator/timing/port-b.ts.
//
// write_i at x -> request visible at x + 1. Grant at p -> granule_o and ack_o at p + 1. The result bus counts the room.
module sf_bus_in
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic       clk_i,
  input  logic       rst_ni,
  input  bus_write_t write_i,
  output logic       req_o,
  input  logic       gnt_i,
  output granule_t   granule_o,
  output bus_ack_t   ack_o
);
  // The result bus counts a grant a cycle late: one entry more.
  localparam int unsigned PtrW = $clog2(BusFifoEntries + 1);
  localparam int unsigned CountW = PtrW + 1;

  granule_t          granules_q [2**PtrW];
  source_t           sources_q [2**PtrW];
  logic [PtrW-1:0]   write_q, read_q;
  logic [CountW-1:0] count_d, count_q;
  logic              valid_q;
  granule_t          head, granule_q;
  bus_ack_t          ack_q;

  assign count_d = count_q + CountW'(write_i.valid) - CountW'(gnt_i);
  assign head = granules_q[read_q];

  always_ff @(posedge clk_i) begin
    if (write_i.valid) begin
      granules_q[write_q] <= write_i.granule;
      sources_q[write_q] <= write_i.source;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q <= '0;
      count_q <= '0;
      valid_q <= 1'b0;
      ack_q.valid <= 1'b0;
    end else begin
      if (write_i.valid) write_q <= write_q + PtrW'(1);
      if (gnt_i) read_q <= read_q + PtrW'(1);
      count_q <= count_d;
      valid_q <= count_d != '0;
      ack_q.valid <= gnt_i && head.last;
    end
  end
  always_ff @(posedge clk_i) begin
    if (valid_q) begin
      granule_q <= head;
      ack_q.source <= sources_q[read_q];
    end
  end
  assign req_o = valid_q;
  assign granule_o = granule_q;
  assign ack_o = ack_q;
endmodule
