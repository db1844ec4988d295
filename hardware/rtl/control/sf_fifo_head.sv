// FIFO whose head is a register: for paths that the read of a distributed RAM would make too long. An entry pushed at t is at the head at t+2
// at the earliest; after a pop at t the next one, if it was pushed before t, is there at t+1. Holds one entry more than Depth.
module sf_fifo_head #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 16
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             push_i,
  input  logic [Width-1:0] data_i,
  input  logic             pop_i,
  output logic             valid_o,
  output logic [Width-1:0] data_o,
  output logic             any_o,    // an entry is anywhere in it
  output logic             full_o
);
  logic [Width-1:0] stored_data, head_q;
  logic             stored, take, valid_q;

  assign take = stored && (!valid_q || pop_i);
  sf_fifo #(.Width(Width), .Depth(Depth)) u_stored (
    .clk_i, .rst_ni, .push_i, .data_i,
    .pop_i  (take),
    .valid_o(stored),
    .data_o (stored_data),
    .full_o
  );
  always_ff @(posedge clk_i) begin
    if (!rst_ni) valid_q <= 1'b0;
    else if (take) valid_q <= 1'b1;
    else if (pop_i) valid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) if (take) head_q <= stored_data;

  assign valid_o = valid_q;
  assign data_o  = head_q;
  assign any_o   = valid_q || stored;
endmodule
