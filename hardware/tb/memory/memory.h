// The DRAM behind the AXI ports as the specification times it, and as an unruly one (stress): cycles differ, bits must not.
// Specification: docs/microarchitecture.md, section 6 and "Memory" of section 9. Twin: src/simulator/timing/memory.ts.
//
// The model sees address handshakes at the pins. The RTL accepts a burst at t and shows its address at t + kAddressStages, so t is known here and
// everything follows as in the twin. A beat that the twin has at cycle c is at the pins at c - kReadStages, a response of cycle r at r - kWriteStages.
#ifndef SNOWFLAKE_TB_MEMORY_H_
#define SNOWFLAKE_TB_MEMORY_H_

#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

namespace snowflake {

constexpr int64_t kAddressStages = 3;
constexpr int64_t kReadStages = 2;
constexpr int64_t kWriteStages = 2;
constexpr int kMaxPorts = 4;
constexpr uint32_t kLineBytes = 32;
constexpr uint32_t kBeatBytes = 8;
constexpr int kBeatsPerLine = 4;

// The memory's part of the machine, see src/machine/machine.ts. Bandwidth is numerator/denominator bytes a cycle.
struct MemoryConfig {
  int ports = 4;
  int64_t numerator = 84;
  int64_t denominator = 5;
  int64_t read_latency = 40;
  int64_t write_latency = 40;
  uint32_t base = 0x10000000;  // bus address of the image
  uint32_t window = 0;         // bytes of it that may be accessed; 0: all
};

// Unruly behaviour, all off by default.
struct Unrest {
  bool on = false;
  uint32_t seed = 1;
  // Faults: the number of the burst (counted over all ports from 0) that is answered with SLVERR; -1: none.
  int64_t read_error = -1;
  int64_t write_error = -1;
  uint8_t response = 2;  // 2: SLVERR, 3: DECERR
};

// What the RTL drives at one port in one cycle, and what it is driven with.
struct PortOut {
  bool arvalid, awvalid, wvalid, wlast;
  uint32_t araddr, awaddr;
  uint8_t arlen, awlen, wstrb;
  uint64_t wdata;
};
struct PortIn {
  bool arready = true, awready = true, wready = true, rvalid = false, rlast = false, bvalid = false;
  uint8_t rresp = 0, bresp = 0;
  uint64_t rdata = 0;
};

class Memory {
 public:
  Memory(const MemoryConfig& config, const Unrest& unrest, std::vector<uint8_t>* image);

  // Another run on the same bus: whole image accessible, other unrest, bursts counted from 0.
  void begin_again(const Unrest& unrest);

  // Inputs of cycle `now`, decided before its outputs are known.
  void drive(int64_t now, PortIn* in);
  // Handshakes of cycle `now`.
  void observe(int64_t now, const PortOut* out, const PortIn* in);

  // First breach of the AXI rules or access outside the image; empty without.
  const std::string& breach() const { return breach_; }
  // Bursts without last beat or response.
  int64_t outstanding() const;
  int64_t reads() const { return reads_; }
  int64_t writes() const { return writes_; }

 private:
  struct Read {
    uint32_t address;
    int beats;
    int64_t first_beat;  // cycle at the pins
    int done = 0;
    bool error;
  };
  struct Write {
    uint32_t address;
    int beats;
    int64_t response;  // earliest cycle at the pins
    int done = 0;
    bool error;
    int64_t data_at = -1;  // cycle of the last beat
  };
  struct Beat {
    uint64_t data;
    uint8_t strobes;
    bool last;
    int64_t at;
  };
  struct Port {
    std::deque<Read> reads;
    std::deque<Write> writes;
    std::deque<Beat> beats;  // write data not yet matched with an address
    int64_t read_free = 0;   // twin's cycles
    int64_t write_free = 0;
    PortOut last{};
    PortIn last_in{};
  };

  void accept_read(int64_t now, int port, uint32_t address, int len);
  void accept_write(int64_t now, int port, uint32_t address, int len);
  void match_write_data(int port);
  int64_t serve(int64_t accepted, int lines, int64_t* start);
  bool check_burst(int64_t now, int port, uint32_t address, int len, const char* what);
  void report(int64_t now, int port, const std::string& what);
  bool chance(int percent) { return static_cast<int>(random_() % 100) < percent; }

  MemoryConfig config_;
  Unrest unrest_;
  std::vector<uint8_t>* image_;
  std::mt19937 random_;
  Port ports_[kMaxPorts];
  int64_t service_end_ = 0;  // in 1/numerator cycles
  int64_t reads_ = 0;
  int64_t writes_ = 0;
  std::string breach_;
};

}  // namespace snowflake

#endif
