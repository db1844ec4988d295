// The error unit: keeps the first error, stops the cluster, watches for progress.
// Specification: hardware/README.md (errors). No twin: the simulators throw.
//
// A stop lets nothing start, execute or go out; what AXI has been asked for still completes. A reset brings the cluster back.
module sf_error
  import sf_types_pkg::*;
(
  input  logic                clk_i,
  input  logic                rst_ni,
  input  logic                running_i,          // a program runs
  input  logic [31:0]         watchdog_i,         // cycles without progress that are an error; 0: never
  input  logic                progress_i,
  input  pc_t                 pc_i,
  input  logic                illegal_i,
  input  logic                leaves_i,
  input  logic                violation_i,
  input  engine_e             violation_engine_i,
  input  line_addr_t          violation_line_i,
  input  logic                overflow_i,
  input  logic [4:0]          overflow_unit_i,
  input  logic [sf_pkg::AxiPorts-1:0] read_error_i,
  input  logic [sf_pkg::AxiPorts-1:0] write_error_i,
  output logic                stop_o,
  output error_t              error_o
);
  // --- watchdog ---
  logic [31:0] idle_q;
  logic        expired_q;
  always_ff @(posedge clk_i) begin
    if (!rst_ni || progress_i || !running_i) idle_q <= '0;
    else idle_q <= idle_q + 32'd1;
    expired_q <= rst_ni && running_i && watchdog_i != '0 && idle_q == watchdog_i;
  end

  function automatic logic [4:0] first_port(logic [sf_pkg::AxiPorts-1:0] ports);
    for (int p = 0; p < int'(sf_pkg::AxiPorts); p++) if (ports[p]) return 5'(p);
    return '0;
  endfunction

  error_t error_q, error_d;
  always_comb begin
    error_d = '{cause: CauseNone, unit: '0, detail: 32'(pc_i)};
    if (illegal_i) error_d.cause = CauseIllegal;
    else if (leaves_i) error_d.cause = CausePc;
    else if (violation_i) error_d = '{cause: CauseWindow, unit: 5'(violation_engine_i), detail: 32'(violation_line_i)};
    else if (read_error_i != '0) error_d = '{cause: CauseAxiRead, unit: first_port(read_error_i), detail: 32'(pc_i)};
    else if (write_error_i != '0) error_d = '{cause: CauseAxiWrite, unit: first_port(write_error_i), detail: 32'(pc_i)};
    else if (overflow_i) error_d = '{cause: CauseTokenOverflow, unit: overflow_unit_i, detail: 32'(pc_i)};
    else if (expired_q) error_d.cause = CauseWatchdog;
  end
  always_ff @(posedge clk_i) begin
    if (!rst_ni) error_q <= '0;
    else if (error_q.cause == CauseNone && error_d.cause != CauseNone) error_q <= error_d;
  end
  assign stop_o  = error_q.cause != CauseNone;
  assign error_o = error_q;
endmodule
