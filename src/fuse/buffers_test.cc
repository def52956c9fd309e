#include "fuse/buffers.h"

#include <gtest/gtest.h>

#include <cstring>

namespace forebay::fuse {
namespace {

TEST(BuffersTest, MemoryIsUsedAgainUpToTheLimit) {
  Buffers buffers(5000, 2);
  EXPECT_EQ(buffers.size(), 8192u);
  {
    auto a = buffers.Get(), b = buffers.Get(), c = buffers.Get();
    std::memset(a.data(), 1, buffers.size());
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(b.data()) % 4096, 0u);
  }
  EXPECT_EQ(buffers.idle(), 2u);
  auto again = buffers.Get();
  EXPECT_EQ(buffers.idle(), 1u);
  EXPECT_TRUE(again);
}

TEST(BuffersTest, ALeaseMovesAndOutlivesThePool) {
  Buffers::Lease kept;
  EXPECT_FALSE(kept);
  {
    Buffers buffers(4096, 4);
    auto lease = buffers.Get();
    std::memset(lease.data(), 7, 4096);
    kept = std::move(lease);
  }
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept.data()[4095], std::byte{7});
}

}  // namespace
}  // namespace forebay::fuse
