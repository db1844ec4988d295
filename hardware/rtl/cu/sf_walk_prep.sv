// Address engine of a unit: prepares the descriptor at the head of its queue, then makes its output rows, one ahead of the walker.
// Specification: docs/microarchitecture.md, sections 3 (address engine) and 9 (T3, T5, T13). Twin: src/simulator/walker.ts (formulas).
//
// One instruction a cycle: two cycles behind its issue it comes from the program's memory and its operands are read into registers, then they are added
// and written; products take two cycles more. Preparation begins at h, the first
// cycle in which there is a head and the last row of the descriptor before has begun: constant n is loaded in h + n, instruction i reads in h + i + 5.
module sf_walk_prep
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
  import sf_walk_pkg::*;
#(
  parameter bit Mac = 1'b1  // with weights lines and traces; VEC: with source 2 in their place
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       head_i,   // a descriptor is at the head; its fields are stable
  input  walk_t      walk_i,
  input  walk_src2_t src2_i,
  input  logic       adjacent_i,  // MAC: a kernel row is one trace
  input  lg_t        lg_i,        // MAC: log2 lanes per output
  input  logic       depthwise_i,
  input  logic       start_i,     // the head starts: prep_o and row_o are taken
  input  logic       last_row_i,  // the first pixel of the descriptor's last row has begun
  output logic       ready_d_o,   // ready in the next cycle
  output walk_prep_t prep_o,
  output walk_row_t  row_o,       // first row: at the start
  output logic       row_valid_o,  // a further row is there
  input  logic       row_take_i
);
  // ---------------------------------------------------------------- sequence
  localparam int unsigned LoadAhead = 2;  // from the first constant to the first issue
  localparam logic [6:0] ColumnCode = 7'd57;
  localparam logic [6:0] RowCode = 7'd66;
  localparam logic [6:0] DilatedCode = 7'd100;
  localparam logic [6:0] RestartCode = 7'd2;
  localparam int unsigned DivideCycles = ValueW + 2;
  // LatPrepare may be longer (another machine), not shorter.
  if (LatPrepare < 64 || LatPrepareDilated < 300 || LatPrepareDilated < LatPrepare || LatPrepareDilated > 1000 || LatRowPeriod < 48) begin : gen_check
    $error("the latencies of preparation are out of range");
  end

  logic [9:0] cycle_d, cycle_q, target, prior;  // since h; holds at the target
  logic       dilated, allowed_d, allowed_q, begin_prep, dilated_q, adjacent_q;

  assign dilated = walk_i.dilation_w > 8'd1 || walk_i.dilation_h > 8'd1;
  assign target = dilated ? 10'(LatPrepareDilated) : 10'(LatPrepare);
  assign prior = dilated ? 10'(LatPrepareDilated - 1) : 10'(LatPrepare - 1);
  assign allowed_d = (allowed_q || last_row_i) && !start_i;
  always_comb begin
    cycle_d = cycle_q;
    if (!head_i || !allowed_q || start_i) cycle_d = '0;
    else if (cycle_q != target) cycle_d = cycle_q + 10'd1;
  end
  // cycle_d == target, without its adder.
  assign ready_d_o = head_i && allowed_q && !start_i && (cycle_q == prior || cycle_q == target);
  assign begin_prep = cycle_q == 10'(LoadAhead);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      cycle_q <= '0;
      allowed_q <= 1'b1;
    end else begin
      cycle_q <= cycle_d;
      allowed_q <= allowed_d;
    end
  end
  always_ff @(posedge clk_i) begin
    if (begin_prep) begin
      dilated_q <= dilated;
      adjacent_q <= adjacent_i;
    end
  end

  logic [6:0] pc_d, pc_q;
  logic       run_d, run_q, issue, row_end;
  logic [4:0] hold_d, hold_q;  // while the divider works
  control_e   control;
  walk_op_t   op_q;  // two cycles behind its issue
  sf_walk_code #(.Mac(Mac)) u_code (.clk_i, .pc_i(pc_q), .control_o(control), .op_o(op_q));

  assign issue = run_q && hold_q == '0;
  assign row_end = issue && control == RowEnd;
  always_comb begin
    pc_d = pc_q;
    run_d = run_q;
    hold_d = (hold_q == '0) ? '0 : hold_q - 5'd1;
    if (issue) begin
      pc_d = pc_q + 7'd1;
      if (control == Dilated && dilated_q) pc_d = DilatedCode;
      if (control == Restart) pc_d = RestartCode;
      if (control == DivideW || control == DivideH) hold_d = 5'(DivideCycles);
      if (control == PrepareEnd || control == RowEnd) run_d = 1'b0;
    end
    if (begin_prep) begin
      pc_d = '0;
      run_d = 1'b1;
    end
    if (start_i && !row_o.last) begin
      pc_d = ColumnCode;
      run_d = 1'b1;
    end
    if (row_take_i && !row_o.last) begin
      pc_d = RowCode;
      run_d = 1'b1;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_q <= 1'b0;
      hold_q <= '0;
    end else begin
      run_q <= run_d;
      hold_q <= hold_d;
    end
  end
  always_ff @(posedge clk_i) pc_q <= pc_d;

  // ---------------------------------------------------------------- constants
  value_t     field;
  logic [4:0] field_index_q;
  logic       field_valid_d, field_valid_q;
  value_t     constants_a_q [32], constants_b_q [32];
  // Two tables, as one of them goes with its register.
  logic [4:0] load_index, field_index_d;
  sf_load_order u_load_index (.count_i(cycle_q[4:0]), .index_o(load_index));
  sf_load_order u_field_index (.count_i(cycle_q[4:0]), .index_o(field_index_d));
  assign field_valid_d = head_i && allowed_q && cycle_q < 10'd32;
  sf_walk_fields #(.Mac(Mac)) u_fields (
    .clk_i, .run_i(field_valid_d), .index_i(load_index), .walk_i, .src2_i, .lg_i, .depthwise_i, .value_o(field)
  );
  always_ff @(posedge clk_i) begin
    field_index_q <= field_index_d;
    field_valid_q <= field_valid_d;
  end
  always_ff @(posedge clk_i) begin
    if (field_valid_q) begin
      constants_a_q[field_index_q] <= field;
      constants_b_q[field_index_q] <= field;
    end
  end

  // ---------------------------------------------------------------- operands
  walk_op_t   sum_op_q;
  control_e   issued_q, op_control_q, sum_control_q;
  logic       issued_valid_q, op_valid_q, sum_valid_q;
  value_t   values_a_q [32], values_b_q [32];
  value_t   a_d, a_q, b_d, b_q, sum, quotient;
  logic [7:0]  remainder;
  logic [33:0] m_q, p_q;
  logic        flag_q, carry_q;  // the flag; what is carried into the sum

  always_comb begin
    unique case (op_q.a.from)
      FromConstant: a_d = constants_a_q[op_q.a.index];
      FromValue: a_d = values_a_q[op_q.a.index];
      FromProduct: a_d = op_q.a.index[0] ? p_q[4+:ValueW] : p_q[0+:ValueW];
      default: a_d = '0;
    endcase
    unique case (op_q.b.from)
      FromConstant: b_d = constants_b_q[op_q.b.index];
      FromValue: b_d = values_b_q[op_q.b.index];
      FromDivision: b_d = op_q.b.index[0] ? value_t'({1'b0, remainder}) : quotient;
      default: b_d = '0;
    endcase
  end
  always_ff @(posedge clk_i) begin
    sum_op_q <= op_q;
    carry_q <= op_q.subtract ^ (op_q.carry && flag_q);
    a_q <= a_d ^ {ValueW{op_q.subtract}};
    b_q <= b_d;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      issued_valid_q <= 1'b0;
      {issued_q, op_control_q, sum_control_q} <= {3{Next}};  // with a reset they are registers, not shift registers
      op_valid_q <= 1'b0;
      sum_valid_q <= 1'b0;
    end else begin
      issued_valid_q <= issue;
      {issued_q, op_control_q, sum_control_q} <= {control, issued_q, op_control_q};
      op_valid_q <= issued_valid_q;
      sum_valid_q <= op_valid_q;
    end
  end

  // ---------------------------------------------------------------- sum
  logic            write;
  logic [ValueW:0] wide;
  always_comb begin
    wide = {b_q, 1'b1} + {a_q, carry_q};
    sum = wide[ValueW:1];
    unique case (sum_op_q.when_)
      Always: write = sum_valid_q;
      WhenSet: write = sum_valid_q && flag_q;
      WhenClear: write = sum_valid_q && !flag_q;
      WhenAdjacent: write = sum_valid_q && adjacent_q;
      WhenSeparate: write = sum_valid_q && !adjacent_q;
      WhenPlain: write = sum_valid_q && !dilated_q;
      WhenDilated: write = sum_valid_q && dilated_q;
      default: write = 1'b0;
    endcase
  end
  always_ff @(posedge clk_i) begin
    if (sum_valid_q && sum_op_q.compare) flag_q <= write && !sum[ValueW-1];
  end
  always_ff @(posedge clk_i) begin
    if (write && sum_op_q.keep) begin
      values_a_q[sum_op_q.dst] <= sum;
      values_b_q[sum_op_q.dst] <= sum;
    end
  end

  // ---------------------------------------------------------------- product, quotient
  product_e m_to_q, p_to_q;
  logic     m_valid_q;
  always_ff @(posedge clk_i) begin
    if (sum_valid_q && sum_op_q.multiply) m_q <= a_q[16:0] * b_q[16:0];
    if (m_valid_q) p_q <= m_q;
  end
  always_ff @(posedge clk_i) begin
    m_valid_q <= sum_valid_q && sum_op_q.multiply;
    m_to_q <= (sum_valid_q && sum_op_q.multiply) ? sum_op_q.product : ProductNone;
    p_to_q <= m_to_q;
  end

  logic   busy, divide, divide_q, divide_h_q;
  value_t dividend_q;
  assign divide = sum_valid_q && (sum_control_q == DivideW || sum_control_q == DivideH);
  always_ff @(posedge clk_i) begin
    if (divide) begin
      dividend_q <= sum;
      divide_h_q <= sum_control_q == DivideH;
    end
    divide_q <= divide;
  end
  sf_floor_div #(.Width(ValueW)) u_divide (
    .clk_i, .rst_ni, .load_i(divide_q), .dividend_i(dividend_q), .divisor_i(divide_h_q ? walk_i.dilation_h : walk_i.dilation_w), .busy_o(busy),
    .quotient_o(quotient), .remainder_o(remainder)
  );

  // ---------------------------------------------------------------- results
  walk_prep_t prep_q;
  walk_row_t  row_q;
  always_ff @(posedge clk_i) begin
    if (write) begin
      unique case (sum_op_q.to)
        ToX: row_q.x <= pos_t'(sum);
        ToR: row_q.r <= pos_t'(sum);
        ToCol: row_q.col <= maps_addr_t'(sum);
        ToOut: row_q.out <= maps_addr_t'(sum);
        ToSrc2: row_q.src2 <= maps_addr_t'(sum);
        ToStride: prep_q.stride <= sum[7:0];
        ToWords: prep_q.words <= kwords_t'(sum);
        ToWords1: prep_q.words1 <= kwords_t'(sum);
        ToLines: prep_q.lines <= weights_addr_t'(sum);
        ToLines1: prep_q.lines1 <= weights_addr_t'(sum);
        ToRowLast: prep_q.row_last <= kwords_t'(sum);
        ToRowLines: prep_q.row_lines <= weights_addr_t'(sum);
        ToRows: begin
          row_q.rows <= tap_t'(sum);
          row_q.empty <= sum[ValueW-1];
        end
        ToRow: row_q.row <= ring_t'(sum);
        ToPixels: row_q.pixels <= sum[15:0];
        ToLast: row_q.last <= sum[ValueW-1];
        default: ;
      endcase
    end
    unique case (p_to_q)
      ProductX: row_q.x_words <= kwords_t'(p_q);
      ProductR: row_q.r_words <= kwords_t'(p_q);
      ProductLine: row_q.x_lines <= weights_addr_t'(p_q);
      ProductRowLine: row_q.line <= weights_addr_t'(p_q);
      default: ;
    endcase
  end
  // Without dilation there are no remainders.
  always_ff @(posedge clk_i) begin
    if (begin_prep) begin
      row_q.x_rem <= '0;
      row_q.r_rem <= '0;
      prep_q.over <= '1;
    end else if (write) begin
      if (sum_op_q.to == ToXRem) row_q.x_rem <= sum[7:0];
      if (sum_op_q.to == ToRRem) row_q.r_rem <= sum[7:0];
      if (sum_op_q.to == ToOver) prep_q.over <= sum[8:0];
    end
  end
  assign prep_o = prep_q;
  assign row_o = row_q;

  // The row's last result is in its register four cycles behind its instruction's issue.
  logic [2:0] row_end_q;
  logic       row_valid_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      row_end_q <= '0;
      row_valid_q <= 1'b0;
    end else begin
      row_end_q <= {row_end_q[1:0], row_end};
      row_valid_q <= row_end_q[2] || (row_valid_q && !row_take_i);
    end
  end
  assign row_valid_o = row_valid_q;

  logic unused_bits;
  assign unused_bits = ^{p_q, wide[0], m_to_q, sum_op_q.subtract, busy, sum_op_q.a, sum_op_q.b, sum_op_q.carry};
endmodule
