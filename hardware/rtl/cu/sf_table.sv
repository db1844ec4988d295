// Activation table: 256 entries of base (32 bits) and slope (16 bits); a line of the load bus is four entries, two look-ups a cycle. Latency 1.
// Entries are in four banks, so that a line is written in one cycle: distributed RAM, one of whose ports writes or looks up.
// Specification: docs/microarchitecture.md, sections 2 and 5. Twin: tablePixel in src/simulator/data/vec.ts.
//
// Look-ups and writes never come together: tokens order the load and the VEC descriptor.
module sf_table
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic              clk_i,
  input  logic              write_i,
  input  logic [TableAddrW-1:0] addr_i,  // of word 0 of the line: a multiple of 16
  input  word_mask_t        mask_i,
  input  line_t             words_i,
  input  logic [1:0][7:0]   index_i,
  output logic [1:0][31:0]  base_o,
  output logic [1:0][15:0]  slope_o
);
  localparam int unsigned LineW = TableAddrW - 4;
  localparam int unsigned Parts = 3;  // base low, base high, slope

  logic [LineW-1:0]                 addr_a, addr_b;
  logic [1:0][3:0][Parts-1:0][15:0] read;
  logic [1:0][Parts-1:0][15:0]      entry_q;
  assign addr_a = write_i ? addr_i[TableAddrW-1:4] : index_i[0][7:2];
  assign addr_b = index_i[1][7:2];

  for (genvar b = 0; b < 4; b++) begin : gen_bank
    for (genvar p = 0; p < int'(Parts); p++) begin : gen_part
      logic [15:0] ram_q [2**LineW];
      always_ff @(posedge clk_i) begin
        if (write_i && mask_i[4*b+p]) ram_q[addr_a] <= words_i[4*b+p];
      end
      assign read[0][b][p] = ram_q[addr_a];
      assign read[1][b][p] = ram_q[addr_b];
    end
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned l = 0; l < 2; l++) entry_q[l] <= read[l][index_i[l][1:0]];
  end
  for (genvar l = 0; l < 2; l++) begin : gen_lookup
    assign base_o[l] = {entry_q[l][1], entry_q[l][0]};
    assign slope_o[l] = entry_q[l][2];
  end

  logic unused_bits;
  assign unused_bits = ^{addr_i[3:0], mask_i[3], mask_i[7], mask_i[11], mask_i[15], words_i[3], words_i[7], words_i[11], words_i[15]};
endmodule
