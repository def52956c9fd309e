#include "tier/eviction_policy.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "tier/eviction_table.h"

namespace forebay::tier {
namespace {

constexpr std::uint32_t kPiece = 4U << 20;
constexpr std::uint64_t kCapacity = 1000ULL * kPiece;

EvictionKey Key(std::uint64_t n) {
  return {meta::BodyId(n / 16 + 1), static_cast<std::uint32_t>(n % 16)};
}

std::set<EvictionKey> KeysOf(const std::vector<EvictionEntry>& entries) {
  std::set<EvictionKey> out;
  for (const EvictionEntry& entry : entries) out.insert(entry.key);
  return out;
}

TEST(Gap, KeepsItsOrderAndItsSizeWithinNinePercentAndAHalf) {
  Gap last = Gap::FromTicks(0);
  EXPECT_FALSE(Gap().known());
  EXPECT_TRUE(last.known());
  for (std::uint64_t ticks = 1; ticks < 0xFFFF'FFFFULL; ticks = ticks * 9 / 8 + 1) {
    const Gap gap = Gap::FromTicks(static_cast<EvictionTick>(ticks));
    EXPECT_GE(gap, last);
    EXPECT_LE(gap.ticks(), ticks);
    EXPECT_GE(static_cast<double>(gap.ticks()), static_cast<double>(ticks) * 0.88) << ticks;
    EXPECT_EQ(Gap::FromStored(gap.stored()), gap);
    last = gap;
  }
  EXPECT_EQ(Gap().Follow(Gap::FromTicks(5)), Gap::FromTicks(5));
  EXPECT_EQ(Gap::FromTicks(5).Follow(Gap::FromTicks(500)), Gap::FromTicks(500));
  EXPECT_LT(Gap::FromTicks(5000).Follow(Gap::FromTicks(5)), Gap::FromTicks(5000));
  EXPECT_GT(Gap::FromTicks(5000).Follow(Gap::FromTicks(5)), Gap::FromTicks(3500));
}

TEST(EvictionPolicy, GivesUpExactlyWhatTakesItBelowTheTarget) {
  EvictionPolicy policy(kCapacity, 1);
  for (std::uint64_t i = 0; i < 100; ++i) policy.Add(Key(i), kPiece);
  EXPECT_TRUE(policy.Evict(100ULL * kPiece, SIZE_MAX).empty());
  const auto gone = policy.Evict(90ULL * kPiece + 1, SIZE_MAX);
  EXPECT_EQ(gone.size(), 10U);
  EXPECT_EQ(KeysOf(gone).size(), 10U);
  EXPECT_EQ(policy.candidate_bytes(), 90ULL * kPiece);
  EXPECT_EQ(policy.size(), 90U);
  for (const EvictionEntry& entry : gone) {
    EXPECT_EQ(entry.bytes, kPiece);
    EXPECT_FALSE(policy.Remove(entry.key));
  }
  EXPECT_EQ(policy.Evict(0, SIZE_MAX).size(), 90U);
  EXPECT_TRUE(policy.Evict(0, SIZE_MAX).empty());
}

TEST(EvictionPolicy, TakesNoMoreThanAskedForAtOnce) {
  EvictionPolicy policy(kCapacity, 1);
  for (std::uint64_t i = 0; i < 100; ++i) policy.Add(Key(i), kPiece);
  std::size_t total = 0;
  for (int round = 0; round < 20 && policy.candidate_bytes() > 50ULL * kPiece; ++round) {
    const std::size_t taken = policy.Evict(50ULL * kPiece, 7).size();
    EXPECT_LE(taken, 8U);
    total += taken;
  }
  EXPECT_EQ(total, 50U);
}

TEST(EvictionPolicy, PinnedPiecesStayWhateverHappens) {
  EvictionPolicy policy(kCapacity, 1);
  std::set<EvictionKey> pinned;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    policy.Add(Key(i), kPiece);
    if (i % 3 != 0) continue;
    EXPECT_TRUE(policy.SetPinned(Key(i), true));
    EXPECT_TRUE(policy.SetPinned(Key(i), true));
    pinned.insert(Key(i));
  }
  EXPECT_EQ(policy.pinned_bytes(), pinned.size() * kPiece);
  const auto gone = policy.Evict(0, SIZE_MAX);
  EXPECT_EQ(gone.size(), 1000 - pinned.size());
  for (const EvictionEntry& entry : gone) EXPECT_FALSE(pinned.contains(entry.key));
  EXPECT_TRUE(policy.SetPinned(Key(3), false));
  EXPECT_EQ(KeysOf(policy.Evict(0, SIZE_MAX)), std::set<EvictionKey>{Key(3)});
  EXPECT_FALSE(policy.SetPinned(Key(5000), true));
}

TEST(EvictionPolicy, APieceThatGrowsIsOnePiece) {
  EvictionPolicy policy(kCapacity, 1);
  policy.Add(Key(1), 65'536);
  policy.Add(Key(1), 65'536);
  EXPECT_EQ(policy.size(), 1U);
  EXPECT_EQ(policy.candidate_bytes(), 131'072U);
  EXPECT_EQ(policy.Evict(0, SIZE_MAX).at(0).bytes, 131'072U);
}

TEST(EvictionPolicy, TouchesThatFollowAtOnceAreOneUse) {
  EvictionPolicy policy(kCapacity, 1);
  policy.Add(Key(1), kPiece);
  for (int i = 0; i < 64; ++i) policy.Touch(Key(1));
  EXPECT_EQ(policy.HintOf(Key(1)), 0) << "reading on in the same line is not coming back";
  for (std::uint64_t i = 100; i < 200; ++i) policy.Add(Key(i), kPiece);
  policy.Touch(Key(1));
  EXPECT_NE(policy.HintOf(Key(1)), 0);
  policy.Touch(Key(77'777));  // unknown: nothing happens
  EXPECT_EQ(policy.size(), 101U);
}

TEST(EvictionPolicy, WhatCouldNotBeEvictedIsACandidateAgain) {
  EvictionPolicy policy(kCapacity, 1);
  for (std::uint64_t i = 0; i < 50; ++i) policy.Add(Key(i), kPiece);
  const auto gone = policy.Evict(49ULL * kPiece, SIZE_MAX);
  ASSERT_EQ(gone.size(), 1U);
  policy.PutBack(gone[0]);
  policy.PutBack(gone[0]);
  EXPECT_EQ(policy.size(), 50U);
  EXPECT_EQ(policy.Evict(0, SIZE_MAX).size(), 50U);
}

TEST(EvictionPolicy, RestoredPiecesKeepTheirHint) {
  EvictionPolicy policy(kCapacity, 1);
  const EvictionHint hint = Gap::FromTicks(70'000).stored();
  policy.Restore(Key(1), kPiece, hint);
  policy.Restore(Key(2), kPiece, 0);
  policy.Restore(Key(1), kPiece, 0);  // known already
  EXPECT_EQ(policy.size(), 2U);
  EXPECT_EQ(policy.HintOf(Key(1)), hint);
  EXPECT_EQ(policy.HintOf(Key(2)), 0);
  EXPECT_EQ(policy.HintOf(Key(3)), 0);
  EXPECT_NEAR(static_cast<double>(policy.usual_gap_bytes()), 70'000.0 * (kCapacity >> 16),
              70'000.0 * 0.1 * (kCapacity >> 16));
}

TEST(EvictionPolicy, IsTheSameForTheSameSeed) {
  EvictionPolicy one(kCapacity, 42);
  EvictionPolicy two(kCapacity, 42);
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const EvictionKey key = Key(random() % 3000);
    one.Touch(key);
    two.Touch(key);
    one.Add(key, 1000);
    two.Add(key, 1000);
    ASSERT_EQ(KeysOf(one.Evict(500'000, SIZE_MAX)), KeysOf(two.Evict(500'000, SIZE_MAX)));
  }
}

TEST(EvictionPolicy, AnEntryCostsAboutFortyFiveBytes) {
  EvictionPolicy policy(400'000ULL * kPiece, 1);
  for (std::uint64_t i = 0; i < 400'000; ++i) policy.Add(Key(i), kPiece);
  policy.Evict(390'000ULL * kPiece, SIZE_MAX);
  EXPECT_LT(policy.MemoryBytes(), 400'000 * 46);
  static_assert(sizeof(EvictionEntry) == 24);
}

// The table against plain maps, under everything at once.
TEST(EvictionTable, AgreesWithAMap) {
  EvictionTable table;
  std::map<EvictionKey, std::pair<EvictionList, std::uint32_t>> model;
  std::mt19937_64 random(3);
  for (int step = 0; step < 200'000; ++step) {
    const EvictionKey key = Key(random() % 4000);
    const auto known = model.find(key);
    if (known == model.end()) {
      const auto list = static_cast<EvictionList>(random() % 3);
      const auto bytes = static_cast<std::uint32_t>(1 + random() % 1000);
      table.Insert(list, {.key = key, .bytes = bytes, .last = 0, .gap = {}, .returns = 0});
      model[key] = {list, bytes};
    } else if (random() % 4 == 0) {
      known->second.second += 5;
      table.Resize(key, known->second.second);
    } else {
      const auto removed = table.Remove(key);
      ASSERT_TRUE(removed);
      ASSERT_EQ(removed->bytes, known->second.second);
      model.erase(known);
    }
    if (step % 1000 != 0) continue;
    std::uint64_t bytes[3] = {};
    for (const auto& [k, v] : model) {
      bytes[static_cast<std::size_t>(v.first)] += v.second;
      const auto found = table.Find(k);
      ASSERT_TRUE(found);
      ASSERT_EQ(found->list, v.first);
      ASSERT_EQ(found->entry->key, k);
      ASSERT_EQ(found->entry->bytes, v.second);
    }
    for (std::size_t list = 0; list < 3; ++list) {
      ASSERT_EQ(table.bytes(static_cast<EvictionList>(list)), bytes[list]);
    }
    ASSERT_EQ(table.size(), model.size());
    ASSERT_FALSE(table.Find(Key(5000)));
  }
}

TEST(EvictionTable, ProbationIsInOrderOfArrivalAndHolesDoNotPileUp) {
  EvictionTable table;
  const auto entry = [](std::uint64_t n) {
    return EvictionEntry{.key = Key(n), .bytes = 1, .last = 0, .gap = {}, .returns = 0};
  };
  table.Insert(EvictionList::kProbation, entry(0));  // stays, so the front never moves
  for (std::uint64_t i = 1; i < 100'000; ++i) {
    table.Insert(EvictionList::kProbation, entry(i));
    table.Remove(Key(i));
  }
  EXPECT_LT(table.MemoryBytes(), 300'000U);
  for (std::uint64_t i = 1; i < 10; ++i) table.Insert(EvictionList::kProbation, entry(i));
  for (std::uint64_t i = 0; i < 10; ++i) {
    ASSERT_EQ(table.Oldest()->key, Key(i));
    table.Remove(Key(i));
  }
  EXPECT_EQ(table.Oldest(), nullptr);
}

}  // namespace
}  // namespace forebay::tier
