// Port B: one access a cycle, granted only where requested, in the order load bus, result bus, MAC, VEC, VEC read, ST (section 7).
module sf_port_b_formal
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input logic       clk_i,
  input logic       rst_ni,
  input load_maps_t load_i,
  input logic       bus_req_i,
  input logic       mac_req_i,
  input logic       vec_req_i,
  input logic       read_req_i,
  input st_req_t    st_req_i
);
  logic                 bus_gnt, mac_gnt, vec_gnt, read_gnt, st_gnt, en, read;
  line_t                read_words, load_words, words;
  load_maps_t           load;
  logic [Columns-1:0]   write;
  row_t [Quadrants-1:0] row;
  sf_port_b u_dut (
    .clk_i, .rst_ni, .load_i, .load_words_i('0),
    .bus_req_i, .bus_gnt_o(bus_gnt), .bus_granule_i('0),
    .mac_req_i, .mac_gnt_o(mac_gnt), .mac_granule_i('0),
    .vec_req_i, .vec_gnt_o(vec_gnt), .vec_granule_i('0),
    .read_req_i, .read_addr_i('0), .read_gnt_o(read_gnt),
    .st_req_i, .st_gnt_o(st_gnt),
    .read_words_o(read_words), .load_o(load), .load_words_o(load_words),
    .en_o(en), .write_o(write), .row_o(row), .words_o(words), .read_o(read), .words_i('0)
  );
  logic [5:0] request, grant;
  assign request = {st_req_i.valid, read_req_i, vec_req_i, mac_req_i, bus_req_i, load_i.maps};
  assign grant   = {st_gnt, read_gnt, vec_gnt, mac_gnt, bus_gnt, load_i.maps};
  always_comb begin
    assert ((grant & ~request) == '0);
    assert ((grant & (grant - 6'd1)) == '0);
    assert (grant == (request & (~request + 6'd1)));
  end
  logic unused_data;
  assign unused_data = ^{read_words, load, load_words, en, write, row, words, read};
endmodule
