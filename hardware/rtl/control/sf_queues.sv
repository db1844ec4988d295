// The descriptor queues of all MAC or all VEC units of the cluster. Their descriptors are wide and start far apart: they share one block RAM.
// Specification: docs/microarchitecture.md, section 9 (T2, T3). Twin: src/simulator/timing/queue.ts.
//
// GO at t: go_i at t; the descriptor is written from the field registers during t+1, read during t+2, and goes on through the registers of the RAM to those
// of its unit, next_q (t+5) and head_q (t+6 = t+LatQueue). Only one GO a cycle: a descriptor whose unit has no next one is read at once. Behind a start the
// head is there a cycle later, from next_q; reads that fill next_q again take the cycles that are left. That is in time, as a unit prepares a head for
// LatPrepare cycles, and each unit needs two reads at most that go first.
module sf_queues
  import sf_pkg::*;
  import sf_types_pkg::*;
#(
  parameter int unsigned DescBits = 32
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  input  logic                             run_i,
  // Control core
  input  cu_mask_t                         go_i,         // one at most
  output cu_mask_t                         full_o,       // no room in the next cycle
  output cu_mask_t                         last_o,       // none if a GO comes in this one
  input  unit_mask_t                       wait_read_i,  // field registers at the cycle after GO
  input  unit_mask_t                       wait_write_i,
  input  unit_mask_t                       signal_read_i,
  input  unit_mask_t                       signal_write_i,
  input  logic [DescBits-1:0]              desc_i,
  // Tokens
  output unit_mask_t [NumCus-1:0]          wait_read_o,  // of the head descriptor; without one they mean nothing
  output unit_mask_t [NumCus-1:0]          wait_write_o,
  input  cu_mask_t                         tokens_i,     // registered, about the waits a cycle ago: every token is there
  // Units
  input  cu_mask_t                         free_i,
  output cu_mask_t                         start_o,      // combinational: head, tokens, free
  output cu_mask_t                         head_o,       // registered: a descriptor is at the head, desc_o is stable until it has started
  output logic [NumCus-1:0][DescBits-1:0]  desc_o,       // registered
  input  cu_mask_t                         read_i,       // the units' signals
  input  cu_mask_t                         write_i,
  output unit_mask_t [NumCus-1:0]          read_mask_o,  // tokens sent in this cycle
  output unit_mask_t [NumCus-1:0]          write_mask_o,
  output cu_mask_t                         busy_o
);
  localparam int unsigned NoUnit = 3;
  localparam int unsigned ExtraStages = LatQueue - 6;
  localparam int unsigned CuW = NumCus > 1 ? $clog2(NumCus) : 1;
  localparam int unsigned PtrW = $clog2(QueueDepth + 1);
  typedef logic [PtrW-1:0] ptr_t;
  typedef logic [CuW+PtrW-1:0] row_t;
  if (LatQueue < 6 || LatPrepare < 8 * NumCus) begin : gen_check
    $error("descriptors would come late");
  end

  // Masks without the unit that does not exist.
  typedef logic [NumUnits-2:0] units_t;
  localparam unit_mask_t Below = (unit_mask_t'(1) << NoUnit) - unit_mask_t'(1);
  function automatic units_t pack(unit_mask_t mask);
    return units_t'((mask >> 1) & ~Below) | units_t'(mask & Below);
  endfunction
  function automatic unit_mask_t unpack(units_t units);
    return {units[NumUnits-2:NoUnit], 1'b0, units[NoUnit-1:0]};
  endfunction
  typedef struct packed {
    units_t              wait_read;
    units_t              wait_write;
    units_t              signal_read;
    units_t              signal_write;
    logic [DescBits-1:0] desc;
  } entry_t;

  // --- the block RAM: a list for each unit ---
  entry_t            ram [2**(CuW+PtrW)];
  entry_t            in, latch_q, out_q;
  cu_mask_t          go_q, arrived_q;           // arrived: a descriptor can be read from now on
  ptr_t [NumCus-1:0] write_q, end_q, begin_q;
  row_t              write_row, read_row;
  cu_mask_t          pick;

  assign in = '{wait_read: pack(wait_read_i), wait_write: pack(wait_write_i), signal_read: pack(signal_read_i), signal_write: pack(signal_write_i),
                desc: desc_i};
  always_comb begin
    write_row = '0;
    read_row  = '0;
    for (int c = 0; c < int'(NumCus); c++) begin
      if (go_q[c]) write_row = write_row | {CuW'(c), write_q[c]};
      if (pick[c]) read_row = read_row | {CuW'(c), begin_q[c]};
    end
  end
  always_ff @(posedge clk_i) begin
    if (go_q != '0) ram[write_row] <= in;
  end
  always_ff @(posedge clk_i) begin
    latch_q <= ram[read_row];
    out_q   <= latch_q;
  end

  cu_mask_t arrive;
  if (ExtraStages == 0) begin : gen_direct
    assign arrive = go_q;
    assign end_q  = write_q;
  end else begin : gen_delay
    cu_mask_t [ExtraStages-1:0] delay_q;
    always_ff @(posedge clk_i) begin
      delay_q[0] <= rst_ni ? go_q : '0;
      for (int i = 1; i < int'(ExtraStages); i++) delay_q[i] <= rst_ni ? delay_q[i-1] : '0;
      for (int c = 0; c < int'(NumCus); c++) end_q[c] <= rst_ni ? end_q[c] + ptr_t'(arrive[c]) : '0;
    end
    assign arrive = delay_q[ExtraStages-1];
  end

  // --- reads: a descriptor that has just come to a unit without a next one, else for the first unit that waits for one ---
  cu_mask_t taken_q, at_once, waiting_d, waiting_q, first, take, latch_cu_q, out_cu_q, next_valid_q, head_valid_q;
  assign at_once = arrived_q & ~taken_q;
  always_comb begin
    for (int c = 0; c < int'(NumCus); c++) begin
      waiting_d[c] = !taken_q[c] && !pick[c] && end_q[c] != begin_q[c];
      first[c]     = waiting_q[c] && (waiting_q & ((cu_mask_t'(1) << c) - cu_mask_t'(1))) == '0;
    end
    take = next_valid_q & (~head_valid_q | start_o);
  end
  assign pick = at_once != '0 ? at_once : first;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      go_q         <= '0;
      arrived_q    <= '0;
      write_q      <= '0;
      begin_q      <= '0;
      taken_q      <= '0;
      waiting_q    <= '0;
      latch_cu_q   <= '0;
      out_cu_q     <= '0;
      next_valid_q <= '0;
      head_valid_q <= '0;
    end else begin
      go_q      <= go_i;
      arrived_q <= arrive;
      for (int c = 0; c < int'(NumCus); c++) begin
        if (go_q[c]) write_q[c] <= write_q[c] + ptr_t'(1);
        if (pick[c]) begin_q[c] <= begin_q[c] + ptr_t'(1);
      end
      // From the read until it is at the head.
      taken_q      <= (taken_q | pick) & ~take;
      waiting_q    <= waiting_d;
      latch_cu_q   <= pick;
      out_cu_q     <= latch_cu_q;
      next_valid_q <= (next_valid_q & ~take) | out_cu_q;
      head_valid_q <= take | (head_valid_q & ~start_o);
    end
  end

  // --- by unit: the next descriptor, the head ---
  assign head_o = head_valid_q;

  for (genvar c = 0; c < int'(NumCus); c++) begin : gen_cu
    entry_t next_q, head_q;
    always_ff @(posedge clk_i) begin
      if (out_cu_q[c]) next_q <= out_q;
      if (take[c]) head_q <= next_q;
    end
    assign desc_o[c]       = head_q.desc;
    assign wait_read_o[c]  = unpack(head_q.wait_read);
    assign wait_write_o[c] = unpack(head_q.wait_write);
    sf_start #(.StartedDepth(32)) u_start (
      .clk_i, .rst_ni, .run_i,
      .go_i          (go_i[c]),
      .full_o        (full_o[c]),
      .last_o        (last_o[c]),
      .head_i        (head_valid_q[c]),
      .signal_read_i (unpack(head_q.signal_read)),
      .signal_write_i(unpack(head_q.signal_write)),
      .tokens_i      (tokens_i[c]),
      .free_i        (free_i[c]),
      .start_o       (start_o[c]),
      .read_i        (read_i[c]),
      .write_i       (write_i[c]),
      .read_mask_o   (read_mask_o[c]),
      .write_mask_o  (write_mask_o[c]),
      .busy_o        (busy_o[c])
    );
  end
endmodule
