// All benches of the compute unit side by side: one model, one run. Simulation only.
module sf_cu_benches (
  input  logic clk_i,
  input  logic rst_ni,
  output logic done_o,
  output int   errors_o
);
  localparam int Benches = 8;
  logic [Benches-1:0] done;
  int                 errors [Benches];
  sf_rotate_tb u_rotate (.clk_i, .rst_ni, .done_o(done[0]), .errors_o(errors[0]));
  sf_post_tb u_post (.clk_i, .rst_ni, .done_o(done[1]), .errors_o(errors[1]));
  sf_walker_tb u_walker (.clk_i, .rst_ni, .done_o(done[2]), .errors_o(errors[2]));
  sf_port_b_tb u_port_b (.clk_i, .rst_ni, .done_o(done[3]), .errors_o(errors[3]));
  sf_mac_tb u_mac (.clk_i, .rst_ni, .done_o(done[4]), .errors_o(errors[4]));
  sf_vec_tb u_vec (.clk_i, .rst_ni, .done_o(done[5]), .errors_o(errors[5]));
  sf_result_fifo_tb u_result_fifo (.clk_i, .rst_ni, .done_o(done[6]), .errors_o(errors[6]));
  sf_walker_tb #(.Mac(1'b0)) u_vec_walker (.clk_i, .rst_ni, .done_o(done[7]), .errors_o(errors[7]));
  assign done_o = done == '1;
  always_comb begin
    errors_o = 0;
    for (int i = 0; i < Benches; i++) errors_o += errors[i];
  end
endmodule
