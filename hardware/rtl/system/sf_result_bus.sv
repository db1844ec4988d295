// The result bus: one granule a cycle from any MAC or VEC unit to the maps buffers of a set of CUs; acknowledges go back the same way.
// Specification: docs/microarchitecture.md, sections 4 and 9 (T10, T11). Twin: src/simulator/timing/result-bus.ts.
//
// Grant at b (combinational), granule from the source at b+1, at the targets at b+LatBus; an acknowledge from a target at p+1 is at its source at
// p+LatBus. Room of the bus-in FIFOs is counted here: an entry granted at b from b+2 on, until the port B grant. A source has no request at b+1, and its
// targets are still there.
module sf_result_bus
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       start_i,   // start of a program: rotation begins with source 0
  input  bus_req_t [NumSources-1:0]  req_i,
  output logic     [NumSources-1:0]  gnt_o,
  input  granule_t                   granule_i [NumSources],  // the cycle after the grant
  output bus_write_t [NumCus-1:0]    write_o,
  input  cu_mask_t                   pop_i,     // port B took the head of the CU's bus-in FIFO
  input  bus_ack_t [NumCus-1:0]      ack_i,
  output cu_mask_t [NumSources-1:0]  ack_o      // by source: CUs that acknowledge
);
  // A FIFO holds an entry more than it is asked for: a grant is counted a cycle late.
  localparam int unsigned CountW = $clog2(BusFifoEntries + 2);
  localparam int unsigned ExtraStages = LatBus - 2;
  typedef logic [CountW-1:0] count_t;

  // --- grant: the first source behind the last granted one whose targets all have room ---
  cu_mask_t              room_q;
  logic [NumSources-1:0] ready, behind_d, behind_q, gnt_q;
  source_t               source;
  always_comb begin
    for (int s = 0; s < int'(NumSources); s++) ready[s] = req_i[s].valid && (req_i[s].cus & ~room_q) == '0;
    gnt_o = '0;
    if (|ready) begin
      for (int s = 0; s < int'(NumSources); s++) begin
        gnt_o[s] = ready[s];
        for (int k = 0; k < int'(NumSources); k++) begin
          // behind_q has a bit for every source behind the last granted one. Source k comes first if only k is behind, or if both are or both are not and
          // k is lower.
          if (k < s && ready[k] && (behind_q[k] || !behind_q[s])) gnt_o[s] = 1'b0;
          if (k > s && ready[k] && behind_q[k] && !behind_q[s]) gnt_o[s] = 1'b0;
        end
      end
    end
    source = '0;
    if (gnt_q != '0) begin
      for (int s = 0; s < int'(NumSources); s++) if (gnt_q[s]) source = source | source_t'(s);
    end
  end
  always_comb begin
    for (int s = 0; s < int'(NumSources); s++) behind_d[s] = (gnt_o & ((NumSources'(1) << s) - NumSources'(1))) != '0;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) behind_q <= '1;
    else if (ready != '0) behind_q <= behind_d;
  end
  always_ff @(posedge clk_i) gnt_q <= rst_ni ? gnt_o : '0;

  // --- b+1: targets of the granule (its request still says so), room of the bus-in FIFOs ---
  cu_mask_t targets;
  always_comb begin
    targets = '0;
    if (gnt_q != '0) begin
      for (int s = 0; s < int'(NumSources); s++) if (gnt_q[s]) targets = targets | req_i[s].cus;
    end
  end
  for (genvar c = 0; c < int'(NumCus); c++) begin : gen_room
    count_t held_d, held_q;
    assign held_d = held_q + count_t'(targets[c]) - count_t'(pop_i[c]);
    always_ff @(posedge clk_i) begin
      held_q    <= !rst_ni ? '0 : held_d;
      room_q[c] <= !rst_ni || held_d < count_t'(BusFifoEntries);
    end
  end

  // --- b+2: bus register ---
  cu_mask_t   valid_q;
  source_t    source_q;
  granule_t   granule_q;
  bus_write_t [NumCus-1:0] write_q;
  always_ff @(posedge clk_i) valid_q <= rst_ni ? targets : '0;
  always_ff @(posedge clk_i) begin
    if (gnt_q != '0) begin
      source_q  <= source;
      granule_q <= granule_i[source];
    end
  end
  always_comb begin
    for (int c = 0; c < int'(NumCus); c++) write_q[c] = '{valid: valid_q[c], source: source_q, granule: granule_q};
  end

  // --- acknowledges ---
  cu_mask_t [NumSources-1:0] ack_d, ack_q;
  always_comb begin
    ack_d = '0;
    for (int c = 0; c < int'(NumCus); c++) begin
      if (ack_i[c].valid) begin
        for (int s = 0; s < int'(NumSources); s++) ack_d[s][c] = ack_i[c].source == source_t'(s);
      end
    end
  end
  always_ff @(posedge clk_i) ack_q <= rst_ni ? ack_d : '0;

  if (ExtraStages == 0) begin : gen_direct
    assign write_o = write_q;
    assign ack_o   = ack_q;
  end else begin : gen_delay
    bus_write_t [NumCus-1:0]   write_delay_q [ExtraStages];
    cu_mask_t [NumSources-1:0] ack_delay_q [ExtraStages];
    always_ff @(posedge clk_i) begin
      write_delay_q[0] <= rst_ni ? write_q : '0;
      ack_delay_q[0]   <= rst_ni ? ack_q : '0;
      for (int i = 1; i < int'(ExtraStages); i++) begin
        write_delay_q[i] <= rst_ni ? write_delay_q[i-1] : '0;
        ack_delay_q[i]   <= rst_ni ? ack_delay_q[i-1] : '0;
      end
    end
    assign write_o = write_delay_q[ExtraStages-1];
    assign ack_o   = ack_delay_q[ExtraStages-1];
  end
endmodule
