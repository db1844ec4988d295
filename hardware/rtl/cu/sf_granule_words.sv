// The words of a result FIFO's granules: a small RAM per word column, so that a granule's words may be written at different times.
// Specification: docs/microarchitecture.md, section 4. Twin: src/simulator/timing/result-fifo.ts (which has times only).
module sf_granule_words
  import sf_pkg::*;
  import sf_types_pkg::*;
#(
  parameter int unsigned SlotW = 5
) (
  input  logic                            clk_i,
  input  word_mask_t                      write_i,
  input  logic [LineWords-1:0][SlotW-1:0] write_slot_i,
  input  line_t                           write_words_i,
  input  logic [SlotW-1:0]                read_slot_i,
  output line_t                           words_o  // of read_slot_i in the same cycle
);
  for (genvar c = 0; c < int'(LineWords); c++) begin : gen_column
    logic [15:0] ram_q [2**SlotW];
    always_ff @(posedge clk_i) begin
      if (write_i[c]) ram_q[write_slot_i[c]] <= write_words_i[c];
    end
    assign words_o[c] = ram_q[read_slot_i];
  end
endmodule
