// One suite over every engine: what kv/store.h promises, whoever keeps it.
#include "kv/store.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <condition_variable>
#include <mutex>
#include <random>
#include <thread>

#include "base/codec.h"
#include "kv/test_engines.h"

namespace forebay::kv {
namespace {

using Entries = std::vector<std::pair<std::string, std::string>>;

Entries Collect(Iterator& it) {
  Entries out;
  for (; it.Valid(); it.Next()) out.emplace_back(it.key(), it.value());
  EXPECT_TRUE(it.status());
  return out;
}

Entries All(const Reader& reader, std::string_view begin = "", std::string_view end = "") {
  return Collect(*reader.Scan(begin, end));
}

template <class Engine>
class StoreTest : public ::testing::Test {
 protected:
  Engine engine_;
  Store& store() { return engine_.store(); }

  void Put(std::string key, std::string value) {
    ASSERT_TRUE(store().TransactBlocking([&](Transaction& t) -> Result<> {
      t.Put(key, value);
      return {};
    }));
  }
  std::optional<std::string> Read(std::string_view key) {
    auto value = store().GetSnapshot()->Get(key);
    EXPECT_TRUE(value);
    return value ? *value : std::nullopt;
  }
};

TYPED_TEST_SUITE(StoreTest, TestEngines);

TYPED_TEST(StoreTest, WritesAreReadBack) {
  this->Put("a", "1");
  this->Put("b", std::string("\0\xff", 2));
  EXPECT_EQ(this->Read("a"), "1");
  EXPECT_EQ(this->Read("b"), std::string("\0\xff", 2));
  EXPECT_EQ(this->Read("c"), std::nullopt);
}

TYPED_TEST(StoreTest, EveryDurabilityIsSeenWhenItIsAnswered) {
  for (const Durability how : {Durability::kSync, Durability::kLazy, Durability::kAwaited}) {
    const std::string key = "k" + std::to_string(static_cast<int>(how));
    const auto put = [&key](Transaction& t) -> Result<> {
      t.Put(key, "v");
      return {};
    };
    ASSERT_TRUE(this->store().TransactBlocking(put, how));
    EXPECT_EQ(this->Read(key), "v");
  }
}

TYPED_TEST(StoreTest, SpacesAreApart) {
  ASSERT_TRUE(this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.Put(Space::kMeta, "k", "meta");
    t.Put(Space::kInline, "k", std::string(10'000, 'x'));
    return {};
  }));
  auto snapshot = this->store().GetSnapshot();
  EXPECT_EQ(*snapshot->Get(Space::kMeta, "k"), "meta");
  EXPECT_EQ(*snapshot->Get(Space::kInline, "k"), std::string(10'000, 'x'));
}

TYPED_TEST(StoreTest, AFailedFunctionWritesNothing) {
  auto result = this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.Put("a", "1");
    t.Append("log", "x");
    t.Add("n", 1);
    return Fail(Code::kConditionNotMet, "no");
  });
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kConditionNotMet);
  EXPECT_TRUE(All(*this->store().GetSnapshot()).empty());
}

TYPED_TEST(StoreTest, ATransactionSeesItsOwnWrites) {
  this->Put("a", "old");
  this->Put("b", "old");
  this->Put("d", "old");
  Entries seen;
  ASSERT_TRUE(this->store().TransactBlocking([&](Transaction& t) -> Result<> {
    t.Put("a", "new");
    t.Erase("b");
    t.Put("c", "new");
    FB_ASSIGN_OR_RETURN(auto a, t.Get("a"));
    FB_ASSIGN_OR_RETURN(auto b, t.Get("b"));
    if (a != "new" || b) return Fail(Code::kInternal, "own writes are not visible");
    seen = All(t);
    return {};
  }));
  Entries expected{{"a", "new"}, {"c", "new"}, {"d", "old"}};
  EXPECT_EQ(seen, expected);
  EXPECT_EQ(All(*this->store().GetSnapshot()), expected);
}

TYPED_TEST(StoreTest, SnapshotsDoNotMove) {
  this->Put("a", "1");
  auto before = this->store().GetSnapshot();
  this->Put("a", "2");
  this->Put("b", "2");
  EXPECT_EQ(*before->Get("a"), "1");
  EXPECT_EQ(All(*before), (Entries{{"a", "1"}}));
  EXPECT_EQ(All(*this->store().GetSnapshot()), (Entries{{"a", "2"}, {"b", "2"}}));
}

TYPED_TEST(StoreTest, ScansHonourTheirBounds) {
  for (const char* key : {"a", "b", "ba", "c", "d"}) this->Put(key, key);
  auto snapshot = this->store().GetSnapshot();
  EXPECT_EQ(All(*snapshot, "b", "c"), (Entries{{"b", "b"}, {"ba", "ba"}}));
  EXPECT_EQ(All(*snapshot, "c", ""), (Entries{{"c", "c"}, {"d", "d"}}));
  EXPECT_TRUE(All(*snapshot, "bb", "c").empty());
  auto it = snapshot->Scan("b", "d");
  it->Seek("a");
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "b");
  it->Seek("bb");
  ASSERT_TRUE(it->Valid());
  EXPECT_EQ(it->key(), "c");
  it->Seek("d");
  EXPECT_FALSE(it->Valid());
  EXPECT_TRUE(it->status());
}

TYPED_TEST(StoreTest, DeleteRangeCountsFromItsPoint) {
  for (const char* key : {"a", "b", "c", "d"}) this->Put(key, "old");
  ASSERT_TRUE(this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.Put("bb", "gone");
    t.DeleteRange(Space::kMeta, "b", "d");
    t.Put("c", "new");
    return {};
  }));
  EXPECT_EQ(All(*this->store().GetSnapshot()), (Entries{{"a", "old"}, {"c", "new"}, {"d", "old"}}));
  ASSERT_TRUE(this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.DeleteRange(Space::kMeta, "b", "");
    return {};
  }));
  EXPECT_EQ(All(*this->store().GetSnapshot()), (Entries{{"a", "old"}}));
}

TYPED_TEST(StoreTest, DeleteRangeOfManyKeys) {
  for (int batch = 0; batch < 5; ++batch) {
    ASSERT_TRUE(this->store().TransactBlocking([&](Transaction& t) -> Result<> {
      for (std::uint32_t i = 0; i < 800; ++i) {
        t.Put(KeyBuilder('r').U32(static_cast<std::uint32_t>(batch) * 800 + i).Take(), "v");
      }
      return {};
    }));
  }
  this->Put("q", "before");
  this->Put("s", "after");
  ASSERT_TRUE(this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.DeleteRange(Space::kMeta, "r", "s");
    return {};
  }));
  EXPECT_EQ(All(*this->store().GetSnapshot()), (Entries{{"q", "before"}, {"s", "after"}}));
  ASSERT_TRUE(this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.DeleteRange(Space::kMeta, "", "");
    return {};
  }));
  EXPECT_TRUE(All(*this->store().GetSnapshot()).empty());
}

TYPED_TEST(StoreTest, CountersAddUpAndKeepTheLargest) {
  for (int i = 1; i <= 5; ++i) {
    ASSERT_TRUE(this->store().TransactBlocking([&](Transaction& t) -> Result<> {
      t.Add("sum", i);
      t.Add("sum", -1);
      t.Max("top", i == 3 ? 100 : i);
      return {};
    }));
  }
  EXPECT_EQ(CounterValue(this->Read("sum")), 10);
  EXPECT_EQ(CounterValue(this->Read("top")), 100);
  EXPECT_EQ(CounterValue(std::nullopt), 0);
}

TYPED_TEST(StoreTest, CountersAreNotReadableBehindTheirAdd) {
  this->Put("before", "x");
  auto get = this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.Add("n", 1);
    FB_RETURN_IF_ERROR(t.Get("n"));
    return {};
  });
  ASSERT_FALSE(get);
  EXPECT_EQ(get.error().code(), Code::kInternal);
  auto scan = this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.Add("n", 1);
    auto it = t.Scan("", "");
    while (it->Valid()) it->Next();
    return it->status();
  });
  ASSERT_FALSE(scan);
  EXPECT_EQ(scan.error().code(), Code::kInternal);
  // Elsewhere reading goes on, and a write over the counter makes it an ordinary key again.
  EXPECT_TRUE(this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.Add("n", 1);
    FB_RETURN_IF_ERROR(t.Scan("", "n")->status());
    t.Erase("n");
    FB_ASSIGN_OR_RETURN(auto n, t.Get("n"));
    return n ? Result<>(Fail(Code::kInternal, "erased")) : Result<>();
  }));
}

TYPED_TEST(StoreTest, AppendsGrowWithCommitOrderOverAllPrefixes) {
  for (int i = 0; i < 20; ++i) {
    ASSERT_TRUE(this->store().TransactBlocking([&](Transaction& t) -> Result<> {
      t.Append(i % 2 == 0 ? "even/" : "odd/", std::to_string(i));
      t.Append("all/", std::to_string(i));
      return {};
    }));
  }
  auto all = All(*this->store().GetSnapshot(), "all/", PrefixEnd("all/"));
  ASSERT_EQ(all.size(), 20u);
  std::uint64_t last = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].second, std::to_string(i));
    KeyReader key(all[i].first);
    ASSERT_EQ(all[i].first.size(), 12u);
    std::uint64_t number = KeyReader(std::string_view(all[i].first).substr(4)).U64();
    EXPECT_GT(number, last);
    last = number;
  }
  EXPECT_EQ(All(*this->store().GetSnapshot(), "even/", PrefixEnd("even/")).size(), 10u);
}

TYPED_TEST(StoreTest, LimitsAreKept) {
  auto code = [&](TransactionFn fn) {
    auto result = this->store().TransactBlocking(std::move(fn));
    return result ? std::optional<Code>() : std::optional(result.error().code());
  };
  auto keys = [](std::size_t n) {
    return [n](Transaction& t) -> Result<> {
      for (std::size_t i = 0; i < n; ++i) t.Put(std::to_string(i), "v");
      return {};
    };
  };
  EXPECT_EQ(code(keys(kMaxTransactionKeys)), std::nullopt);
  EXPECT_EQ(code(keys(kMaxTransactionKeys + 1)), Code::kLimitExceeded);
  auto one = [](std::size_t key, std::size_t value) {
    return [=](Transaction& t) -> Result<> {
      t.Put(std::string(key, 'k'), std::string(value, 'v'));
      return {};
    };
  };
  EXPECT_EQ(code(one(kMaxKeyBytes, kMaxValueBytes)), std::nullopt);
  EXPECT_EQ(code(one(kMaxKeyBytes + 1, 1)), Code::kLimitExceeded);
  EXPECT_EQ(code(one(1, kMaxValueBytes + 1)), Code::kLimitExceeded);
  EXPECT_EQ(code([](Transaction& t) -> Result<> {
              for (int i = 0; i < 5; ++i) t.Put(std::to_string(i), std::string(230'000, 'v'));
              return {};
            }),
            Code::kLimitExceeded);
  EXPECT_EQ(this->Read("4"), "v");  // of the first, not of the last
}

TYPED_TEST(StoreTest, WhatMakesRoomIsCommittedAsAnyOther) {
  this->Put("a", "1");
  ASSERT_TRUE(this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.MakesRoom();
    t.Erase(Space::kMeta, "a");
    t.Put("note", "a");
    return {};
  }));
  EXPECT_EQ(this->Read("a"), std::nullopt);
  EXPECT_EQ(this->Read("note"), "a");
}

TYPED_TEST(StoreTest, WritingWhileScanningIsSafe) {
  for (int i = 0; i < 50; ++i)
    this->Put(KeyBuilder('k').U8(static_cast<std::uint8_t>(i)).Take(), "v");
  ASSERT_TRUE(this->store().TransactBlocking([](Transaction& t) -> Result<> {
    auto it = t.Scan("k", "l");
    for (; it->Valid(); it->Next()) {
      t.Put(it->key(), std::string(it->value()) + "2");
      t.Erase(std::string(it->key()) + "x");
      t.DeleteRange(Space::kMeta, "m", "n");
    }
    return it->status();
  }));
  auto all = All(*this->store().GetSnapshot());
  ASSERT_EQ(all.size(), 50u);
  for (const auto& [key, value] : all) EXPECT_EQ(value, "v2");
}

// Transfers between accounts keep the sum, and a reader never sees half of one.
TYPED_TEST(StoreTest, TransactionsAreSerializable) {
  constexpr int kAccounts = 8, kThreads = 4, kTransfers = 150, kStart = 100;
  auto name = [](int i) { return "account" + std::to_string(i); };
  ASSERT_TRUE(this->store().TransactBlocking([&](Transaction& t) -> Result<> {
    for (int i = 0; i < kAccounts; ++i) t.Put(name(i), std::to_string(kStart));
    return {};
  }));
  std::atomic<bool> stop = false;
  std::atomic<int> torn = 0;
  std::thread reader([&] {
    while (!stop) {
      int sum = 0;
      for (const auto& [key, value] : All(*this->store().GetSnapshot(), "account", "b")) {
        sum += std::stoi(value);
      }
      if (sum != kAccounts * kStart) ++torn;
    }
  });
  std::atomic<int> moved = 0;
  std::vector<std::thread> threads;
  for (int n = 0; n < kThreads; ++n) {
    threads.emplace_back([&, n] {
      std::mt19937 random(static_cast<unsigned>(n));
      for (int i = 0; i < kTransfers; ++i) {
        auto from = name(static_cast<int>(random() % kAccounts));
        auto to = name(static_cast<int>(random() % kAccounts));
        if (from == to) continue;
        auto result = this->store().TransactBlocking([&](Transaction& t) -> Result<> {
          FB_ASSIGN_OR_RETURN(auto a, t.Get(from));
          FB_ASSIGN_OR_RETURN(auto b, t.Get(to));
          if (std::stoi(*a) == 0) return Fail(Code::kConditionNotMet, "empty");
          t.Put(from, std::to_string(std::stoi(*a) - 1));
          t.Put(to, std::to_string(std::stoi(*b) + 1));
          t.Add("moved", 1);
          return {};
        });
        if (result) {
          ++moved;
        } else {
          EXPECT_EQ(result.error().code(), Code::kConditionNotMet);
        }
      }
    });
  }
  for (auto& thread : threads) thread.join();
  stop = true;
  reader.join();
  EXPECT_EQ(torn, 0);
  EXPECT_EQ(CounterValue(this->Read("moved")), moved);
  int sum = 0;
  for (int i = 0; i < kAccounts; ++i) sum += std::stoi(*this->Read(name(i)));
  EXPECT_EQ(sum, kAccounts * kStart);
}

TYPED_TEST(StoreTest, WatchesHearOfTheirPrefixOnly) {
  std::mutex mutex;
  std::condition_variable changed;
  int calls = 0, others = 0;
  auto watch = this->store().Watch("log/", [&] {
    std::lock_guard lock(mutex);
    ++calls;
    changed.notify_all();
  });
  auto other = this->store().Watch("other/", [&] {
    std::lock_guard lock(mutex);
    ++others;
  });
  this->Put("lo", "x");
  ASSERT_TRUE(this->store().TransactBlocking([](Transaction& t) -> Result<> {
    t.Append("log/", "x");
    return {};
  }));
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(10), [&] { return calls == 1; }));
    EXPECT_EQ(others, 0);
  }
  watch.reset();
  this->Put("log/y", "x");
  std::lock_guard lock(mutex);
  EXPECT_EQ(calls, 1);
}

TYPED_TEST(StoreTest, ACoroutineResumesOnItsOwnExecutor) {
  boost::asio::io_context context;
  std::thread::id resumed;
  Result<> outcome;
  auto work = [](Store* store, std::thread::id* where) -> Task<> {
    auto result = co_await store->Transact([](Transaction& t) -> Result<> {
      t.Put("co", "routine");
      return {};
    });
    *where = std::this_thread::get_id();
    co_return result;
  };
  boost::asio::co_spawn(context, work(&this->store(), &resumed),
                        [&](std::exception_ptr, Result<> result) { outcome = std::move(result); });
  context.run();
  EXPECT_TRUE(outcome);
  EXPECT_EQ(resumed, std::this_thread::get_id());
  EXPECT_EQ(this->Read("co"), "routine");
}

// Random transactions against a map.
TYPED_TEST(StoreTest, AgreesWithAModel) {
  std::mt19937_64 random(7);
  std::map<std::string, std::string> model;
  auto key = [&] { return std::string(1 + random() % 3, static_cast<char>('a' + random() % 4)); };
  for (int round = 0; round < 300; ++round) {
    std::uint64_t seed = random();
    std::map<std::string, std::string> next;
    bool abort = round % 7 == 0;
    auto result = this->store().TransactBlocking([&](Transaction& t) -> Result<> {
      random.seed(seed);
      next = model;
      for (int step = 0; step < 12; ++step) {
        std::string a = key(), b = key();
        switch (random() % 5) {
          case 0:
          case 1:
            t.Put(a, b + std::to_string(step));
            next[a] = b + std::to_string(step);
            break;
          case 2:
            t.Erase(a);
            next.erase(a);
            break;
          case 3:
            if (b < a) std::swap(a, b);
            t.DeleteRange(Space::kMeta, a, b);
            next.erase(next.lower_bound(a), next.lower_bound(b));
            break;
          default: {
            FB_ASSIGN_OR_RETURN(auto value, t.Get(a));
            auto it = next.find(a);
            if (value != (it == next.end() ? std::nullopt : std::optional(it->second))) {
              return Fail(Code::kInternal, "Get differs");
            }
            if (b < a) std::swap(a, b);
            if (a == b) break;
            Entries expected(next.lower_bound(a), next.lower_bound(b));
            if (All(t, a, b) != expected) return Fail(Code::kInternal, "Scan differs");
          }
        }
      }
      if (abort) return Fail(Code::kConditionNotMet, "abort");
      return {};
    });
    if (abort) {
      ASSERT_FALSE(result);
      ASSERT_EQ(result.error().code(), Code::kConditionNotMet) << result.error().ToString();
    } else {
      ASSERT_TRUE(result) << result.error().ToString();
      model = next;
    }
    ASSERT_EQ(All(*this->store().GetSnapshot()), Entries(model.begin(), model.end()));
  }
}

}  // namespace
}  // namespace forebay::kv
