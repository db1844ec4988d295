// The field registers of one kind of unit: written field by field, read as a whole. SETI and SET write a field, SETH its bits from 17 up.
// Specification: docs/isa.md, sections 2, 4 and 5. Twin: src/isa/core.ts (writeField, takeDescriptor).
//
// The value of the fields at a GO at t is at fields_o during t+1: a write at t+1 shows at t+2. The transient fields are cleared at the end of t+1
// (clear_i at t+1), so that they last as long; a write at t+1 is later than the GO and wins.
module sf_field_regs
  import sf_pkg::*;
#(
  parameter int unsigned NumFields = 10,
  parameter int unsigned Bits = 180,
  parameter logic [NumFields-1:0][5:0] FieldWidth = '0,
  parameter logic [NumFields-1:0] FieldSigned = '0
) (
  input  logic            clk_i,
  input  logic            rst_ni,
  input  logic            init_i,   // start of a program: all fields 0
  input  logic            clear_i,  // transient fields become 0
  input  logic            write_i,
  input  logic            upper_i,  // write only the bits from 17 up
  input  logic            sign_i,   // value_i has 17 bits: extend them as the field wants
  input  logic [5:0]      index_i,
  input  logic [31:0]     value_i,
  output logic [Bits-1:0] fields_o  // the first field in the most significant bits, as in a packed struct
);
  localparam int unsigned LowBits = 17;

  // Position of a field: the widths of those behind it.
  function automatic int unsigned field_lsb(int unsigned field);
    int unsigned lsb;
    lsb = 0;
    for (int unsigned i = field + 1; i < NumFields; i++) lsb += 32'(FieldWidth[i]);
    return lsb;
  endfunction

  logic [63:0] writes;
  logic        unused_writes;
  assign writes        = 64'(write_i) << index_i;
  assign unused_writes = ^writes[63:NumFields];

  logic extension, unused_extension;
  assign extension        = sign_i && value_i[LowBits-1];
  assign unused_extension = extension;

  for (genvar f = 0; f < int'(NumFields); f++) begin : gen_field
    localparam int unsigned Width = 32'(FieldWidth[f]);
    localparam int unsigned Lsb = field_lsb(f);
    localparam bit Transient = f < int'(SyncFields);

    logic             write;
    logic [Width-1:0] field_q, value;

    assign write = writes[f];
    if (Width > LowBits && FieldSigned[f]) begin : gen_signed
      assign value = {sign_i ? {Width - LowBits{extension}} : value_i[Width-1:LowBits], value_i[LowBits-1:0]};
    end else begin : gen_plain
      assign value = value_i[Width-1:0];
    end

    if (Width > LowBits) begin : gen_wide
      always_ff @(posedge clk_i) begin
        if (!rst_ni || init_i) field_q <= '0;
        else if (write) begin
          field_q[Width-1:LowBits] <= value[Width-1:LowBits];
          if (!upper_i) field_q[LowBits-1:0] <= value[LowBits-1:0];
          else if (clear_i && Transient) field_q[LowBits-1:0] <= '0;
        end else if (clear_i && Transient) field_q <= '0;
      end
    end else begin : gen_narrow
      always_ff @(posedge clk_i) begin
        if (!rst_ni || init_i) field_q <= '0;
        else if (write && !upper_i) field_q <= value;
        else if (clear_i && Transient) field_q <= '0;
      end
    end
    assign fields_o[Lsb+:Width] = field_q;
  end
endmodule
