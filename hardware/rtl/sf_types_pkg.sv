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
endpackage
