// Control of a CU's vMACs, made once for all of them: lanes that count, biases, and the cycles in which a window's 16 accumulators are reduced.
// Specification: docs/microarchitecture.md, section 4 (O = max(2, 8 / g) cycles a window). Twin: computeOutput in src/simulator/data/mac-scalar.ts.
//
// Cycle k = 0 .. O - 1 of the window treats two outputs, one of each chain of sf_reduce (g <= 4), output k (g = 8), or half of output 0 (g = 16); the lower
// eight lanes come first. g = 4: outputs 2k and 2k + 1. g = 2: of the half's four outputs 0 and 3 or 1 and 2. g = 1: of its eight outputs a and
// 4 + (3 - a), a = k and v bit by bit different. One of them is even, and which ones come first depends on the vMAC v: so no two vMACs write one word
// column of the result FIFO at once.
module sf_vmac_ctl
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  mac_ctl_t                  ctl_i,  // at 7 of sf_vmac's count
  output vmac_ctl_t                 ctl_o,
  output vmac_pick_t [NumVmacs-1:0] pick_o
);
  typedef struct packed {
    lg_t        lg;
    logic       slot;
    logic [2:0] k;
  } stage_t;

  // ---------------------------------------------------------------- biases (7)
  // Parameter line i has outputs 4i .. 4i + 3, for g = 2 in the order 0, 2, 1, 3. Any lane of an output's group may hold its bias: the one whose place
  // in a line is the output's own.
  word_mask_t bias_lanes, bias_load, bias_clear;
  always_comb begin
    unique case (ctl_i.lg)
      3'd0: bias_lanes = 16'h000f << {ctl_i.index, 2'b0};
      3'd1: bias_lanes = ctl_i.index[0] ? 16'ha500 : 16'h00a5;  // lanes 0, 5, 2, 7; 8, 13, 10, 15
      3'd2: bias_lanes = 16'h8421;                              // lanes 0, 5, 10, 15
      3'd3: bias_lanes = 16'h0201;                              // lanes 0, 9
      default: bias_lanes = 16'h0001;
    endcase
    bias_load = ctl_i.param ? bias_lanes : '0;
    bias_clear = (ctl_i.param && ctl_i.index == '0) ? ~bias_lanes : '0;
  end

  // ---------------------------------------------------------------- beside the lanes (8 to 10)
  logic first8_q, first9_q, last8_q, last9_q, last10_q;
  lg_t  lg8_q, lg9_q, lg10_q;
  logic slot8_q, slot9_q, slot10_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {first8_q, first9_q, last8_q, last9_q, last10_q} <= '0;
      {lg8_q, lg9_q, lg10_q, slot8_q, slot9_q, slot10_q} <= '0;
    end else begin
      {first8_q, first9_q} <= {ctl_i.first && ctl_i.valid, first8_q};
      {last8_q, last9_q, last10_q} <= {ctl_i.last, last8_q, last9_q};
      {lg8_q, lg9_q, lg10_q} <= {ctl_i.lg, lg8_q, lg9_q};
      {slot8_q, slot9_q, slot10_q} <= {ctl_i.slot, slot8_q, slot9_q};
    end
  end

  // ---------------------------------------------------------------- cycles of a window (11 + k)
  // The stages have a reset so that they become registers, not slow shift registers.
  logic       run_d;
  logic [16:11] run_q;
  stage_t     stage_d, stage11_q, stage12_q, stage13_q, stage14_q, stage15_q;
  logic [2:0] last_k;
  assign last_k = (stage11_q.lg == 3'd0) ? 3'd7 : (stage11_q.lg == 3'd1) ? 3'd3 : 3'd1;
  always_comb begin
    run_d = run_q[11];
    stage_d = stage11_q;
    stage_d.k = stage11_q.k + 3'd1;
    if (last10_q) begin
      run_d = 1'b1;
      stage_d = '{lg: lg10_q, slot: slot10_q, k: '0};
    end else if (stage11_q.k == last_k) begin
      run_d = 1'b0;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_q <= '0;
      {stage11_q, stage12_q, stage13_q, stage14_q, stage15_q} <= '0;
    end else begin
      run_q <= {run_q[15:11], run_d};
      {stage11_q, stage12_q, stage13_q, stage14_q, stage15_q} <= {stage_d, stage11_q, stage12_q, stage13_q, stage14_q};
    end
  end

  // The half of the lanes, and the stages of a chain whose lanes count.
  logic       upper_d, late11_q;
  logic [14:11] upper_q;
  logic [3:0] count_d;
  logic [3:1] count11_q, count12_q;
  logic [3:2] count13_q;
  logic       third14_q;
  always_comb begin
    upper_d = (stage_d.lg == 3'd0) ? stage_d.k[2] : (stage_d.lg == 3'd1) ? stage_d.k[1] : stage_d.k[0];
    for (int unsigned i = 0; i < 4; i++) begin
      count_d[i] = (stage_d.lg == 3'd0) ? stage_d.k[1:0] == 2'(i) : stage_d.lg != 3'd1 || stage_d.k[0] == 1'(i / 2);
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      upper_q <= '0;
      {late11_q, count11_q, count12_q, count13_q, third14_q} <= '0;
    end else begin
      upper_q <= {upper_q[13:11], upper_d};
      {late11_q, count11_q} <= {!count_d[0], count_d[3:1]};
      {count12_q, count13_q, third14_q} <= {count11_q, count12_q[3:2], count13_q[3]};
    end
  end

  // g >= 8 at 14 + k to 20 + k: the chains are added, both words are result 0. g = 16: so are both halves.
  logic [20:14] wide_q;
  logic again15_q, again16_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      wide_q <= '0;
      {again15_q, again16_q} <= '0;
    end else begin
      wide_q <= {wide_q[19:14], stage13_q.lg >= 3'd3};
      {again15_q, again16_q} <= {stage14_q.lg == 3'd4 && stage14_q.k[0], again15_q};
    end
  end

  // ---------------------------------------------------------------- by vMAC
  for (genvar v = 0; v < int'(NumVmacs); v++) begin : gen_vmac
    localparam logic [1:0] Index = 2'(v);
    logic [1:0][2:0] place_d, place_q;
    logic [1:0]      turned;  // g = 1: output of the first chain in its line; g = 2: bit 1 alike
    logic [1:0][1:0] word_d, word_q;
    logic            swap_d, swap16_q, swap17_q, swap18_q, swap19_q, swap20_q;
    always_comb begin
      turned = stage15_q.lg == 3'd0 ? stage15_q.k[1:0] ^ Index : {stage15_q.k[0] ^ Index[1], 1'b0};
      place_d = {2{stage15_q.slot, 2'd0}};
      word_d = {2'd0, 2'd0};
      swap_d = 1'b0;
      unique case (stage15_q.lg)
        3'd0: begin  // a line of each chain: one output's word is even, the other's odd
          place_d[0][1:0] = {stage15_q.k[2], turned[0]};
          place_d[1][1:0] = {stage15_q.k[2], !turned[0]};
          word_d = {~turned, turned};
          swap_d = turned[0];
        end
        3'd1: begin  // outputs 0 to 3 of a line are its words 0, 2, 1, 3
          place_d[0][0] = stage15_q.k[1];
          place_d[1][0] = stage15_q.k[1];
          word_d = {!turned[1], 1'b1, turned[1], 1'b0};
          swap_d = turned[1];
        end
        3'd2: word_d = {stage15_q.k[0], 1'b1, stage15_q.k[0], 1'b0};
        3'd3: word_d = {2{1'b0, stage15_q.k[0]}};
        default: ;
      endcase
    end
    always_ff @(posedge clk_i) begin
      place_q <= place_d;
      word_q <= word_d;
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) {swap16_q, swap17_q, swap18_q, swap19_q, swap20_q} <= '0;
      else {swap16_q, swap17_q, swap18_q, swap19_q, swap20_q} <= {swap_d, swap16_q, swap17_q, swap18_q, swap19_q};
    end
    assign pick_o[v] = '{shift_place: place_q, shift_word: word_q, swap20: swap20_q};
  end

  assign ctl_o = '{
    drop: ctl_i.drop,
    bias_load: bias_load,
    bias_clear: bias_clear,
    param: ctl_i.param,
    param_place: {ctl_i.slot, ctl_i.index},
    first: first9_q,
    capture: last10_q,
    run: run_q,
    late10: !count_d[0],
    late11: late11_q,
    next10: run_q[11] && upper_d,
    upper: upper_q,
    count_low: {count13_q[3], count12_q[2], count11_q[1]},
    count_high: {third14_q, count13_q[2], count12_q[1]},
    wide14: wide_q[14],
    wide15: wide_q[15],
    again15: again15_q,
    again16: again16_q,
    wide20: wide_q[20]
  };

  logic unused_stages;
  assign unused_stages = ^{ctl_i.depthwise, stage12_q};
endmodule
