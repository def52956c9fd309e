// A set of small numbers below a bound fixed at construction; memory only where something was set.
//
// Thread safe and lock free. Bits are never cleared.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

namespace forebay::chunk {

class LazyBitmap {
 public:
  explicit LazyBitmap(std::uint64_t bits) : pages_((bits + kPageBits - 1) / kPageBits) {}
  ~LazyBitmap() {
    for (auto& page : pages_) delete page.load(std::memory_order_relaxed);
  }
  LazyBitmap(const LazyBitmap&) = delete;
  LazyBitmap& operator=(const LazyBitmap&) = delete;

  // Out of bounds: false.
  bool Test(std::uint64_t bit) const {
    if (bit / kPageBits >= pages_.size()) return false;
    const Page* page = pages_[bit / kPageBits].load(std::memory_order_acquire);
    if (page == nullptr) return false;
    std::uint64_t word = (*page)[bit % kPageBits / 64].load(std::memory_order_acquire);
    return (word >> (bit % 64) & 1) != 0;
  }

  // Out of bounds: ignored, so what Test answers stays on the safe side.
  void Set(std::uint64_t bit) {
    if (bit / kPageBits >= pages_.size()) return;
    auto& slot = pages_[bit / kPageBits];
    Page* page = slot.load(std::memory_order_acquire);
    if (page == nullptr) {
      auto fresh = std::make_unique<Page>();
      if (slot.compare_exchange_strong(page, fresh.get(), std::memory_order_acq_rel)) {
        page = fresh.release();
      }
    }
    (*page)[bit % kPageBits / 64].fetch_or(std::uint64_t{1} << (bit % 64),
                                           std::memory_order_acq_rel);
  }

 private:
  static constexpr std::uint64_t kPageBits = 8192;
  using Page = std::array<std::atomic<std::uint64_t>, kPageBits / 64>;
  std::vector<std::atomic<Page*>> pages_;
};

}  // namespace forebay::chunk
