// Streams of reads, and the real policy as a simulated cache. Test code only.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <memory>
#include <numeric>
#include <random>
#include <string>
#include <unordered_set>
#include <vector>

#include "tier/eviction_policy.h"
#include "tier/eviction_rivals_for_test.h"

namespace forebay::tier {

// The policy as the tier drives it: what is missed is stored; above the high watermark (the
// capacity) it is asked to go down to the low one.
class PolicyCache final : public SimulatedCache {
 public:
  static constexpr std::uint32_t kPiece = 4U << 20;
  explicit PolicyCache(std::size_t capacity, double low_watermark = 0.97, std::uint64_t seed = 7)
      : high_(capacity * kPiece),
        low_(static_cast<std::uint64_t>(static_cast<double>(capacity) * low_watermark) * kPiece),
        policy_(std::make_unique<EvictionPolicy>(high_, seed)) {}
  std::string name() const override { return "Forebay"; }
  static EvictionKey KeyOf(std::uint64_t key) {
    return {meta::BodyId(key / 8 + 1), static_cast<std::uint32_t>(key % 8)};
  }
  bool Access(std::uint64_t key) override {
    if (resident_.contains(key)) {
      policy_->Touch(KeyOf(key));
      return true;
    }
    policy_->Add(KeyOf(key), kPiece);
    resident_.insert(key);
    if (policy_->candidate_bytes() > high_) {
      for (const EvictionEntry& gone : policy_->Evict(low_, SIZE_MAX)) {
        resident_.erase((gone.key.body().value() - 1) * 8 + gone.key.part());
      }
    }
    return false;
  }
  // A new process: the resident pieces, in no order, with or without the hints that were stored.
  void Restart(bool hints) {
    auto fresh = std::make_unique<EvictionPolicy>(high_, 99);
    for (const std::uint64_t key : resident_) {
      fresh->Restore(KeyOf(key), kPiece, hints ? policy_->HintOf(KeyOf(key)) : EvictionHint{0});
    }
    policy_ = std::move(fresh);
  }
  EvictionPolicy& policy() { return *policy_; }

 private:
  std::uint64_t high_;
  std::uint64_t low_;
  std::unique_ptr<EvictionPolicy> policy_;
  std::unordered_set<std::uint64_t> resident_;
};

using Reads = std::vector<std::uint64_t>;

inline Reads Sequential(std::uint64_t from, std::size_t count) {
  Reads out(count);
  std::iota(out.begin(), out.end(), from);
  return out;
}

inline Reads Shuffled(std::uint64_t from, std::size_t count, std::mt19937_64& random) {
  Reads out = Sequential(from, count);
  std::shuffle(out.begin(), out.end(), random);
  return out;
}

// The inverse of the distribution function, tabulated; rank r has weight 1 / r^skew. Ranks are
// scattered over the names.
class Zipf {
 public:
  Zipf(std::size_t count, double skew) : sums_(count), names_(Sequential(0, count)) {
    double sum = 0;
    for (std::size_t i = 0; i < count; ++i)
      sums_[i] = sum += 1.0 / std::pow(static_cast<double>(i + 1), skew);
    std::mt19937_64 random(3);
    std::shuffle(names_.begin(), names_.end(), random);
  }
  std::uint64_t operator()(std::mt19937_64& random) {
    std::uniform_real_distribution<double> at(0.0, sums_.back());
    const auto it = std::lower_bound(sums_.begin(), sums_.end(), at(random));
    return names_[static_cast<std::size_t>(it - sums_.begin())];
  }

 private:
  std::vector<double> sums_;
  Reads names_;
};

// Half the reads uniform over a hot set, half the next of a scan that goes round.
inline Reads HotAndScan(std::uint64_t hot_from, std::size_t hot, std::uint64_t scan_from,
                        std::size_t scan, std::size_t& at, std::size_t count,
                        std::mt19937_64& random) {
  Reads out;
  while (out.size() < count) {
    if (random() % 2 == 0) {
      out.push_back(hot_from + random() % hot);
    } else {
      out.push_back(scan_from + at);
      at = (at + 1) % scan;
    }
  }
  return out;
}

inline double HitRatio(SimulatedCache& cache, const Reads& reads) {
  std::size_t hits = 0;
  for (const std::uint64_t key : reads) hits += cache.Access(key) ? 1 : 0;
  return static_cast<double>(hits) / static_cast<double>(reads.size());
}

inline std::vector<std::unique_ptr<SimulatedCache>> AllCaches(std::size_t capacity) {
  std::vector<std::unique_ptr<SimulatedCache>> out;
  out.push_back(std::make_unique<PolicyCache>(capacity));
  out.push_back(std::make_unique<LruCache>(capacity));
  out.push_back(std::make_unique<RandomCache>(capacity));
  out.push_back(std::make_unique<S3FifoCache>(capacity));
  out.push_back(std::make_unique<LirsCache>(capacity));
  out.push_back(std::make_unique<SampledLfuCache>(capacity));
  return out;
}

}  // namespace forebay::tier
