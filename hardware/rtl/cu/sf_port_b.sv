// Port B of a maps buffer: fixed priority, then a pipeline that rotates what is written to its columns and what is read back to its place.
// Specification: docs/microarchitecture.md, sections 2, 7 and 9 (T9, T10, T13, T17). Twin: src/simulator/timing/port-b.ts.
//
// Grant at p: p + 1 the granted line, p + 2 to p + 4 address, masks and rotation, p + 4 at the RAM (its output register: p + 6), p + 7 quadrants,
// p + 8 and p + 9 rotation: read_words_o at p + 9. Accesses stay in the order of their grants, so a line may be read the cycle after its write.
module sf_port_b
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic                  clk_i,
  input  logic                  rst_ni,
  // Requests and grants, in the order of priority; the load bus needs none.
  input  load_maps_t            load_i,
  input  line_t                 load_words_i,
  input  logic                  bus_req_i,
  output logic                  bus_gnt_o,
  input  granule_t              bus_granule_i,  // granules: the cycle after the grant
  input  logic                  mac_req_i,
  output logic                  mac_gnt_o,
  input  granule_t              mac_granule_i,
  input  logic                  vec_req_i,
  output logic                  vec_gnt_o,
  input  granule_t              vec_granule_i,
  input  logic                  read_req_i,     // of VEC
  input  maps_addr_t            read_addr_i,
  output logic                  read_gnt_o,
  input  st_req_t               st_req_i,
  output logic                  st_gnt_o,
  output line_t                 read_words_o,   // of either, at p + 9
  // The load bus a cycle later: the activation table takes its lines from here.
  output load_maps_t            load_o,
  output line_t                 load_words_o,
  // Maps buffer
  output logic                  en_o,     // p + 4
  output logic  [Columns-1:0]   write_o,
  output row_t  [Quadrants-1:0] row_o,
  output line_t                 words_o,
  output logic                  read_o,   // p + 5
  input  line_t [Quadrants-1:0] words_i
);
  // ---------------------------------------------------------------- p: grants
  assign bus_gnt_o = bus_req_i && !load_i.maps;
  assign mac_gnt_o = mac_req_i && !load_i.maps && !bus_req_i;
  assign vec_gnt_o = vec_req_i && !load_i.maps && !bus_req_i && !mac_req_i;
  assign read_gnt_o = read_req_i && !load_i.maps && !bus_req_i && !mac_req_i && !vec_req_i;
  assign st_gnt_o = st_req_i.valid && !load_i.maps && !bus_req_i && !mac_req_i && !vec_req_i && !read_req_i;

  // ---------------------------------------------------------------- p + 1: the granted line
  logic       bus1_q, mac1_q, vec1_q, read1_q, st1_q;
  maps_addr_t read_addr_q, st_addr_q;
  load_maps_t load_q;
  line_t      load_words_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      bus1_q <= 1'b0;
      mac1_q <= 1'b0;
      vec1_q <= 1'b0;
      read1_q <= 1'b0;
      st1_q <= 1'b0;
      load_q.maps <= 1'b0;
      load_q.table_space <= 1'b0;
    end else begin
      bus1_q <= bus_gnt_o;
      mac1_q <= mac_gnt_o;
      vec1_q <= vec_gnt_o;
      read1_q <= read_gnt_o;
      st1_q <= st_gnt_o;
      load_q.maps <= load_i.maps;
      load_q.table_space <= load_i.table_space;
    end
  end
  always_ff @(posedge clk_i) begin
    read_addr_q <= read_addr_i;
    st_addr_q <= st_req_i.addr;
    if (load_i.maps || load_i.table_space) begin
      load_q.addr <= load_i.addr;
      load_q.mask <= load_i.mask;
      load_words_q <= load_words_i;
    end
  end
  assign load_o = load_q;
  assign load_words_o = load_words_q;

  logic       some1, read2_q;
  logic [1:0] from;  // load bus, bus-in FIFO, MAC, VEC
  assign some1 = load_q.maps || bus1_q || mac1_q || vec1_q || read1_q || st1_q;
  assign from = {mac1_q || vec1_q, bus1_q || vec1_q};
  maps_addr_t addr2_d, addr2_q;
  word_mask_t mask2_d, mask2_q;
  line_t      words2_d, words2_q;
  always_comb begin
    unique case (from)
      2'd0: begin
        words2_d = load_words_q;
        mask2_d = load_q.maps ? load_q.mask : '0;
      end
      2'd1: begin
        words2_d = bus_granule_i.words;
        mask2_d = bus_granule_i.mask;
      end
      2'd2: begin
        words2_d = mac_granule_i.words;
        mask2_d = mac_granule_i.mask;
      end
      default: begin
        words2_d = vec_granule_i.words;
        mask2_d = vec_granule_i.mask;
      end
    endcase
    addr2_d = (load_q.maps ? load_q.addr : '0) | (bus1_q ? bus_granule_i.addr : '0) | (mac1_q ? mac_granule_i.addr : '0) |
        (vec1_q ? vec_granule_i.addr : '0) | (read1_q ? read_addr_q : '0) | (st1_q ? st_addr_q : '0);
  end

  // ---------------------------------------------------------------- p + 2, p + 3: rotation to the columns, rows
  logic                 some2_q, some3_q, some4_q;
  row_t [Quadrants-1:0] row_d, row3_q, row4_q;
  word_mask_t           fine_mask_d, fine_mask_q;
  col_t                 col3_q, col4_q, col5_q, col6_q, col7_q;
  logic [Columns-1:0]   write_d, write_q;
  sf_rotate #(.Right(1'b1)) u_rotate_write (.clk_i, .run_i(some2_q), .words_i(words2_q), .amount_i(addr2_q[3:0]), .words_o(words_o));
  always_comb begin
    for (int unsigned q = 0; q < Quadrants; q++) begin
      // Quadrants in front of the first one take the next row.
      row_d[q] = addr2_q[MapsAddrW-1:ColW] + row_t'(2'(q) < addr2_q[ColW-1:ColW-2]);
    end
  end
  // The mask is rotated like the words. Columns in front of the first word's are of the next quadrant.
  always_comb begin
    word_mask_t mask3, wraps, quadrant0, quadrant1;  // the quadrant of the word that comes to a column: its two bits
    fine_mask_d = fine_mask_q;
    write_d = write_q;
    if (some2_q) fine_mask_d = (mask2_q << addr2_q[1:0]) | (mask2_q >> (5'd16 - 5'(addr2_q[1:0])));
    mask3 = (fine_mask_q << {col3_q[3:2], 2'b0}) | (fine_mask_q >> (5'd16 - 5'({col3_q[3:2], 2'b0})));
    for (int unsigned i = 0; i < LineWords; i++) wraps[i] = 4'(i) < col3_q[3:0];
    quadrant0 = {LineWords{col3_q[4]}} ^ wraps;
    quadrant1 = {LineWords{col3_q[5]}} ^ ({LineWords{col3_q[4]}} & wraps);
    if (some3_q) begin
      for (int unsigned q = 0; q < Quadrants; q++) begin
        write_d[q*LineWords+:LineWords] = mask3 & (q[0] ? quadrant0 : ~quadrant0) & (q[1] ? quadrant1 : ~quadrant1);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      some2_q <= 1'b0;
      some3_q <= 1'b0;
      some4_q <= 1'b0;
      read2_q <= 1'b0;
      write_q <= '0;
      mask2_q <= '0;
      fine_mask_q <= '0;
    end else begin
      some2_q <= some1;
      some3_q <= some2_q;
      some4_q <= some3_q;
      read2_q <= read1_q || st1_q;
      write_q <= write_d;
      // Reads write nothing.
      mask2_q <= (read1_q || st1_q) ? '0 : mask2_d;
      fine_mask_q <= fine_mask_d;
    end
  end
  always_ff @(posedge clk_i) begin
    if (some1) begin
      addr2_q <= addr2_d;
      words2_q <= words2_d;
    end
    if (some2_q) begin
      row3_q <= row_d;
      col3_q <= addr2_q[ColW-1:0];
    end
    if (some3_q) row4_q <= row3_q;
  end
  assign en_o = some4_q;
  assign write_o = write_q;
  assign row_o = row4_q;

  // ---------------------------------------------------------------- p + 6: quadrants; p + 7, p + 8: rotation back
  logic                      read3_q, read4_q, read5_q, read6_q, read7_q;
  logic [LineWords-1:0][1:0] select_q;
  line_t                     line_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      read3_q <= 1'b0;
      read4_q <= 1'b0;
      read5_q <= 1'b0;
      read6_q <= 1'b0;
      read7_q <= 1'b0;
    end else begin
      read3_q <= read2_q;
      read4_q <= read3_q;
      read5_q <= read4_q;
      read6_q <= read5_q;
      read7_q <= read6_q;
    end
  end
  always_ff @(posedge clk_i) begin
    col4_q <= col3_q;
    col5_q <= col4_q;
    col6_q <= col5_q;
    if (read5_q) begin
      for (int unsigned i = 0; i < LineWords; i++) select_q[i] <= col5_q[5:4] + 2'(4'(i) < col5_q[3:0]);
    end
    if (read6_q) begin
      for (int unsigned i = 0; i < LineWords; i++) line_q[i] <= words_i[select_q[i]][i];
      col7_q <= col6_q;
    end
  end
  assign read_o = read5_q;
  sf_rotate u_rotate_read (.clk_i, .run_i(read7_q), .words_i(line_q), .amount_i(col7_q[3:0]), .words_o(read_words_o));

  logic unused_cols;
  assign unused_cols = ^{col7_q[5:4], bus_granule_i.last, mac_granule_i.last, vec_granule_i.last};
endmodule
