// Other eviction policies, for comparison in the simulation: all pieces have one size, `capacity`
// counts them. Written for clarity, not for speed; test code only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <deque>
#include <list>
#include <random>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

namespace forebay::tier {

// A cache that keeps whatever is missed and evicts by its policy.
class SimulatedCache {
 public:
  virtual ~SimulatedCache() = default;
  virtual std::string name() const = 0;
  // Reads a piece; true for a hit.
  virtual bool Access(std::uint64_t key) = 0;
};

class LruCache final : public SimulatedCache {
 public:
  explicit LruCache(std::size_t capacity) : capacity_(capacity) {}
  std::string name() const override { return "LRU"; }
  bool Access(std::uint64_t key) override {
    auto it = where_.find(key);
    if (it != where_.end()) {
      order_.splice(order_.begin(), order_, it->second);
      return true;
    }
    if (where_.size() == capacity_) {
      where_.erase(order_.back());
      order_.pop_back();
    }
    order_.push_front(key);
    where_[key] = order_.begin();
    return false;
  }

 private:
  std::size_t capacity_;
  std::list<std::uint64_t> order_;
  std::unordered_map<std::uint64_t, std::list<std::uint64_t>::iterator> where_;
};

class RandomCache final : public SimulatedCache {
 public:
  explicit RandomCache(std::size_t capacity) : capacity_(capacity) {}
  std::string name() const override { return "random"; }
  bool Access(std::uint64_t key) override {
    if (resident_.contains(key)) return true;
    if (keys_.size() == capacity_) {
      const std::size_t victim = random_() % keys_.size();
      resident_.erase(keys_[victim]);
      keys_[victim] = key;
    } else {
      keys_.push_back(key);
    }
    resident_.insert(key);
    return false;
  }

 private:
  std::size_t capacity_;
  std::vector<std::uint64_t> keys_;
  std::unordered_set<std::uint64_t> resident_;
  std::mt19937_64 random_{1};
};

// S3-FIFO (Yang et al., SOSP 2023): a small queue of a tenth, a main queue with reinsertion by a
// two-bit counter, and a queue of ghosts as long as main.
class S3FifoCache final : public SimulatedCache {
 public:
  explicit S3FifoCache(std::size_t capacity)
      : capacity_(capacity), small_room_(std::max<std::size_t>(capacity / 10, 1)) {}
  std::string name() const override { return "S3-FIFO"; }
  bool Access(std::uint64_t key) override {
    auto it = resident_.find(key);
    if (it != resident_.end()) {
      it->second = std::min(it->second + 1, 3);
      return true;
    }
    while (resident_.size() >= capacity_) EvictOne();
    resident_[key] = 0;
    if (ghosts_.erase(key) != 0) {
      main_.push_back(key);
    } else {
      small_.push_back(key);
    }
    return false;
  }

 private:
  void EvictOne() {
    if (small_.size() >= small_room_ || main_.empty()) {
      while (!small_.empty()) {
        const std::uint64_t key = small_.front();
        small_.pop_front();
        if (resident_[key] > 1) {
          resident_[key] = 0;
          main_.push_back(key);
          continue;
        }
        resident_.erase(key);
        ghosts_.insert(key);
        ghost_order_.push_back(key);
        while (ghost_order_.size() > capacity_ - small_room_) {
          ghosts_.erase(ghost_order_.front());
          ghost_order_.pop_front();
        }
        return;
      }
    }
    for (;;) {
      const std::uint64_t key = main_.front();
      main_.pop_front();
      int& uses = resident_[key];
      if (uses == 0) {
        resident_.erase(key);
        return;
      }
      --uses;
      main_.push_back(key);
    }
  }

  std::size_t capacity_;
  std::size_t small_room_;
  std::deque<std::uint64_t> small_;
  std::deque<std::uint64_t> main_;
  std::deque<std::uint64_t> ghost_order_;
  std::unordered_set<std::uint64_t> ghosts_;
  std::unordered_map<std::uint64_t, int> resident_;
};

// What ADR 0089 proposed: counters of four bits for every name, halved after each ten capacities of
// accesses (TinyLFU); a newcomer replaces the least of a sample of 16 only if its counter is
// higher. The counters are exact here, which is kinder to it than a sketch.
class SampledLfuCache final : public SimulatedCache {
 public:
  explicit SampledLfuCache(std::size_t capacity) : capacity_(capacity) {}
  std::string name() const override { return "TinyLFU, sampled"; }
  bool Access(std::uint64_t key) override {
    int& uses = uses_[key];
    uses = std::min(uses + 1, 15);
    if (++accesses_ % (10 * capacity_) == 0) {
      for (auto& [name, count] : uses_) count /= 2;
    }
    if (resident_.contains(key)) return true;
    if (keys_.size() < capacity_) {
      keys_.push_back(key);
      resident_.insert(key);
      return false;
    }
    std::size_t least = random_() % keys_.size();
    for (int i = 1; i < 16; ++i) {
      const std::size_t other = random_() % keys_.size();
      if (uses_[keys_[other]] < uses_[keys_[least]]) least = other;
    }
    if (uses_[keys_[least]] >= uses_[key]) return false;
    resident_.erase(keys_[least]);
    keys_[least] = key;
    resident_.insert(key);
    return false;
  }

 private:
  std::size_t capacity_;
  std::uint64_t accesses_ = 0;
  std::vector<std::uint64_t> keys_;
  std::unordered_set<std::uint64_t> resident_;
  std::unordered_map<std::uint64_t, int> uses_;
  std::mt19937_64 random_{2};
};

// LIRS (Jiang and Zhang, SIGMETRICS 2002): blocks of low inter-reference recency stay; one in a
// hundred of the places is for the others.
class LirsCache final : public SimulatedCache {
 public:
  explicit LirsCache(std::size_t capacity)
      : hot_room_(capacity - std::max<std::size_t>(capacity / 100, 1)),
        cold_room_(std::max<std::size_t>(capacity / 100, 1)),
        ghost_room_(2 * capacity) {}
  std::string name() const override { return "LIRS"; }
  bool Access(std::uint64_t key) override {
    auto it = blocks_.find(key);
    const bool hit = it != blocks_.end() && it->second.resident;
    if (!hit && hot_ < hot_room_) {
      Block& block = blocks_[key];
      block.hot = block.resident = true;
      ++hot_;
      Push(key);
      return false;
    }
    if (!hit) MakeColdRoom();
    Block& block = blocks_[key];
    if (block.hot) {
      Push(key);
      Prune();
      return true;
    }
    if (block.resident) queue_.erase(block.queue);
    if (block.stacked) {  // came back sooner than the coldest hot block
      block.hot = block.resident = true;
      ++hot_;
      Push(key);
      Demote();
    } else {
      block.resident = true;
      Push(key);
      queue_.push_back(key);
      block.queue = std::prev(queue_.end());
    }
    return hit;
  }

 private:
  struct Block {
    bool hot = false;
    bool resident = false;
    bool stacked = false;
    std::list<std::uint64_t>::iterator stack;
    std::list<std::uint64_t>::iterator queue;
  };

  void Push(std::uint64_t key) {
    Block& block = blocks_[key];
    if (block.stacked) stack_.erase(block.stack);
    stack_.push_front(key);
    block.stack = stack_.begin();
    block.stacked = true;
  }
  void Prune() {
    while (!stack_.empty() && !blocks_[stack_.back()].hot) Unstack(stack_.back());
  }
  void Unstack(std::uint64_t key) {
    Block& block = blocks_[key];
    stack_.erase(block.stack);
    block.stacked = false;
    if (!block.resident) blocks_.erase(key);
  }
  void Demote() {
    const std::uint64_t key = stack_.back();
    Block& block = blocks_[key];
    block.hot = false;
    --hot_;
    queue_.push_back(key);
    block.queue = std::prev(queue_.end());
    Unstack(key);
    Prune();
    while (blocks_.size() > hot_room_ + cold_room_ + ghost_room_) {
      auto oldest = std::find_if(stack_.rbegin(), stack_.rend(),
                                 [this](std::uint64_t k) { return !blocks_[k].resident; });
      if (oldest == stack_.rend()) break;
      Unstack(*oldest);
    }
  }
  void MakeColdRoom() {
    if (queue_.size() < cold_room_) return;
    const std::uint64_t key = queue_.front();
    queue_.pop_front();
    Block& block = blocks_[key];
    block.resident = false;
    if (!block.stacked) blocks_.erase(key);
  }

  std::size_t hot_room_;
  std::size_t cold_room_;
  std::size_t ghost_room_;
  std::size_t hot_ = 0;
  std::list<std::uint64_t> stack_;
  std::list<std::uint64_t> queue_;
  std::unordered_map<std::uint64_t, Block> blocks_;
};

}  // namespace forebay::tier
