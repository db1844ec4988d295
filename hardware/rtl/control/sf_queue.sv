// The descriptor queue of a DMA engine, in distributed RAM.
// Specification: docs/microarchitecture.md, section 9 (T2, T3). Twin: src/simulator/timing/queue.ts.
//
// GO at t: go_i at t; the descriptor is read from the field registers during t+1 and is at the head from t+LatQueue on. Its waits are with sf_tokens as soon
// as it is the next one, so that tokens_i is about it then.
module sf_queue
  import sf_pkg::*;
  import sf_types_pkg::*;
#(
  parameter int unsigned DescBits = 32
) (
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                run_i,        // 0: nothing starts (error stop)
  // Control core
  input  logic                go_i,
  output logic                full_o,       // no room in the next cycle
  output logic                last_o,       // none if a GO comes in this one
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
  output logic                head_o,       // a descriptor is at the head
  output logic [DescBits-1:0] desc_o,       // registered: of the head, right at its start and in the cycle after, but not yet in its first cycle
  input  logic                read_i,       // the unit's signals
  input  logic                write_i,
  output unit_mask_t          read_mask_o,  // tokens sent in this cycle
  output unit_mask_t          write_mask_o,
  output logic                busy_o
);
  localparam int unsigned StoreDepth = QueueDepth > 2 ? 2 ** $clog2(QueueDepth) : 2;
  localparam int unsigned EntryBits = 4 * NumUnits + DescBits;

  typedef struct packed {
    unit_mask_t          wait_read;
    unit_mask_t          wait_write;
    unit_mask_t          signal_read;
    unit_mask_t          signal_write;
    logic [DescBits-1:0] desc;
  } entry_t;

  // --- entries ---
  entry_t in, head;
  logic   go_q, head_valid, unused_full;

  always_ff @(posedge clk_i) go_q <= rst_ni && go_i;
  assign in = '{wait_read: wait_read_i, wait_write: wait_write_i, signal_read: signal_read_i, signal_write: signal_write_i, desc: desc_i};
  sf_fifo #(.Width(EntryBits), .Depth(StoreDepth), .Late(LatQueue - 2)) u_entries (
    .clk_i, .rst_ni,
    .push_i (go_q),
    .data_i (in),
    .pop_i  (start_o),
    .valid_o(head_valid),
    .data_o (head),
    .full_o (unused_full)
  );
  assign wait_read_o  = head.wait_read;
  assign wait_write_o = head.wait_write;
  assign head_o       = head_valid;

  // A start is at the earliest a cycle after the descriptor's first cycle at the output of the store.
  logic [DescBits-1:0] desc_q;
  always_ff @(posedge clk_i) desc_q <= head.desc;
  assign desc_o = desc_q;

  sf_start u_start (
    .clk_i, .rst_ni, .run_i, .go_i, .full_o, .last_o,
    .head_i        (head_valid),
    .signal_read_i (head.signal_read),
    .signal_write_i(head.signal_write),
    .tokens_i, .free_i, .start_o, .read_i, .write_i, .read_mask_o, .write_mask_o, .busy_o
  );
endmodule
