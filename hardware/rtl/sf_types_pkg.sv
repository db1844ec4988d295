// Types of the signals between modules: lines, masks, and the handshakes of hardware/README.md.
// Specification: docs/microarchitecture.md, sections 2, 6, 7 and 9.
package sf_types_pkg;
  import sf_pkg::*;

  typedef logic signed [15:0] word_t;
  // Word 0 is the one with the lowest address.
  typedef logic [LineWords-1:0][15:0] line_t;
  typedef logic [LineWords-1:0] word_mask_t;
  typedef logic [NumCus-1:0] cu_mask_t;
  // Bit n is the unit with id n; bit 3 is always 0.
  typedef logic [NumUnits-1:0] unit_mask_t;
  typedef logic [MapsAddrW-1:0] maps_addr_t;
  typedef logic [WeightsAddrW-1:0] weights_addr_t;

  // Load bus to one CU, written in the cycle it is there. Word i goes to address addr + i (modulo the buffer) where mask[i] is set.
  typedef struct packed {
    logic       maps;   // the line takes port B of the maps buffer
    logic       table_space;  // the line goes to the activation table: addr is an address of the table
    maps_addr_t addr;
    word_mask_t mask;
  } load_maps_t;

  typedef struct packed {
    logic [NumVmacs-1:0] vmacs;  // weights buffers that take the line
    weights_addr_t       line;
  } load_weights_t;

  // Up to 16 results for consecutive words of the maps buffers of some CUs.
  typedef struct packed {
    logic       last;  // the descriptor's last granule: its target acknowledges the write
    maps_addr_t addr;
    word_mask_t mask;
    line_t      words;
  } granule_t;

  typedef struct packed {
    logic     valid;
    cu_mask_t cus;  // targets, at least one
  } bus_req_t;

  // Source of a granule on the result bus, in the order of rotation: MAC0, VEC0, MAC1, VEC1, ...
  parameter int unsigned NumSources = 2 * NumCus;
  parameter int unsigned SourceW = $clog2(NumSources);
  typedef logic [SourceW-1:0] source_t;

  typedef struct packed {
    logic     valid;
    source_t  source;
    granule_t granule;
  } bus_write_t;

  typedef struct packed {
    logic    valid;
    source_t source;
  } bus_ack_t;

  // Read of 16 consecutive words for the store engine.
  typedef struct packed {
    logic       valid;
    maps_addr_t addr;
  } st_req_t;

  // Events of one CU for the performance counters, each a pulse per cycle that counts.
  typedef struct packed {
    logic mac_step;    // a step of a window (idle steps of empty windows too)
    logic mac_window;  // a cycle of a window: steps and stretch to O
    logic mac_credit;  // a window is due and waits for credits
    logic vec_read;    // an operand read of VEC was granted
  } cu_perf_t;

  // DRAM is addressed in lines of 32 bytes inside the cluster.
  parameter int unsigned LineAddrW = 28;
  typedef logic [LineAddrW-1:0] line_addr_t;
  parameter int unsigned AxiAddrW = 32;
  typedef logic [AxiAddrW-1:0] axi_addr_t;
  // Slots of the load bus = beats of a line = blocks of consecutive ports (section 6).
  parameter int unsigned Slots = 4;
  // Index of an AXI port; one bit when there is one port.
  parameter int unsigned PortW = AxiPorts > 1 ? $clog2(AxiPorts) : 1;
  typedef logic [PortW-1:0] port_t;
  // Lines of a burst, 1 to 4.
  typedef logic [2:0] burst_lines_t;
  // Index of an instruction.
  parameter int unsigned PcW = 28;
  typedef logic [PcW-1:0] pc_t;
  parameter int unsigned InstrLineW = $clog2(InstrLines);

  // Engines in the order of their priority at the memory.
  typedef enum logic [1:0] {EngineFetch = 2'd0, EngineSt = 2'd1, EngineLdm = 2'd2, EngineLdw = 2'd3} engine_e;
  parameter int unsigned NumEngines = 4;

  typedef struct packed {
    logic         valid;
    line_addr_t   line;
    burst_lines_t lines;
  } offer_t;

  // What to do with the lines of a read burst: made by the engine at the offer, used by the AXI port line by line.
  parameter int unsigned ReadAddrW = MapsAddrW > WeightsAddrW ? (MapsAddrW > InstrLineW ? MapsAddrW : InstrLineW) :
      (WeightsAddrW > InstrLineW ? WeightsAddrW : InstrLineW);
  typedef logic [ReadAddrW-1:0] read_addr_t;
  typedef struct packed {
    read_addr_t   addr;         // of the first line: LDM word of maps or table, LDW weights line, fetch buffer line
    cu_mask_t     cus;          // LDM, LDW (of the first image)
    logic         table_space;  // LDM
    logic [3:0]   skip;         // LDM: words of the first line in front of the run
    logic [3:0]   tail;         // LDM: last word of the last line that belongs to the run
    logic [1:0]   vmac;         // LDW: of the first image
    weights_addr_t base;        // LDW: where an image begins
    logic [2:0]   left;         // LDW: lines left of the first image, 5 = 5 or more
    logic [2:0]   image_lines;  // LDW: lines of an image, 5 = 5 or more
    logic [3:0]   per_slot;     // LDW: CUs that take the same image
  } read_meta_t;

  // A line on the load bus.
  typedef struct packed {
    engine_e             engine;
    logic                stale;  // fetch: the stream was abandoned
    read_addr_t          addr;
    cu_mask_t            cus;
    logic                table_space;
    logic [3:0]          skip;   // LDM: words in front of the run
    logic [3:0]          tail;   // LDM: last word of the run, in the burst's last line
    logic                last;   // the burst's last line
    logic [1:0]          vmac;
  } line_cmd_t;

  // One burst of a run: of an LDM or ST descriptor.
  typedef struct packed {
    line_addr_t   line;
    burst_lines_t lines;
    maps_addr_t   addr;  // of word 0 of the first line, which may lie in front of the run
    logic [3:0]   skip;  // words of the first line in front of the run
    logic [3:0]   tail;  // last word of the last line that belongs to the run
    logic         last;  // of the descriptor
  } run_burst_t;

  // Write data on their way: a burst's place in the write store.
  parameter int unsigned WriteSlots = 2 ** $clog2(WritesOutstanding + 4);
  parameter int unsigned WriteSlotW = $clog2(WriteSlots);
  typedef logic [WriteSlotW-1:0] write_slot_t;

  // Events of a cluster for the performance counters.
  typedef struct packed {
    logic                             executed;   // an instruction
    logic                             stalled;    // the core waits at a GO
    burst_lines_t [NumEngines-1:0]    lines;      // accepted in this cycle, by engine
    cu_perf_t     [NumCus-1:0]        cus;
    logic                             event_seen; // what T19 counts: END, a signal, a fetched line on the load bus
    logic                             progress;   // for the watchdog: anything at all happened
  } cluster_perf_t;
  parameter int unsigned CuCounters = 4;
  parameter int unsigned NumCounters = 7 + CuCounters * NumCus;
  parameter int unsigned CounterW = 40;
  typedef logic [CounterW-1:0] counter_t;

  // Causes of an error stop; 0: none.
  typedef enum logic [3:0] {
    CauseNone = 4'd0,
    CauseIllegal = 4'd1,        // illegal instruction, or a unit that the machine lacks
    CausePc = 4'd2,             // the program counter leaves the program
    CauseWindow = 4'd3,         // an address outside the DMA window
    CauseAxiRead = 4'd4,        // SLVERR or DECERR with read data
    CauseAxiWrite = 4'd5,       // SLVERR or DECERR as write response
    CauseTokenOverflow = 4'd6,
    CauseWatchdog = 4'd7        // no progress
  } cause_e;

  // An error: what, who, where. detail: CauseWindow the DRAM line, others the program counter.
  typedef struct packed {
    cause_e      cause;
    logic [4:0]  unit;    // CauseTokenOverflow: producer; CauseWindow: engine; CauseAxi: port
    logic [31:0] detail;
  } error_t;
endpackage
