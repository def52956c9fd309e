// Background work that gives space back: bodies nobody names, deleted containers, blocks that were
// never committed within their time. Small transactions, paced, so that requests do not notice.
//
// A record that cannot be read or worked off is logged, left as it is, and counted: one bad record
// must not keep the space of all others. Any other error ends the pass.
//
// Holds a lease record with a fencing token, so that of several processes on one store only one
// sweeps. Start and Stop from one thread; the rest runs on a thread of its own.
#pragma once

#include <chrono>
#include <memory>

#include "engine/services.h"

namespace forebay::engine {

struct SweepReport {
  std::uint64_t bodies = 0;
  std::uint64_t blobs = 0;
  std::uint64_t containers = 0;
  std::uint64_t staged_blobs = 0;
  std::uint64_t skipped = 0;  // corrupt records
};

// Since the process started; for metrics.
struct SweepTotals {
  SweepReport swept;  // of all passes
  std::uint64_t passes = 0;
  std::uint64_t failed_passes = 0;
  std::uint64_t last_skipped = 0;  // by the last pass: the same records come again each time
};

class Sweeper {
 public:
  // A breath of `pause` after each transaction: requests go first.
  explicit Sweeper(Services& services,
                   std::chrono::milliseconds pause = std::chrono::milliseconds(1));
  ~Sweeper();  // stops
  void Start(std::chrono::milliseconds interval);
  void Stop();
  // One pass over everything that is due now; blocks. For tests and tools.
  Result<SweepReport> RunOnce();
  SweepTotals totals() const;  // thread safe

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::engine
