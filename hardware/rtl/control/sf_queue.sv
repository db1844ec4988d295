// The descriptor queue of one unit and its start rule, and the masks of the signals that its descriptors will send.
// Specification: docs/microarchitecture.md, section 9 (T2, T3). Twin: src/simulator/timing/queue.ts.
//
// GO at t: go_i at t; the descriptor is read from the field registers during t+1, its waits are with sf_tokens from t+2 on, and it is at the
// head from t+LatQueue on, when tokens_i is about it. Start at s: start_o at s; the place counts as free in room_o from s+2 on.
// The unit sends its signals as pulses in the order of the descriptors; this module adds the masks.
module sf_queue
  import sf_pkg::*;
  import sf_types_pkg::*;
#(
  parameter int unsigned DescBits = 32,
  parameter bit RegisterDesc = 1'b0  // desc_o comes from a register: right at the start, but not yet in the head's first cycle
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                run_i,        // 0: nothing starts (error stop)
  // Control core
  input  logic                go_i,
  output logic                room_o,
  input  unit_mask_t          wait_read_i,  // field registers at the cycle after GO
  input  unit_mask_t          wait_write_i,
  input  unit_mask_t          signal_read_i,
  input  unit_mask_t          signal_write_i,
  input  logic [DescBits-1:0] desc_i,
  // Tokens
  output unit_mask_t          wait_read_o,  // of the head descriptor; without one they mean nothing
  output unit_mask_t          wait_write_o,
  input  logic                tokens_i,     // registered, about the waits a cycle ago: every token is there
  // Unit
  input  logic                free_i,
  output logic                start_o,      // combinational: head, tokens, free
  output logic                head_o,       // a descriptor is at the head: desc_o is stable until it has started (but RegisterDesc)
  output logic [DescBits-1:0] desc_o,
  input  logic                read_i,       // the unit's signals
  input  logic                write_i,
  output unit_mask_t          read_mask_o,  // tokens sent in this cycle
  output unit_mask_t          write_mask_o,
  output logic                busy_o
);
  // Descriptors that may have started and not sent their signals yet. No unit comes near it (hardware/README.md); a start waits if one did.
  localparam int unsigned StartedDepth = 64;
  localparam int unsigned StoreDepth = QueueDepth > 2 ? 2 ** $clog2(QueueDepth) : 2;
  localparam int unsigned HeldW = $clog2(QueueDepth + 1);
  localparam int unsigned ExtraStages = LatQueue - 3;
  localparam int unsigned EntryBits = 4 * NumUnits + DescBits;

  typedef struct packed {
    unit_mask_t          wait_read;
    unit_mask_t          wait_write;
    unit_mask_t          signal_read;
    unit_mask_t          signal_write;
    logic [DescBits-1:0] desc;
  } entry_t;

  // --- room, counted from GO to start ---
  logic             start_q, go_q, room_q;
  logic [HeldW-1:0] held_q, held_d;

  assign held_d = held_q + HeldW'(go_i) - HeldW'(start_q);
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      start_q <= 1'b0;
      go_q    <= 1'b0;
      held_q  <= '0;
      room_q  <= 1'b1;
    end else begin
      start_q <= start_o;
      go_q    <= go_i;
      held_q  <= held_d;
      room_q  <= held_d != HeldW'(QueueDepth);
    end
  end
  assign room_o = room_q;

  // --- entries ---
  entry_t in, head, pushed;
  logic   push, head_valid;

  assign in = '{wait_read: wait_read_i, wait_write: wait_write_i, signal_read: signal_read_i, signal_write: signal_write_i, desc: desc_i};
  if (ExtraStages == 0) begin : gen_direct
    assign push   = go_q;
    assign pushed = in;
  end else begin : gen_delay
    logic [ExtraStages-1:0] push_q;
    entry_t                 entry_q [ExtraStages];
    always_ff @(posedge clk_i) begin
      push_q     <= rst_ni ? ExtraStages'({push_q, go_q}) : '0;
      entry_q[0] <= in;
      for (int i = 1; i < int'(ExtraStages); i++) entry_q[i] <= entry_q[i-1];
    end
    assign push   = push_q[ExtraStages-1];
    assign pushed = entry_q[ExtraStages-1];
  end

  logic unused_full;
  sf_fifo #(.Width(EntryBits), .Depth(StoreDepth), .Late(1'b1)) u_entries (
    .clk_i, .rst_ni,
    .push_i (push),
    .data_i (pushed),
    .pop_i  (start_o),
    .valid_o(head_valid),
    .data_o (head),
    .full_o (unused_full)
  );
  assign wait_read_o  = head.wait_read;
  assign wait_write_o = head.wait_write;
  assign head_o       = head_valid;
  if (RegisterDesc) begin : gen_register
    // A start is at the earliest a cycle after the descriptor's first cycle at the output of the store.
    logic [DescBits-1:0] desc_q;
    always_ff @(posedge clk_i) desc_q <= head.desc;
    assign desc_o = desc_q;
  end else begin : gen_store
    assign desc_o = head.desc;
  end

  // --- started descriptors ---
  logic       read_pending, write_pending, read_full, write_full, unused_read, unused_write;
  unit_mask_t read_mask, write_mask;

  // Starts are two cycles apart at least (sf_tokens), so the FIFOs of masks may be a cycle late.
  logic full_q;
  always_ff @(posedge clk_i) full_q <= rst_ni && (read_full || write_full);
  assign start_o = head_valid && tokens_i && free_i && run_i && !full_q;

  // No unit signals earlier than three cycles after a start.
  sf_fifo_head #(.Width(NumUnits), .Depth(StartedDepth)) u_read_masks (
    .clk_i, .rst_ni,
    .push_i (start_o),
    .data_i (head.signal_read),
    .pop_i  (read_i),
    .valid_o(unused_read),
    .data_o (read_mask),
    .any_o  (read_pending),
    .full_o (read_full)
  );
  sf_fifo_head #(.Width(NumUnits), .Depth(StartedDepth)) u_write_masks (
    .clk_i, .rst_ni,
    .push_i (start_o),
    .data_i (head.signal_write),
    .pop_i  (write_i),
    .valid_o(unused_write),
    .data_o (write_mask),
    .any_o  (write_pending),
    .full_o (write_full)
  );
  assign read_mask_o  = read_i ? read_mask : '0;
  assign write_mask_o = write_i ? write_mask : '0;
  assign busy_o       = held_q != '0 || read_pending || write_pending;
endmodule
