// Write data of the bursts that ST fills or that wait for their AXI port: slots of four lines with a strobe per word.
// Specification: docs/microarchitecture.md, section 6 (write); hardware/README.md. Twin: src/simulator/timing/store.ts (burst buffers).
//
// Ports read in turn, each in its own cycle of four, as on the load bus: the store needs one read port. A free slot is always ready: there
// are more than bursts outstanding and burst buffers together.
module sf_write_store
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic        clk_i,
  input  logic        rst_ni,
  // Slots
  output write_slot_t slot_o,           // free
  input  logic        slot_take_i,
  input  logic        slot_free_i,
  input  write_slot_t freed_slot_i,
  // Lines
  input  logic        write_i,
  input  write_slot_t write_slot_i,
  input  logic [1:0]  write_line_i,
  input  line_t       write_words_i,
  input  word_mask_t  write_mask_i,
  input  write_slot_t read_slot_i,
  input  logic [1:0]  read_line_i,
  output line_t       read_words_o,     // combinational
  output word_mask_t  read_mask_o
);
  line_t      words [4 * WriteSlots];
  word_mask_t masks [4 * WriteSlots];
  always_ff @(posedge clk_i) begin
    if (write_i) begin
      words[{write_slot_i, write_line_i}] <= write_words_i;
      masks[{write_slot_i, write_line_i}] <= write_mask_i;
    end
  end
  assign read_words_o = words[{read_slot_i, read_line_i}];
  assign read_mask_o  = masks[{read_slot_i, read_line_i}];

  // --- free slots: the lowest one not in use, chosen a cycle ahead ---
  // A slot is free for others a cycle after it was given back: there are more slots than bursts, so nobody waits for it.
  logic                  free_q;
  write_slot_t           freed_q;
  always_ff @(posedge clk_i) begin
    free_q  <= rst_ni && slot_free_i;
    freed_q <= freed_slot_i;
  end
  logic [WriteSlots-1:0] used_q, used_d;
  write_slot_t           slot_q, slot_d;
  always_comb begin
    used_d = used_q;
    if (slot_take_i) used_d[slot_q] = 1'b1;
    if (free_q) used_d[freed_q] = 1'b0;
    slot_d  = '0;
    for (int i = int'(WriteSlots) - 1; i >= 0; i--) begin
      if (!used_d[i]) slot_d = write_slot_t'(i);
    end
  end
  always_ff @(posedge clk_i) begin
    used_q  <= rst_ni ? used_d : '0;
    slot_q  <= rst_ni ? slot_d : '0;
  end
  assign slot_o       = slot_q;
endmodule
