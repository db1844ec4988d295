// Token counters of all ordered pairs of units: read and write tokens.
// Specification: docs/microarchitecture.md, sections 1 and 9 (T3). Twin: src/simulator/timing/tokens.ts.
//
// A token signalled at t (masks at t) can be taken at t+LatToken: it is in its counter at t+1, and ok_o, which tells the start rule that all
// tokens of the head descriptor are there, is a register. Only the consumer takes, so an answer holds until its own start, which clears it: the
// next descriptor's answer is there two cycles after that start. ok_o means nothing while there is no head.
module sf_tokens
  import sf_pkg::*;
  import sf_types_pkg::*;
(
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  logic                      clear_i,         // start of a program: no tokens
  input  unit_mask_t [NumUnits-1:0] read_signal_i,   // by producer: consumers that get a token
  input  unit_mask_t [NumUnits-1:0] write_signal_i,
  input  unit_mask_t [NumUnits-1:0] wait_read_i,     // by consumer: producers of which its head descriptor takes a token
  input  unit_mask_t [NumUnits-1:0] wait_write_i,
  output unit_mask_t                ok_o,            // registered, by consumer: all of them are there
  input  unit_mask_t                start_i,         // by consumer: takes them
  output logic                      overflow_o,      // registered
  output logic [4:0]                producer_o       // of the overflow, valid with it
);
  localparam int unsigned ExtraStages = LatToken - 2;
  localparam int unsigned NoUnit = 3;

  // --- signals on their way ---
  unit_mask_t [NumUnits-1:0] read_give, write_give;
  if (ExtraStages == 0) begin : gen_direct
    assign read_give  = read_signal_i;
    assign write_give = write_signal_i;
  end else begin : gen_delay
    unit_mask_t [NumUnits-1:0] read_q [ExtraStages];
    unit_mask_t [NumUnits-1:0] write_q [ExtraStages];
    always_ff @(posedge clk_i) begin
      read_q[0]  <= read_signal_i;
      write_q[0] <= write_signal_i;
      for (int i = 1; i < int'(ExtraStages); i++) begin
        read_q[i]  <= read_q[i-1];
        write_q[i] <= write_q[i-1];
      end
      if (!rst_ni || clear_i) begin
        for (int i = 0; i < int'(ExtraStages); i++) begin
          read_q[i]  <= '0;
          write_q[i] <= '0;
        end
      end
    end
    assign read_give  = read_q[ExtraStages-1];
    assign write_give = write_q[ExtraStages-1];
  end

  // --- the same by consumer: nearly always there are none ---
  unit_mask_t [NumUnits-1:0] read_gives, write_gives;
  always_comb begin
    read_gives = '0;
    write_gives = '0;
    if (read_give != '0) begin
      for (int p = 0; p < int'(NumUnits); p++) begin
        for (int c = 0; c < int'(NumUnits); c++) read_gives[c][p] = read_give[p][c];
      end
    end
    if (write_give != '0) begin
      for (int p = 0; p < int'(NumUnits); p++) begin
        for (int c = 0; c < int'(NumUnits); c++) write_gives[c][p] = write_give[p][c];
      end
    end
  end

  // --- counters: [consumer][producer], a row for each consumer; the unit that is none gives and takes nothing ---
  localparam unit_mask_t Units = ~(unit_mask_t'(1) << NoUnit);
  unit_mask_t [NumUnits-1:0] read_over, write_over;
  for (genvar c = 0; c < int'(NumUnits); c++) begin : gen_consumer
    if (c == int'(NoUnit)) begin : gen_none
      assign read_over[c]  = '0;
      assign write_over[c] = '0;
      assign ok_o[c]       = 1'b0;
    end else begin : gen_rows
      unit_mask_t read_there, write_there;
      sf_token_counter #(.Number(NumUnits)) u_read (
        .clk_i, .rst_ni, .clear_i,
        .give_i    (read_gives[c] & Units),
        .take_i    (start_i[c] ? wait_read_i[c] & Units : '0),
        .there_o   (read_there),
        .overflow_o(read_over[c])
      );
      sf_token_counter #(.Number(NumUnits)) u_write (
        .clk_i, .rst_ni, .clear_i,
        .give_i    (write_gives[c] & Units),
        .take_i    (start_i[c] ? wait_write_i[c] & Units : '0),
        .there_o   (write_there),
        .overflow_o(write_over[c])
      );
      logic ok_q;
      always_ff @(posedge clk_i) begin
        ok_q <= rst_ni && !start_i[c] && (wait_read_i[c] & ~read_there & Units) == '0 && (wait_write_i[c] & ~write_there & Units) == '0;
      end
      assign ok_o[c] = ok_q;
    end
  end

  logic unused_unit;
  assign unused_unit = ^{start_i[NoUnit], wait_read_i[NoUnit], wait_write_i[NoUnit], read_give[NoUnit], write_give[NoUnit], read_gives[NoUnit], write_gives[NoUnit]};

  // --- overflow: a register stage by pair, as starts come late, then one for all ---
  unit_mask_t [NumUnits-1:0] over_q;
  unit_mask_t over;
  logic       overflow_d;
  logic [4:0] producer_d;
  always_comb begin
    producer_d = '0;
    over = '0;
    for (int c = 0; c < int'(NumUnits); c++) over = over | over_q[c];
    overflow_d = over != '0;
    for (int p = 0; p < int'(NumUnits); p++) begin
      if (over[p]) producer_d = producer_d | 5'(p);
    end
  end
  always_ff @(posedge clk_i) begin
    for (int c = 0; c < int'(NumUnits); c++) over_q[c] <= rst_ni ? read_over[c] | write_over[c] : '0;
    overflow_o <= rst_ni && overflow_d;
    producer_o <= producer_d;
  end
endmodule
