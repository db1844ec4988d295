// The control core: decodes and executes one instruction a cycle, writes field registers, sends descriptors.
// Specification: docs/isa.md (all), docs/microarchitecture.md, sections 8 and 9 (T1, T2, T19). Twins: src/isa/core.ts,
// src/simulator/timing/control.ts.
//
// Stages: fetch (sf_fetch) → decode D → execute X → write back W. A line on the load bus at b is in the buffer at b+1 (fetch), at D in b+2, at X in
// b+3. An operand that is the result of the instruction before is taken at X, from the register of W: what is at X does not wait for anything if it has
// operands. One that is the result of the instruction before that is taken at D, from W.
// A GO without room holds X, and D when it is not empty. A taken branch at X empties them and restarts fetch.
module sf_core
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                start_i,        // cycle 0: acts as a branch to instruction 0
  input  logic                run_i,          // 0: error stop, from the next cycle on
  input  pc_t                 last_pc_i,      // index of the program's last instruction
  // Fetch
  input  logic                instr_valid_i,
  input  logic [31:0]         instr_i,
  input  pc_t                 instr_pc_i,
  output logic                instr_ready_o,
  output logic                flush_o,        // start, taken branch or END in the cycle before
  output logic                restart_o,      // combinational, if there will be a flush: a new stream begins at target_o
  output pc_t                 target_o,
  output logic                line_done_o,    // combinational: the last instruction of a line executes
  // Queues
  output unit_mask_t          go_o,           // combinational from X: GO at this cycle
  input  unit_mask_t          full_i,         // units whose queue has no room in the next cycle
  input  unit_mask_t          last_i,         // none if a GO to them comes in this one
  output logic [LdmBits-1:0]  ldm_o,          // field registers; those of a GO at t are valid at t+1
  output logic [LdwBits-1:0]  ldw_o,
  output logic [StBits-1:0]   st_o,
  output logic [MacBits-1:0]  mac_o,
  output logic [VecBits-1:0]  vec_o,
  // State and errors
  output logic                executed_o,     // combinational: an instruction executes
  output logic                stalled_o,      // combinational: a GO waits
  output logic                end_o,          // combinational: END executes
  output logic                active_o,       // between start and END
  output pc_t                 pc_o,           // of X
  output logic                illegal_o,      // registered
  output logic                leaves_o        // registered: the instruction after the program's last one is due
);
  localparam int unsigned NumKinds = 5;

  // Results other than sums and differences.
  typedef enum logic [1:0] {AluAnd, AluOr, AluSll, AluSrl} alu_e;

  // --- D: one instruction, registers read, operands chosen ---
  logic        d_valid_q;
  logic [31:0] d_word_q;
  pc_t         d_pc_q;

  // --- X: the decoded instruction ---
  typedef struct packed {
    logic             legal;
    logic             is_sum;
    logic             subtract;
    alu_e             alu;
    logic             write;       // rd ← result
    logic [4:0]       rd;
    logic             a_is_last;   // operand a is the result of the instruction before
    logic             b_is_last;
    logic [31:0]      a;           // else the operand, else 0
    logic [31:0]      b;
    logic             jump;
    logic             branch;
    logic             on_less;     // branch condition: less, else equal, possibly inverted
    logic             inverted;
    logic [NumKinds-1:0] kind;     // field write, one-hot
    logic [5:0]       field;
    logic             upper;
    logic             sign;
    unit_mask_t       go;
    logic             ends;
    pc_t              target;
    logic             is_last;
  } decoded_t;
  logic     x_valid_q, x_valid;
  decoded_t x_q, x_d;
  pc_t      x_pc_q;

  logic        full_q, no_room, stall, d_ready, flush, execute, left_q, run_q;
  logic [31:0] a, b, sum, other;
  logic        x_writes;

  // --- formats: views of the same word; they overlap in bits that the others name ---
  format_r_t   fr;
  format_i_t   fi;
  format_b_t   fb;
  format_j_t   fj;
  format_f_t   ff;
  format_fh_t  fh;
  format_fr_t  fs;
  format_g_t   fg;
  format_n_t   fn;
  logic        unused_formats;
  assign fr = d_word_q;
  assign fi = d_word_q;
  assign fb = d_word_q;
  assign fj = d_word_q;
  assign ff = d_word_q;
  assign fh = d_word_q;
  assign fs = d_word_q;
  assign fg = d_word_q;
  assign fn = d_word_q;
  assign unused_formats = ^{fr, fi, fb, fj, ff, fh, fs, fg, fn};

  // --- constants of instructions ---
  opcode_e     op;
  logic        is_immediate, is_constant;
  logic [31:0] constant;
  assign op = opcode_e'(d_word_q[31:26]);
  always_comb begin
    unique case (op)
      OpAddi:  constant = {{16{fi.imm[15]}}, fi.imm};
      OpOri:   constant = {16'd0, fi.imm};
      OpLui:   constant = {fi.imm, 16'd0};
      OpSeti:  constant = {15'd0, ff.imm};
      default: constant = {fh.imm, 17'd0};
    endcase
    is_immediate = op == OpAddi || op == OpOri || op == OpLui;
    is_constant  = is_immediate || op == OpSeti || op == OpSeth;
  end

  // --- register file: two reads at D, one write at W; a bit per register tells whether the program has written it ---
  logic [31:0] registers [32];
  logic [31:0] written_q;
  logic [4:0]  d_index_a, d_index_b;
  logic [31:0] d_value_a, d_value_b;
  logic        is_branch, hit_a, hit_b;

  // --- W ---
  logic        w_valid_q;
  logic [4:0]  w_rd_q;
  logic [31:0] w_sum_q, w_other_q, w_result;  // one of the two is 0
  assign w_result = w_sum_q | w_other_q;

  // A value that does not come from X: none is there of a register that the program has not written.
  function automatic logic [31:0] known(logic late, logic [31:0] late_value, logic valid, logic [31:0] stored);
    return late ? late_value : valid ? stored : '0;
  endfunction

  assign is_branch = op == OpBeq || op == OpBne || op == OpBlt || op == OpBge;
  assign d_index_a = is_branch ? d_word_q[25:21] : d_word_q[20:16];
  assign d_index_b = op == OpSet ? d_word_q[16:12] : is_branch ? d_word_q[20:16] : d_word_q[15:11];

  // X executes when D moves on, or what D takes is not kept.
  assign hit_a = x_valid && x_q.write && x_q.rd == d_index_a;
  assign hit_b = x_valid && x_q.write && x_q.rd == d_index_b && !is_constant;
  always_comb begin
    d_value_a = known(w_valid_q && w_rd_q == d_index_a, w_result, written_q[d_index_a], registers[d_index_a]);
    d_value_b = known(w_valid_q && w_rd_q == d_index_b, w_result, written_q[d_index_b], registers[d_index_b]);
    if (is_constant) d_value_b = constant;
  end
  always_ff @(posedge clk_i) begin
    w_valid_q  <= rst_ni && !start_i && x_writes;
    w_rd_q     <= x_q.rd;
    w_sum_q    <= x_q.is_sum ? sum : '0;
    w_other_q  <= x_q.is_sum ? '0 : other;
    if (w_valid_q) registers[w_rd_q] <= w_result;
    if (!rst_ni || start_i) written_q <= '0;
    else if (w_valid_q) written_q[w_rd_q] <= 1'b1;
  end

  // --- decode ---
  // What exists, as tables: LUTs, not carry chains.
  function automatic logic [511:0] make_fields();
    int kind_fields [8];
    kind_fields = '{default: 0};
    kind_fields[KindLdm] = LdmFields;
    kind_fields[KindLdw] = LdwFields;
    kind_fields[KindSt]  = StFields;
    kind_fields[KindMac] = MacFields;
    kind_fields[KindVec] = VecFields;
    for (int kind = 0; kind < 8; kind++) for (int field = 0; field < 64; field++) make_fields[64*kind + field] = field < kind_fields[kind];
  endfunction
  localparam logic [511:0] FieldExists = make_fields();
  // Unit 3 does not exist.
  localparam logic [31:0]  UnitExists = ((32'd1 << NumUnits) - 32'd1) & ~32'd8;
  logic       is_field, field_exists;
  logic [2:0] field_kind;
  logic [5:0] field_index;

  // pc + imm + 1 by one adder.
  pc_t  d_target;
  logic unused_one;
  assign {d_target, unused_one} =
      {d_pc_q, 1'b1} + {op == OpJmp ? {{PcW - 26{fj.imm[25]}}, fj.imm} : {{PcW - 16{fb.imm[15]}}, fb.imm}, 1'b1};

  always_comb begin
    is_field = op == OpSeti || op == OpSeth || op == OpSet;
    {field_kind, field_index} = ff.field;
    field_exists = FieldExists[{field_kind, field_index}];

    x_d = '0;
    unique case (op)
      OpAdd, OpSub, OpAnd, OpOr, OpSll, OpSrl: x_d.legal = fr.zero10 == '0;
      OpLui:                                   x_d.legal = fi.rs1 == '0;
      OpSeti:                                  x_d.legal = field_exists;
      OpSeth:                                  x_d.legal = field_exists && fh.zero16 == '0;
      OpSet:                                   x_d.legal = field_exists && fs.zero11 == '0;
      OpGo:                                    x_d.legal = UnitExists[fg.unit] && fg.zero20 == '0;
      OpEnd:                                   x_d.legal = fn.zero25 == '0;
      OpAddi, OpOri, OpBeq, OpBne, OpBlt, OpBge, OpJmp: x_d.legal = 1'b1;
      default:                                 x_d.legal = 1'b0;
    endcase

    x_d.is_sum   = op != OpAnd && op != OpOr && op != OpOri && op != OpSll && op != OpSrl;
    x_d.subtract = op == OpSub;
    unique case (op)
      OpAnd:   x_d.alu = AluAnd;
      OpSll:   x_d.alu = AluSll;
      OpSrl:   x_d.alu = AluSrl;
      default: x_d.alu = AluOr;
    endcase

    x_d.rd    = fr.rd;
    x_d.write = (is_immediate || op == OpAdd || op == OpSub || op == OpAnd || op == OpOr || op == OpSll || op == OpSrl) && fr.rd != '0;
    // Field values come from b.
    x_d.a_is_last = hit_a;
    x_d.b_is_last = hit_b;
    x_d.a = hit_a ? '0 : d_value_a;
    x_d.b = hit_b ? '0 : d_value_b;

    x_d.jump     = op == OpJmp;
    x_d.branch   = is_branch;
    x_d.on_less  = op == OpBlt || op == OpBge;
    x_d.inverted = op == OpBne || op == OpBge;
    x_d.kind     = is_field ? NumKinds'(1) << field_kind : '0;
    x_d.field    = field_index;
    x_d.upper    = op == OpSeth;
    x_d.sign     = op == OpSeti;
    x_d.go       = op == OpGo ? unit_mask_t'(1) << fg.unit : '0;
    x_d.ends     = op == OpEnd;
    x_d.target   = d_target;
    x_d.is_last  = d_pc_q == last_pc_i;
  end

  // --- execute: one adder for sums and differences, its upper half for both carries of the lower ---
  logic        carry;
  logic [1:0]  unused_carry;
  logic [15:0] high_plain, high_carry;
  logic [31:0] addend;
  assign a = x_q.a | (x_q.a_is_last ? w_result : '0);
  assign b = x_q.b | (x_q.b_is_last ? w_result : '0);
  assign addend = b ^ {32{x_q.subtract}};
  assign {carry, sum[15:0], unused_carry[0]} = {1'b0, a[15:0], 1'b1} + {1'b0, addend[15:0], x_q.subtract};
  assign high_plain = a[31:16] + addend[31:16];
  assign {high_carry, unused_carry[1]} = {a[31:16], 1'b1} + {addend[31:16], 1'b1};
  assign sum[31:16] = carry ? high_carry : high_plain;
  always_comb begin
    unique case (x_q.alu)
      AluAnd:  other = a & b;
      AluOr:   other = a | b;
      AluSll:  other = a << b[4:0];
      default: other = a >> b[4:0];
    endcase
  end
  // The condition, less or equal, in two parts for their carry chains. The lower part is one comparison for both: equal numbers differ by less than 1.
  localparam int unsigned LowW = 11;
  logic            high_less, high_equal, low;
  logic [LowW-1:0] low_left, low_right;
  assign high_less  = signed'(a[31:LowW]) < signed'(b[31:LowW]);
  assign high_equal = a[31:LowW] == b[31:LowW];
  assign low_left   = x_q.on_less ? a[LowW-1:0] : a[LowW-1:0] ^ b[LowW-1:0];
  assign low_right  = x_q.on_less ? b[LowW-1:0] : LowW'(1);
  assign low        = low_left < low_right;
  // An illegal instruction stays at X, as everything does after a stop, so that the program counter tells where it was.
  // What was in D and X at a flush counts no more in the cycle after it; the fetch gives nothing then.
  assign x_valid = x_valid_q && !flush;
  assign no_room = x_valid && full_q;
  assign stall   = no_room || (x_valid && !x_q.legal) || !run_q;
  // An empty D takes the next instruction although X waits: its line may come meanwhile.
  assign d_ready = !stall || !d_valid_q;
  assign execute = x_valid && !stall && !left_q;
  assign x_writes = execute && x_q.write;

  // A flush in the next cycle: always, or by the branch at X.
  logic always_q, taken_q, holds;
  assign holds = (x_q.on_less && high_less) || (high_equal && low);
  assign flush = always_q || taken_q;
  // No reset: nothing executes before one.
  always_ff @(posedge clk_i) begin
    run_q    <= run_i;
    always_q <= start_i || (execute && (x_q.jump || x_q.ends));
    taken_q  <= (execute && x_q.branch) ? holds != x_q.inverted : 1'b0;
    // Whether the GO that will be at X finds its queue full: the one that stays, or the one from D, behind one to the same unit.
    full_q   <= stall ? |(x_q.go & full_i) : |(x_d.go & full_i) || (execute && |(x_d.go & x_q.go & last_i));
  end

  logic active_q, illegal_q, last_q, leaves_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      d_valid_q <= 1'b0;
      x_valid_q <= 1'b0;
      last_q    <= 1'b0;
      active_q  <= 1'b0;
      illegal_q <= 1'b0;
      leaves_q  <= 1'b0;
      left_q    <= 1'b0;
    end else begin
      if (d_ready || flush) d_valid_q <= instr_valid_i;
      if (!stall || flush) x_valid_q <= d_valid_q && !flush;
      if (start_i) active_q <= 1'b1;
      else if (execute && x_q.ends) active_q <= 1'b0;
      illegal_q <= x_valid && !left_q && !x_q.legal;
      last_q    <= execute && x_q.is_last;
      leaves_q  <= last_q && !flush;
      // Nothing behind the last instruction executes, unless that was a taken branch.
      if (start_i || flush) left_q <= 1'b0;
      else if (execute && x_q.is_last) left_q <= 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (d_ready) begin
      d_word_q <= instr_i;
      d_pc_q   <= instr_pc_i;
    end
    if (!stall) begin
      x_q    <= x_d;
      x_pc_q <= d_pc_q;
    end
  end

  // --- field registers ---
  logic [NumKinds-1:0] field_write, go_kind, clear_q;
  logic                go_cu_mac, go_cu_vec;

  always_comb begin
    go_cu_mac = 1'b0;
    go_cu_vec = 1'b0;
    for (int c = 0; c < int'(NumCus); c++) begin
      go_cu_mac = go_cu_mac | go_o[4+2*c];
      go_cu_vec = go_cu_vec | go_o[5+2*c];
    end
  end
  assign go_kind     = {go_cu_vec, go_cu_mac, go_o[2:0]};
  assign field_write = execute ? x_q.kind : '0;
  always_ff @(posedge clk_i) clear_q <= rst_ni ? go_kind : '0;

  sf_field_regs #(.NumFields(LdmFields), .Bits(LdmBits), .FieldWidth(LdmFieldWidth), .FieldSigned(LdmFieldSigned)) u_ldm (
    .clk_i, .rst_ni, .init_i(start_i), .clear_i(clear_q[KindLdm]), .write_i(field_write[KindLdm]),
    .upper_i(x_q.upper), .sign_i(x_q.sign), .index_i(x_q.field), .value_i(b), .fields_o(ldm_o)
  );
  sf_field_regs #(.NumFields(LdwFields), .Bits(LdwBits), .FieldWidth(LdwFieldWidth), .FieldSigned(LdwFieldSigned)) u_ldw (
    .clk_i, .rst_ni, .init_i(start_i), .clear_i(clear_q[KindLdw]), .write_i(field_write[KindLdw]),
    .upper_i(x_q.upper), .sign_i(x_q.sign), .index_i(x_q.field), .value_i(b), .fields_o(ldw_o)
  );
  sf_field_regs #(.NumFields(StFields), .Bits(StBits), .FieldWidth(StFieldWidth), .FieldSigned(StFieldSigned)) u_st (
    .clk_i, .rst_ni, .init_i(start_i), .clear_i(clear_q[KindSt]), .write_i(field_write[KindSt]),
    .upper_i(x_q.upper), .sign_i(x_q.sign), .index_i(x_q.field), .value_i(b), .fields_o(st_o)
  );
  sf_field_regs #(.NumFields(MacFields), .Bits(MacBits), .FieldWidth(MacFieldWidth), .FieldSigned(MacFieldSigned)) u_mac (
    .clk_i, .rst_ni, .init_i(start_i), .clear_i(clear_q[KindMac]), .write_i(field_write[KindMac]),
    .upper_i(x_q.upper), .sign_i(x_q.sign), .index_i(x_q.field), .value_i(b), .fields_o(mac_o)
  );
  sf_field_regs #(.NumFields(VecFields), .Bits(VecBits), .FieldWidth(VecFieldWidth), .FieldSigned(VecFieldSigned)) u_vec (
    .clk_i, .rst_ni, .init_i(start_i), .clear_i(clear_q[KindVec]), .write_i(field_write[KindVec]),
    .upper_i(x_q.upper), .sign_i(x_q.sign), .index_i(x_q.field), .value_i(b), .fields_o(vec_o)
  );

  assign go_o          = execute ? x_q.go : '0;
  assign instr_ready_o = d_ready;
  assign flush_o       = flush;
  assign restart_o     = !(execute && x_q.ends);
  assign target_o      = start_i ? '0 : x_q.target;
  assign line_done_o   = execute && x_pc_q[2:0] == 3'd7;
  assign executed_o    = execute;
  assign stalled_o     = no_room;
  assign end_o         = execute && x_q.ends;
  assign active_o      = active_q;
  assign pc_o          = x_pc_q;
  assign illegal_o     = illegal_q;
  assign leaves_o      = leaves_q;
endmodule
