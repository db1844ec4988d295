// Granules of the MAC unit's windows: known at a window's end e, announced to the result FIFO one a cycle, in the FIFO from f on.
// Specification: docs/microarchitecture.md, sections 4 and 9 (T6). Twin: src/simulator/timing/mac.ts.
module sf_mac_granules
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic       clk_i,
  input  logic       rst_ni,
  input  cu_mask_t   own_cu_i,
  input  logic       end_i,        // at e, with the window's:
  input  logic [2:0] granules_i,   // number of granules
  input  lg_t        lg_i,
  input  logic [6:0] out_words_i,
  input  cu_mask_t   out_cus_i,
  input  maps_addr_t out_i,
  input  logic       last_i,       // of the descriptor
  output logic       alloc_o,
  output meta_t      meta_o,
  output logic       ready_o       // at f: a granule is in the FIFO
);
  logic [2:0]  alloc_left_d, alloc_left_q;
  logic [6:0]  alloc_words_d, alloc_words_q;
  maps_addr_t  alloc_addr_d, alloc_addr_q;
  logic        alloc_last_d, alloc_last_q;
  cu_mask_t    alloc_cus_d, alloc_cus_q;

  always_comb begin
    alloc_left_d = alloc_left_q;
    alloc_words_d = alloc_words_q;
    alloc_addr_d = alloc_addr_q;
    alloc_last_d = alloc_last_q;
    alloc_cus_d = alloc_cus_q;
    if (end_i) begin
      alloc_left_d = granules_i;
      alloc_words_d = out_words_i;
      alloc_addr_d = out_i;
      alloc_last_d = last_i;
      alloc_cus_d = out_cus_i;
    end else if (alloc_left_q != '0) begin
      alloc_left_d = alloc_left_q - 3'd1;
      alloc_words_d = alloc_words_q - 7'd16;
      alloc_addr_d = alloc_addr_q + maps_addr_t'(LineWords);
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) alloc_left_q <= '0;
    else alloc_left_q <= alloc_left_d;
  end
  always_ff @(posedge clk_i) begin
    alloc_words_q <= alloc_words_d;
    alloc_addr_q <= alloc_addr_d;
    alloc_last_q <= alloc_last_d;
    alloc_cus_q <= alloc_cus_d;
  end
  assign alloc_o = alloc_left_q != '0;
  always_comb begin
    meta_o.last = alloc_last_q && alloc_left_q == 3'd1;
    meta_o.own = alloc_cus_q == own_cu_i;
    meta_o.cus = alloc_cus_q;
    meta_o.addr = alloc_addr_q;
    for (int unsigned i = 0; i < LineWords; i++) meta_o.mask[i] = alloc_words_q > 7'(i);
  end

  // Bit n at cycle c: a granule is in the FIFO at c + n. A window's come at e + LatMacPipeline + O + j.
  localparam int unsigned ReadyLength = LatMacPipeline + 8 + 4;
  logic [ReadyLength-1:0] ready_d, ready_q;
  always_comb begin
    ready_d = ready_q >> 1;
    if (end_i) begin
      for (int unsigned j = 0; j < 4; j++) begin
        if (3'(j) < granules_i) begin
          unique case (lg_i)
            3'd0: ready_d[LatMacPipeline + 7 + j] = 1'b1;
            3'd1: ready_d[LatMacPipeline + 3 + j] = 1'b1;
            default: ready_d[LatMacPipeline + 1 + j] = 1'b1;
          endcase
        end
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) ready_q <= '0;
    else ready_q <= ready_d;
  end
  assign ready_o = ready_q[0];
endmodule
