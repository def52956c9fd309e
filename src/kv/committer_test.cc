// The committer against an engine whose writes can be held up and failed.
#include "kv/committer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <future>
#include <mutex>
#include <utility>

#include "kv/overlay.h"

namespace forebay::kv {
namespace {

// A map behind a gate: Write waits while the gate is shut, then fails if told to.
class GatedTarget final : public CommitTarget {
 public:
  std::unique_ptr<Reader> Snapshot(ReadMode) const override { return Latest(); }
  std::unique_ptr<Reader> Latest() const override { return std::make_unique<MapReader>(*this); }
  Result<> Write(const GroupWrite& group) override {
    std::unique_lock lock(mutex_);
    ++writes_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    if (fail_) {
      fail_ = false;
      return Fail(Code::kIo, "told to fail");
    }
    for (const auto& [key, value] : group.changes.points(Space::kMeta)) {
      if (value) {
        map_[key] = *value;
      } else {
        map_.erase(key);
      }
    }
    if (group.append_limit != 0) append_limit_ = group.append_limit;
    return {};
  }

  Result<> Sync() override {
    std::unique_lock lock(mutex_);
    ++syncs_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return syncs_open_; });
    return std::exchange(sync_, {});
  }

  Result<> RoomToGrow() override {
    std::lock_guard lock(mutex_);
    return full_ ? Result<>(Fail(Code::kNoSpace, "told to be full")) : Result<>();
  }

  void SetFull(bool full) {
    std::lock_guard lock(mutex_);
    full_ = full;
  }
  void Shut() {
    std::lock_guard lock(mutex_);
    open_ = false;
  }
  void Open(bool fail) {
    std::lock_guard lock(mutex_);
    open_ = true;
    fail_ = fail;
    changed_.notify_all();
  }
  void ShutSyncs() {
    std::lock_guard lock(mutex_);
    syncs_open_ = false;
  }
  // The next one, or the one under way, tells `result`.
  void OpenSyncs(Result<> result = {}) {
    std::lock_guard lock(mutex_);
    syncs_open_ = true;
    sync_ = std::move(result);
    changed_.notify_all();
  }
  void AwaitSyncs(int n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return syncs_ >= n; });
  }
  int syncs() const {
    std::lock_guard lock(mutex_);
    return syncs_;
  }
  void AwaitWrites(int n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return writes_ >= n; });
  }
  std::map<std::string, std::string> map() const {
    std::lock_guard lock(mutex_);
    return map_;
  }
  std::uint64_t append_limit() const {
    std::lock_guard lock(mutex_);
    return append_limit_;
  }

 private:
  class EmptyIterator final : public Iterator {
   public:
    bool Valid() const override { return false; }
    void Next() override {}
    void Seek(std::string_view) override {}
    std::string_view key() const override { return {}; }
    std::string_view value() const override { return {}; }
    Result<> status() const override { return {}; }
  };
  class MapReader final : public Reader {
   public:
    explicit MapReader(const GatedTarget& target) : target_(target) {}
    Result<std::optional<std::string>> Get(Space, std::string_view key) const override {
      std::lock_guard lock(target_.mutex_);
      auto it = target_.map_.find(std::string(key));
      if (it == target_.map_.end()) return std::nullopt;
      return it->second;
    }
    std::unique_ptr<Iterator> Scan(Space, std::string_view, std::string_view) const override {
      return std::make_unique<EmptyIterator>();
    }

   private:
    const GatedTarget& target_;
  };

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, std::string> map_;
  bool open_ = true;
  bool fail_ = false;
  bool full_ = false;
  int writes_ = 0;
  bool syncs_open_ = true;
  Result<> sync_;
  int syncs_ = 0;
  std::uint64_t append_limit_ = 0;
};

std::future<Result<>> Submit(Committer& committer, TransactionFn fn,
                             Durability durability = Durability::kSync) {
  auto promise = std::make_shared<std::promise<Result<>>>();
  auto future = promise->get_future();
  committer.Submit(std::move(fn), durability,
                   [promise](Result<> result) { promise->set_value(std::move(result)); });
  return future;
}

TransactionFn PutFn(std::string key, std::string value) {
  return [=](Transaction& t) -> Result<> {
    t.Put(key, value);
    return {};
  };
}

// Succeeds once; then it finds its key.
TransactionFn CreateFn(std::string key) {
  return [=](Transaction& t) -> Result<> {
    FB_ASSIGN_OR_RETURN(auto value, t.Get(key));
    if (value) return Fail(Code::kAlreadyExists, "there");
    t.Put(key, "v");
    return {};
  };
}

bool Waits(std::future<Result<>>& future) {
  return future.wait_for(std::chrono::milliseconds(30)) == std::future_status::timeout;
}

TEST(CommitterTest, ManyWaitingTransactionsShareOneWrite) {
  GatedTarget target;
  Committer committer(target, {});
  target.Shut();
  std::vector<std::future<Result<>>> answers;
  answers.push_back(Submit(committer, PutFn("first", "v")));
  target.AwaitWrites(1);
  for (int i = 0; i < 50; ++i) answers.push_back(Submit(committer, PutFn(std::to_string(i), "v")));
  target.Open(false);
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  // One, or a few where the gate opened while the runner was still at it.
  EXPECT_LE(committer.stats().groups, 4u);
  EXPECT_EQ(target.map().size(), 51u);
}

TEST(CommitterTest, AnAnswerThatRestsOnAnUnwrittenGroupWaitsForIt) {
  GatedTarget target;
  Committer committer(target, {});
  target.Shut();
  auto first = Submit(committer, CreateFn("k"));
  target.AwaitWrites(1);
  auto second = Submit(committer, CreateFn("k"));
  EXPECT_TRUE(Waits(second));
  target.Open(false);
  EXPECT_TRUE(first.get());
  auto refused = second.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kAlreadyExists);
}

TEST(CommitterTest, WhatRestedOnAFailedGroupRunsAgain) {
  GatedTarget target;
  Committer committer(target, {});
  target.Shut();
  auto first = Submit(committer, CreateFn("k"));
  target.AwaitWrites(1);
  std::atomic<int> runs = 0;
  auto second = Submit(committer, [&runs, create = CreateFn("k")](Transaction& t) -> Result<> {
    auto result = create(t);
    ++runs;
    runs.notify_all();
    return result;
  });
  // By the caller, and then on top of what is never written.
  for (int n = runs; n < 2; n = runs) runs.wait(n);
  EXPECT_TRUE(Waits(second));
  target.Open(true);
  auto failed = first.get();
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kIo);
  EXPECT_TRUE(second.get()) << "the key was never written, so creating it must succeed";
  EXPECT_EQ(committer.stats().reruns, 1u);
  EXPECT_EQ(target.map().size(), 1u);
}

TEST(CommitterTest, AFullQueueAnswersBusy) {
  GatedTarget target;
  Committer committer(target, {.max_waiting = 2, .max_group_transactions = 1});
  target.Shut();
  std::vector<std::future<Result<>>> answers;
  answers.push_back(Submit(committer, PutFn("0", "v")));
  target.AwaitWrites(1);
  // One waits in the next group, two in the queue; the others find no room.
  for (int i = 1; i < 20; ++i) answers.push_back(Submit(committer, PutFn(std::to_string(i), "v")));
  target.Open(false);
  int busy = 0;
  for (auto& answer : answers) {
    auto result = answer.get();
    if (result) continue;
    EXPECT_EQ(result.error().code(), Code::kBusy);
    ++busy;
  }
  EXPECT_GE(busy, 10);
  EXPECT_EQ(committer.stats().busy, static_cast<std::uint64_t>(busy));
}

TEST(CommitterTest, FailedConditionsAndReadsAreAnsweredWithoutAWrite) {
  GatedTarget target;
  Committer committer(target, {});
  target.Shut();
  auto refused = Submit(
      committer, [](Transaction&) -> Result<> { return Fail(Code::kConditionNotMet, "no"); });
  EXPECT_FALSE(refused.get());
  auto read = Submit(committer, [](Transaction& t) -> Result<> {
    FB_RETURN_IF_ERROR(t.Get("k"));
    return {};
  });
  EXPECT_TRUE(read.get());
  EXPECT_EQ(committer.stats().early_answers, 2u);
  EXPECT_EQ(committer.stats().groups, 0u);
  target.Open(false);
}

TEST(CommitterTest, WithoutRoomToGrowOnlyWhatMakesRoomIsWritten) {
  GatedTarget target;
  Committer committer(target, {});
  ASSERT_TRUE(Submit(committer, PutFn("a", "1")).get());
  target.SetFull(true);
  target.Shut();
  auto first = Submit(committer, [](Transaction& t) -> Result<> {
    t.MakesRoom();
    t.Erase(Space::kMeta, "a");
    t.Put("gone", "a");
    return {};
  });
  target.AwaitWrites(2);
  // In one group, as the writer is busy: each is judged for itself.
  auto grows = Submit(committer, PutFn("b", "1"));
  auto frees = Submit(committer, [](Transaction& t) -> Result<> {
    t.Erase(Space::kMeta, "gone");  // which says it all
    return {};
  });
  auto both = Submit(committer, [](Transaction& t) -> Result<> {
    t.Erase(Space::kMeta, "gone");
    t.Add("count", 1);
    return {};
  });
  target.Open(false);
  EXPECT_TRUE(first.get());
  EXPECT_FALSE(both.get());
  auto refused = grows.get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kNoSpace);
  EXPECT_TRUE(frees.get());
  EXPECT_TRUE(target.map().empty());
  target.SetFull(false);
  EXPECT_TRUE(Submit(committer, PutFn("b", "1")).get());
}

TEST(CommitterTest, AppendNumbersAreReservedBeforeTheyAreUsed) {
  GatedTarget target;
  Committer committer(target, {.first_append = 1000});
  auto append = [](Transaction& t) -> Result<> {
    t.Append("log/", "x");
    return {};
  };
  ASSERT_TRUE(Submit(committer, append).get());
  std::uint64_t limit = target.append_limit();
  EXPECT_GT(limit, 1000u);
  ASSERT_TRUE(Submit(committer, append).get());
  EXPECT_EQ(target.append_limit(), limit) << "one reservation serves many";
}

TEST(CommitterTest, WhatIsAwaitedIsSeenAtOnceAndAnsweredWhenItIsDurable) {
  GatedTarget target;
  Committer committer(target, {});
  target.ShutSyncs();
  auto awaited = Submit(committer, PutFn("a", "1"), Durability::kAwaited);
  target.AwaitSyncs(1);
  EXPECT_EQ(target.map().count("a"), 1u);
  // While the log is being synced others go on, on top of it.
  EXPECT_FALSE(Submit(committer, CreateFn("a"), Durability::kLazy).get());
  EXPECT_TRUE(Submit(committer, CreateFn("b"), Durability::kLazy).get());
  EXPECT_TRUE(Waits(awaited));
  target.OpenSyncs();
  EXPECT_TRUE(awaited.get());
}

// One whose sync is held up, and `more` behind it, which are written too.
std::vector<std::future<Result<>>> AwaitAHeldSync(GatedTarget& target, Committer& committer,
                                                  int more) {
  target.ShutSyncs();
  std::vector<std::future<Result<>>> answers;
  answers.push_back(Submit(committer, PutFn("first", "v"), Durability::kAwaited));
  target.AwaitSyncs(1);
  for (int i = 0; i < more; ++i) {
    answers.push_back(Submit(committer, PutFn(std::to_string(i), "v"), Durability::kAwaited));
  }
  // Written behind them all, by the same thread, which hands them over one group after the other.
  EXPECT_TRUE(Submit(committer, PutFn("last", "v"), Durability::kLazy).get());
  return answers;
}

TEST(CommitterTest, WhatIsAwaitedIsCountedAsOtherCommitsAre) {
  GatedTarget target;
  Committer committer(target, {});
  auto answers = AwaitAHeldSync(target, committer, 3);
  CommitStats stats = committer.stats();
  EXPECT_EQ(stats.transactions, 1u) << "the others have no answer yet";
  EXPECT_EQ(stats.queue_depth, 4u);
  EXPECT_EQ(stats.synced_groups, 0u);
  EXPECT_EQ(stats.group_writes.count(), 0u);
  const std::uint64_t groups = stats.groups;
  target.OpenSyncs(Fail(Code::kIo, "told to fail"));
  EXPECT_FALSE(answers.front().get());
  for (std::size_t i = 1; i < answers.size(); ++i) EXPECT_TRUE(answers[i].get());
  stats = committer.stats();
  EXPECT_EQ(stats.transactions, 5u);
  EXPECT_EQ(stats.queue_depth, 0u);
  EXPECT_EQ(stats.groups, groups);
  EXPECT_EQ(stats.synced_groups, 1u);
  EXPECT_EQ(stats.failed_groups, 1u);
  EXPECT_EQ(stats.group_writes.count(), 2u);
}

TEST(CommitterTest, OneSyncServesAllThatAwaitOneByThen) {
  GatedTarget target;
  Committer committer(target, {});
  auto answers = AwaitAHeldSync(target, committer, 20);
  target.OpenSyncs();
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
  EXPECT_EQ(target.syncs(), 2);
}

TEST(CommitterTest, WhatIsAwaitedInASyncedGroupIsSyncedWithIt) {
  GatedTarget target;
  Committer committer(target, {});
  target.Shut();
  auto first = Submit(committer, PutFn("first", "v"));
  target.AwaitWrites(1);
  auto awaited = Submit(committer, PutFn("a", "v"), Durability::kAwaited);
  auto synced = Submit(committer, PutFn("b", "v"));
  target.Open(false);
  EXPECT_TRUE(first.get());
  EXPECT_TRUE(synced.get());
  EXPECT_TRUE(awaited.get());
  EXPECT_EQ(target.syncs(), 0);
}

TEST(CommitterTest, AFailedSyncIsToldToWhoAwaitedIt) {
  GatedTarget target;
  Committer committer(target, {});
  target.OpenSyncs(Fail(Code::kIo, "told to fail"));
  auto refused = Submit(committer, PutFn("a", "v"), Durability::kAwaited).get();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kIo);
  EXPECT_TRUE(Submit(committer, PutFn("b", "v"), Durability::kAwaited).get());
}

TEST(CommitterTest, DestructionAnswersEverything) {
  GatedTarget target;
  std::vector<std::future<Result<>>> answers;
  {
    Committer committer(target, {});
    constexpr Durability kAll[] = {Durability::kSync, Durability::kLazy, Durability::kAwaited};
    for (int i = 0; i < 200; ++i) {
      answers.push_back(Submit(committer, PutFn("k", "v"), kAll[i % 3]));
    }
  }
  for (auto& answer : answers) EXPECT_TRUE(answer.get());
}

}  // namespace
}  // namespace forebay::kv
