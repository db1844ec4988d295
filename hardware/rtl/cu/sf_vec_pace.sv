// Paces the lanes of VEC: a chunk takes 4 cycles, of a table 8, from the cycle after its last grant on or behind the chunk before it. Chunks of a table of sums
// begin an even number of cycles after the descriptor's start, and all that follows them is VecSumCycles later.
// Specification: docs/microarchitecture.md, section 9 (T13). Twin: src/simulator/timing/vec.ts.
module sf_vec_pace
  import sf_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic      clk_i,
  input  logic      rst_ni,
  input  logic      start_i,  // of a descriptor
  input  logic      table_i,
  input  logic      sum_i,    // a table of sums
  input  logic      read_i,   // a chunk's last operand is granted,
  input  logic      last_i,   // the descriptor's last chunk's
  output vec_work_t work_o,   // the cycle after a cycle of the lanes
  output logic      done_o,   // the work on the descriptor's last chunk ends: in this cycle
  output logic      ready_o   // a result is in the FIFO
);
  // The grant comes late in its cycle.
  localparam int unsigned CountW = $clog2(VecFifoGranules + 1);
  logic [CountW-1:0] waiting_d, waiting_q, waiting_more, waiting_less;  // chunks
  logic              work_free, run_d, run_q, final_q, work_begin, work_end, chunk_done, all_read_d, all_read_q;
  logic [2:0]        index_d, index_q;
  vec_work_t         lanes_q;
  assign work_end = run_q && final_q;
  assign work_free = (!run_q || work_end) && (!sum_i || index_q[0]);
  assign work_begin = work_free && (waiting_q != '0 || read_i);
  always_comb begin
    waiting_d = waiting_q;
    if (read_i && !work_free) waiting_d = waiting_more;
    else if (!read_i && work_free && waiting_q != '0) waiting_d = waiting_less;
  end
  assign waiting_more = waiting_q + CountW'(1);
  assign waiting_less = waiting_q - CountW'(1);
  // Of a table every group twice, for two lanes each time. Of sums another one every cycle, as its b is read in the cycle after: 1 0 3 2 0 1 2 3.
  logic [1:0] group;
  assign group = !table_i ? index_q[1:0] : sum_i ? {index_q[1], index_q[0] != !index_q[2]} : index_q[2:1];
  assign run_d = work_begin || (run_q && !work_end);
  // Its lowest bit goes on where no chunk is at work: cycles since the start.
  assign index_d = work_begin ? 3'd0 : start_i ? 3'd1 : index_q + 3'd1;
  assign all_read_d = (read_i && last_i) || (all_read_q && !start_i);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      waiting_q <= '0;
      run_q <= 1'b0;
      all_read_q <= 1'b0;
      lanes_q <= '0;
    end else begin
      waiting_q <= waiting_d;
      run_q <= run_d;
      all_read_q <= all_read_d;
      lanes_q <= '{valid: run_q, last: work_end, group: group, odd: index_q[0]};
    end
  end
  always_ff @(posedge clk_i) begin
    index_q <= index_d;
    final_q <= !work_begin && index_q == (table_i ? 3'd6 : 3'd2);
  end
  assign work_o = lanes_q;
  assign done_o = chunk_done && all_read_q && waiting_q == '0 && (!sum_i || !run_q);

  logic sum_end;
  sf_delay #(.Width(1), .Cycles(VecSumCycles)) u_sum (.clk_i, .rst_ni, .d_i(work_end && sum_i), .q_o(sum_end));
  assign chunk_done = sum_i ? sum_end : work_end;

  // ---------------------------------------------------------------- results in the FIFO (T13)
  logic result_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) result_q <= 1'b0;
    else result_q <= chunk_done;
  end
  sf_delay #(.Width(1), .Cycles(LatVecPipeline - 1)) u_ready (.clk_i, .rst_ni, .d_i(result_q), .q_o(ready_o));
endmodule
