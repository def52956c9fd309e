#include "metrics/histogram.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace forebay::metrics {

std::uint64_t HistogramData::count() const {
  return std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
}

LocalHistogram::LocalHistogram(std::vector<double> bounds)
    : bounds_(std::move(bounds)),
      counts_(std::make_unique<std::atomic<std::uint64_t>[]>(bounds_.size() + 1)) {}

void LocalHistogram::Observe(double value) {
  auto at = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  counts_[static_cast<std::size_t>(at)].fetch_add(1, std::memory_order_relaxed);
  sum_.fetch_add(value, std::memory_order_relaxed);
}

HistogramData LocalHistogram::Read() const {
  HistogramData data{.bounds = bounds_, .counts = {}, .sum = sum_.load(std::memory_order_relaxed)};
  for (std::size_t i = 0; i <= bounds_.size(); ++i) {
    data.counts.push_back(counts_[i].load(std::memory_order_relaxed));
  }
  return data;
}

std::vector<double> LatencyBuckets() {
  return {50e-6, 100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3,
          0.1,   0.25,   0.5,    1,      2.5,  5,      10,   30,    60};
}

std::vector<double> CountBuckets() {
  std::vector<double> bounds;
  for (int power = 0; power <= 10; ++power) bounds.push_back(std::ldexp(1, power));
  return bounds;
}

}  // namespace forebay::metrics
