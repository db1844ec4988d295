// Room and start rule of one unit's queue, and the masks of the signals that its started descriptors will send. The descriptors themselves are elsewhere:
// sf_queue, sf_queues. Specification: docs/microarchitecture.md, section 9 (T2, T3). Twin: src/simulator/timing/queue.ts.
//
// A place is held from the GO until the start at s, and counts as free from s+2 on. The unit sends its signals as pulses in the order of the
// descriptors; this module adds the masks.
module sf_start
  import sf_pkg::*;
  import sf_types_pkg::*;
#(
  // Descriptors that may have started and not sent their signals yet. No unit comes near it (hardware/README.md); a start waits if one did.
  parameter int unsigned StartedDepth = 64
) (
  input  logic       clk_i,
  input  logic       rst_ni,
  input  logic       run_i,          // 0: nothing starts from the next cycle on (error stop)
  // Control core
  input  logic       go_i,
  output logic       full_o,         // no room in the next cycle
  output logic       last_o,         // none if a GO comes in this one
  // The head of the queue
  input  logic       head_i,         // it is there
  input  unit_mask_t signal_read_i,
  input  unit_mask_t signal_write_i,
  input  logic       tokens_i,       // registered, about its waits a cycle ago: every token is there
  input  logic       free_i,         // the unit can start it
  output logic       start_o,        // combinational: head, tokens, free
  // The unit's signals
  input  logic       read_i,
  input  logic       write_i,
  output unit_mask_t read_mask_o,    // tokens sent in this cycle
  output unit_mask_t write_mask_o,
  output logic       busy_o
);
  localparam int unsigned HeldW = $clog2(QueueDepth + 1);

  // --- places, held from GO to start: held_q knows of a GO a cycle late, what is told of the next cycle does not ---
  logic             go_q;
  logic [2:0]       left_q;  // as many places are left without that GO: one-hot, 0 to 2
  logic [HeldW-1:0] held_q, held_d;

  assign held_d = held_q + HeldW'(go_q) - HeldW'(start_o);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      go_q   <= 1'b0;
      held_q <= '0;
      left_q <= '0;
    end else begin
      go_q   <= go_i;
      held_q <= held_d;
      for (int i = 0; i < 3; i++) left_q[i] <= held_d == HeldW'(QueueDepth - i);
    end
  end
  assign full_o = go_q ? left_q[1] : left_q[0];
  assign last_o = go_q ? left_q[2] : left_q[1];

  // --- start ---
  // Starts are two cycles apart at least (sf_tokens), so the FIFOs of masks may be a cycle late.
  logic may_q, read_full, write_full;
  always_ff @(posedge clk_i) may_q <= rst_ni && run_i && !read_full && !write_full;
  assign start_o = head_i && tokens_i && free_i && may_q;

  // --- started descriptors; no unit signals earlier than three cycles after a start ---
  logic       read_pending, write_pending, unused_read, unused_write;
  unit_mask_t read_mask, write_mask;
  sf_fifo_head #(.Width(NumUnits), .Depth(StartedDepth)) u_read_masks (
    .clk_i, .rst_ni,
    .push_i (start_o),
    .data_i (signal_read_i),
    .pop_i  (read_i),
    .valid_o(unused_read),
    .data_o (read_mask),
    .any_o  (read_pending),
    .full_o (read_full)
  );
  sf_fifo_head #(.Width(NumUnits), .Depth(StartedDepth)) u_write_masks (
    .clk_i, .rst_ni,
    .push_i (start_o),
    .data_i (signal_write_i),
    .pop_i  (write_i),
    .valid_o(unused_write),
    .data_o (write_mask),
    .any_o  (write_pending),
    .full_o (write_full)
  );
  assign read_mask_o  = read_i ? read_mask : '0;
  assign write_mask_o = write_i ? write_mask : '0;
  assign busy_o       = held_q != '0 || go_q || read_pending || write_pending;
endmodule
