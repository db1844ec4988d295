// Bench of sf_core: random instruction words of every kind, gaps in the fetch and full queues; every GO, the fields that it sends, every branch
// and the end are compared with a model that executes one instruction after the other.
// Specification: docs/isa.md; docs/microarchitecture.md, sections 8 and 9 (T1, T2). Twin: src/isa/core.ts.
module sf_core_tb
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_bench_pkg::*;
(
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Programs = 300;
  localparam int Length = 128;       // instructions of a program
  localparam int MostSteps = 1200;   // then it is stopped by another start

  logic        start_q, valid, ready, flush, restart, line_done, executed, stalled, ends, active, illegal, leaves, open_q;
  logic [31:0] instr;
  pc_t         fetch_pc_q, target, pc;
  unit_mask_t  go, room_q, full_q, last_q;
  logic [LdmBits-1:0] ldm;
  logic [LdwBits-1:0] ldw;
  logic [StBits-1:0]  st;
  logic [MacBits-1:0] mac;
  logic [VecBits-1:0] vec;
  logic [31:0] code [Length];
  logic        stream_q;
  logic        restart_q, flush_due_q;
  pc_t         target_q;
  // Fetch gives nothing in the cycle after a flush, in which it learns of it.
  assign valid = stream_q && open_q && !flush && fetch_pc_q < pc_t'(Length);
  assign instr = code[fetch_pc_q[6:0]];
  sf_core u_dut (
    .clk_i, .rst_ni, .start_i(start_q), .run_i(1'b1), .last_pc_i(pc_t'(Length - 1)), .instr_valid_i(valid), .instr_i(instr), .instr_pc_i(fetch_pc_q),
    .instr_ready_o(ready), .flush_o(flush), .restart_o(restart), .target_o(target), .line_done_o(line_done), .go_o(go), .full_i(full_q), .last_i(last_q),
    .ldm_o(ldm), .ldw_o(ldw), .st_o(st), .mac_o(mac), .vec_o(vec), .executed_o(executed), .stalled_o(stalled), .end_o(ends), .active_o(active),
    .pc_o(pc), .illegal_o(illegal), .leaves_o(leaves)
  );

  // --- model ---
  logic [31:0] regs [32];
  logic [31:0] fields [5][64];
  pc_t         pc_q;
  logic        over_q, check_q, illegal_due_q, illegal_seen_q, leaves_due_q, leaves_late_q;
  int          check_kind_q, step_q, program_q, cycle_q, gos_q, taken_q, untaken_q, stalls_q, executed_q, illegals_q, ends_q, field_writes_q, leaves_q;
  logic [VecBits-1:0] expect_q;  // the fields sent, right-aligned

  function automatic int fields_of(int kind);
    case (kind)
      0: return int'(LdmFields);
      1: return int'(LdwFields);
      2: return int'(StFields);
      3: return int'(MacFields);
      default: return int'(VecFields);
    endcase
  endfunction
  function automatic int width_of(int kind, int field);
    case (kind)
      0: return int'(LdmFieldWidth[field]);
      1: return int'(LdwFieldWidth[field]);
      2: return int'(StFieldWidth[field]);
      3: return int'(MacFieldWidth[field]);
      default: return int'(VecFieldWidth[field]);
    endcase
  endfunction
  function automatic bit signed_of(int kind, int field);
    case (kind)
      0: return LdmFieldSigned[field];
      1: return LdwFieldSigned[field];
      2: return StFieldSigned[field];
      3: return MacFieldSigned[field];
      default: return VecFieldSigned[field];
    endcase
  endfunction
  function automatic logic [VecBits-1:0] pack(int kind);
    logic [VecBits-1:0] all;
    all = '0;
    for (int f = 0; f < fields_of(kind); f++) begin
      all = (all << width_of(kind, f)) | (VecBits'(fields[kind][f]) & ((VecBits'(1) << width_of(kind, f)) - 1));
    end
    return all;
  endfunction
  function automatic int kind_of(int unit);
    return unit < 3 ? unit : unit % 2 == 0 ? 3 : 4;
  endfunction

  function automatic logic [31:0] random_instruction(int at);
    logic [4:0] rd, a, b;
    int kind, field, unit;
    rd = 5'(pick(0, 7));
    a = 5'(pick(0, 7));
    b = 5'(pick(0, 7));
    kind = pick(0, 4);
    field = chance(40) ? pick(0, 3) : pick(0, fields_of(kind) - 1);
    do unit = pick(0, int'(NumUnits) - 1); while (unit == 3);
    case (pick(0, 19))
      0: return {OpAdd, rd, a, b, 11'd0};
      1: return {OpSub, rd, a, b, 11'd0};
      2: return {OpAnd, rd, a, b, 11'd0};
      3: return {OpOr, rd, a, b, 11'd0};
      4: return {OpSll, rd, a, b, 11'd0};
      5: return {OpSrl, rd, a, b, 11'd0};
      6, 7: return {OpAddi, rd, a, chance(50) ? 16'(pick(-3, 3)) : 16'($urandom)};
      8: return {OpOri, rd, a, 16'($urandom)};
      9: return {OpLui, rd, 5'd0, 16'($urandom)};
      10, 11, 12: return {chance(50) ? (chance(50) ? OpBeq : OpBne) : (chance(50) ? OpBlt : OpBge), a, b, 16'(pick(-at > -12 ? -at : -12, 20))};
      13: return {OpJmp, 26'(pick(0, 12))};
      14: return {OpSeti, 3'(kind), 6'(field), 17'($urandom)};
      15: return {OpSeth, 3'(kind), 6'(field), 2'd0, 15'($urandom)};
      16: return {OpSet, 3'(kind), 6'(field), a, 12'd0};
      17, 18: return {OpGo, 5'(unit), 21'd0};
      default: return chance(4) ? {OpEnd, 26'd0} : chance(4) ? $urandom : {OpAddi, rd, a, 16'd1};
    endcase
  endfunction

  // Legal as docs/isa.md says.
  function automatic bit is_legal(logic [31:0] w);
    int kind, field;
    kind = int'(w[25:23]);
    field = int'(w[22:17]);
    case (w[31:26])
      OpAdd, OpSub, OpAnd, OpOr, OpSll, OpSrl: return w[10:0] == '0;
      OpLui: return w[20:16] == '0;
      OpSeti: return kind < 5 && field < fields_of(kind);
      OpSeth: return kind < 5 && field < fields_of(kind) && w[16:15] == '0;
      OpSet: return kind < 5 && field < fields_of(kind) && w[11:0] == '0;
      OpGo: return int'(w[25:21]) < int'(NumUnits) && w[25:21] != 5'd3 && w[20:0] == '0;
      OpEnd: return w[25:0] == '0;
      OpAddi, OpOri, OpBeq, OpBne, OpBlt, OpBge, OpJmp: return 1'b1;
      default: return 1'b0;
    endcase
  endfunction

  function automatic void fail(string what);
    errors_o <= report(errors_o, $sformatf("sf_core: cycle %0d, program %0d, instruction %0d (%h): %s", cycle_q, program_q, pc_q, code[pc_q[6:0]], what));
  endfunction

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {done_o, start_q, open_q, stream_q, over_q, check_q, illegal_due_q, illegal_seen_q, leaves_due_q} <= '0;
      errors_o <= 0;
      room_q <= '1;
      full_q <= '0;
      last_q <= '0;
      {restart_q, flush_due_q, target_q, leaves_late_q} <= '0;
      over_q <= 1'b1;
      {step_q, program_q, cycle_q, gos_q, taken_q, untaken_q, stalls_q, executed_q, illegals_q, ends_q, field_writes_q, leaves_q} <= '0;
      {pc_q, fetch_pc_q, check_kind_q, expect_q} <= '0;
    end else if (!done_o) begin
      cycle_q <= cycle_q + 1;
      step_q <= step_q + 1;
      open_q <= chance((program_q % 3) == 0 ? 100 : (program_q % 3) == 1 ? 60 : 15);
      full_q <= (program_q % 2) == 0 ? '0 : unit_mask_t'($urandom) & unit_mask_t'($urandom);
      last_q <= (program_q % 4) == 0 ? '0 : unit_mask_t'($urandom);
      room_q <= ~(full_q | (last_q & go));
      if (stalled) stalls_q <= stalls_q + 1;
      // --- the stream
      restart_q <= restart;
      target_q <= target;
      if (flush && !flush_due_q) fail("a flush");
      if (!flush && flush_due_q) fail("no flush");
      flush_due_q <= start_q;
      if (flush) begin
        stream_q <= restart_q;
        fetch_pc_q <= target_q;
      end else if (valid && ready) fetch_pc_q <= fetch_pc_q + pc_t'(1);
      // --- fields in the cycle after a GO
      check_q <= 1'b0;
      if (check_q) begin
        logic [VecBits-1:0] sent;
        case (check_kind_q)
          0: sent = VecBits'(ldm);
          1: sent = VecBits'(ldw);
          2: sent = VecBits'(st);
          3: sent = VecBits'(mac);
          default: sent = vec;
        endcase
        if (sent != expect_q) fail("fields");
      end
      // One of the program before may show in the first cycles.
      if (illegal && !illegal_due_q && !over_q && step_q > 3) fail("illegal");
      if (leaves != leaves_late_q) fail("leaving the program");
      leaves_late_q <= leaves_due_q;
      leaves_due_q <= 1'b0;
      // --- an illegal instruction stays
      if (!over_q && !is_legal(code[pc_q[6:0]])) begin
        illegal_due_q <= 1'b1;
        if (executed) fail("an illegal instruction executes");
        if (illegal && !illegal_seen_q && step_q > 3) begin
          illegal_seen_q <= 1'b1;
          illegals_q <= illegals_q + 1;
          if (pc != pc_q) fail("pc of an illegal instruction");
        end
      end
      if (over_q && executed && !start_q) fail("executes behind the end");
      // --- execution
      if (executed && !over_q && is_legal(code[pc_q[6:0]])) begin
        logic [31:0] w, a, b, ra, result;
        bit writes, branch;
        int kind, field;
        pc_t follow;
        unit_mask_t expected_go;
        w = code[pc_q[6:0]];
        executed_q <= executed_q + 1;
        if (pc != pc_q) fail("another pc executes");
        if (line_done != (pc_q[2:0] == 3'd7)) fail("line_done");
        ra = regs[w[25:21]];
        a = regs[w[20:16]];
        b = regs[w[15:11]];
        kind = int'(w[25:23]);
        field = int'(w[22:17]);
        writes = 1'b0;
        branch = 1'b0;
        result = '0;
        expected_go = '0;
        follow = pc_q + pc_t'(1);
        case (w[31:26])
          OpAdd: {writes, result} = {1'b1, a + b};
          OpSub: {writes, result} = {1'b1, a - b};
          OpAnd: {writes, result} = {1'b1, a & b};
          OpOr: {writes, result} = {1'b1, a | b};
          OpSll: {writes, result} = {1'b1, a << b[4:0]};
          OpSrl: {writes, result} = {1'b1, a >> b[4:0]};
          OpAddi: {writes, result} = {1'b1, a + {{16{w[15]}}, w[15:0]}};
          OpOri: {writes, result} = {1'b1, a | {16'd0, w[15:0]}};
          OpLui: {writes, result} = {1'b1, w[15:0], 16'd0};
          OpBeq: branch = ra == a;
          OpBne: branch = ra != a;
          OpBlt: branch = $signed(ra) < $signed(a);
          OpBge: branch = $signed(ra) >= $signed(a);
          OpSeti: fields[kind][field] = signed_of(kind, field) ? {{15{w[16]}}, w[16:0]} : {15'd0, w[16:0]};
          OpSeth: fields[kind][field] = {w[14:0], fields[kind][field][16:0]};
          OpSet: fields[kind][field] = regs[w[16:12]];
          OpGo: begin
            check_q <= 1'b1;
            check_kind_q <= kind_of(int'(w[25:21]));
            expect_q <= pack(kind_of(int'(w[25:21])));
            expected_go = unit_mask_t'(1) << w[25:21];
            if ((expected_go & ~room_q) != '0) fail("GO without room");
            for (int f = 0; f < int'(SyncFields); f++) fields[kind_of(int'(w[25:21]))][f] = '0;
            gos_q <= gos_q + 1;
          end
          default: ;
        endcase
        if (w[31:26] inside {OpSeti, OpSeth, OpSet}) field_writes_q <= field_writes_q + 1;
        if (go != expected_go) fail("GO");
        if (writes && w[25:21] != '0) regs[w[25:21]] = result;
        if (branch) follow = follow + {{PcW - 16{w[15]}}, w[15:0]};
        if (w[31:26] == OpJmp) follow = follow + {{PcW - 26{w[25]}}, w[25:0]};
        if (branch || w[31:26] == OpJmp) begin
          taken_q <= taken_q + 1;
          if (!restart || target != follow) fail("a taken branch");
          flush_due_q <= 1'b1;
        end else if (w[31:26] == OpEnd) begin
          ends_q <= ends_q + 1;
          over_q <= 1'b1;
          if (restart || !ends) fail("END");
          flush_due_q <= 1'b1;
        end else begin
          if (w[31:26] inside {OpBeq, OpBne, OpBlt, OpBge}) untaken_q <= untaken_q + 1;
          if (pc_q == pc_t'(Length - 1)) begin
            leaves_due_q <= 1'b1;
            leaves_q <= leaves_q + 1;
            over_q <= 1'b1;
          end
        end
        if (follow >= pc_t'(Length)) over_q <= 1'b1;
        pc_q <= follow;
      end else if (go != '0 && !start_q) fail("GO without an instruction");
      // --- another program
      start_q <= 1'b0;
      if (!start_q && ((over_q && chance(10)) || illegal_seen_q || step_q > MostSteps)) begin
        program_q <= program_q + 1;
        step_q <= 0;
        start_q <= 1'b1;
        stream_q <= 1'b0;
        over_q <= 1'b1;
        illegal_due_q <= 1'b0;
        if (program_q == Programs) begin
          done_o <= 1'b1;
          $display("sf_core: %0d instructions of %0d programs, %0d GO, %0d field writes, branches %0d taken, %0d not, %0d ends, %0d illegal, %0d ran out, %0d cycles without room",
                   executed_q, program_q, gos_q, field_writes_q, taken_q, untaken_q, ends_q, illegals_q, leaves_q, stalls_q);
          if (illegals_q == 0 || ends_q == 0 || untaken_q == 0 || leaves_q == 0 || stalls_q == 0) errors_o <= errors_o + 1;
        end
      end
      if (start_q) begin
        for (int i = 0; i < Length; i++) code[i] = random_instruction(i);
        for (int i = 0; i < 32; i++) regs[i] = '0;
        for (int k = 0; k < 5; k++) for (int f = 0; f < 64; f++) fields[k][f] = '0;
        pc_q <= '0;
        over_q <= 1'b0;
        check_q <= 1'b0;
        illegal_due_q <= 1'b0;
        illegal_seen_q <= 1'b0;
        {leaves_due_q, leaves_late_q} <= '0;
      end
    end
  end
endmodule
