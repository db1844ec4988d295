// FIFO in distributed RAM, read without a clock: an entry pushed at t into an empty FIFO is at the head at t+1, and after a pop at t the next
// one is there at t+1. Late: an entry counts so many cycles later (t+1+Late), although its data are already at the output when it is the next.
// Pushing into a full FIFO and popping an empty one are errors of the user.
module sf_fifo #(
  parameter int unsigned Width = 8,
  parameter int unsigned Depth = 16,  // entries: a power of two
  parameter int unsigned Late = 0
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
  typedef logic [PtrW-1:0] ptr_t;

  logic [Width-1:0] mem [Depth];
  ptr_t             write_q, read_q, end_q;  // end: behind the last entry that counts
  logic             valid_q, arrive, last;

  if (Late > 0) begin : gen_late
    logic [Late-1:0] arrive_q;
    always_ff @(posedge clk_i) begin
      arrive_q <= rst_ni ? Late'({arrive_q, push_i}) : '0;
      if (!rst_ni) end_q <= '0;
      else if (arrive) end_q <= end_q + ptr_t'(1);
    end
    assign arrive = arrive_q[Late-1];
  end else begin : gen_plain
    assign arrive = push_i;
    assign end_q  = write_q;
  end

  // The head is the only entry.
  assign last = ptr_t'(read_q + ptr_t'(1)) == end_q;

  always_ff @(posedge clk_i) begin
    if (push_i) mem[write_q] <= data_i;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      write_q <= '0;
      read_q  <= '0;
      valid_q <= 1'b0;
    end else begin
      if (push_i) write_q <= write_q + ptr_t'(1);
      if (pop_i) read_q <= read_q + ptr_t'(1);
      if (arrive) valid_q <= 1'b1;
      else if (pop_i && last) valid_q <= 1'b0;
    end
  end

  assign valid_o = valid_q;
  assign data_o  = mem[read_q];
  assign full_o  = valid_q && read_q == write_q;
endmodule
