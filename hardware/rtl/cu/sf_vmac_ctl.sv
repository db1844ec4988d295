// Control of a CU's vMACs, made once for all of them: lanes that count, biases, and the cycles in which a window's 16 accumulators are reduced.
// Specification: docs/microarchitecture.md, section 4 (O = max(2, 8 / g) cycles a window). Twin: computeOutput in src/simulator/data/mac-scalar.ts.
//
// Cycle k = 0 .. O - 1 of the window treats two outputs (g <= 4), output k (g = 8), or half of output 0 (g = 16); the lower eight lanes come first.
// g = 4: outputs 2k and 2k + 1. g = 2: outputs 2t and 2t + 1, t = k or k with its lower bit inverted (vMACs 2 and 3). g = 1: of four outputs 0 and 3
// or 1 and 2; which four of the half and which of them first depends on the vMAC. So no two vMACs write one word column of the result FIFO at once.
module sf_vmac_ctl
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic                      clk_i,
  input  logic                      rst_ni,
  input  mac_ctl_t                  ctl_i,  // at 7 of sf_vmac's count
  output vmac_ctl_t [NumVmacs-1:0]  ctl_o
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
  logic       run_d, run11_q, run12_q, run13_q, run14_q, run15_q;
  stage_t     stage_d, stage11_q, stage12_q, stage13_q, stage14_q, stage15_q;
  logic [2:0] last_k;
  logic       upper_d, late_d, second_d;
  logic       upper11_q, upper12_q, late11_q, second11_q, second12_q;
  assign last_k = (stage11_q.lg == 3'd0) ? 3'd7 : (stage11_q.lg == 3'd1) ? 3'd3 : 3'd1;
  always_comb begin
    run_d = run11_q;
    stage_d = stage11_q;
    stage_d.k = stage11_q.k + 3'd1;
    if (last10_q) begin
      run_d = 1'b1;
      stage_d = '{lg: lg10_q, slot: slot10_q, k: '0};
    end else if (stage11_q.k == last_k) begin
      run_d = 1'b0;
    end
    upper_d = (stage_d.lg == 3'd0) ? stage_d.k[2] : (stage_d.lg == 3'd1) ? stage_d.k[1] : stage_d.k[0];
    late_d = stage_d.lg == 3'd0 && stage_d.k[1];
    second_d = stage_d.lg != 3'd0 || stage_d.k[1];
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      {run11_q, run12_q, run13_q, run14_q, run15_q} <= '0;
      {stage11_q, stage12_q, stage13_q, stage14_q, stage15_q} <= '0;
    end else begin
      {run11_q, run12_q, run13_q, run14_q, run15_q} <= {run_d, run11_q, run12_q, run13_q, run14_q};
      {stage11_q, stage12_q, stage13_q, stage14_q, stage15_q} <= {stage_d, stage11_q, stage12_q, stage13_q, stage14_q};
    end
  end
  always_ff @(posedge clk_i) begin
    {upper11_q, upper12_q} <= {upper_d, upper11_q};
    {second11_q, second12_q} <= {second_d, second11_q};
    late11_q <= late_d;
  end
  // g >= 8 at 16 + k to 19 + k: both words are result 0.
  logic wide16_q, wide17_q, wide18_q, wide19_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) {wide16_q, wide17_q, wide18_q, wide19_q} <= '0;
    else {wide16_q, wide17_q, wide18_q, wide19_q} <= {stage15_q.lg >= 3'd3, wide16_q, wide17_q, wide18_q};
  end

  // ---------------------------------------------------------------- by vMAC
  for (genvar v = 0; v < int'(NumVmacs); v++) begin : gen_vmac
    localparam logic [1:0] Index = 2'(v);
    logic [1:0]      clear_d, clear11_q, clear12_q;
    logic [2:0]      place_d, place_q;  // g = 1: turned k: four outputs, then 0: 0 and 3, 1: 1 and 2 of them
    logic [1:0]      turned;
    logic [1:0][1:0] word_d, word_q;
    logic            swap_d, swap15_q, swap16_q, swap17_q, swap18_q, swap19_q;
    always_comb begin
      unique case (stage_d.lg)
        3'd0: clear_d = (stage_d.k[0] ^ Index[0]) ? 2'b01 : 2'b10;
        3'd1: clear_d = (stage_d.k[0] ^ Index[1]) ? 2'b01 : 2'b10;
        default: clear_d = 2'b00;
      endcase
      // g <= 2: four outputs a line, two a cycle. g >= 4: one line.
      swap_d = stage14_q.lg == 3'd0 && (stage14_q.k[1] ^ Index[1]);
      turned = stage14_q.k[1:0] ^ Index;
      place_d = {stage14_q.slot, 2'd0};
      word_d = {2'd0, 2'd0};
      unique case (stage14_q.lg)
        3'd0: begin
          place_d[1:0] = {stage14_q.k[2], turned[0]};
          word_d = turned[1] ? {2'd2, 2'd1} : {2'd3, 2'd0};
        end
        3'd1: begin
          place_d[0] = stage14_q.k[1];
          word_d = (stage14_q.k[0] ^ Index[1]) ? {2'd3, 2'd1} : {2'd2, 2'd0};
        end
        3'd2: word_d = stage14_q.k[0] ? {2'd3, 2'd2} : {2'd1, 2'd0};
        3'd3: word_d = {2{1'b0, stage14_q.k[0]}};
        default: ;
      endcase
    end
    always_ff @(posedge clk_i) begin
      clear11_q <= clear_d;
      clear12_q <= clear11_q;
      place_q <= place_d;
      word_q <= word_d;
    end
    always_ff @(posedge clk_i) begin
      if (!rst_ni) {swap15_q, swap16_q, swap17_q, swap18_q, swap19_q} <= '0;
      else {swap15_q, swap16_q, swap17_q, swap18_q, swap19_q} <= {swap_d, swap15_q, swap16_q, swap17_q, swap18_q};
    end
    assign ctl_o[v] = '{
      drop: ctl_i.drop,
      bias_load: bias_load,
      bias_clear: bias_clear,
      param: ctl_i.param,
      param_place: {ctl_i.slot, ctl_i.index},
      first: first9_q,
      capture: last10_q,
      run11: run11_q,
      run12: run12_q,
      run13: run13_q,
      run14: run14_q,
      run15: run15_q,
      late10: late_d,
      late11: late11_q,
      next10: run11_q && upper_d,
      upper11: upper11_q,
      upper12: upper12_q,
      second11: second11_q,
      second12: second12_q,
      clear11: clear11_q,
      clear12: clear12_q,
      few12: stage12_q.lg <= 3'd1,
      few13: stage13_q.lg <= 3'd1,
      wide13: stage13_q.lg >= 3'd3,
      wide14: stage14_q.lg >= 3'd3,
      again14: stage14_q.lg == 3'd4 && stage14_q.k[0],
      again15: stage15_q.lg == 3'd4 && stage15_q.k[0],
      shift_place: place_q,
      shift_word: word_q,
      wide19: wide19_q,
      swap19: swap19_q
    };
  end

  logic unused_stages;
  assign unused_stages = ^{ctl_i.depthwise, stage15_q};
endmodule
