// Result FIFO of a MAC or VEC unit. A granule is announced (its meta data, one a cycle, in order), its words are written, and from ready_i on
// it is in the FIFO: it raises its request for port B (own CU only) or for the result bus as soon as it is at the head.
// Specification: docs/microarchitecture.md, sections 4 and 9 (T6, T8 to T10). Twin: src/simulator/timing/result-fifo.ts.
//
// ready_i at f -> head valid, that is the request visible, at f + 1 (or when the head before it is gone). Grant at p -> granule_o at p + 1,
// returned_o at p + 1, next head at p + 1, by the bus p + 2: its grant comes late in the cycle. Never more granules than entries: the unit holds a credit for each.
module sf_result_fifo
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
#(
  parameter int unsigned SlotW = 5  // 2^SlotW entries
) (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  // Unit
  input  logic                            alloc_i,
  input  meta_t                           meta_i,
  input  logic                            ready_i,
  input  word_mask_t                      write_i,
  input  logic [LineWords-1:0][SlotW-1:0] write_slot_i,
  input  line_t                           write_words_i,
  output logic                            returned_o,  // the cycle after a grant: a credit is on its way back
  // Head
  output logic                            own_req_o,
  output bus_req_t                        bus_req_o,
  output logic                            last_o,      // with either: the descriptor's last granule
  output logic                            bus_last_o,  // the cycle after the bus granted it, with bus_req_o.cus
  input  logic                            own_gnt_i,
  input  logic                            bus_gnt_i,
  output granule_t                        granule_o    // the cycle after the grant
);
  typedef logic [SlotW-1:0] slot_t;

  // ---------------------------------------------------------------- meta data
  meta_t meta_q [2**SlotW];
  slot_t alloc_q, next_q, head_q;
  meta_t next_meta, head_meta;
  always_ff @(posedge clk_i) begin
    if (alloc_i) meta_q[alloc_q] <= meta_i;
  end
  assign next_meta = meta_q[next_q];
  assign head_meta = meta_q[head_q];

  // ---------------------------------------------------------------- head: what the arbiters look at
  logic [SlotW:0] waiting_d, waiting_q;  // in the FIFO behind the head
  logic           valid_d, valid_q, own_q, bus_q, last_q, take, gnt, bus_gnt_q, returned_q;
  cu_mask_t       cus_q;
  assign gnt = own_gnt_i || bus_gnt_q;
  assign take = (waiting_q != '0 || ready_i) && (!valid_q || gnt);
  assign valid_d = take || (valid_q && !gnt);
  assign waiting_d = waiting_q + (SlotW + 1)'(ready_i) - (SlotW + 1)'(take);

  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      alloc_q <= '0;
      next_q <= '0;
      waiting_q <= '0;
      valid_q <= 1'b0;
      own_q <= 1'b0;
      bus_q <= 1'b0;
      bus_gnt_q <= 1'b0;
      returned_q <= 1'b0;
    end else begin
      if (alloc_i) alloc_q <= alloc_q + slot_t'(1);
      if (take) next_q <= next_q + slot_t'(1);
      waiting_q <= waiting_d;
      valid_q <= valid_d;
      own_q <= take ? next_meta.own : valid_d && own_q;
      bus_q <= !bus_gnt_i && (take ? !next_meta.own : valid_d && bus_q);
      bus_gnt_q <= bus_gnt_i;
      returned_q <= own_gnt_i || bus_gnt_i;
    end
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      head_q <= next_q;
      cus_q <= next_meta.cus;
      last_q <= next_meta.last;
    end
  end
  assign own_req_o = own_q;
  assign bus_req_o = '{valid: bus_q, cus: cus_q};
  assign last_o = last_q;
  assign bus_last_o = bus_gnt_q && last_q;
  assign returned_o = returned_q;

  // ---------------------------------------------------------------- the granule
  line_t    words;
  granule_t granule_q;
  sf_granule_words #(.SlotW(SlotW)) u_words (
    .clk_i, .write_i, .write_slot_i, .write_words_i, .read_slot_i(head_q), .words_o(words)
  );
  always_ff @(posedge clk_i) begin
    if (valid_q) granule_q <= '{last: head_meta.last, addr: head_meta.addr, mask: head_meta.mask, words: words};
  end
  assign granule_o = granule_q;

  logic unused_meta;
  assign unused_meta = ^{next_meta, head_meta};
endmodule
