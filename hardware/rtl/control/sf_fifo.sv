// FIFO with a registered head: an entry pushed at t into an empty FIFO is at the head at t+1, and after a pop at t the next one is there at t+1.
// The store is distributed RAM; the head is one entry more. Pushing into a full FIFO and popping an empty one are errors of the user.
module sf_fifo #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 16  // entries behind the head: a power of two
) (
  input  logic             clk_i,
  input  logic             rst_ni,
  input  logic             push_i,
  input  logic [Width-1:0] data_i,
  input  logic             pop_i,
  output logic             valid_o,
  output logic [Width-1:0] data_o,
  output logic             full_o   // no push now unless there is a pop
);
  localparam int unsigned PtrW = $clog2(Depth);

  logic [Width-1:0] mem [Depth];
  logic [Width-1:0] head_q;
  logic             valid_q;
  logic [PtrW-1:0]  write_q, read_q;
  logic [PtrW:0]    count_q;
  logic             stored, to_head, to_store, from_store;

  assign stored     = count_q != '0;
  // A push goes to the head when nothing waits in front of it.
  assign to_head    = push_i && !stored && (!valid_q || pop_i);
  assign to_store   = push_i && !to_head;
  assign from_store = pop_i && stored;

  always_ff @(posedge clk_i) begin
    if (to_store) mem[write_q] <= data_i;
    if (to_head) head_q <= data_i;
    else if (from_store) head_q <= mem[read_q];
  end

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      write_q <= '0;
      read_q  <= '0;
      count_q <= '0;
    end else if (push_i || pop_i) begin
      valid_q <= push_i || stored || !pop_i;
      if (to_store) write_q <= write_q + 1'b1;
      if (from_store) read_q <= read_q + 1'b1;
      if (to_store && !from_store) count_q <= count_q + 1'b1;
      else if (!to_store && from_store) count_q <= count_q - 1'b1;
    end
  end

  assign valid_o = valid_q;
  assign data_o  = head_q;
  assign full_o  = count_q == (PtrW + 1)'(Depth);
endmodule
