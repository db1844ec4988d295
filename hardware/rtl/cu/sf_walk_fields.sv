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
  function automatic value_t pick(logic [4:0] index);
    value_t [31:0] fields;
    value_t [7:0]  fours;
    fields = '0;
    fields[CStrideW] = value_t'({1'b0, walk_i.stride_w});
    fields[CStrideH] = value_t'({1'b0, walk_i.stride_h});
    fields[CDilationW] = value_t'({1'b0, walk_i.dilation_w});
    fields[CDilationH] = value_t'({1'b0, walk_i.dilation_h});
    fields[CKernelW] = value_t'({1'b0, walk_i.kernel_w});
    fields[CKernelH] = value_t'({1'b0, walk_i.kernel_h});
    fields[COne] = value_t'(1);
    fields[CX0] = value_t'({1'b0, walk_i.x0});
    fields[CInWidth] = value_t'({1'b0, walk_i.in_width});
    fields[CInHeight] = value_t'({1'b0, walk_i.in_height});
    fields[COutWidth] = value_t'({1'b0, walk_i.out_width});
    fields[CColStep] = value_t'({1'b0, kwords_t'(walk_i.col_step)});
    fields[CSrcBase] = value_t'({1'b0, kwords_t'(walk_i.src_base)});
    fields[CSrcColumn] = value_t'({1'b0, kwords_t'(walk_i.src_column)});
    fields[COutColStep] = value_t'({1'b0, kwords_t'(walk_i.out_col_step)});
    fields[COutBase] = value_t'({1'b0, kwords_t'(walk_i.out_base)});
    fields[CTapStep] = value_t'({1'b0, kwords_t'(walk_i.tap_step)});
    fields[CCount] = value_t'({1'b0, walk_i.count});
    fields[CIx0] = value_t'(walk_i.ix0);
    fields[CIy0] = value_t'(walk_i.iy0);
    fields[CKRowStep] = value_t'({1'b0, ring_t'(walk_i.k_row_step)});
    fields[CSrcOffset] = value_t'({1'b0, ring_t'(walk_i.src_offset)});
    fields[CSrcRing] = value_t'({1'b0, ring_t'(walk_i.src_ring)});
    fields[COutOffset] = value_t'({1'b0, ring_t'(walk_i.out_offset)});
    fields[CRowStep] = value_t'({1'b0, ring_t'(walk_i.row_step)});
    fields[COutRowStep] = value_t'({1'b0, ring_t'(walk_i.out_row_step)});
    fields[COutRing] = value_t'({1'b0, ring_t'(walk_i.out_ring)});
    if (Mac) begin
      // Depthwise: a tap is one step.
      fields[CWords] = depthwise_i ? value_t'(1) : value_t'({1'b0, walk_i.words});
      fields[CPerStep] = value_t'(16) >> lg_i;
    end else begin
      fields[CSrc2Base] = value_t'({1'b0, kwords_t'(src2_i.base)});
      fields[CSrc2ColStep] = value_t'({1'b0, kwords_t'(src2_i.col_step)});
      fields[CSrc2RowStep] = value_t'({1'b0, ring_t'(src2_i.row_step)});
      fields[CSrc2Ring] = value_t'({1'b0, ring_t'(src2_i.ring)});
      fields[CSrc2Offset] = value_t'({1'b0, ring_t'(src2_i.offset)});
    end
    for (int unsigned i = 0; i < 8; i++) begin
      unique case (index[1:0])
        2'd0: fours[i] = fields[4*i];
        2'd1: fours[i] = fields[4*i+1];
        2'd2: fours[i] = fields[4*i+2];
        default: fours[i] = fields[4*i+3];
      endcase
    end
    return fours[index[4:2]];
  endfunction
  value_t value_q;
  always_ff @(posedge clk_i) begin
    if (run_i) value_q <= pick(index_i);
  end
  assign value_o = value_q;

  // High bits of addresses, and what only the unit needs.
  logic unused_bits;
  assign unused_bits = ^{walk_i, src2_i, lg_i, depthwise_i};
endmodule
