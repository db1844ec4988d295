// The address engine's instructions: operands, destinations, results.
// Specification: docs/microarchitecture.md, section 3 (address engine).
package sf_walk_pkg;
  // Values of the engine: signed, wider than every field.
  parameter int unsigned ValueW = 21;
  typedef logic signed [ValueW-1:0] value_t;

  // Operand: where from, which one. First operand: constants, values, product. Second operand: constants, values, nothing, division.
  typedef struct packed {
    logic [1:0] from;
    logic [4:0] index;
  } source_t;
  parameter logic [1:0] FromConstant = 2'd0;
  parameter logic [1:0] FromValue = 2'd1;
  parameter logic [1:0] FromProduct = 2'd2;   // index 1: divided by 16
  parameter logic [1:0] FromNothing = 2'd3;   // 0
  parameter logic [1:0] FromDivision = 2'd2;  // index 0: quotient, 1: remainder

  // When an instruction writes its results (value and register).
  typedef enum logic [2:0] {
    WhenNever = 3'd0,
    Always = 3'd1,
    WhenSet = 3'd2,    // the flag
    WhenClear = 3'd3,
    WhenAdjacent = 3'd4,
    WhenSeparate = 3'd5,
    WhenPlain = 3'd6,  // no dilation
    WhenDilated = 3'd7
  } when_e;

  // Registers of prep_o and row_o that take a sum.
  typedef enum logic [4:0] {
    ToNone, ToX, ToR, ToXRem, ToRRem, ToCol, ToOut, ToSrc2, ToStride, ToOver, ToWords, ToWords1, ToLines, ToLines1, ToRowLast, ToRowLines, ToRows,
    ToRow, ToPixels, ToLast
  } to_e;
  // Those that take a product.
  typedef enum logic [2:0] {ProductNone, ProductX, ProductR, ProductLine, ProductRowLine} product_e;

  typedef enum logic [2:0] {
    Next,
    DivideW,    // divides the sum by dilationW, then goes on
    DivideH,
    Dilated,    // dilated: quotients first
    Restart,    // quotients are there, go on as without dilation
    PrepareEnd, // wait for the start
    RowEnd      // wait until the row is taken
  } control_e;

  typedef struct packed {
    source_t    a;
    source_t    b;
    logic       subtract;   // b - a
    logic       carry;      // one more (subtract: one less) with the flag set
    when_e      when_;
    logic       keep;       // value[dst]
    logic [4:0] dst;
    logic       compare;    // flag: the sum is not negative
    logic       multiply;   // product of a and b, three cycles later
    to_e        to;
    product_e   product;
  } walk_op_t;
  // An instruction: what it does to the sequence is needed two cycles before the rest.
  typedef struct packed {
    control_e control;
    walk_op_t op;
  } walk_code_t;

  // Constants of a descriptor: fours of like width (sf_walk_fields is a multiplexer of fours).
  parameter logic [4:0] CStrideW = 0, CStrideH = 1, CDilationW = 2, CDilationH = 3, CKernelW = 4, CKernelH = 5, COne = 6, CPerStep = 7,
                        CX0 = 8, CInWidth = 9, CInHeight = 10, COutWidth = 11, CColStep = 12, CSrcBase = 13, CSrcColumn = 14, COutColStep = 15,
                        COutBase = 16, CTapStep = 17, CWords = 18, CCount = 19, CIx0 = 20, CIy0 = 21, CKRowStep = 22, CSrcOffset = 23,
                        CSrcRing = 24, COutOffset = 25, CRowStep = 26, COutRowStep = 27, COutRing = 28, CSrc2RowStep = 29, CSrc2Ring = 30,
                        CSrc2Offset = 31;
  // VEC has no words per step: source 2 in their place.
  parameter logic [4:0] CSrc2Base = CWords, CSrc2ColStep = CPerStep;

  // Values.
  parameter logic [4:0] VX = 0, VR = 1, VMinusX = 2, VTemp = 3, VCol0 = 4, VWords = 5, VTapLines = 6, VRowLines = 7, VKyLow = 8, VRows = 9,
                        VRing = 10, VLeft = 11, VFirst = 12, VRow = 13, VOut = 14, VY = 15, VRy = 16, VStrideH = 17, VYRem = 18, VRyRem = 19,
                        VStrideHRem = 20, VX0 = 21, VR0 = 22, VSpan = 23, VStride = 24, VSrc2 = 25, VPart = 26, VX0Rem = 27, VR0Rem = 28,
                        VTapLast = 29, VLines = 30, VFactor = 31;
endpackage
