#include "vfs/file_locks.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

namespace forebay::vfs {
namespace {

LockRange Range(std::uint64_t owner, LockKind kind, std::uint64_t offset, std::uint64_t length) {
  LockRange range;
  range.owner = LockOwner(owner);
  range.kind = kind;
  range.offset = offset;
  range.length = length;
  return range;
}

TEST(FileLocks, SharedLocksShareAndExclusiveOnesDoNot) {
  FileLocks locks;
  EXPECT_TRUE(locks.Set(1, Range(1, LockKind::kShared, 0, 10)));
  EXPECT_TRUE(locks.Set(1, Range(2, LockKind::kShared, 5, 10)));
  EXPECT_FALSE(locks.Set(1, Range(2, LockKind::kExclusive, 5, 10)));
  EXPECT_TRUE(locks.Set(1, Range(2, LockKind::kExclusive, 10, 5)));
  EXPECT_FALSE(locks.Set(1, Range(1, LockKind::kShared, 0, 0)));
  const auto in_the_way = locks.Conflict(1, Range(1, LockKind::kShared, 0, 0));
  ASSERT_TRUE(in_the_way.has_value());
  EXPECT_EQ(in_the_way->range.owner, LockOwner(2));
}

TEST(FileLocks, OwnersOfOtherSessionsAreOthers) {
  FileLocks locks;
  EXPECT_TRUE(locks.Set(1, Range(7, LockKind::kExclusive, 0, 0)));
  EXPECT_FALSE(locks.Set(2, Range(7, LockKind::kExclusive, 0, 0)));
  locks.DropSession(1);
  EXPECT_TRUE(locks.Set(2, Range(7, LockKind::kExclusive, 0, 0)));
}

TEST(FileLocks, WholeFileLocksAreAFamilyOfTheirOwn) {
  FileLocks locks;
  LockRange whole = Range(1, LockKind::kExclusive, 0, 0);
  whole.whole_file = true;
  EXPECT_TRUE(locks.Set(1, whole));
  EXPECT_TRUE(locks.Set(1, Range(2, LockKind::kExclusive, 0, 0)));
  whole.owner = LockOwner(2);
  EXPECT_FALSE(locks.Set(1, whole));
  locks.DropOwner(1, LockOwner(1), true);
  EXPECT_TRUE(locks.Set(1, whole));
}

// Against a table of bytes, with random operations.
TEST(FileLocks, AgreesWithATableOfBytes) {
  constexpr std::uint64_t kBytes = 24;
  for (unsigned seed = 0; seed < 50; ++seed) {
    std::mt19937 random(seed);
    FileLocks locks;
    // The last one stands for all that follows.
    std::vector<std::map<std::uint64_t, LockKind>> bytes(kBytes + 1);
    for (int step = 0; step < 200; ++step) {
      const std::uint64_t owner = random() % 3;
      const std::uint64_t offset = random() % kBytes;
      const std::uint64_t length = random() % (kBytes - offset + 1);
      const auto kind = static_cast<LockKind>(random() % 3);
      const std::uint64_t end = length == 0 ? kBytes + 1 : offset + length;
      bool free = true;
      for (std::uint64_t at = offset; at < end && kind != LockKind::kUnlock; ++at) {
        for (const auto& [other, held] : bytes[at]) {
          if (other != owner && (held == LockKind::kExclusive || kind == LockKind::kExclusive)) {
            free = false;
          }
        }
      }
      ASSERT_EQ(locks.Set(9, Range(owner, kind, offset, length)), free) << seed << " " << step;
      for (std::uint64_t at = offset; at < end && free; ++at) {
        bytes[at].erase(owner);
        if (kind != LockKind::kUnlock) bytes[at][owner] = kind;
      }
    }
    EXPECT_LE(locks.held().size(), 3 * kBytes);
  }
}

}  // namespace
}  // namespace forebay::vfs
