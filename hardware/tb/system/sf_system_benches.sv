// All benches of control, DMA, memory and system side by side: one model, one run. Simulation only.
module sf_system_benches (
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Benches = 10;
  logic [Benches-1:0] done;
  int                 errors [Benches];
  sf_queue_tb u_queue (.clk_i, .rst_ni, .done_o(done[0]), .errors_o(errors[0]));
  sf_fetch_tb u_fetch (.clk_i, .rst_ni, .done_o(done[1]), .errors_o(errors[1]));
  sf_core_tb u_core (.clk_i, .rst_ni, .done_o(done[2]), .errors_o(errors[2]));
  sf_load_tb u_ldm (.clk_i, .rst_ni, .done_o(done[3]), .errors_o(errors[3]));
  sf_load_tb #(.Weights(1'b1)) u_ldw (.clk_i, .rst_ni, .done_o(done[4]), .errors_o(errors[4]));
  sf_st_tb u_st (.clk_i, .rst_ni, .done_o(done[5]), .errors_o(errors[5]));
  sf_memory_tb u_memory (.clk_i, .rst_ni, .done_o(done[6]), .errors_o(errors[6]));
  sf_csr_tb u_csr (.clk_i, .rst_ni, .done_o(done[7]), .errors_o(errors[7]));
  sf_error_tb u_error (.clk_i, .rst_ni, .done_o(done[8]), .errors_o(errors[8]));
  sf_result_bus_tb u_result_bus (.clk_i, .rst_ni, .done_o(done[9]), .errors_o(errors[9]));
  assign done_o = done == '1;
  always_comb begin
    errors_o = 0;
    for (int i = 0; i < Benches; i++) errors_o += errors[i];
  end
endmodule
