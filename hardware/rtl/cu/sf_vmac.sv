// vMAC: 16 multiply-accumulates with their biases, reduction by output, shift, saturation, clamp.
// Specification: docs/microarchitecture.md, section 4. Twin: computeOutput in src/simulator/data/mac-scalar.ts.
//
// Cycles from the step's e: operands at 6; weights line, ctl_i at 7; AD, B, C 8; M 9; P 10; shadow 11; sums 16 + k; results pair_o at 19 + k.
// A parameter line (4 words an output: 48 bits of bias, shift in the low 6 bits of the fourth word) passes in place of weights at 7.
module sf_vmac
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
#(
  parameter int unsigned Index = 0
) (
  input  logic     clk_i,
  input  logic     rst_ni,
  input  line_t    shared_i,  // at 6: words of all vMACs, 0 in depthwise mode
  input  line_t    own_i,     // at 6: own words
  input  logic     own_en_i,  // at 6: depthwise mode
  input  line_t    weights_i,  // at 7
  input  mac_ctl_t ctl_i,      // at 7
  input  logic signed [15:0] clamp_low_i,   // at 17 + k, of the slot that slot_o named at 15 + k
  input  logic signed [15:0] clamp_high_i,
  output logic     slot_o,     // at 15 + k
  output pair_t    pair_o      // at 19 + k
);
  // ---------------------------------------------------------------- biases
  // Parameter line i has outputs 4i .. 4i + 3, for g = 2 in the order 0, 2, 1, 3. Any lane of an output's group may hold its bias: the one whose place
  // in a line is the output's own.
  word_mask_t load, clear;
  always_comb begin
    load = '0;
    unique case (ctl_i.lg)
      3'd0: load = 16'h000f << {ctl_i.index, 2'b0};
      3'd1: load = ctl_i.index[0] ? 16'ha500 : 16'h00a5;  // lanes 0, 5, 2, 7; 8, 13, 10, 15
      3'd2: load = 16'h8421;                              // lanes 0, 5, 10, 15
      3'd3: load = 16'h0201;                              // lanes 0, 9
      default: load = 16'h0001;
    endcase
    if (!ctl_i.param) load = '0;
    clear = (ctl_i.param && ctl_i.index == '0) ? ~load : '0;
  end
  logic [3:0][47:0] bias;  // by place in the line
  for (genvar q = 0; q < 4; q++) begin : gen_bias
    assign bias[q] = {weights_i[4*q+2], weights_i[4*q+1], weights_i[4*q]};
  end

  // ---------------------------------------------------------------- control beside the lanes
  mac_ctl_t ctl8_q, ctl9_q, ctl10_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      ctl8_q <= '0;
      ctl9_q <= '0;
      ctl10_q <= '0;
    end else begin
      ctl8_q <= ctl_i;
      ctl9_q <= ctl8_q;
      ctl10_q <= ctl9_q;
    end
  end

  // ---------------------------------------------------------------- lanes
  logic signed [NumLanes-1:0][47:0] sums;
  for (genvar l = 0; l < int'(NumLanes); l++) begin : gen_lane
    sf_lane u_lane (
      .clk_i,
      .own_i(own_i[l]),
      .own_en_i,
      .shared_i(shared_i[l]),
      .weight_i(weights_i[l]),
      .keep_i(ctl_i.mask[l]),
      .bias_i(bias[l%4]),
      .bias_load_i(load[l]),
      .bias_clear_i(clear[l]),
      .first_i(ctl9_q.first && ctl9_q.valid),
      .sum_o(sums[l])
    );
  end

  // ---------------------------------------------------------------- sums by output
  logic signed [1:0][47:0] sum;
  lg_t        lg;
  logic       slot;
  logic [2:0] turn;
  sf_reduce #(.Index(Index)) u_reduce (
    .clk_i, .rst_ni, .sums_i(sums), .capture_i(ctl10_q.last), .lg_i(ctl10_q.lg), .slot_i(ctl10_q.slot),
    .sum_o(sum), .slot_o(slot), .lg_o(lg), .turn_o(turn)
  );
  assign slot_o = slot;

  // ---------------------------------------------------------------- shifts: a small RAM by slot and parameter line
  logic [3:0][5:0] shifts_q [8];
  logic [3:0][5:0] shift_line, shift_read;
  logic [1:0]      shift_index;
  logic [1:0][5:0] shift_d, shift_q;
  for (genvar q = 0; q < 4; q++) begin : gen_shift
    assign shift_line[q] = weights_i[4*q+3][5:0];
  end
  always_ff @(posedge clk_i) begin
    if (ctl_i.param) shifts_q[{ctl_i.slot, ctl_i.index}] <= shift_line;
  end
  always_comb begin
    // g <= 2: four outputs a line, two a cycle. g >= 4: one line.
    unique case (lg)
      3'd0: shift_index = turn[2:1];
      3'd1: shift_index = {1'b0, turn[1]};
      default: shift_index = '0;
    endcase
    shift_read = shifts_q[{slot, shift_index}];
    unique case (lg)
      3'd0: shift_d = turn[0] ? {shift_read[2], shift_read[1]} : {shift_read[3], shift_read[0]};
      3'd1: shift_d = turn[0] ? {shift_read[3], shift_read[1]} : {shift_read[2], shift_read[0]};
      3'd2: shift_d = turn[0] ? shift_read[3:2] : shift_read[1:0];
      3'd3: shift_d = turn[0] ? {2{shift_read[1]}} : {2{shift_read[0]}};
      default: shift_d = {2{shift_read[0]}};
    endcase
  end

  // ---------------------------------------------------------------- two results a cycle
  logic [3:0]              wide_q;  // 16 + k to 19 + k: g >= 8, both words are result 0
  logic [3:0]              swap_q;  // g = 1, odd k: result 0 is the odd output
  logic signed [15:0]      low_q, high_q;
  logic signed [1:0][15:0] word;
  always_ff @(posedge clk_i) begin
    shift_q <= shift_d;
    low_q <= clamp_low_i;
    high_q <= clamp_high_i;
    wide_q <= {wide_q[2:0], lg >= 3'd3};
    swap_q <= {swap_q[2:0], lg == 3'd0 && turn[0]};
  end
  for (genvar p = 0; p < 2; p++) begin : gen_post
    sf_post u_post (.clk_i, .sum_i(sum[p]), .shift_i(shift_q[p]), .low_i(low_q), .high_i(high_q), .word_o(word[p]));
  end
  assign pair_o.words = {(wide_q[3] || swap_q[3]) ? word[0] : word[1], swap_q[3] ? word[1] : word[0]};

  logic unused_ctl;
  assign unused_ctl = ^ctl10_q;
endmodule
