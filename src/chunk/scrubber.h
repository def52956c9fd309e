// Scrubs a chunk store in the background: reads everything there is, checks it, and says what is
// not right, at a bounded rate and over and over again.
//
// Where a scrub stands is a record of the key-value store (docs/formats/chunk-records.md), written
// now and then, so that a restart goes on instead of beginning anew: a scrub may take days. What a
// scrub finds is logged at level error and counted; the first findings are kept for the status.
// After the chunks, the key-value store verifies itself (records and small bodies), unpaced.
//
// Thread safe; runs on a thread of its own between Start and Stop. The store must outlive it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "chunk/segment_chunk_store.h"
#include "kv/store.h"

namespace forebay::chunk {

struct ScrubberOptions {
  // From the end of one scrub to the begin of the next; zero: only when asked.
  std::chrono::nanoseconds interval{0};
  std::uint64_t bytes_per_second = 0;  // 0: as fast as it goes
  std::size_t max_findings = 100;      // kept in words; all are counted
};

struct ScrubFinding {
  WallTime when;
  std::string what;
};

struct ScrubState {
  bool running = false;
  WallTime started;   // of the running or the last scrub; zero: never
  WallTime finished;  // of the last one that was completed; zero: never
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;  // chunks, and one for the metadata
  std::vector<ScrubFinding> findings;
};

// Since the process started; for metrics.
struct ScrubCounters {
  std::uint64_t completed = 0;
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t damaged = 0;
};

class Scrubber {
 public:
  Scrubber(SegmentChunkStore& chunks, kv::Store& kv, Clock& clock, ScrubberOptions options);
  ~Scrubber();  // stops

  // Reads where the last process stood; first of all, and once.
  Result<> Load();
  // Starts the thread. An unfinished scrub goes on.
  void Start();
  // Ends the thread; a running scrub is written down and goes on at the next Start.
  void Stop();

  // Starts a scrub now, at this rate instead of the configured one. kBusy while one runs.
  Result<> Begin(std::optional<std::uint64_t> bytes_per_second = std::nullopt);
  // Gives up the running scrub; the next one begins anew. kNotFound when none runs.
  Result<> Cancel();

  ScrubState state() const;
  ScrubCounters counters() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::chunk
