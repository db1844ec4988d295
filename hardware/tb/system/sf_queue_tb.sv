// Bench of sf_dispatch, with sf_queue, sf_queues and sf_tokens: a queue for every unit, random descriptors, waits, signals and busy units; every start, room, desc and token
// is compared with a model of the rules cycle by cycle. MAC and VEC are free when they have prepared their head, not before.
// Specification: docs/microarchitecture.md, section 9 (T2, T3).
module sf_queue_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Descriptors = 6000;
  localparam int NoUnit = 3;
  localparam int Places = 16;  // of arrays of lists: a power of two, for Verilator
  localparam int DescBits = 24;
  typedef logic [DescBits-1:0] desc_t;
  typedef struct packed {
    unit_mask_t wait_read;
    unit_mask_t wait_write;
    unit_mask_t signal_read;
    unit_mask_t signal_write;
    desc_t      desc;
    int         arrival;
  } entry_t;

  unit_mask_t           go, full, last, room_q, start, head, free_q, read_q, write_q, busy;
  desc_t [NumUnits-1:0] desc;
  desc_t [NumCus-1:0]   mac_desc, vec_desc;
  entry_t               fields_q;
  sync_t                sync;
  logic                 run_q, ran_q, overflow;
  logic [4:0]           producer;

  assign sync = '{
      wait_read: 20'(fields_q.wait_read),
      wait_write: 20'(fields_q.wait_write),
      signal_read: 20'(fields_q.signal_read),
      signal_write: 20'(fields_q.signal_write)
  };
  sf_dispatch #(.LdmW(DescBits), .LdwW(DescBits), .StW(DescBits), .MacW(DescBits), .VecW(DescBits)) u_dut (
    .clk_i, .rst_ni, .start_i(1'b0), .run_i(run_q), .go_i(go), .full_o(full), .last_o(last), .sync_i({5{sync}}), .ldm_i(fields_q.desc),
    .ldw_i(fields_q.desc), .st_i(fields_q.desc), .mac_i(fields_q.desc), .vec_i(fields_q.desc), .free_i(free_q), .start_o(start), .head_o(head),
    .ldm_o(desc[0]), .ldw_o(desc[1]), .st_o(desc[2]), .mac_o(mac_desc), .vec_o(vec_desc), .read_i(read_q), .write_i(write_q), .busy_o(busy),
    .overflow_o(overflow), .producer_o(producer)
  );
  assign desc[NoUnit] = '0;
  for (genvar c = 0; c < int'(NumCus); c++) begin : gen_desc
    assign desc[NoUnit+1+2*c] = mac_desc[c];
    assign desc[NoUnit+2+2*c] = vec_desc[c];
  end

  // --- model ---
  entry_t     waiting [Places][$];
  entry_t     next;
  int         unit_q, cycle_q, sent_q, starts_q, waits_q, held_q, most_q;
  int         prepared [NumUnits], held [NumUnits], last_start [NumUnits], free_at [NumUnits], last_read [NumUnits], last_write [NumUnits];
  int         freed [Places][$];               // cycles from which places can be used again
  int         reads [Places][$], writes [Places][$];  // cycles of signals, in order
  unit_mask_t read_of [Places][$], write_of [Places][$];
  int         tokens [2][NumUnits][NumUnits];    // kind, producer, consumer: there in this cycle
  int         promised [2][NumUnits][NumUnits];  // signals of descriptors sent, less the waits of those
  unit_mask_t late_read [Places][$], late_write [Places][$];

  always_ff @(posedge clk_i) room_q <= rst_ni ? ~(full | (last & go)) : '1;

  // The GO of this cycle: next, to unit_q.
  logic go_now_q;
  always_comb begin
    go = '0;
    if (go_now_q && room_q[unit_q]) go[unit_q] = 1'b1;
  end

  function automatic void fail(string what, int unit);
    errors_o <= report(errors_o, $sformatf("sf_queue: cycle %0d, unit %0d: %s", cycle_q, unit, what));
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {done_o, go_now_q, run_q, ran_q} <= '0;
      {free_q, read_q, write_q} <= '0;
      errors_o <= 0;
      cycle_q <= 0;
      sent_q <= 0;
      starts_q <= 0;
      waits_q <= 0;
      held_q <= 0;
      most_q <= 0;
      unit_q <= 0;
      for (int u = 0; u < int'(NumUnits); u++) begin
        held[u] = 0;
        prepared[u] = 0;
        last_start[u] = -2;
        free_at[u] = 0;
        last_read[u] = 0;
        last_write[u] = 0;
        for (int v = 0; v < int'(NumUnits); v++) for (int k = 0; k < 2; k++) {tokens[k][u][v], promised[k][u][v]} = '0;
      end
    end else if (!done_o) begin
      int started, waited;
      started = 0;
      waited = 0;
      cycle_q <= cycle_q + 1;
      run_q <= cycle_q > 4 && !chance(2);
      ran_q <= run_q;
      // --- starts, exactly when the rules say
      for (int u = 0; u < int'(NumUnits); u++) begin
        bit able, here;
        able = 1'b0;
        here = waiting[u].size() > 0 && waiting[u][0].arrival <= cycle_q;
        if (u != NoUnit) begin
          if (head[u] != here) fail("head", u);
          if (room_q[u] != (held[u] < int'(QueueDepth))) fail("room", u);
        end
        if (here) begin
          entry_t e;
          e = waiting[u][0];
          able = free_q[u] && ran_q && last_start[u] < cycle_q - 1;
          for (int p = 0; p < int'(NumUnits); p++) begin
            if (e.wait_read[p] && tokens[0][p][u] == 0) able = 1'b0;
            if (e.wait_write[p] && tokens[1][p][u] == 0) able = 1'b0;
          end
          if ((u >= 4 || last_start[u] < cycle_q - 1) && desc[u] != e.desc) fail("descriptor", u);
        end
        if (start[u] != able) fail(able ? "no start" : "a start", u);
        if (able) begin
          entry_t e;
          int length, at;
          e = waiting[u].pop_front();
          started = started + 1;
          last_start[u] = cycle_q;
          freed[u].push_back(cycle_q + 1);
          for (int p = 0; p < int'(NumUnits); p++) begin
            tokens[0][p][u] -= int'(e.wait_read[p]);
            tokens[1][p][u] -= int'(e.wait_write[p]);
          end
          length = chance(30) ? 1 : pick(1, 60);
          free_at[u] = cycle_q + 1 + length;
          at = cycle_q + 3 + pick(0, length);
          last_read[u] = last_read[u] >= at ? last_read[u] + 1 : at;
          reads[u].push_back(last_read[u]);
          at = cycle_q + 4 + length + pick(0, 40);
          last_write[u] = last_write[u] >= at ? last_write[u] + 1 : at;
          writes[u].push_back(last_write[u]);
          read_of[u].push_back(e.signal_read);
          write_of[u].push_back(e.signal_write);
        end
        while (freed[u].size() > 0 && freed[u][0] <= cycle_q) begin
          freed[u].delete(0);
          held[u] = held[u] - 1;
        end
        if (u > NoUnit && (!here || able)) prepared[u] = 0;
        else prepared[u] = prepared[u] + 1;
        free_q[u] <= cycle_q + 1 >= free_at[u] && (u < NoUnit || prepared[u] >= int'(LatPrepare)) && !chance(10);
        // --- signals of the next cycle
        read_q[u] <= reads[u].size() > 0 && reads[u][0] <= cycle_q + 1;
        write_q[u] <= writes[u].size() > 0 && writes[u][0] <= cycle_q + 1;
        if (reads[u].size() > 0 && reads[u][0] <= cycle_q + 1) begin
          reads[u].delete(0);
          late_read[u].push_back(read_of[u].pop_front());
        end else late_read[u].push_back('0);
        if (writes[u].size() > 0 && writes[u][0] <= cycle_q + 1) begin
          writes[u].delete(0);
          late_write[u].push_back(write_of[u].pop_front());
        end else late_write[u].push_back('0);
      end
      // --- tokens that can be taken from the next cycle on
      for (int p = 0; p < int'(NumUnits); p++) begin
        if (late_read[p].size() > int'(LatToken)) begin
          unit_mask_t r, w;
          r = late_read[p].pop_front();
          w = late_write[p].pop_front();
          for (int c = 0; c < int'(NumUnits); c++) begin
            tokens[0][p][c] += int'(r[c]);
            tokens[1][p][c] += int'(w[c]);
            if (tokens[0][p][c] > most_q) most_q <= tokens[0][p][c];
          end
        end
      end
      if (overflow) fail("overflow", int'(producer));
      // --- GO
      if (go != '0) begin
        entry_t e;
        e = next;
        e.arrival = cycle_q + int'(LatQueue);
        waiting[unit_q].push_back(e);
        held[unit_q] = held[unit_q] + 1;
        fields_q <= e;
        sent_q <= sent_q + 1;
      end else begin
        // Fields matter in the cycle after a GO only.
        fields_q.desc <= desc_t'($urandom);
        fields_q.wait_read <= unit_mask_t'($urandom);
        if (go_now_q) held_q <= held_q + 1;
      end
      // --- the next descriptor waits only for what an earlier one has signalled or will signal
      if (go != '0 || !go_now_q) begin
        int u;
        u = chance(40) ? (sent_q / 150) % int'(NumUnits) : pick(0, int'(NumUnits) - 1);
        go_now_q <= 1'b0;
        if (u != NoUnit && sent_q + int'(go != '0) < Descriptors && chance((sent_q / 1000) % 2 == 0 ? 90 : 25)) begin
          entry_t e;
          e = '0;
          e.desc = desc_t'($urandom);
          for (int p = 0; p < int'(NumUnits); p++) begin
            if (p != NoUnit) begin
              if (promised[0][p][u] > 0 && chance(35)) begin
                e.wait_read[p] = 1'b1;
                promised[0][p][u] -= 1;
                waited = waited + 1;
              end
              if (promised[1][p][u] > 0 && chance(35)) begin
                e.wait_write[p] = 1'b1;
                promised[1][p][u] -= 1;
              end
              e.signal_read[p] = promised[0][u][p] < 60 && chance(15);
              e.signal_write[p] = promised[1][u][p] < 60 && chance(15);
            end
          end
          for (int c = 0; c < int'(NumUnits); c++) begin
            promised[0][u][c] += int'(e.signal_read[c]);
            promised[1][u][c] += int'(e.signal_write[c]);
          end
          next <= e;
          unit_q <= u;
          go_now_q <= 1'b1;
        end
      end
      starts_q <= starts_q + started;
      waits_q <= waits_q + waited;
      if (sent_q == Descriptors && starts_q == Descriptors && busy == '0) begin
        done_o <= 1'b1;
        $display("sf_queue, sf_tokens: %0d starts, %0d waits for read tokens, %0d cycles at a full queue, %0d tokens at most", starts_q, waits_q,
                 held_q, most_q);
        if (held_q == 0 || most_q < 10) errors_o <= errors_o + 1;
      end
    end
  end
endmodule
