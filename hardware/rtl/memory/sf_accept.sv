// Acceptance of bursts: one a cycle, by priority among the offers that have an outstanding burst left.
// Specification: docs/microarchitecture.md, sections 6 and 9 (memory, cycle by cycle). Twin: src/simulator/timing/memory.ts (Memory.step).
//
// now_o answers within the cycle: offers, room flags and priority are registers and a few gates. Engines see it a cycle later, in accept_o, and keep their
// offer until then: what was accepted in the last cycle does not count as an offer. A read that is done at c, or a write response at r, shows in the room
// flags at c+1 (r+1).
module sf_accept
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        run_i,            // 0: accepts nothing (error stop)
  input  offer_t [NumEngines-1:0]     offer_i,
  output logic   [NumEngines-1:0]     now_o,            // accepted in this cycle: one-hot or 0
  output logic   [NumEngines-1:0]     accept_o,         // registered
  output port_t                       port_o,           // registered: of the accepted burst
  // Finished bursts
  input  logic    [AxiPorts-1:0]      read_done_i,      // the last beat's cycle
  input  engine_e [AxiPorts-1:0]      read_engine_i,
  input  logic    [AxiPorts-1:0]      write_done_i      // the response's cycle
);
  localparam int unsigned EngineW = $clog2((ReadsPerEngine > WritesOutstanding ? ReadsPerEngine : WritesOutstanding) + 1);
  localparam int unsigned PortCountW = $clog2(ReadsPerPort + 1);

  // --- priority ---
  logic  [NumEngines-1:0] engine_room_q, eligible;
  logic  [AxiPorts-1:0]   port_room_q;
  port_t [NumEngines-1:0] port;
  port_t                  now_port;
  always_comb begin
    for (int e = 0; e < int'(NumEngines); e++) begin
      // Block of 128 bytes modulo ports.
      port[e]     = AxiPorts > 1 ? offer_i[e].line[2+:PortW] : '0;
      eligible[e] = offer_i[e].valid && !accept_o[e] && engine_room_q[e] && run_i && (e == int'(EngineSt) || port_room_q[port[e]]);
    end
    for (int e = 0; e < int'(NumEngines); e++) now_o[e] = eligible[e] && (eligible & ((NumEngines'(1) << e) - NumEngines'(1))) == '0;
    now_port = '0;
    for (int e = 0; e < int'(NumEngines); e++) if (now_o[e]) now_port = now_port | port[e];
  end
  always_ff @(posedge clk_i) begin
    accept_o <= rst_ni ? now_o : '0;
    port_o   <= now_port;
  end

  // --- outstanding bursts: what a cycle changes is added in the next one, the room flag is right at once ---
  // One accepted, or not, less those that are done.
  function automatic logic signed [3:0] change(logic accepted, logic [AxiPorts-1:0] done);
    change = accepted ? 4'sd1 : 4'sd0;
    for (int p = 0; p < int'(AxiPorts); p++) if (done[p]) change = change - 4'sd1;
  endfunction

  for (genvar e = 0; e < int'(NumEngines); e++) begin : gen_engine
    localparam int unsigned Most = e == int'(EngineSt) ? WritesOutstanding : ReadsPerEngine;
    logic        [AxiPorts-1:0] done;
    logic        [EngineW-1:0]  count_q, count;
    logic signed [3:0]          change_q;
    always_comb begin
      for (int p = 0; p < int'(AxiPorts); p++) done[p] = e == int'(EngineSt) ? write_done_i[p] : read_done_i[p] && read_engine_i[p] == engine_e'(e);
    end
    assign count = count_q + EngineW'(change_q);
    always_ff @(posedge clk_i) begin
      change_q         <= rst_ni ? change(now_o[e], done) : '0;
      count_q          <= rst_ni ? count : '0;
      engine_room_q[e] <= !rst_ni || done != '0 || (now_o[e] ? count != EngineW'(Most - 1) : engine_room_q[e]);
    end
  end

  logic read_accepted;
  assign read_accepted = now_o[EngineFetch] || now_o[EngineLdm] || now_o[EngineLdw];
  for (genvar p = 0; p < int'(AxiPorts); p++) begin : gen_port
    logic        [PortCountW-1:0] count_q, count;
    logic signed [1:0]            change_q;
    logic                         accepted;
    assign accepted = read_accepted && now_port == port_t'(p);
    assign count    = count_q + PortCountW'(change_q);
    always_ff @(posedge clk_i) begin
      change_q       <= rst_ni ? {read_done_i[p] && !accepted, read_done_i[p] != accepted} : '0;
      count_q        <= rst_ni ? count : '0;
      port_room_q[p] <= !rst_ni || read_done_i[p] || (accepted ? count != PortCountW'(ReadsPerPort - 1) : port_room_q[p]);
    end
  end
endmodule
