// The address engine's program: preparation of a descriptor, then one output row after the other.
// Specification: docs/microarchitecture.md, section 3 (address engine). Twin: src/simulator/walker.ts (formulas).
//
// A value can be read by the second instruction behind the one that makes it, a product by the third, until the next one is there; the flag at once.
// Preparation reads constant n in instruction n - 3 at the earliest: they are loaded while it runs.
//
// Along x: X = start / dilation rounded down, so that -X taps are clipped at the left where X < 0; R = (inWidth - start) / dilation rounded up,
// less kernelW, so that -R taps are clipped at the right where R < 0. Along y: Y and Ry alike.
module sf_walk_code
  import sf_walk_pkg::*;
#(
  parameter bit Mac = 1'b1
) (
  input  logic [6:0] pc_i,
  output walk_op_t   op_o
);
  function automatic source_t c(logic [4:0] index);
    return '{from: FromConstant, index: index};
  endfunction
  function automatic source_t v(logic [4:0] index);
    return '{from: FromValue, index: index};
  endfunction
  localparam source_t Product = '{from: FromProduct, index: 5'd0};
  localparam source_t Product16 = '{from: FromProduct, index: 5'd1};
  localparam source_t Zero = '{from: FromNothing, index: 5'd0};
  localparam source_t Quotient = '{from: FromDivision, index: 5'd0};
  localparam source_t Remainder = '{from: FromDivision, index: 5'd1};

  localparam walk_op_t Nop = '{
    a: Zero, b: Zero, subtract: 1'b0, carry: 1'b0, when_: WhenNever, keep: 1'b0, dst: 5'd0, compare: 1'b0, multiply: 1'b0, to: ToNone,
    product: ProductNone, control: Next
  };

  // value[dst] <= b + a, and to a register.
  function automatic walk_op_t add(logic [4:0] dst, source_t b, source_t a, to_e to = ToNone, when_e when_ = Always, control_e control = Next);
    walk_op_t op;
    op = Nop;
    op.a = a;
    op.b = b;
    op.when_ = when_;
    op.keep = 1'b1;
    op.dst = dst;
    op.to = to;
    op.control = control;
    return op;
  endfunction
  // value[dst] <= b - a.
  function automatic walk_op_t sub(logic [4:0] dst, source_t b, source_t a, to_e to = ToNone, when_e when_ = Always, control_e control = Next);
    walk_op_t op;
    op = add(dst, b, a, to, when_, control);
    op.subtract = 1'b1;
    return op;
  endfunction
  // To a register only.
  function automatic walk_op_t out(walk_op_t op);
    out = op;
    out.keep = 1'b0;
  endfunction
  // The flag too.
  function automatic walk_op_t flag(walk_op_t op);
    flag = op;
    flag.compare = 1'b1;
  endfunction
  function automatic walk_op_t carry(walk_op_t op);
    carry = op;
    carry.carry = 1'b1;
  endfunction
  // Flag only: b >= a.
  function automatic walk_op_t compare(source_t b, source_t a, when_e when_ = Always);
    return flag(out(sub(5'd0, b, a, ToNone, when_)));
  endfunction
  function automatic walk_op_t mul(source_t a, source_t b, product_e product = ProductNone);
    walk_op_t op;
    op = Nop;
    op.a = a;
    op.b = b;
    op.multiply = 1'b1;
    op.product = product;
    return op;
  endfunction
  // MAC: weights; VEC: something else.
  function automatic walk_op_t mac(walk_op_t op, walk_op_t other = Nop);
    return Mac ? op : other;
  endfunction

  always_comb begin
    unique case (pc_i)
      // ---------------------------------------------------------------- preparation: first pixel
      7'd0: op_o = mul(c(CX0), c(CStrideW));
      7'd1: op_o = sub(VSpan, c(CInWidth), c(CKernelW), ToNone, Always, Dilated);
      7'd2: op_o = add(VX0, Zero, c(CIx0), ToNone, WhenPlain);
      7'd3: op_o = add(VX, c(CIx0), Product, ToX, WhenPlain);
      7'd4: op_o = sub(VR0, v(VSpan), c(CIx0), ToNone, WhenPlain);
      7'd5: op_o = sub(VR, v(VSpan), v(VX), ToR, WhenPlain);
      7'd6: op_o = add(VStride, Zero, c(CStrideW), ToStride, WhenPlain);
      7'd7: op_o = sub(VMinusX, Zero, v(VX));
      7'd8: op_o = mul(c(CTapStep), v(VR), ProductR);
      7'd9: op_o = mul(c(CTapStep), v(VMinusX), ProductX);
      7'd10: op_o = mul(c(CX0), c(CColStep));
      7'd11: op_o = add(VCol0, c(CSrcBase), c(CSrcColumn));
      7'd12: op_o = mul(c(CTapStep), v(VStride));
      7'd13: op_o = out(add(VTemp, v(VCol0), Product, ToCol));
      7'd14: op_o = mul(c(CX0), c(COutColStep));
      7'd15: op_o = add(VWords, Zero, Product, ToWords);
      7'd16: op_o = mac(sub(VTapLast, c(CWords), c(COne), ToRowLast), mul(c(CX0), c(CSrc2ColStep)));
      7'd17: op_o = add(VPart, c(COutBase), Product);
      7'd18: op_o = mac(mul(c(CPerStep), v(VTapLast)));
      7'd19: op_o = out(add(VTemp, v(VWords), c(CTapStep), ToWords1));
      7'd20: op_o = out(add(VTemp, v(VPart), c(COutOffset), ToOut));
      7'd21: op_o = mac(add(VTemp, Zero, Product16), add(VFactor, c(CSrc2Base), Product));
      7'd22: op_o = sub(VFirst, c(CInHeight), c(CKernelH));
      7'd23: op_o = mac(add(VTapLines, v(VTemp), c(COne)));
      7'd24: op_o = sub(VRy, v(VFirst), c(CIy0), ToNone, WhenPlain);
      7'd25: op_o = add(VY, Zero, c(CIy0), ToNone, WhenPlain);
      7'd26: op_o = mac(mul(v(VTapLines), v(VMinusX), ProductLine));
      7'd27: op_o = mac(mul(v(VTapLines), v(VStride)));
      7'd28: op_o = flag(sub(VKyLow, Zero, v(VY)));
      7'd29: op_o = sub(VKyLow, c(COne), c(COne), ToNone, WhenClear);
      7'd30: op_o = mac(add(VLines, Zero, Product, ToLines));
      7'd31: op_o = mul(c(CKRowStep), v(VKyLow));
      7'd32: op_o = mac(out(add(VTemp, v(VLines), v(VTapLines), ToLines1)));
      7'd33: op_o = mac(add(VFactor, Zero, c(CWords)), out(add(VTemp, v(VFactor), c(CSrc2Offset), ToSrc2)));
      7'd34: op_o = add(VRing, c(CSrcOffset), Product, ToRow);
      7'd35: op_o = mac(add(VFactor, Zero, v(VTapLines), ToNone, WhenSeparate), add(VSrc2, Zero, c(CSrc2Offset)));
      7'd36: op_o = compare(v(VRing), c(CSrcRing));
      7'd37: op_o = out(sub(VTemp, v(VRing), c(CSrcRing), ToRow, WhenSet));
      7'd38: op_o = mac(mul(c(CKernelW), v(VFactor)));
      7'd39: op_o = sub(VRows, c(CKernelH), c(COne));
      7'd40: op_o = sub(VFirst, c(COutWidth), c(CX0));
      7'd41: op_o = mac(add(VRowLines, Zero, Product, ToRowLines));
      7'd42: op_o = sub(VRows, v(VRows), v(VKyLow), ToRows);
      7'd43: op_o = mac(sub(VTemp, v(VRowLines), c(COne), ToRowLast, WhenAdjacent));
      7'd44: op_o = compare(v(VRy), Zero);
      7'd45: op_o = add(VRows, v(VRows), v(VRy), ToRows, WhenClear);
      7'd46: op_o = mac(mul(c(CPerStep), v(VTemp)));
      7'd47: op_o = flag(sub(VLeft, c(CCount), v(VFirst)));
      7'd48: op_o = out(sub(VTemp, v(VFirst), c(COne), ToPixels));
      7'd49: op_o = mac(add(VTemp, Zero, Product16));
      7'd50: op_o = out(sub(VTemp, c(CCount), c(COne), ToPixels, WhenClear));
      7'd51: op_o = out(sub(VTemp, v(VLeft), c(COne), ToLast));
      7'd52: op_o = mac(add(VRowLines, v(VTemp), c(COne), ToRowLines, WhenAdjacent));
      7'd53: op_o = add(VRow, Zero, c(CSrcOffset));
      7'd54: op_o = mac(mul(v(VRowLines), v(VKyLow), ProductRowLine));
      7'd55: op_o = add(VOut, Zero, c(COutOffset));
      7'd56: op_o = add(VStrideH, Zero, c(CStrideH), ToNone, WhenPlain, PrepareEnd);
      // ---------------------------------------------------------------- column 0, for all further rows
      7'd57: op_o = out(add(VTemp, Zero, v(VX0), ToX));
      7'd58: op_o = out(add(VTemp, Zero, v(VR0), ToR));
      7'd59: op_o = sub(VMinusX, Zero, v(VX0));
      7'd60: op_o = mul(c(CTapStep), v(VR0), ProductR);
      7'd61: op_o = mul(c(CTapStep), v(VMinusX), ProductX);
      7'd62: op_o = mac(mul(v(VTapLines), v(VMinusX), ProductLine));
      7'd63: op_o = out(add(VTemp, Zero, v(VCol0), ToCol));
      7'd64: op_o = out(add(VTemp, Zero, v(VX0Rem), ToXRem, WhenDilated));
      7'd65: op_o = out(add(VTemp, Zero, v(VR0Rem), ToRRem, WhenDilated));
      // ---------------------------------------------------------------- the next row
      7'd66: op_o = add(VRow, v(VRow), c(CRowStep));
      7'd67: op_o = add(VOut, v(VOut), c(COutRowStep));
      7'd68: op_o = compare(v(VRow), c(CSrcRing));
      7'd69: op_o = sub(VRow, v(VRow), c(CSrcRing), ToNone, WhenSet);
      7'd70: op_o = compare(v(VOut), c(COutRing));
      7'd71: op_o = sub(VOut, v(VOut), c(COutRing), ToNone, WhenSet);
      7'd72: op_o = add(VYRem, v(VYRem), v(VStrideHRem));
      7'd73: op_o = out(add(VTemp, c(COutBase), v(VOut), ToOut));
      7'd74: op_o = compare(v(VYRem), c(CDilationH), WhenDilated);
      7'd75: op_o = sub(VYRem, v(VYRem), c(CDilationH), ToNone, WhenSet);
      7'd76: op_o = carry(add(VY, v(VY), v(VStrideH)));
      7'd77: op_o = add(VRyRem, v(VRyRem), v(VStrideHRem));
      7'd78: op_o = sub(VRows, c(CKernelH), c(COne));
      7'd79: op_o = compare(v(VRyRem), c(CDilationH), WhenDilated);
      7'd80: op_o = sub(VRyRem, v(VRyRem), c(CDilationH), ToNone, WhenSet);
      7'd81: op_o = carry(sub(VRy, v(VRy), v(VStrideH)));
      7'd82: op_o = flag(sub(VKyLow, Zero, v(VY)));
      7'd83: op_o = sub(VKyLow, c(COne), c(COne), ToNone, WhenClear);
      7'd84: op_o = compare(v(VRy), Zero);
      7'd85: op_o = add(VRows, v(VRows), v(VRy), ToNone, WhenClear);
      7'd86: op_o = mul(c(CKRowStep), v(VKyLow));
      7'd87: op_o = mac(mul(v(VRowLines), v(VKyLow), ProductRowLine), add(VSrc2, v(VSrc2), c(CSrc2RowStep)));
      7'd88: op_o = out(sub(VTemp, v(VRows), v(VKyLow), ToRows));
      7'd89: op_o = add(VRing, v(VRow), Product, ToRow);
      7'd90: op_o = compare(v(VLeft), c(COutWidth));
      7'd91: op_o = out(sub(VTemp, v(VLeft), c(COne), ToPixels));
      7'd92: op_o = out(sub(VTemp, c(COutWidth), c(COne), ToPixels, WhenSet));
      7'd93: op_o = sub(VLeft, v(VLeft), c(COutWidth));
      7'd94: op_o = compare(v(VRing), c(CSrcRing));
      7'd95: op_o = out(sub(VTemp, v(VRing), c(CSrcRing), ToRow, WhenSet));
      7'd96: op_o = mac(out(sub(VTemp, v(VLeft), c(COne), ToLast, Always, RowEnd)), compare(v(VSrc2), c(CSrc2Ring)));
      7'd97: op_o = sub(VSrc2, v(VSrc2), c(CSrc2Ring), ToNone, WhenSet);
      7'd98: op_o = out(sub(VTemp, v(VLeft), c(COne), ToLast));
      7'd99: op_o = out(add(VTemp, c(CSrc2Base), v(VSrc2), ToSrc2, Always, RowEnd));
      // ---------------------------------------------------------------- dilated: quotients and remainders first
      7'd100: op_o = out(add(VTemp, Zero, c(CIx0), ToNone, Always, DivideW));
      7'd101: op_o = add(VX0, Quotient, Zero);
      7'd102: op_o = add(VX0Rem, Remainder, Zero);
      7'd103: op_o = out(sub(VTemp, c(CIx0), c(CInWidth), ToNone, Always, DivideW));
      7'd104: op_o = add(VTemp, Quotient, c(CKernelW));
      7'd105: op_o = add(VR0Rem, Remainder, Zero);
      7'd106: op_o = sub(VR0, Zero, v(VTemp));
      7'd107: op_o = add(VMinusX, c(CIx0), Product, ToNone, Always, DivideW);
      7'd108: op_o = add(VX, Quotient, Zero, ToX);
      7'd109: op_o = out(add(VTemp, Remainder, Zero, ToXRem));
      7'd110: op_o = out(sub(VTemp, v(VMinusX), c(CInWidth), ToNone, Always, DivideW));
      7'd111: op_o = add(VTemp, Quotient, c(CKernelW));
      7'd112: op_o = out(add(VFirst, Remainder, Zero, ToRRem));
      7'd113: op_o = sub(VR, Zero, v(VTemp), ToR);
      7'd114: op_o = out(add(VTemp, Zero, c(CStrideW), ToNone, Always, DivideW));
      7'd115: op_o = add(VTemp, Remainder, Zero);
      7'd116: op_o = add(VStride, Quotient, Zero, ToStride);
      7'd117: op_o = out(sub(VFirst, v(VTemp), c(CDilationW), ToOver));
      7'd118: op_o = out(add(VTemp, Zero, c(CIy0), ToNone, Always, DivideH));
      7'd119: op_o = add(VY, Quotient, Zero);
      7'd120: op_o = add(VYRem, Remainder, Zero);
      7'd121: op_o = out(sub(VTemp, c(CIy0), c(CInHeight), ToNone, Always, DivideH));
      7'd122: op_o = add(VTemp, Quotient, c(CKernelH));
      7'd123: op_o = add(VRyRem, Remainder, Zero);
      7'd124: op_o = sub(VRy, Zero, v(VTemp));
      7'd125: op_o = out(add(VTemp, Zero, c(CStrideH), ToNone, Always, DivideH));
      7'd126: op_o = add(VStrideH, Quotient, Zero);
      7'd127: op_o = add(VStrideHRem, Remainder, Zero, ToNone, Always, Restart);
      default: op_o = Nop;
    endcase
  end
endmodule
