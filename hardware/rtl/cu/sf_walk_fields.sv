// The fields of a descriptor one by one, as constants of the address engine.
// Specification: docs/microarchitecture.md, section 3 (address engine).
module sf_walk_fields
  import sf_pkg::*;
  import sf_cu_pkg::*;
  import sf_walk_pkg::*;
#(
  parameter bit Mac = 1'b1
) (
  input  logic       clk_i,
  input  logic       run_i,   // else the value stays
  input  logic [4:0] index_i,
  input  walk_t      walk_i,
  input  walk_src2_t src2_i,  // VEC
  input  lg_t        lg_i,    // MAC
  input  logic       depthwise_i,
  output value_t     value_o  // a cycle later
);
  // By index. Words along a row modulo the buffer, ring offsets with one bit more.
  value_t fields [32];
  assign fields[CStrideW] = value_t'({1'b0, walk_i.stride_w});
  assign fields[CStrideH] = value_t'({1'b0, walk_i.stride_h});
  assign fields[CDilationW] = value_t'({1'b0, walk_i.dilation_w});
  assign fields[CDilationH] = value_t'({1'b0, walk_i.dilation_h});
  assign fields[CKernelW] = value_t'({1'b0, walk_i.kernel_w});
  assign fields[CKernelH] = value_t'({1'b0, walk_i.kernel_h});
  assign fields[COne] = value_t'(1);
  assign fields[CX0] = value_t'({1'b0, walk_i.x0});
  assign fields[CInWidth] = value_t'({1'b0, walk_i.in_width});
  assign fields[CInHeight] = value_t'({1'b0, walk_i.in_height});
  assign fields[COutWidth] = value_t'({1'b0, walk_i.out_width});
  assign fields[CColStep] = value_t'({1'b0, kwords_t'(walk_i.col_step)});
  assign fields[CSrcBase] = value_t'({1'b0, kwords_t'(walk_i.src_base)});
  assign fields[CSrcColumn] = value_t'({1'b0, kwords_t'(walk_i.src_column)});
  assign fields[COutColStep] = value_t'({1'b0, kwords_t'(walk_i.out_col_step)});
  assign fields[COutBase] = value_t'({1'b0, kwords_t'(walk_i.out_base)});
  assign fields[CTapStep] = value_t'({1'b0, kwords_t'(walk_i.tap_step)});
  assign fields[CCount] = value_t'({1'b0, walk_i.count});
  assign fields[CIx0] = value_t'(walk_i.ix0);
  assign fields[CIy0] = value_t'(walk_i.iy0);
  assign fields[CKRowStep] = value_t'({1'b0, ring_t'(walk_i.k_row_step)});
  assign fields[CSrcOffset] = value_t'({1'b0, ring_t'(walk_i.src_offset)});
  assign fields[CSrcRing] = value_t'({1'b0, ring_t'(walk_i.src_ring)});
  assign fields[COutOffset] = value_t'({1'b0, ring_t'(walk_i.out_offset)});
  assign fields[CRowStep] = value_t'({1'b0, ring_t'(walk_i.row_step)});
  assign fields[COutRowStep] = value_t'({1'b0, ring_t'(walk_i.out_row_step)});
  assign fields[COutRing] = value_t'({1'b0, ring_t'(walk_i.out_ring)});
  if (Mac) begin : gen_mac
    // Depthwise: a tap is one step.
    assign fields[CWords] = depthwise_i ? value_t'(1) : value_t'({1'b0, walk_i.words});
    assign fields[CPerStep] = value_t'(16) >> lg_i;
    assign fields[CSrc2RowStep] = '0;
    assign fields[CSrc2Ring] = '0;
    assign fields[CSrc2Offset] = '0;
  end else begin : gen_vec
    assign fields[CSrc2Base] = value_t'({1'b0, kwords_t'(src2_i.base)});
    assign fields[CSrc2ColStep] = value_t'({1'b0, kwords_t'(src2_i.col_step)});
    assign fields[CSrc2RowStep] = value_t'({1'b0, ring_t'(src2_i.row_step)});
    assign fields[CSrc2Ring] = value_t'({1'b0, ring_t'(src2_i.ring)});
    assign fields[CSrc2Offset] = value_t'({1'b0, ring_t'(src2_i.offset)});
  end
  // A multiplexer of fours. As expressions: they cost nothing in simulation while the value stays.
  value_t fours [8];
  value_t value_d;
  for (genvar i = 0; i < 8; i++) begin : gen_four
    assign fours[i] = (index_i[1:0] == 2'd0) ? fields[4*i] : (index_i[1:0] == 2'd1) ? fields[4*i+1] : (index_i[1:0] == 2'd2) ? fields[4*i+2] : fields[4*i+3];
  end
  assign value_d = index_i[4] ? (index_i[3] ? (index_i[2] ? fours[7] : fours[6]) : (index_i[2] ? fours[5] : fours[4])) :
                                (index_i[3] ? (index_i[2] ? fours[3] : fours[2]) : (index_i[2] ? fours[1] : fours[0]));
  value_t value_q;
  always_ff @(posedge clk_i) begin
    if (run_i) value_q <= value_d;
  end
  assign value_o = value_q;

  // High bits of addresses, and what only the unit needs.
  logic unused_bits;
  assign unused_bits = ^{walk_i, src2_i, lg_i, depthwise_i};
endmodule
