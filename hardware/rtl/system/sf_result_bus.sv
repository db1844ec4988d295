// The result bus: one granule a cycle from any MAC or VEC unit to the maps buffers of a set of CUs; acknowledges go back the same way.
// Specification: docs/microarchitecture.md, sections 4 and 9 (T10, T11). Twin: src/simulator/timing/result-bus.ts.
//
// Grant at b (combinational), granule from the source at b+1, at the targets at b+LatBus; an acknowledge from a target at p+1 is at its source at
// p+LatBus. Room of the bus-in FIFOs is counted here: taken at b, back the cycle after the port B grant.
module sf_result_bus
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       start_i,   // start of a program: rotation begins with source 0
  input  bus_req_t [NumSources-1:0]  req_i,
  output logic     [NumSources-1:0]  gnt_o,
  input  granule_t [NumSources-1:0]  granule_i, // the cycle after the grant
  output bus_write_t [NumCus-1:0]    write_o,
  input  cu_mask_t                   pop_i,     // port B took the head of the CU's bus-in FIFO
  input  bus_ack_t [NumCus-1:0]      ack_i,
  output cu_mask_t [NumSources-1:0]  ack_o      // by source: CUs that acknowledge
);
  localparam int unsigned CountW = $clog2(BusFifoEntries + 1);
  localparam int unsigned ExtraStages = LatBus - 2;

  // --- grant: the first source behind the last granted one whose targets all have room ---
  cu_mask_t              room_q;
  logic [NumSources-1:0] ready, behind, chosen, behind_q;
  source_t               source;
  logic                  granted;
  cu_mask_t              targets;
  always_comb begin
    for (int s = 0; s < int'(NumSources); s++) ready[s] = req_i[s].valid && (req_i[s].cus & ~room_q) == '0;
    // behind_q has a bit for every source behind the last granted one.
    behind = ready & behind_q;
    chosen = behind != '0 ? behind : ready;
    // The lowest one; written out, as carry chains are slow for so few bits.
    for (int s = 0; s < int'(NumSources); s++) gnt_o[s] = chosen[s] && (chosen & ((NumSources'(1) << s) - NumSources'(1))) == '0;
    granted = ready != '0;
    source  = '0;
    targets = '0;
    for (int s = 0; s < int'(NumSources); s++) begin
      if (gnt_o[s]) begin
        source  = source | source_t'(s);
        targets = targets | req_i[s].cus;
      end
    end
  end
  logic [NumSources-1:0] behind_d;
  always_comb begin
    for (int s = 0; s < int'(NumSources); s++) behind_d[s] = (gnt_o & ((NumSources'(1) << s) - NumSources'(1))) != '0;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni || start_i) behind_q <= '1;
    else if (granted) behind_q <= behind_d;
  end

  // --- room of the bus-in FIFOs ---
  for (genvar c = 0; c < int'(NumCus); c++) begin : gen_room
    // The grant comes late: both outcomes are made, it only chooses.
    logic [CountW-1:0] held_q, held_kept, held_more;
    assign held_kept = held_q - CountW'(pop_i[c]);
    assign held_more = pop_i[c] ? held_q : held_q + CountW'(1);
    always_ff @(posedge clk_i) begin
      held_q    <= !rst_ni ? '0 : targets[c] ? held_more : held_kept;
      room_q[c] <= !rst_ni || (targets[c] ? held_more != CountW'(BusFifoEntries) : held_kept != CountW'(BusFifoEntries));
    end
  end

  // --- granule: source register b+1, bus register b+2 ---
  source_t    source_q;
  cu_mask_t   targets_q;
  bus_write_t [NumCus-1:0] write_d, write_q;
  always_ff @(posedge clk_i) begin
    source_q  <= source;
    targets_q <= rst_ni ? targets : '0;
  end
  always_comb begin
    for (int c = 0; c < int'(NumCus); c++) begin
      write_d[c] = '{valid: targets_q[c], source: source_q, granule: granule_i[source_q]};
    end
  end
  always_ff @(posedge clk_i) begin
    for (int c = 0; c < int'(NumCus); c++) begin
      write_q[c].valid <= rst_ni && write_d[c].valid;
      if (targets_q != '0) begin
        write_q[c].source  <= write_d[c].source;
        write_q[c].granule <= write_d[c].granule;
      end
    end
  end

  // --- acknowledges ---
  cu_mask_t [NumSources-1:0] ack_d, ack_q;
  always_comb begin
    for (int s = 0; s < int'(NumSources); s++) begin
      for (int c = 0; c < int'(NumCus); c++) ack_d[s][c] = ack_i[c].valid && ack_i[c].source == source_t'(s);
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
