// A histogram that a layer keeps by itself, for those who know no registry: a collector
// (metrics.h, Registry::AddCollector) reads it at each scrape.
//
// Thread safe and without locks; Observe costs two relaxed atomic operations. A Read beside
// Observes may miss the newest of them.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace forebay::metrics {

// What was observed so far. `counts` has one entry a bound, of the values at or below it and above
// the bound before, and one more for what is above all bounds.
struct HistogramData {
  std::vector<double> bounds;
  std::vector<std::uint64_t> counts;
  double sum = 0;

  std::uint64_t count() const;
};

class LocalHistogram {
 public:
  // `bounds` ascending.
  explicit LocalHistogram(std::vector<double> bounds);
  void Observe(double value);
  HistogramData Read() const;

 private:
  const std::vector<double> bounds_;
  const std::unique_ptr<std::atomic<std::uint64_t>[]> counts_;
  std::atomic<double> sum_{0};
};

// Upper bounds for durations in seconds: 50 µs to 60 s, about three a decade.
std::vector<double> LatencyBuckets();
// Upper bounds for small numbers: 1 to 1024 in steps of two.
std::vector<double> CountBuckets();

}  // namespace forebay::metrics
