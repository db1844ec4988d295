// The order in which a descriptor's constants are loaded: that of their first use by the address engine.
// Specification: docs/microarchitecture.md, section 3 (address engine).
module sf_load_order
  import sf_walk_pkg::*;
(
  input  logic [4:0] count_i,
  output logic [4:0] index_o
);
  always_comb begin
    unique case (count_i)
      5'd0: index_o = CX0;
      5'd1: index_o = CStrideW;
      5'd2: index_o = CIx0;
      5'd3: index_o = CInWidth;
      5'd4: index_o = CKernelW;
      5'd5: index_o = CColStep;
      5'd6: index_o = CSrcBase;
      5'd7: index_o = CSrcColumn;
      5'd8: index_o = COutColStep;
      5'd9: index_o = COutBase;
      5'd10: index_o = CTapStep;
      5'd11: index_o = COutOffset;
      5'd12: index_o = COne;
      5'd13: index_o = CWords;
      5'd14: index_o = CPerStep;
      5'd15: index_o = CInHeight;
      5'd16: index_o = CKernelH;
      5'd17: index_o = CIy0;
      5'd18: index_o = CKRowStep;
      5'd19: index_o = CSrcOffset;
      5'd20: index_o = CSrcRing;
      5'd21: index_o = COutWidth;
      5'd22: index_o = CCount;
      5'd23: index_o = CStrideH;
      5'd24: index_o = CDilationW;
      5'd25: index_o = CDilationH;
      5'd26: index_o = CRowStep;
      5'd27: index_o = COutRowStep;
      5'd28: index_o = COutRing;
      5'd29: index_o = CSrc2RowStep;
      5'd30: index_o = CSrc2Ring;
      default: index_o = CSrc2Offset;
    endcase
  end
endmodule
