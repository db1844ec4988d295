// Runs a program on Verilated sf_top: loads a DRAM image, starts it through the registers, waits for its end, writes the final image and the event
// log, prints what the registers say as JSON. Driven by hardware/lockstep/ (run-rtl.ts). Specification: hardware/README.md.
#include <cinttypes>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../memory/memory.h"
#include "Vsf_lockstep.h"
#include "verilated.h"
#if VM_TRACE
#include "verilated_fst_c.h"
#endif

namespace {

using snowflake::kMaxPorts;
using snowflake::Memory;
using snowflake::MemoryConfig;
using snowflake::PortIn;
using snowflake::PortOut;
using snowflake::Unrest;

// Register addresses, hardware/README.md.
constexpr uint32_t kControl = 0x10, kStatus = 0x14, kIntEnable = 0x18, kIntStatus = 0x1c, kCode = 0x20, kInstructions = 0x24, kBase = 0x28, kSize = 0x2c,
                   kWatchdog = 0x30, kCause = 0x40, kDetail = 0x44, kPc = 0x48, kOutstanding = 0x4c, kShape = 0x0c, kFingerprint = 0x08,
                   kFirstCounter = 0x100;

// Records of the event log: kind and unit in the first word, then cycle, then program counter (GO only).
enum Kind : uint32_t { kGo = 0, kStart = 1, kReadSignal = 2, kWriteSignal = 3 };

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::exit(2);
}

class Options {
 public:
  Options(int argc, char** argv) {
    context_->commandArgs(argc, argv);
    for (int i = 1; i < argc; i++) {
      const std::string arg = argv[i];
      if (arg.rfind('+', 0) == 0) continue;  // for the model
      const size_t equals = arg.find('=');
      if (arg.rfind("--", 0) != 0 || equals == std::string::npos) fail("expected --name=value, found " + arg);
      values_[arg.substr(2, equals - 2)] = arg.substr(equals + 1);
    }
  }
  VerilatedContext* context() const { return context_.get(); }
  std::string text(const std::string& name, const std::string& otherwise = "") const {
    const auto it = values_.find(name);
    return it == values_.end() ? otherwise : it->second;
  }
  int64_t number(const std::string& name, int64_t otherwise) const {
    const auto it = values_.find(name);
    return it == values_.end() ? otherwise : std::strtoll(it->second.c_str(), nullptr, 0);
  }

 private:
  std::map<std::string, std::string> values_;
  std::unique_ptr<VerilatedContext> context_ = std::make_unique<VerilatedContext>();
};

std::vector<uint8_t> read_file(const std::string& name) {
  std::FILE* file = std::fopen(name.c_str(), "rb");
  if (file == nullptr) fail("cannot read " + name);
  std::fseek(file, 0, SEEK_END);
  std::vector<uint8_t> bytes(std::ftell(file));
  std::rewind(file);
  if (std::fread(bytes.data(), 1, bytes.size(), file) != bytes.size()) fail("cannot read " + name);
  std::fclose(file);
  return bytes;
}

void write_file(const std::string& name, const void* data, size_t bytes) {
  std::FILE* file = std::fopen(name.c_str(), "wb");
  if (file == nullptr || std::fwrite(data, 1, bytes, file) != bytes) fail("cannot write " + name);
  std::fclose(file);
}

class Bench {
 public:
  Bench(const MemoryConfig& config, const Unrest& unrest, std::vector<uint8_t>* image, const Options& options)
      : config_(config), context_(options.context()), memory_(config, unrest, image), top_(context_) {
#if VM_TRACE
    const std::string wave = options.text("wave");
    wave_from_ = options.number("wave-from", 0);
    wave_to_ = options.number("wave-to", INT64_MAX);
    if (!wave.empty()) {
      context_->traceEverOn(true);
      trace_ = std::make_unique<VerilatedFstC>();
      top_.trace(trace_.get(), 99);
      trace_->open(wave.c_str());
    }
#else
    if (!options.text("wave").empty()) fail("this model was built without waveforms");
#endif
    top_.rst_ni = 0;
    top_.s_axil_bready_i = 1;
    top_.s_axil_rready_i = 1;
    for (int i = 0; i < 20; i++) tick();
    top_.rst_ni = 1;
    for (int i = 0; i < 5; i++) tick();
  }
  ~Bench() {
#if VM_TRACE
    if (trace_) trace_->close();
#endif
    top_.final();
  }

  // One clock cycle: the rising edge that begins it, its handshakes, its events.
  void tick() {
    top_.clk_i = 1;
    top_.eval();
    dump(0);
    now_++;
    memory_.drive(now_, in_);
    for (int p = 0; p < kMaxPorts; p++) {
      PortOut& o = out_[p];
      o.arvalid = top_.arvalid_o >> p & 1;
      o.araddr = top_.araddr_o[p];
      o.arlen = top_.arlen_o[p];
      o.awvalid = top_.awvalid_o >> p & 1;
      o.awaddr = top_.awaddr_o[p];
      o.awlen = top_.awlen_o[p];
      o.wvalid = top_.wvalid_o >> p & 1;
      o.wdata = top_.wdata_o[p];
      o.wstrb = top_.wstrb_o[p];
      o.wlast = top_.wlast_o >> p & 1;
    }
    if (top_.rst_ni) memory_.observe(now_, out_, in_);
    uint8_t arready = 0, awready = 0, wready = 0, rvalid = 0, rlast = 0, bvalid = 0;
    for (int p = 0; p < config_.ports; p++) {
      const PortIn& d = in_[p];
      arready |= d.arready << p;
      awready |= d.awready << p;
      wready |= d.wready << p;
      rvalid |= d.rvalid << p;
      rlast |= d.rlast << p;
      bvalid |= d.bvalid << p;
      top_.rdata_i[p] = d.rdata;
      top_.rresp_i[p] = d.rresp;
      top_.bresp_i[p] = d.bresp;
    }
    top_.arready_i = arready;
    top_.awready_i = awready;
    top_.wready_i = wready;
    top_.rvalid_i = rvalid;
    top_.rlast_i = rlast;
    top_.bvalid_i = bvalid;
    if (top_.event_o) log();
    top_.clk_i = 0;
    top_.eval();
    dump(1);
  }

  void write_register(uint32_t address, uint32_t value) {
    top_.s_axil_awvalid_i = 1;
    top_.s_axil_awaddr_i = address;
    top_.s_axil_wvalid_i = 1;
    top_.s_axil_wdata_i = value;
    top_.s_axil_wstrb_i = 15;
    // Address and data are taken in the first cycle in which both are ready, as nothing else is on its way.
    tick();
    top_.s_axil_awvalid_i = 0;
    top_.s_axil_wvalid_i = 0;
    for (int i = 0; i < 10 && !top_.s_axil_bvalid_o; i++) tick();
    if (!top_.s_axil_bvalid_o || top_.s_axil_bresp_o != 0) fail("the write of register " + std::to_string(address) + " was not answered with OKAY");
    tick();
  }

  uint32_t read_register(uint32_t address) {
    top_.s_axil_arvalid_i = 1;
    top_.s_axil_araddr_i = address;
    tick();
    top_.s_axil_arvalid_i = 0;
    for (int i = 0; i < 10 && !top_.s_axil_rvalid_o; i++) tick();
    if (!top_.s_axil_rvalid_o || top_.s_axil_rresp_o != 0) fail("the read of register " + std::to_string(address) + " was not answered with OKAY");
    const uint32_t value = top_.s_axil_rdata_o;
    tick();
    return value;
  }

  // Runs until the interrupt or for `limit` cycles; false at the limit.
  bool wait_for_interrupt(int64_t limit) {
    for (int64_t i = 0; i < limit; i++) {
      tick();
      if (top_.interrupt_o) return true;
    }
    return false;
  }

  void begin_again() {
    memory_.begin_again(Unrest{});
    events_.clear();
  }

  const std::vector<uint32_t>& events() const { return events_; }
  const Memory& memory() const { return memory_; }
  int64_t started_at() const { return started_at_; }
  int64_t now() const { return now_; }

 private:
  void log() {
    if (top_.start_o) {
      started_at_ = now_;
      events_.clear();
    }
    const uint32_t cycle = static_cast<uint32_t>(now_ - started_at_);
    log_mask(kGo, top_.go_o, cycle);
    log_mask(kStart, top_.started_o, cycle);
    log_mask(kReadSignal, top_.read_signal_o, cycle);
    log_mask(kWriteSignal, top_.write_signal_o, cycle);
  }
  void log_mask(Kind kind, uint32_t mask, uint32_t cycle) {
    for (; mask != 0; mask &= mask - 1) {
      events_.push_back(kind << 8 | __builtin_ctz(mask));
      events_.push_back(cycle);
      events_.push_back(kind == kGo ? top_.pc_o : 0);
    }
  }
  void dump([[maybe_unused]] int half) {
#if VM_TRACE
    const int64_t cycle = started_at_ < 0 ? -1 : now_ - started_at_;
    if (trace_ && cycle >= wave_from_ && cycle <= wave_to_) trace_->dump(static_cast<uint64_t>(2 * now_ + half));
#endif
  }

  MemoryConfig config_;
  VerilatedContext* const context_;
  Memory memory_;
  Vsf_lockstep top_;
  PortIn in_[kMaxPorts];
  PortOut out_[kMaxPorts];
  int64_t now_ = 0;
  int64_t started_at_ = -1;
  std::vector<uint32_t> events_;
#if VM_TRACE
  std::unique_ptr<VerilatedFstC> trace_;
  int64_t wave_from_ = 0;
  int64_t wave_to_ = INT64_MAX;
#endif
};

// Sets up the driver's registers.
void set_up(Bench& bench, uint32_t base, uint32_t window, uint32_t code, uint32_t instructions, uint32_t watchdog) {
  bench.write_register(kCode, code);
  bench.write_register(kInstructions, instructions);
  bench.write_register(kBase, base);
  bench.write_register(kSize, window);
  bench.write_register(kWatchdog, watchdog);
  bench.write_register(kIntEnable, 3);
}

// Starts the program, waits for its end; prints what the registers say as the fields of a JSON object. Returns the status register.
uint32_t run(Bench& bench, int64_t limit) {
  bench.write_register(kControl, 1);
  const std::clock_t began = std::clock();
  const bool answered = bench.wait_for_interrupt(limit);
  const double seconds = static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
  const int64_t ran = bench.now() - bench.started_at();
  // What AXI was asked for must be answered, whatever happened.
  for (int i = 0; answered && i < 20000 && bench.memory().outstanding() != 0; i++) bench.tick();
  const int64_t left = answered ? bench.memory().outstanding() : 0;
  const uint32_t status = bench.read_register(kStatus);
  const uint32_t counters = bench.read_register(kShape) >> 24;
  std::printf("\"seconds\":%.6f,\"answered\":%s,\"ran\":%" PRId64 ",\"status\":%u,\"cause\":%u,\"detail\":%u,\"pc\":%u,\"outstanding\":%u,\"fingerprint\":%u",
              seconds, answered ? "true" : "false", ran, status, bench.read_register(kCause), bench.read_register(kDetail), bench.read_register(kPc),
              bench.read_register(kOutstanding), bench.read_register(kFingerprint));
  std::printf(",\"unanswered\":%" PRId64 ",\"reads\":%" PRId64 ",\"writes\":%" PRId64 ",\"breach\":\"%s\",\"counters\":[", left,
              bench.memory().reads(), bench.memory().writes(), bench.memory().breach().c_str());
  for (uint32_t i = 0; i < counters; i++) {
    const uint64_t low = bench.read_register(kFirstCounter + 8 * i);
    const uint64_t high = bench.read_register(kFirstCounter + 8 * i + 4);
    std::printf("%s%" PRIu64, i == 0 ? "" : ",", high << 32 | low);
  }
  std::printf("]");
  bench.write_register(kIntStatus, 3);
  return status;
}

void save(const Bench& bench, const std::vector<uint8_t>& image, const std::string& out, const std::string& log) {
  if (!out.empty()) write_file(out, image.data(), image.size());
  if (!log.empty()) write_file(log, bench.events().data(), bench.events().size() * sizeof(uint32_t));
}

}  // namespace

int main(int argc, char** argv) {
  const Options options(argc, argv);
  MemoryConfig config;
  config.ports = static_cast<int>(options.number("ports", config.ports));
  config.numerator = options.number("numerator", config.numerator);
  config.denominator = options.number("denominator", config.denominator);
  config.read_latency = options.number("read-latency", config.read_latency);
  config.write_latency = options.number("write-latency", config.write_latency);
  config.base = static_cast<uint32_t>(options.number("base", config.base));
  Unrest unrest;
  unrest.on = options.number("stress", 0) != 0;
  unrest.seed = static_cast<uint32_t>(options.number("stress", 1));
  unrest.read_error = options.number("read-error", -1);
  unrest.write_error = options.number("write-error", -1);
  unrest.response = static_cast<uint8_t>(options.number("response", unrest.response));

  std::vector<uint8_t> image = read_file(options.text("image"));
  // A window smaller than the image leaves guard words behind it.
  const uint32_t window = static_cast<uint32_t>(options.number("window", static_cast<int64_t>(image.size())));
  config.window = window;
  const int64_t limit = options.number("limit", 1000000000);
  const uint32_t watchdog = static_cast<uint32_t>(options.number("watchdog", 100000));

  Bench bench(config, unrest, &image, options);
  set_up(bench, config.base, window, static_cast<uint32_t>(options.number("code", 0)), static_cast<uint32_t>(options.number("instructions", 0)), watchdog);
  std::printf("{");
  const uint32_t status = run(bench, limit);
  save(bench, image, options.text("out"), options.text("log"));

  // A soft reset brings it back, after an error and out of a running program: registers answer, nothing is outstanding, a program runs.
  const std::string recovery = options.text("recover-image");
  if ((status & 5) != 0 || !recovery.empty()) {
    bench.write_register(kControl, 2);
    uint32_t after = 8;
    for (int i = 0; i < 1000 && (after & 15) != 0; i++) after = bench.read_register(kStatus);
    const uint32_t cause = bench.read_register(kCause);
    std::printf(",\"afterReset\":{\"status\":%u,\"cause\":%u,\"interrupts\":%u,\"unanswered\":%" PRId64 "}", after, cause,
                bench.read_register(kIntStatus), bench.memory().outstanding());
  }
  if (!recovery.empty()) {
    image = read_file(recovery);
    bench.begin_again();
    set_up(bench, config.base, static_cast<uint32_t>(image.size()), static_cast<uint32_t>(options.number("recover-code", 0)),
           static_cast<uint32_t>(options.number("recover-instructions", 0)), watchdog);
    std::printf(",\"recovered\":{");
    run(bench, limit);
    std::printf("}");
    save(bench, image, options.text("recover-out"), options.text("recover-log"));
  }
  std::printf("}\n");
  return 0;
}
