// Ids and entity tags: never the same twice, also after a restart.
#include <gtest/gtest.h>

#include <set>
#include <thread>

#include "kv/faulty.h"
#include "kv/memory.h"
#include "meta/etag_source.h"
#include "meta/id_source.h"
#include "meta/ids.h"

namespace forebay::meta {
namespace {

TEST(IdSourceTest, NeverGivesTheRootInodeOrNothing) {
  kv::MemoryStore store;
  const auto ids = IdSource::Open(store);
  ASSERT_TRUE(ids);
  EXPECT_GT(*(*ids)->Next(), kRootInode.value());
}

TEST(IdSourceTest, ARestartSkipsWhatWasReserved) {
  kv::MemoryStore store;
  std::set<std::uint64_t> seen;
  for (int restart = 0; restart < 5; ++restart) {
    const auto ids = IdSource::Open(store);
    ASSERT_TRUE(ids);
    for (int i = 0; i < 100; ++i) EXPECT_TRUE(seen.insert(*(*ids)->Next()).second);
  }
}

TEST(IdSourceTest, TwoProcessesDoNotMeet) {
  kv::MemoryStore base;
  kv::FaultyStore store(base, {});
  const auto one = IdSource::Open(store);
  const auto two = IdSource::Open(store);
  std::set<std::uint64_t> seen;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(seen.insert(*(*one)->Next()).second);
    EXPECT_TRUE(seen.insert(*(*two)->Next()).second);
  }
}

TEST(IdSourceTest, RefillsBeforeItRunsOut) {
  kv::MemoryStore store;
  const auto ids = IdSource::Open(store);
  std::uint64_t last = 0;
  // Three ranges' worth: the background reservation has to keep up, or Next says that it is busy.
  for (int i = 0; i < (3 << 20); ++i) {
    auto id = (*ids)->Next();
    while (!id) {
      ASSERT_EQ(id.error().code(), Code::kBusy);
      std::this_thread::yield();
      id = (*ids)->Next();
    }
    ASSERT_GT(*id, last);
    last = *id;
  }
}

TEST(IdSourceTest, ThreadsGetDifferentIds) {
  kv::MemoryStore store;
  const auto ids = IdSource::Open(store);
  std::vector<std::vector<std::uint64_t>> got(4);
  {
    std::vector<std::jthread> threads;
    for (auto& mine : got) {
      threads.emplace_back([&mine, &ids] {
        for (int i = 0; i < 5000; ++i) mine.push_back(*(*ids)->Next());
      });
    }
  }
  std::set<std::uint64_t> all;
  for (const auto& mine : got) all.insert(mine.begin(), mine.end());
  EXPECT_EQ(all.size(), 20'000u);
}

TEST(IdSourceTest, FailsToOpenWhenTheStoreDoes) {
  kv::MemoryStore base;
  kv::FaultyStore store(base, {});
  store.FailNext(Code::kNoSpace);
  const auto ids = IdSource::Open(store);
  ASSERT_FALSE(ids);
  EXPECT_EQ(ids.error().code(), Code::kNoSpace);
}

TEST(ETagSourceTest, GrowsEvenWhenTheClockDoesNot) {
  ManualClock clock;
  ETagSource etags(clock);
  ETagNumber last = etags.Next();
  for (int i = 0; i < 100; ++i) {
    if (i == 30) clock.Advance(std::chrono::seconds(1));
    if (i == 60) clock.Set(WallTime::FromSeconds(1));  // it steps back
    const ETagNumber next = etags.Next();
    EXPECT_GT(next, last);
    last = next;
  }
}

}  // namespace
}  // namespace forebay::meta
