// sf_result_bus: at most one grant, only to a requester whose targets all have room; no bus-in FIFO overflows; the rotation starves nobody.
module sf_result_bus_formal
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input logic                       clk_i,
  input logic                       rst_ni,
  input logic                       start_i,
  input bus_req_t [NumSources-1:0]  req_i,
  input granule_t [NumSources-1:0]  granule_i,
  input cu_mask_t                   pop_i,
  input bus_ack_t [NumCus-1:0]      ack_i,
  input source_t                    watched_i  // any source, always the same
);
  logic     [NumSources-1:0] gnt;
  bus_write_t [NumCus-1:0]   write;
  cu_mask_t [NumSources-1:0] ack;
  granule_t granules [NumSources];
  for (genvar s = 0; s < int'(NumSources); s++) begin : gen_granule
    assign granules[s] = granule_i[s];
  end
  sf_result_bus u_dut (.clk_i, .rst_ni, .start_i, .req_i, .gnt_o(gnt), .granule_i(granules), .write_o(write), .pop_i, .ack_i, .ack_o(ack));

  logic [NumCus-1:0][2:0] held_q;  // entries of the bus-in FIFOs and on their way there, without the grant of the cycle before
  logic       reset_done_q, waits_q;
  logic [3:0] passed_q;         // grants to others while the watched source could have been granted
  source_t    watched_q;
  cu_mask_t   targets, targets_q;
  logic     [NumSources-1:0] gnt_q;
  bus_req_t [NumSources-1:0] req_q;
  logic       ready;
  initial reset_done_q = 1'b0;
  always_comb begin
    targets = '0;
    for (int s = 0; s < int'(NumSources); s++) if (gnt[s]) targets = targets | req_i[s].cus;
    ready = req_i[watched_i].valid;
    for (int c = 0; c < int'(NumCus); c++) if (req_i[watched_i].cus[c] && held_q[c] >= 3'(BusFifoEntries)) ready = 1'b0;
  end
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    watched_q    <= watched_i;
    for (int c = 0; c < int'(NumCus); c++) held_q[c] <= !rst_ni ? '0 : held_q[c] + 3'(targets_q[c]) - 3'(pop_i[c]);
    targets_q <= !rst_ni ? '0 : targets;
    gnt_q <= !rst_ni ? '0 : gnt;
    req_q <= req_i;
    // Counts only in an unbroken stretch of cycles in which the watched source is ready.
    if (!rst_ni || start_i || !ready || gnt[watched_i]) passed_q <= '0;
    else passed_q <= passed_q + 4'd1;
    waits_q <= rst_ni && !start_i && ready && !gnt[watched_i];
  end
  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    if (reset_done_q) assume (watched_i == watched_q);
    for (int c = 0; c < int'(NumCus); c++) assume (!pop_i[c] || held_q[c] != '0);
    for (int s = 0; s < int'(NumSources); s++) assume (!req_i[s].valid || req_i[s].cus != '0);
    // A source shows no request the cycle after its grant, but the same targets.
    if (reset_done_q) for (int s = 0; s < int'(NumSources); s++) assume (!gnt_q[s] || (!req_i[s].valid && req_i[s].cus == req_q[s].cus));
    if (reset_done_q) begin
      assert ((gnt & (gnt - 8'd1)) == '0);
      for (int s = 0; s < int'(NumSources); s++) begin
        assert (!gnt[s] || req_i[s].valid);
        for (int c = 0; c < int'(NumCus); c++) assert (!gnt[s] || !req_i[s].cus[c] || held_q[c] < 3'(BusFifoEntries));
      end
      // The bus does not idle while somebody could be served.
      assert (!ready || gnt != '0);
      for (int c = 0; c < int'(NumCus); c++) assert (held_q[c] + 3'(targets_q[c]) <= 3'(BusFifoEntries) + 3'd1);
      // Served after at most all the others.
      assert (passed_q < 4'(NumSources));
      // Invariants.
      for (int c = 0; c < int'(NumCus); c++) assert (u_dut.room_q[c] == (held_q[c] < 3'(BusFifoEntries)));
      assert (u_dut.gen_room[0].held_q == held_q[0]);
      assert (u_dut.gen_room[1].held_q == held_q[1]);
      assert (u_dut.gen_room[2].held_q == held_q[2]);
      assert (u_dut.gen_room[3].held_q == held_q[3]);
    end
  end
  logic unused_data;
  assign unused_data = ^{write, ack, waits_q};
endmodule
