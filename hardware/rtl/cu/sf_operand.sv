// Port A of the maps buffer as the vMACs see it: addresses, quadrants, rotation, lanes of an output.
// One rotation per CU: all vMACs take the same 16 words; in depthwise mode each takes its own quadrant, which needs none. A lane adds the two
// (sf_lane): here the shared words are 0 in depthwise mode, there the own ones are 0 otherwise.
// Specification: docs/microarchitecture.md, sections 2 and 4. Twin: sumTraces, sumDepthwise in src/simulator/data/mac-scalar.ts.
//
// Cycle of a step that fires at e (regular / depthwise, whose addresses wait three cycles in place of quadrant register and rotation):
//   e + 1 / e + 4   row addresses at the RAM       e + 3 / e + 6   RAM output register, own_o        e + 4 / -   quadrants
//   e + 5, e + 6 / -   rotation, shared_o          e + 7           ctl_o
module sf_operand
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  maps_addr_t            addr_i,   // at e
  input  mac_ctl_t              ctl_i,    // at e + 1
  output row_t  [Quadrants-1:0] row_o,    // maps buffer, port A
  input  line_t [Quadrants-1:0] words_a_i,
  output line_t                 shared_o,  // at e + 6, 0 in depthwise mode
  output line_t [NumVmacs-1:0]  own_o,     // at e + 6, combinational from words_a_i
  output logic                  own_clear_o,  // at e + 6: not depthwise mode
  output mac_ctl_t              ctl_o      // at e + 7
);
  // ---------------------------------------------------------------- control beside the data
  mac_ctl_t   ctl2_q, ctl3_q, ctl4_q, ctl5_q, ctl6_q, ctl7_q;
  maps_addr_t addr1_q, addr2_q, addr3_q;
  logic [ColW-1:2] col4_q;
  logic [1:0] base5_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {ctl2_q, ctl3_q, ctl4_q, ctl5_q, ctl6_q, ctl7_q} <= '0;
    else {ctl2_q, ctl3_q, ctl4_q, ctl5_q, ctl6_q, ctl7_q} <= {ctl_i, ctl2_q, ctl3_q, ctl4_q, ctl5_q, ctl6_q};
  end
  always_ff @(posedge clk_i) begin
    // The reset makes them registers: shift registers are slow.
    if (!rst_ni) {addr1_q, addr2_q, addr3_q, col4_q, base5_q} <= '0;
    else {addr1_q, addr2_q, addr3_q, col4_q, base5_q} <= {addr_i, addr1_q, addr2_q, addr3_q[ColW-1:2], col4_q[ColW-1:ColW-2]};
  end
  assign own_clear_o = !ctl6_q.depthwise;
  assign ctl_o = ctl7_q;

  // ---------------------------------------------------------------- row addresses: quadrants in front of the first one take the next row
  // Steps of different modes are never five cycles apart or less: descriptors are (T4).
  logic                 wait3;
  row_t                 row;
  logic [1:0]           row_base;
  row_t [Quadrants-1:0] row_d, row_q;
  assign wait3 = ctl3_q.valid && ctl3_q.depthwise;
  assign {row, row_base} = wait3 ? addr3_q[MapsAddrW-1:ColW-2] : addr_i[MapsAddrW-1:ColW-2];
  always_comb begin
    for (int unsigned q = 0; q < Quadrants; q++) row_d[q] = row + row_t'(2'(q) < row_base);
  end
  always_ff @(posedge clk_i) row_q <= row_d;
  assign row_o = row_q;

  // ---------------------------------------------------------------- quadrants
  // Selection for the data of the next cycle: regular from the address at e + 2, depthwise (whole lines) at e + 5.
  logic                      wait5;
  col_t                      col;
  word_mask_t                front;
  word_mask_t [1:0]          select_d, select_q;  // vMAC 0: bits by position, as words wrap into the next quadrant
  logic [NumVmacs-1:1][1:0]  own_select_d, own_select_q;
  assign wait5 = ctl5_q.valid && ctl5_q.depthwise;
  assign col = wait5 ? {base5_q, 4'd0} : addr2_q[ColW-1:0];
  always_comb begin
    // Bits of col[5:4] + 1 in front of the column, of col[5:4] from it on.
    front = ~(word_mask_t'('1) << col[3:0]);
    select_d[0] = front ^ {LineWords{col[4]}};
    select_d[1] = (front & {LineWords{col[4]}}) ^ {LineWords{col[5]}};
  end
  line_t quadrant_d, quadrant_q;
  for (genvar i = 0; i < int'(LineWords); i++) begin : gen_quadrant
    assign quadrant_d[i] = words_a_i[{select_q[1][i], select_q[0][i]}][i];
  end
  assign own_o[0] = quadrant_d;
  for (genvar v = 1; v < int'(NumVmacs); v++) begin : gen_own
    logic [1:0] own_quadrant;
    assign own_quadrant = base5_q + 2'(v);
    assign own_select_d[v] = own_quadrant ^ {1'b0, v == 3 && own_quadrant[1]};
    for (genvar i = 0; i < int'(LineWords); i++) begin : gen_word
      sf_choose #(.Gray(v == 3)) u_choose (
        .code_i(own_select_q[v]), .word0_i(words_a_i[0][i]), .word1_i(words_a_i[1][i]), .word2_i(words_a_i[2][i]), .word3_i(words_a_i[3][i]),
        .word_o(own_o[v][i])
      );
    end
  end
  always_ff @(posedge clk_i) begin
    select_q <= select_d;
    own_select_q <= own_select_d;
    quadrant_q <= quadrant_d;
  end

  // ---------------------------------------------------------------- rotation and lanes of an output
  // Lane l takes word c + l mod g of the line, c its column modulo 16: a rotation by c - (l - l mod g), whose lower two bits depend on the lane's
  // class l mod 4 only. A fine stage by the class, then a coarse one by lane: the borrow of the lower two bits, and the upper bits of l - l mod g.
  line_t                     fine_d, fine_q, shared_d, shared_q;
  logic [3:0][1:0]           fine_select_d, fine_select_q;  // at e + 3, e + 4
  logic [3:0]                borrow_d, borrow_q;            // at e + 3, e + 4
  for (genvar j = 0; j < 4; j++) begin : gen_fine
    logic [1:0] fine;
    always_comb begin
      unique case (ctl3_q.lg)
        3'd0: {borrow_d[j], fine} = {1'b0, addr3_q[1:0]} - 3'(j);
        3'd1: {borrow_d[j], fine} = {1'b0, addr3_q[1:0]} - 3'(j - j % 2);
        default: {borrow_d[j], fine} = {1'b0, addr3_q[1:0]};
      endcase
    end
    assign fine_select_d[j] = fine ^ {1'b0, j >= 2 && fine[1]};
  end
  for (genvar l = 0; l < int'(LineWords); l++) begin : gen_lane
    logic [1:0] quad, coarse, coarse_select_q;  // at e + 4, e + 4, e + 5
    assign quad = (ctl4_q.lg <= 3'd2) ? 2'(l / 4) : (ctl4_q.lg == 3'd3) ? 2'(l / 8 * 2) : 2'd0;
    assign coarse = col4_q[3:2] - quad - 2'(borrow_q[l%4]);
    always_ff @(posedge clk_i) coarse_select_q <= coarse ^ {1'b0, l >= 8 && coarse[1]};
    sf_choose #(.Gray(l % 4 >= 2)) u_fine (
      .code_i(fine_select_q[l%4]), .word0_i(quadrant_q[l]), .word1_i(quadrant_q[(l+1)%16]), .word2_i(quadrant_q[(l+2)%16]),
      .word3_i(quadrant_q[(l+3)%16]), .word_o(fine_d[l])
    );
    sf_choose #(.Gray(l >= 8)) u_coarse (
      .code_i(coarse_select_q), .word0_i(fine_q[l]), .word1_i(fine_q[(l+4)%16]), .word2_i(fine_q[(l+8)%16]), .word3_i(fine_q[(l+12)%16]),
      .word_o(shared_d[l])
    );
  end
  always_ff @(posedge clk_i) begin
    fine_select_q <= fine_select_d;
    borrow_q <= borrow_d;
    fine_q <= fine_d;
  end
  always_ff @(posedge clk_i) begin
    if (ctl5_q.depthwise) shared_q <= '0;
    else shared_q <= shared_d;
  end
  assign shared_o = shared_q;
endmodule
