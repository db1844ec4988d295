// Compute unit: MAC unit, VEC unit, maps buffer with its port B, result FIFOs, bus-in FIFO, activation table. Wiring only.
// Specification: docs/microarchitecture.md, sections 1 to 5, 7 and 9 (T4 to T14). Twins: src/simulator/timing/{mac,vec,result-fifo,port-b}.ts.
module sf_cu
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic           clk_i,
  input  logic           rst_ni,
  input  cu_mask_t       own_cu_i,
  input  logic           mac_head_i,
  input  logic           mac_start_i,
  input  mac_desc_t      mac_desc_i,
  output logic           mac_free_o,
  output logic           mac_read_o,
  output logic           mac_write_o,
  input  logic           vec_head_i,
  input  logic           vec_start_i,
  input  vec_desc_t      vec_desc_i,
  output logic           vec_free_o,
  output logic           vec_read_o,
  output logic           vec_write_o,
  output logic           busy_o,
  input  load_maps_t     load_maps_i,
  input  load_weights_t  load_weights_i,
  input  line_t          load_words_i,
  output bus_req_t [1:0] bus_req_o,
  input  logic     [1:0] bus_gnt_i,
  output granule_t       bus_granule_o [2],
  input  bus_write_t     bus_write_i,
  output logic           bus_pop_o,
  output bus_ack_t       bus_ack_o,
  input  cu_mask_t [1:0] bus_ack_i,
  input  st_req_t        st_req_i,
  output logic           st_gnt_o,
  output line_t          st_words_o,
  output cu_perf_t       perf_o
);
  // Left as a module of its own, the Verilated model is a quarter faster.
  /* verilator no_inline_module */

  if (LatReadLatencyMaps < 9) begin : gen_check
    $error("LatReadLatencyMaps is shorter than the stages of port B");
  end

  // ---------------------------------------------------------------- maps buffer
  row_t  [Quadrants-1:0] a_row, b_row;
  line_t [Quadrants-1:0] a_words, b_read;
  logic                  b_en, b_out;
  logic  [Columns-1:0]   b_write;
  line_t                 b_words;
  sf_maps_buffer u_maps (
    .clk_i, .a_row_i(a_row), .a_words_o(a_words), .b_en_i(b_en), .b_write_i(b_write), .b_row_i(b_row),
    .b_words_i(b_words), .b_read_i(b_out), .b_words_o(b_read)
  );

  // ---------------------------------------------------------------- MAC unit and its results
  logic       mac_busy, mac_alloc, mac_ready, mac_returned, mac_own_req, mac_own_gnt, mac_last, mac_bus_last, perf_step, perf_window, perf_credit;
  meta_t      mac_meta;
  word_mask_t mac_write;
  logic [LineWords-1:0][FifoW-1:0] mac_slot;
  line_t      mac_words;
  sf_mac u_mac (
    .clk_i, .rst_ni, .own_cu_i, .head_i(mac_head_i), .desc_i(mac_desc_i), .start_i(mac_start_i), .free_o(mac_free_o), .read_o(mac_read_o),
    .busy_o(mac_busy), .load_i(load_weights_i), .load_words_i, .row_o(a_row), .words_i(a_words), .alloc_o(mac_alloc), .meta_o(mac_meta),
    .ready_o(mac_ready), .write_o(mac_write), .write_slot_o(mac_slot), .write_words_o(mac_words), .credit_i(mac_returned),
    .perf_step_o(perf_step), .perf_window_o(perf_window), .perf_credit_o(perf_credit)
  );
  sf_result_fifo #(.SlotW(FifoW)) u_mac_fifo (
    .clk_i, .rst_ni, .alloc_i(mac_alloc), .meta_i(mac_meta), .ready_i(mac_ready), .write_i(mac_write), .write_slot_i(mac_slot),
    .write_words_i(mac_words), .returned_o(mac_returned), .own_req_o(mac_own_req), .bus_req_o(bus_req_o[0]), .last_o(mac_last), .bus_last_o(mac_bus_last),
    .own_gnt_i(mac_own_gnt), .bus_gnt_i(bus_gnt_i[0]), .granule_o(bus_granule_o[0])
  );
  logic mac_signal_busy;
  sf_write_signal u_mac_signal (
    .clk_i, .rst_ni, .own_last_i(mac_own_gnt && mac_last), .bus_last_i(mac_bus_last), .cus_i(bus_req_o[0].cus),
    .ack_i(bus_ack_i[0]), .write_o(mac_write_o), .busy_o(mac_signal_busy)
  );

  // ---------------------------------------------------------------- VEC unit and its results
  logic         vec_busy, read_req, read_gnt, vec_alloc, vec_ready, vec_returned, vec_own_req, vec_own_gnt, vec_last, vec_bus_last, perf_read;
  maps_addr_t   read_addr;
  vec_step_t    step;
  vec_work_t    vec_work;
  vec_late_t    late;
  meta_t        vec_meta;
  word_mask_t   vec_write;
  logic [LineWords-1:0][VecFifoW-1:0] vec_slot;
  line_t        vec_words, read_words;
  logic [1:0][7:0]  index;
  logic [1:0][31:0] base;
  logic [1:0][15:0] slope;
  load_maps_t   table_load;
  line_t        table_words;
  sf_vec_seq u_vec_seq (
    .clk_i, .rst_ni, .own_cu_i, .head_i(vec_head_i), .desc_i(vec_desc_i), .start_i(vec_start_i), .free_o(vec_free_o), .read_o(vec_read_o),
    .busy_o(vec_busy), .req_o(read_req), .addr_o(read_addr), .gnt_i(read_gnt), .step_o(step), .work_o(vec_work), .late_o(late),
    .alloc_o(vec_alloc), .meta_o(vec_meta), .ready_o(vec_ready), .credit_i(vec_returned), .perf_read_o(perf_read)
  );
  sf_vec_data u_vec_data (
    .clk_i, .rst_ni, .step_i(step), .work_i(vec_work), .late_i(late), .words_i(read_words), .index_o(index), .base_i(base), .slope_i(slope),
    .write_o(vec_write), .slot_o(vec_slot), .words_o(vec_words)
  );
  sf_table u_table (
    .clk_i, .write_i(table_load.table_space), .addr_i(table_load.addr[TableAddrW-1:0]), .mask_i(table_load.mask), .words_i(table_words),
    .index_i(index), .base_o(base), .slope_o(slope)
  );
  sf_result_fifo #(.SlotW(VecFifoW)) u_vec_fifo (
    .clk_i, .rst_ni, .alloc_i(vec_alloc), .meta_i(vec_meta), .ready_i(vec_ready), .write_i(vec_write), .write_slot_i(vec_slot),
    .write_words_i(vec_words), .returned_o(vec_returned), .own_req_o(vec_own_req), .bus_req_o(bus_req_o[1]), .last_o(vec_last), .bus_last_o(vec_bus_last),
    .own_gnt_i(vec_own_gnt), .bus_gnt_i(bus_gnt_i[1]), .granule_o(bus_granule_o[1])
  );
  logic vec_signal_busy;
  sf_write_signal u_vec_signal (
    .clk_i, .rst_ni, .own_last_i(vec_own_gnt && vec_last), .bus_last_i(vec_bus_last), .cus_i(bus_req_o[1].cus),
    .ack_i(bus_ack_i[1]), .write_o(vec_write_o), .busy_o(vec_signal_busy)
  );

  // ---------------------------------------------------------------- bus-in FIFO, port B
  logic     bus_in_req;
  granule_t bus_in_granule;
  sf_bus_in u_bus_in (
    .clk_i, .rst_ni, .write_i(bus_write_i), .req_o(bus_in_req), .gnt_i(bus_pop_o), .granule_o(bus_in_granule), .ack_o(bus_ack_o)
  );
  sf_port_b u_port_b (
    .clk_i, .rst_ni, .load_i(load_maps_i), .load_words_i, .bus_req_i(bus_in_req), .bus_gnt_o(bus_pop_o), .bus_granule_i(bus_in_granule),
    .mac_req_i(mac_own_req), .mac_gnt_o(mac_own_gnt), .mac_granule_i(bus_granule_o[0]), .vec_req_i(vec_own_req), .vec_gnt_o(vec_own_gnt),
    .vec_granule_i(bus_granule_o[1]), .read_req_i(read_req), .read_addr_i(read_addr), .read_gnt_o(read_gnt), .st_req_i, .st_gnt_o,
    .read_words_o(read_words), .load_o(table_load), .load_words_o(table_words), .en_o(b_en), .write_o(b_write), .row_o(b_row), .words_o(b_words),
    .read_o(b_out), .words_i(b_read)
  );
  sf_delay #(.Width($bits(line_t)), .Cycles(LatReadLatencyMaps - 9)) u_st_words (.clk_i, .rst_ni, .d_i(read_words), .q_o(st_words_o));

  // ---------------------------------------------------------------- state, events
  logic busy_q;
  always_ff @(posedge clk_i) begin
    busy_q <= rst_ni && (mac_busy || vec_busy || mac_signal_busy || vec_signal_busy || bus_in_req);
  end
  assign busy_o = busy_q;

  cu_perf_t perf_q;
  always_ff @(posedge clk_i) begin
    perf_q <= rst_ni ? '{mac_step: perf_step, mac_window: perf_window, mac_credit: perf_credit, vec_read: perf_read} : '0;
  end
  assign perf_o = perf_q;

  logic unused_table;
  assign unused_table = ^table_load;
endmodule
