// Port A of the maps buffer as the vMACs see it: addresses, quadrants, rotation, lanes of an output, one operand register per vMAC.
// One rotation per CU: all vMACs take the same 16 words; in depthwise mode each takes its own quadrant, which needs none.
// Specification: docs/microarchitecture.md, sections 2 and 4. Twin: sumTraces, sumDepthwise in src/simulator/data/mac-scalar.ts.
//
// Cycle of a step that fires at e (regular / depthwise, whose addresses wait two cycles in place of the rotation):
//   e + 1 / e + 3   row addresses at the RAM       e + 3 / e + 5   RAM output register       e + 4 / e + 6   quadrants
//   e + 5, e + 6 / -   rotation                    e + 7           operand registers and ctl_o
module sf_operand
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic                  clk_i,
  input  logic                  rst_ni,
  input  maps_addr_t            addr_i,   // at e
  input  mac_ctl_t              ctl_i,    // at e + 1
  input  logic [6:0]            words_i,  // at e + 1
  output row_t  [Quadrants-1:0] row_o,    // maps buffer, port A
  input  line_t [Quadrants-1:0] words_a_i,
  output line_t [NumVmacs-1:0]  operand_o,  // at e + 7
  output mac_ctl_t [NumVmacs-1:0] ctl_o     // at e + 7, with the masks of each vMAC
);
  // ---------------------------------------------------------------- control beside the data
  mac_ctl_t   ctl2_q, ctl3_q, ctl4_q, ctl5_q, ctl6_q;
  logic [6:0] words2_q, words3_q, words4_q, words5_q, words6_q;
  col_t       col1_q, col2_q, col3_q, col4_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ctl2_q <= '0;
      ctl3_q <= '0;
      ctl4_q <= '0;
      ctl5_q <= '0;
      ctl6_q <= '0;
    end else begin
      ctl2_q <= ctl_i;
      ctl3_q <= ctl2_q;
      ctl4_q <= ctl3_q;
      ctl5_q <= ctl4_q;
      ctl6_q <= ctl5_q;
    end
  end
  always_ff @(posedge clk_i) begin
    // The reset makes them registers: shift registers are slow.
    if (!rst_ni) {words2_q, words3_q, words4_q, words5_q, words6_q} <= '0;
    else {words2_q, words3_q, words4_q, words5_q, words6_q} <= {words_i, words2_q, words3_q, words4_q, words5_q};
  end
  always_ff @(posedge clk_i) begin
    col1_q <= addr_i[ColW-1:0];
    col2_q <= col1_q;
    col3_q <= col2_q;
    col4_q <= col3_q;
  end

  // ---------------------------------------------------------------- row addresses: quadrants in front of the first one take the next row
  row_t [Quadrants-1:0] row_d, row1_q, row2_q, row3_q;
  always_comb begin
    for (int unsigned q = 0; q < Quadrants; q++) begin
      row_d[q] = addr_i[MapsAddrW-1:ColW] + row_t'(2'(q) < addr_i[ColW-1:ColW-2]);
    end
  end
  always_ff @(posedge clk_i) begin
    row1_q <= row_d;
    row2_q <= row1_q;
    row3_q <= row2_q;
  end
  // Steps of different modes are never four cycles apart or less: descriptors are (T4).
  assign row_o = (ctl3_q.valid && ctl3_q.depthwise) ? row3_q : row1_q;

  // ---------------------------------------------------------------- quadrants
  // Selection for the data of the next cycle: regular from the address at e + 2, depthwise at e + 4.
  logic                      wait2, wait4;
  logic [LineWords-1:0][1:0] select_d, select_q;  // vMAC 0: by position, as words wrap into the next quadrant
  logic [1:0]                base_d, base_q;
  assign wait4 = ctl4_q.valid && ctl4_q.depthwise;
  assign wait2 = !wait4;
  always_comb begin
    base_d = wait4 ? col4_q[5:4] : col2_q[5:4];
    for (int unsigned i = 0; i < LineWords; i++) begin
      select_d[i] = base_d + 2'(wait2 && 4'(i) < col2_q[3:0]);
    end
  end
  line_t [NumVmacs-1:0] quadrant_d, quadrant_q;
  logic [1:0]           quadrant;
  always_comb begin
    quadrant = base_q;
    for (int unsigned i = 0; i < LineWords; i++) quadrant_d[0][i] = words_a_i[select_q[i]][i];
    for (int unsigned v = 1; v < NumVmacs; v++) begin
      quadrant = base_q + 2'(v);
      quadrant_d[v] = words_a_i[quadrant];
    end
  end
  always_ff @(posedge clk_i) begin
    select_q <= select_d;
    base_q <= base_d;
    quadrant_q <= quadrant_d;
  end

  // ---------------------------------------------------------------- rotation and lanes of an output
  // Lane l takes word amount + l mod g: a fine stage by the lane's class modulo 4, then a coarse one by lane.
  line_t                     fine_d, fine_q, lanes_d, lanes;
  logic [3:0][1:0]           fine_select_d, fine_select_q;  // at e + 3, e + 4
  logic [LineWords-1:0][1:0] coarse_select_d, coarse_select_q;  // at e + 4, e + 5
  always_comb begin
    for (int unsigned j = 0; j < 4; j++) begin
      unique case (ctl3_q.lg)
        3'd0: fine_select_d[j] = col3_q[1:0] - 2'(j);
        3'd1: fine_select_d[j] = col3_q[1:0] - 2'(j - j % 2);
        default: fine_select_d[j] = col3_q[1:0];
      endcase
    end
    for (int unsigned l = 0; l < LineWords; l++) begin
      logic [3:0] offset;
      unique case (ctl4_q.lg)
        3'd0: offset = col4_q[3:0] - 4'(l);
        3'd1: offset = col4_q[3:0] - 4'(l - l % 2);
        3'd2: offset = col4_q[3:0] - 4'(l - l % 4);
        3'd3: offset = col4_q[3:0] - 4'(l - l % 8);
        default: offset = col4_q[3:0];
      endcase
      offset = offset - 4'(fine_select_q[l%4]);
      coarse_select_d[l] = offset[3:2];
    end
  end
  for (genvar l = 0; l < int'(LineWords); l++) begin : gen_lane
    always_comb begin
      unique case (fine_select_q[l%4])
        2'd0: fine_d[l] = quadrant_q[0][l];
        2'd1: fine_d[l] = quadrant_q[0][(l+1)%16];
        2'd2: fine_d[l] = quadrant_q[0][(l+2)%16];
        default: fine_d[l] = quadrant_q[0][(l+3)%16];
      endcase
      unique case (coarse_select_q[l])
        2'd0: lanes_d[l] = fine_q[l];
        2'd1: lanes_d[l] = fine_q[(l+4)%16];
        2'd2: lanes_d[l] = fine_q[(l+8)%16];
        default: lanes_d[l] = fine_q[(l+12)%16];
      endcase
    end
  end
  always_ff @(posedge clk_i) begin
    fine_select_q <= fine_select_d;
    coarse_select_q <= coarse_select_d;
    fine_q <= fine_d;
    lanes <= lanes_d;
  end

  // ---------------------------------------------------------------- operand registers
  line_t    [NumVmacs-1:0] operand_q;
  mac_ctl_t [NumVmacs-1:0] ctl7_d, ctl7_q;
  logic                    own_quadrant_q;  // the same as ctl6_q.depthwise
  always_comb begin
    for (int unsigned v = 0; v < NumVmacs; v++) begin
      ctl7_d[v] = ctl6_q;
      if (ctl6_q.depthwise) begin
        for (int unsigned l = 0; l < LineWords; l++) ctl7_d[v].mask[l] = ctl6_q.mask[l] && 7'(16 * v + l) < words6_q;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    own_quadrant_q <= ctl5_q.depthwise;
    for (int unsigned v = 0; v < NumVmacs; v++) operand_q[v] <= own_quadrant_q ? quadrant_q[v] : lanes;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) ctl7_q <= '0;
    else ctl7_q <= ctl7_d;
  end
  assign operand_o = operand_q;
  assign ctl_o = ctl7_q;
endmodule
