// sf_accept: at most one burst a cycle, by priority among the offers that have an outstanding burst left; the limits of section 6 hold.
module sf_accept_formal
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input logic                    clk_i,
  input logic                    rst_ni,
  input logic                    run_i,
  input offer_t [NumEngines-1:0] offer_i,
  input logic    [AxiPorts-1:0]  read_done_i,
  input engine_e [AxiPorts-1:0]  read_engine_i,
  input logic    [AxiPorts-1:0]  write_done_i
);
  logic  [NumEngines-1:0] accept, told, accepted_q;
  port_t                  port, told_port, now_port_q;
  sf_accept u_dut (
    .clk_i, .rst_ni, .run_i, .offer_i, .now_o(accept), .accept_o(told), .port_o(told_port), .read_done_i, .read_engine_i, .write_done_i
  );
  always_comb port = u_dut.now_port;

  // Outstanding by engine and by port, counted here.
  logic [NumEngines-1:0][4:0] engine_q;
  logic [AxiPorts-1:0][4:0]   port_q;
  logic [NumEngines-1:0][2:0] done;  // by engine, in this cycle
  logic                       reset_done_q;
  initial reset_done_q = 1'b0;
  always_comb begin
    done = '0;
    for (int p = 0; p < int'(AxiPorts); p++) begin
      for (int e = 0; e < int'(NumEngines); e++) begin
        if (e == int'(EngineSt)) done[e] = done[e] + 3'(write_done_i[p]);
        else done[e] = done[e] + 3'(read_done_i[p] && read_engine_i[p] == engine_e'(e));
      end
    end
  end
  always_ff @(posedge clk_i) begin
    reset_done_q <= 1'b1;
    accepted_q   <= rst_ni ? accept : '0;
    now_port_q   <= port;
    for (int e = 0; e < int'(NumEngines); e++) engine_q[e] <= !rst_ni ? '0 : engine_q[e] + 5'(accept[e]) - 5'(done[e]);
    for (int p = 0; p < int'(AxiPorts); p++) begin
      port_q[p] <= !rst_ni ? '0 : port_q[p] + 5'(accept != '0 && !accept[EngineSt] && port == port_t'(p)) - 5'(read_done_i[p]);
    end
  end

  function automatic logic [4:0] engine_limit(int e);
    return e == int'(EngineSt) ? 5'(WritesOutstanding) : 5'(ReadsPerEngine);
  endfunction

  always_comb begin
    if (!reset_done_q) assume (!rst_ni);
    // Only what is outstanding finishes.
    for (int p = 0; p < int'(AxiPorts); p++) assume (!read_done_i[p] || (read_engine_i[p] != EngineSt && port_q[p] != '0));
    for (int e = 0; e < int'(NumEngines); e++) assume (5'(done[e]) <= engine_q[e]);
    if (reset_done_q) begin
      assert ((accept & (accept - 4'd1)) == '0);
      // Engines are told a cycle later; their offers of that cycle do not count.
      assert (told == accepted_q && (told == '0 || told_port == now_port_q));
      assert ((accept & accepted_q) == '0);
      for (int e = 0; e < int'(NumEngines); e++) begin
        if (accept[e]) begin
          assert (offer_i[e].valid && run_i);
          assert (port == offer_i[e].line[3:2]);
          assert (engine_q[e] < engine_limit(e));
          assert (e == int'(EngineSt) || port_q[port] < 5'(ReadsPerPort));
        end
        // An offer that has what it needs waits only for one of higher priority.
        if (offer_i[e].valid && run_i && !accept[e] && !accepted_q[e] && (accept & ((4'd1 << e) - 4'd1)) == '0) begin
          assert (engine_q[e] == engine_limit(e) || (e != int'(EngineSt) && port_q[offer_i[e].line[3:2]] == 5'(ReadsPerPort)));
        end
        assert (engine_q[e] <= engine_limit(e));
      end
      for (int p = 0; p < int'(AxiPorts); p++) assert (port_q[p] <= 5'(ReadsPerPort));
      // Invariants: the counters of the module are these.
      assert (u_dut.gen_engine[0].count == engine_q[0]);
      assert (u_dut.gen_engine[1].count == engine_q[1]);
      assert (u_dut.gen_engine[2].count == engine_q[2]);
      assert (u_dut.gen_engine[3].count == engine_q[3]);
      assert (u_dut.gen_port[0].count == port_q[0][3:0]);
      assert (u_dut.gen_port[1].count == port_q[1][3:0]);
      assert (u_dut.gen_port[2].count == port_q[2][3:0]);
      assert (u_dut.gen_port[3].count == port_q[3][3:0]);
      for (int e = 0; e < int'(NumEngines); e++) assert (u_dut.engine_room_q[e] == (engine_q[e] != engine_limit(e)));
      for (int p = 0; p < int'(AxiPorts); p++) assert (u_dut.port_room_q[p] == (port_q[p] != 5'(ReadsPerPort)));
    end
  end
endmodule
