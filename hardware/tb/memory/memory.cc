// See memory.h.
#include "memory.h"

#include <algorithm>
#include <cstring>

namespace snowflake {

Memory::Memory(const MemoryConfig& config, const Unrest& unrest, std::vector<uint8_t>* image)
    : config_(config), unrest_(unrest), image_(image), random_(unrest.seed) {}

void Memory::begin_again(const Unrest& unrest) {
  config_.window = 0;
  unrest_ = unrest;
  random_.seed(unrest.seed);
  reads_ = 0;
  writes_ = 0;
}

void Memory::report(int64_t now, int port, const std::string& what) {
  if (breach_.empty()) breach_ = "cycle " + std::to_string(now) + ", AXI port " + std::to_string(port) + ": " + what;
}

bool Memory::check_burst(int64_t now, int port, uint32_t address, int len, const char* what) {
  const uint32_t bytes = (len + 1) * kBeatBytes;
  if (address % kLineBytes != 0 || bytes % kLineBytes != 0) report(now, port, std::string(what) + " burst is not whole lines");
  if (address / 128 != (address + bytes - 1) / 128) report(now, port, std::string(what) + " burst leaves its block of 128 bytes");
  const uint64_t first = static_cast<uint64_t>(address) - config_.base;
  const uint64_t window = config_.window != 0 ? config_.window : image_->size();
  if (address < config_.base || first + bytes > window) {
    report(now, port, std::string(what) + " burst outside the window, at bus address " + std::to_string(address));
    return false;
  }
  if (static_cast<int>(first / 128 % config_.ports) != port) report(now, port, std::string(what) + " burst at the wrong port");
  return true;
}

// The memory transfers bursts in order of acceptance: start and end in 1/numerator cycles, both exact.
int64_t Memory::serve(int64_t accepted, int lines, int64_t* start) {
  *start = std::max(accepted * config_.numerator, service_end_);
  service_end_ = *start + lines * kLineBytes * config_.denominator;
  return service_end_;
}

static int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

void Memory::accept_read(int64_t now, int port, uint32_t address, int len) {
  Port& p = ports_[port];
  const bool valid = check_burst(now, port, address, len, "read");
  const int lines = (len + 1) / kBeatsPerLine;
  int64_t start;
  serve(now - kAddressStages, lines, &start);
  int64_t first = std::max(ceil_div(start, config_.numerator) + config_.read_latency, p.read_free);
  if (unrest_.on) first += random_() % 64;
  p.read_free = first + len + 1;
  p.reads.push_back({address, len + 1, first - kReadStages, 0, !valid || reads_ == unrest_.read_error});
  reads_++;
}

void Memory::accept_write(int64_t now, int port, uint32_t address, int len) {
  Port& p = ports_[port];
  const bool valid = check_burst(now, port, address, len, "write");
  const int lines = (len + 1) / kBeatsPerLine;
  int64_t start;
  const int64_t end = serve(now - kAddressStages, lines, &start);
  const int64_t data_from = std::max(now - kAddressStages, p.write_free);
  p.write_free = data_from + len + 1;
  int64_t response = std::max(ceil_div(end, config_.numerator), data_from) + config_.write_latency;
  if (unrest_.on) response += random_() % 64;
  p.writes.push_back({address, len + 1, response - kWriteStages, 0, !valid || writes_ == unrest_.write_error, -1});
  writes_++;
}

void Memory::match_write_data(int port) {
  Port& p = ports_[port];
  for (Write& w : p.writes) {
    while (w.done < w.beats && !p.beats.empty()) {
      const Beat beat = p.beats.front();
      p.beats.pop_front();
      const uint64_t offset = static_cast<uint64_t>(w.address) - config_.base + w.done * kBeatBytes;
      if (!w.error) {
        for (uint32_t i = 0; i < kBeatBytes; i++) {
          if (beat.strobes >> i & 1) (*image_)[offset + i] = static_cast<uint8_t>(beat.data >> (8 * i));
        }
      }
      w.done++;
      if (beat.last != (w.done == w.beats)) report(beat.at, port, "WLAST is not at the burst's last beat");
      if (w.done == w.beats) w.data_at = beat.at;
    }
    if (w.done < w.beats) return;
  }
}

void Memory::drive(int64_t now, PortIn* in) {
  for (int i = 0; i < config_.ports; i++) {
    Port& p = ports_[i];
    PortIn& d = in[i];
    d = PortIn{};
    if (unrest_.on) {
      d.arready = chance(60);
      d.awready = chance(60);
      d.wready = chance(60);
    }
    if (!p.reads.empty()) {
      const Read& r = p.reads.front();
      if (r.first_beat + r.done <= now && !(unrest_.on && chance(30))) {
        const uint64_t offset = static_cast<uint64_t>(r.address) - config_.base + r.done * kBeatBytes;
        d.rvalid = true;
        d.rlast = r.done + 1 == r.beats;
        d.rresp = r.error ? unrest_.response : 0;
        if (offset + kBeatBytes <= image_->size()) std::memcpy(&d.rdata, image_->data() + offset, kBeatBytes);
      }
    }
    // A response follows the burst's last beat of data, whatever the model says.
    if (!p.writes.empty()) {
      const Write& w = p.writes.front();
      if (w.data_at >= 0 && w.data_at < now && w.response <= now && !(unrest_.on && chance(30))) {
        d.bvalid = true;
        d.bresp = w.error ? unrest_.response : 0;
      }
    }
  }
}

void Memory::observe(int64_t now, const PortOut* out, const PortIn* in) {
  for (int i = 0; i < config_.ports; i++) {
    Port& p = ports_[i];
    const PortOut& o = out[i];
    const PortIn& d = in[i];
    // Valid stays, with what goes with it, until ready.
    const PortOut& l = p.last;
    const PortIn& li = p.last_in;
    if (l.arvalid && !li.arready && (!o.arvalid || o.araddr != l.araddr || o.arlen != l.arlen)) report(now, i, "AR changed before ready");
    if (l.awvalid && !li.awready && (!o.awvalid || o.awaddr != l.awaddr || o.awlen != l.awlen)) report(now, i, "AW changed before ready");
    if (l.wvalid && !li.wready && (!o.wvalid || o.wdata != l.wdata || o.wstrb != l.wstrb || o.wlast != l.wlast)) {
      report(now, i, "W changed before ready");
    }
    p.last = o;
    p.last_in = d;
    if (d.rvalid) {
      Read& r = p.reads.front();
      if (++r.done == r.beats) p.reads.pop_front();
    }
    if (d.bvalid) p.writes.pop_front();
    if (o.arvalid && d.arready) accept_read(now, i, o.araddr, o.arlen);
    if (o.awvalid && d.awready) accept_write(now, i, o.awaddr, o.awlen);
    if (o.wvalid && d.wready) p.beats.push_back({o.wdata, o.wstrb, o.wlast, now});
    if (!p.writes.empty() && !p.beats.empty()) match_write_data(i);
  }
}

int64_t Memory::outstanding() const {
  int64_t count = 0;
  for (const Port& p : ports_) count += p.reads.size() + p.writes.size() + p.beats.size();
  return count;
}

}  // namespace snowflake
