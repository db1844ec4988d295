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
  input  logic       clk_i,
  input  logic [6:0] pc_i,
  output control_e   control_o,  // combinational
  output walk_op_t   op_o        // two cycles later
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

  localparam walk_code_t Nop = '{
    control: Next,
    op: '{
      a: Zero, b: Zero, subtract: 1'b0, carry: 1'b0, when_: WhenNever, keep: 1'b0, dst: 5'd0, compare: 1'b0, multiply: 1'b0, to: ToNone,
      product: ProductNone
    }
  };

  // value[dst] <= b + a, and to a register.
  function automatic walk_code_t add(logic [4:0] dst, source_t b, source_t a, to_e to = ToNone, when_e when_ = Always, control_e control = Next);
    walk_code_t op;
    op = Nop;
    op.op.a = a;
    op.op.b = b;
    op.op.when_ = when_;
    op.op.keep = 1'b1;
    op.op.dst = dst;
    op.op.to = to;
    op.control = control;
    return op;
  endfunction
  // value[dst] <= b - a.
  function automatic walk_code_t sub(logic [4:0] dst, source_t b, source_t a, to_e to = ToNone, when_e when_ = Always, control_e control = Next);
    walk_code_t op;
    op = add(dst, b, a, to, when_, control);
    op.op.subtract = 1'b1;
    return op;
  endfunction
  // To a register only.
  function automatic walk_code_t out(walk_code_t op);
    out = op;
    out.op.keep = 1'b0;
  endfunction
  // The flag too.
  function automatic walk_code_t flag(walk_code_t op);
    flag = op;
    flag.op.compare = 1'b1;
  endfunction
  function automatic walk_code_t carry(walk_code_t op);
    carry = op;
    carry.op.carry = 1'b1;
  endfunction
  // Flag only: b >= a.
  function automatic walk_code_t compare(source_t b, source_t a, when_e when_ = Always);
    return flag(out(sub(5'd0, b, a, ToNone, when_)));
  endfunction
  function automatic walk_code_t mul(source_t a, source_t b, product_e product = ProductNone);
    walk_code_t op;
    op = Nop;
    op.op.a = a;
    op.op.b = b;
    op.op.multiply = 1'b1;
    op.op.product = product;
    return op;
  endfunction
  // MAC: weights; VEC: something else.
  function automatic walk_code_t mac(logic is_mac, walk_code_t op, walk_code_t other = Nop);
    return is_mac ? op : other;
  endfunction

  function automatic walk_code_t code(logic is_mac, logic [6:0] pc);
    unique case (pc)
      // ---------------------------------------------------------------- preparation: first pixel
      7'd0: return mul(c(CX0), c(CStrideW));
      7'd1: return sub(VSpan, c(CInWidth), c(CKernelW), ToNone, Always, Dilated);
      7'd2: return add(VX0, Zero, c(CIx0), ToNone, WhenPlain);
      7'd3: return add(VX, c(CIx0), Product, ToX, WhenPlain);
      7'd4: return sub(VR0, v(VSpan), c(CIx0), ToNone, WhenPlain);
      7'd5: return sub(VR, v(VSpan), v(VX), ToR, WhenPlain);
      7'd6: return add(VStride, Zero, c(CStrideW), ToStride, WhenPlain);
      7'd7: return sub(VMinusX, Zero, v(VX));
      7'd8: return mul(c(CTapStep), v(VR), ProductR);
      7'd9: return mul(c(CTapStep), v(VMinusX), ProductX);
      7'd10: return mul(c(CX0), c(CColStep));
      7'd11: return add(VCol0, c(CSrcBase), c(CSrcColumn));
      7'd12: return mul(c(CTapStep), v(VStride));
      7'd13: return out(add(VTemp, v(VCol0), Product, ToCol));
      7'd14: return mul(c(CX0), c(COutColStep));
      7'd15: return add(VWords, Zero, Product, ToWords);
      7'd16: return mac(is_mac, sub(VTapLast, c(CWords), c(COne), ToRowLast), mul(c(CX0), c(CSrc2ColStep)));
      7'd17: return add(VPart, c(COutBase), Product);
      7'd18: return mac(is_mac, mul(c(CPerStep), v(VTapLast)));
      7'd19: return out(add(VTemp, v(VWords), c(CTapStep), ToWords1));
      7'd20: return out(add(VTemp, v(VPart), c(COutOffset), ToOut));
      7'd21: return mac(is_mac, add(VTemp, Zero, Product16), add(VFactor, c(CSrc2Base), Product));
      7'd22: return sub(VFirst, c(CInHeight), c(CKernelH));
      7'd23: return mac(is_mac, add(VTapLines, v(VTemp), c(COne)));
      7'd24: return sub(VRy, v(VFirst), c(CIy0), ToNone, WhenPlain);
      7'd25: return add(VY, Zero, c(CIy0), ToNone, WhenPlain);
      7'd26: return mac(is_mac, mul(v(VTapLines), v(VMinusX), ProductLine));
      7'd27: return mac(is_mac, mul(v(VTapLines), v(VStride)));
      7'd28: return flag(sub(VKyLow, Zero, v(VY)));
      7'd29: return sub(VKyLow, c(COne), c(COne), ToNone, WhenClear);
      7'd30: return mac(is_mac, add(VLines, Zero, Product, ToLines));
      7'd31: return mul(c(CKRowStep), v(VKyLow));
      7'd32: return mac(is_mac, out(add(VTemp, v(VLines), v(VTapLines), ToLines1)));
      7'd33: return mac(is_mac, add(VFactor, Zero, c(CWords)), out(add(VTemp, v(VFactor), c(CSrc2Offset), ToSrc2)));
      7'd34: return add(VRing, c(CSrcOffset), Product, ToRow);
      7'd35: return mac(is_mac, add(VFactor, Zero, v(VTapLines), ToNone, WhenSeparate), add(VSrc2, Zero, c(CSrc2Offset)));
      7'd36: return compare(v(VRing), c(CSrcRing));
      7'd37: return out(sub(VTemp, v(VRing), c(CSrcRing), ToRow, WhenSet));
      7'd38: return mac(is_mac, mul(c(CKernelW), v(VFactor)));
      7'd39: return sub(VRows, c(CKernelH), c(COne));
      7'd40: return sub(VFirst, c(COutWidth), c(CX0));
      7'd41: return mac(is_mac, add(VRowLines, Zero, Product, ToRowLines));
      7'd42: return sub(VRows, v(VRows), v(VKyLow), ToRows);
      7'd43: return mac(is_mac, sub(VTemp, v(VRowLines), c(COne), ToRowLast, WhenAdjacent));
      7'd44: return compare(v(VRy), Zero);
      7'd45: return add(VRows, v(VRows), v(VRy), ToRows, WhenClear);
      7'd46: return mac(is_mac, mul(c(CPerStep), v(VTemp)));
      7'd47: return flag(sub(VLeft, c(CCount), v(VFirst)));
      7'd48: return out(sub(VTemp, v(VFirst), c(COne), ToPixels));
      7'd49: return mac(is_mac, add(VTemp, Zero, Product16));
      7'd50: return out(sub(VTemp, c(CCount), c(COne), ToPixels, WhenClear));
      7'd51: return out(sub(VTemp, v(VLeft), c(COne), ToLast));
      7'd52: return mac(is_mac, add(VRowLines, v(VTemp), c(COne), ToRowLines, WhenAdjacent));
      7'd53: return add(VRow, Zero, c(CSrcOffset));
      7'd54: return mac(is_mac, mul(v(VRowLines), v(VKyLow), ProductRowLine));
      7'd55: return add(VOut, Zero, c(COutOffset));
      7'd56: return add(VStrideH, Zero, c(CStrideH), ToNone, WhenPlain, PrepareEnd);
      // ---------------------------------------------------------------- column 0, for all further rows
      7'd57: return out(add(VTemp, Zero, v(VX0), ToX));
      7'd58: return out(add(VTemp, Zero, v(VR0), ToR));
      7'd59: return sub(VMinusX, Zero, v(VX0));
      7'd60: return mul(c(CTapStep), v(VR0), ProductR);
      7'd61: return mul(c(CTapStep), v(VMinusX), ProductX);
      7'd62: return mac(is_mac, mul(v(VTapLines), v(VMinusX), ProductLine));
      7'd63: return out(add(VTemp, Zero, v(VCol0), ToCol));
      7'd64: return out(add(VTemp, Zero, v(VX0Rem), ToXRem, WhenDilated));
      7'd65: return out(add(VTemp, Zero, v(VR0Rem), ToRRem, WhenDilated));
      // ---------------------------------------------------------------- the next row
      7'd66: return add(VRow, v(VRow), c(CRowStep));
      7'd67: return add(VOut, v(VOut), c(COutRowStep));
      7'd68: return compare(v(VRow), c(CSrcRing));
      7'd69: return sub(VRow, v(VRow), c(CSrcRing), ToNone, WhenSet);
      7'd70: return compare(v(VOut), c(COutRing));
      7'd71: return sub(VOut, v(VOut), c(COutRing), ToNone, WhenSet);
      7'd72: return add(VYRem, v(VYRem), v(VStrideHRem));
      7'd73: return out(add(VTemp, c(COutBase), v(VOut), ToOut));
      7'd74: return compare(v(VYRem), c(CDilationH), WhenDilated);
      7'd75: return sub(VYRem, v(VYRem), c(CDilationH), ToNone, WhenSet);
      7'd76: return carry(add(VY, v(VY), v(VStrideH)));
      7'd77: return add(VRyRem, v(VRyRem), v(VStrideHRem));
      7'd78: return sub(VRows, c(CKernelH), c(COne));
      7'd79: return compare(v(VRyRem), c(CDilationH), WhenDilated);
      7'd80: return sub(VRyRem, v(VRyRem), c(CDilationH), ToNone, WhenSet);
      7'd81: return carry(sub(VRy, v(VRy), v(VStrideH)));
      7'd82: return flag(sub(VKyLow, Zero, v(VY)));
      7'd83: return sub(VKyLow, c(COne), c(COne), ToNone, WhenClear);
      7'd84: return compare(v(VRy), Zero);
      7'd85: return add(VRows, v(VRows), v(VRy), ToNone, WhenClear);
      7'd86: return mul(c(CKRowStep), v(VKyLow));
      7'd87: return mac(is_mac, mul(v(VRowLines), v(VKyLow), ProductRowLine), add(VSrc2, v(VSrc2), c(CSrc2RowStep)));
      7'd88: return out(sub(VTemp, v(VRows), v(VKyLow), ToRows));
      7'd89: return add(VRing, v(VRow), Product, ToRow);
      7'd90: return compare(v(VLeft), c(COutWidth));
      7'd91: return out(sub(VTemp, v(VLeft), c(COne), ToPixels));
      7'd92: return out(sub(VTemp, c(COutWidth), c(COne), ToPixels, WhenSet));
      7'd93: return sub(VLeft, v(VLeft), c(COutWidth));
      7'd94: return compare(v(VRing), c(CSrcRing));
      7'd95: return out(sub(VTemp, v(VRing), c(CSrcRing), ToRow, WhenSet));
      7'd96: return mac(is_mac, out(sub(VTemp, v(VLeft), c(COne), ToLast, Always, RowEnd)), compare(v(VSrc2), c(CSrc2Ring)));
      7'd97: return sub(VSrc2, v(VSrc2), c(CSrc2Ring), ToNone, WhenSet);
      7'd98: return out(sub(VTemp, v(VLeft), c(COne), ToLast));
      7'd99: return out(add(VTemp, c(CSrc2Base), v(VSrc2), ToSrc2, Always, RowEnd));
      // ---------------------------------------------------------------- dilated: quotients and remainders first
      7'd100: return out(add(VTemp, Zero, c(CIx0), ToNone, Always, DivideW));
      7'd101: return add(VX0, Quotient, Zero);
      7'd102: return add(VX0Rem, Remainder, Zero);
      7'd103: return out(sub(VTemp, c(CIx0), c(CInWidth), ToNone, Always, DivideW));
      7'd104: return add(VTemp, Quotient, c(CKernelW));
      7'd105: return add(VR0Rem, Remainder, Zero);
      7'd106: return sub(VR0, Zero, v(VTemp));
      7'd107: return add(VMinusX, c(CIx0), Product, ToNone, Always, DivideW);
      7'd108: return add(VX, Quotient, Zero, ToX);
      7'd109: return out(add(VTemp, Remainder, Zero, ToXRem));
      7'd110: return out(sub(VTemp, v(VMinusX), c(CInWidth), ToNone, Always, DivideW));
      7'd111: return add(VTemp, Quotient, c(CKernelW));
      7'd112: return out(add(VFirst, Remainder, Zero, ToRRem));
      7'd113: return sub(VR, Zero, v(VTemp), ToR);
      7'd114: return out(add(VTemp, Zero, c(CStrideW), ToNone, Always, DivideW));
      7'd115: return add(VTemp, Remainder, Zero);
      7'd116: return add(VStride, Quotient, Zero, ToStride);
      7'd117: return out(sub(VFirst, v(VTemp), c(CDilationW), ToOver));
      7'd118: return out(add(VTemp, Zero, c(CIy0), ToNone, Always, DivideH));
      7'd119: return add(VY, Quotient, Zero);
      7'd120: return add(VYRem, Remainder, Zero);
      7'd121: return out(sub(VTemp, c(CIy0), c(CInHeight), ToNone, Always, DivideH));
      7'd122: return add(VTemp, Quotient, c(CKernelH));
      7'd123: return add(VRyRem, Remainder, Zero);
      7'd124: return sub(VRy, Zero, v(VTemp));
      7'd125: return out(add(VTemp, Zero, c(CStrideH), ToNone, Always, DivideH));
      7'd126: return add(VStrideH, Quotient, Zero);
      7'd127: return add(VStrideHRem, Remainder, Zero, ToNone, Always, Restart);
      default: return Nop;
    endcase
  endfunction

  // Both programs: 256 rows of 35 bits are a RAMB18E1, its output register included. They are constants first: slang's Yosys takes initial values from
  // a constant, but makes something else of a function called where they are given.
  typedef walk_code_t [255:0] programs_t;
  function automatic programs_t assemble();
    programs_t programs;
    for (int unsigned i = 0; i < 256; i++) programs[i] = code(1'(i / 128), 7'(i));
    return programs;
  endfunction
  localparam programs_t Programs = assemble();

  walk_op_t   ops_q [256];
  logic [2:0] controls_q [128];
  initial begin
    for (int unsigned i = 0; i < 256; i++) ops_q[i] = Programs[i].op;
    for (int unsigned i = 0; i < 128; i++) controls_q[i] = Programs[128*32'(Mac)+i].control;
  end
  walk_op_t latch_q, out_q;
  always_ff @(posedge clk_i) begin
    latch_q <= ops_q[{Mac, pc_i}];
    out_q <= latch_q;
  end
  assign op_o = out_q;
  assign control_o = control_e'(controls_q[pc_i]);
endmodule
