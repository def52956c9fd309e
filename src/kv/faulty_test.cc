#include "kv/faulty.h"

#include <gtest/gtest.h>

#include "kv/memory.h"

namespace forebay::kv {
namespace {

Result<> Write(Store& store, std::string key) {
  return store.TransactBlocking([&](Transaction& t) -> Result<> {
    t.Put(key, "v");
    return {};
  });
}

bool Has(const Store& store, std::string_view key) {
  auto value = store.GetSnapshot()->Get(key);
  return value && value->has_value();
}

TEST(FaultyStoreTest, RunsFunctionsAgainWithoutTheirFirstWrites) {
  MemoryStore base;
  FaultyStore store(base, {.seed = 3, .rerun_rate = 1, .conflict_rate = 1, .max_conflicts = 3});
  int runs = 0;
  ASSERT_TRUE(store.TransactBlocking([&](Transaction& t) -> Result<> {
    FB_ASSIGN_OR_RETURN(auto before, t.Get("k"));
    if (before) return Fail(Code::kInternal, "a discarded write is visible");
    t.Put("k", "v");
    t.Add("n", 1);
    ++runs;
    return {};
  }));
  EXPECT_GE(runs, 8);
  EXPECT_EQ(store.conflicts(), 3u);
  EXPECT_EQ(CounterValue(*store.GetSnapshot()->Get("n")), 1);
}

TEST(FaultyStoreTest, FailsChosenCommitsWithoutWriting) {
  MemoryStore base;
  FaultyStore store(base, {});
  store.FailNext(Code::kNoSpace, 2, 1);
  EXPECT_TRUE(Write(store, "a"));
  auto b = Write(store, "b");
  ASSERT_FALSE(b);
  EXPECT_EQ(b.error().code(), Code::kNoSpace);
  EXPECT_FALSE(Write(store, "c"));
  EXPECT_TRUE(Write(store, "d"));
  EXPECT_FALSE(Has(base, "b"));
  EXPECT_FALSE(Has(base, "c"));
  EXPECT_TRUE(Has(base, "d"));
}

TEST(FaultyStoreTest, LosesAnswersOfWhatIsCommitted) {
  MemoryStore base;
  FaultyStore store(base, {});
  store.LoseNextAnswers();
  EXPECT_FALSE(Write(store, "a"));
  EXPECT_TRUE(Has(base, "a"));
  EXPECT_TRUE(Write(store, "b"));
}

TEST(FaultyStoreTest, MissesTheCacheOfCacheOnlySnapshots) {
  MemoryStore base;
  FaultyStore store(base, {.would_block_rate = 1});
  ASSERT_TRUE(Write(store, "a"));
  auto cached = store.GetSnapshot(ReadMode::kCacheOnly);
  auto value = cached->Get("a");
  ASSERT_FALSE(value);
  EXPECT_EQ(value.error().code(), Code::kWouldBlock);
  auto it = cached->Scan("", "");
  EXPECT_FALSE(it->Valid());
  EXPECT_FALSE(it->status());
  EXPECT_TRUE(Has(store, "a"));
}

}  // namespace
}  // namespace forebay::kv
