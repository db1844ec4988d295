// Brings the vMACs' results, two words each a cycle, to the word columns of the result FIFO.
// Specification: docs/microarchitecture.md, section 4 (O, granules). Twin: executeMac in src/simulator/data/mac.ts.
//
// A window that ends at e has results at e + 20 + k, k = 0 .. O - 1. Outputs of a CU in order: 16/g of vMAC 0, then of vMAC 1, ...; for g = 1 and 2 the
// vMACs take their outputs in different orders (sf_reduce), so that no two of them write one column at once.
module sf_mac_collect
  import sf_pkg::*;
  import sf_types_pkg::*;
  import sf_cu_pkg::*;
(
  input  logic                       clk_i,
  input  logic                       rst_ni,
  input  logic                       last_i,      // at e + 1
  input  lg_t                        lg_i,
  input  logic [2:0]                 granules_i,  // of the window
  input  pair_t [NumVmacs-1:0]       pairs_i,     // at e + 20 + k
  output word_mask_t                 write_o,
  output logic [LineWords-1:0][FifoW-1:0] slot_o,
  output line_t                      words_o
);
  // ---------------------------------------------------------------- the window at e + 19
  logic       last;
  lg_t        lg;
  logic [2:0] granules;
  sf_delay #(.Width(1), .Cycles(18)) u_last (.clk_i, .rst_ni, .d_i(last_i), .q_o(last));
  sf_delay #(.Width(6), .Cycles(18)) u_shape (.clk_i, .rst_ni, .d_i({lg_i, granules_i}), .q_o({lg, granules}));

  // ---------------------------------------------------------------- its cycles (20 + k)
  logic             run_d, run_q;
  logic [2:0]       k_d, k_q, last_k, granules_d, granules_q;
  lg_t              lg_d, lg_q;
  logic [FifoW-1:0] slot_d, slot_q;  // of the window's first granule
  assign last_k = (lg_q == 3'd0) ? 3'd7 : (lg_q == 3'd1) ? 3'd3 : 3'd1;
  always_comb begin
    run_d = run_q;
    k_d = k_q + 3'd1;
    lg_d = lg_q;
    granules_d = granules_q;
    slot_d = slot_q;
    if (run_q && k_q == last_k) begin
      run_d = 1'b0;
      slot_d = slot_q + FifoW'(granules_q);
    end
    if (last) begin
      run_d = 1'b1;
      k_d = '0;
      lg_d = lg;
      granules_d = granules;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) begin
      run_q <= 1'b0;
      slot_q <= '0;
    end else begin
      run_q <= run_d;
      slot_q <= slot_d;
    end
  end
  always_ff @(posedge clk_i) begin
    k_q <= k_d;
    lg_q <= lg_d;
    granules_q <= granules_d;
  end

  // ---------------------------------------------------------------- columns: which vMAC writes, in which granule
  word_mask_t write_d, write_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni) write_q <= '0;
    else write_q <= run_d ? write_d : '0;
  end
  assign write_o = write_q;

  for (genvar c = 0; c < int'(LineWords); c++) begin : gen_column
    localparam logic [3:0] Column = 4'(c);
    logic [1:0]       vmac_d, vmac_q, granule;
    logic [FifoW-1:0] column_slot_q;
    always_comb begin
      write_d[c] = 1'b0;
      vmac_d = '0;
      granule = '0;
      if (run_d) begin
        unique case (lg_d)
          3'd0: begin  // outputs a and 7 - a of eight, a = k ^ v (sf_vmac_ctl); granule v is vMAC v's
            vmac_d = k_d[1:0] ^ Column[1:0] ^ {2{Column[2]}};
            granule = vmac_d;
            write_d[c] = Column[3] == k_d[2] && 3'(granule) < granules_d;
          end
          3'd1: begin  // outputs 0 and 3 or 1 and 2 of four; vMACs 0 and 1, 2 and 3 share a granule
            vmac_d = {k_d[0] ^ Column[0] ^ Column[1], Column[3]};
            granule = {1'b0, vmac_d[1]};
            write_d[c] = Column[2] == k_d[1] && 3'(granule) < granules_d;
          end
          3'd2: begin  // pair k of vMAC v
            vmac_d = Column[3:2];
            write_d[c] = Column[1] == k_d[0];
          end
          3'd3: begin  // output k of vMAC v
            vmac_d = Column[2:1];
            write_d[c] = c < 8 && 1'(c % 2) == k_d[0];
          end
          default: begin  // the output of vMAC v, complete at k = 1
            vmac_d = 2'(c);
            write_d[c] = c < 4 && k_d[0];
          end
        endcase
      end
    end
    always_ff @(posedge clk_i) begin
      if (run_d) begin
        vmac_q <= vmac_d;
        column_slot_q <= slot_d + FifoW'(granule);
      end
    end
    assign slot_o[c] = column_slot_q;
    assign words_o[c] = pairs_i[vmac_q].words[c%2];
  end
endmodule
