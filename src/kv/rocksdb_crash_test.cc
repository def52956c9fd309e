// Pulls the power under RocksDbStore at chosen moments: what was acknowledged is there entirely,
// and nothing is there by halves.
#include <gtest/gtest.h>

#include <random>
#include <thread>

#include "base/codec.h"
#include "io/memory.h"
#include "kv/crash_file_system.h"
#include "kv/rocksdb.h"

namespace forebay::kv {
namespace {

constexpr int kWriters = 3;

RocksDbOptions SmallOptions(io::FileSystem& fs) {
  RocksDbOptions options;
  options.path = "/data/kv";
  options.cache_bytes = 1 << 20;
  // Small, so that flushes, blob files and log switches happen within a test.
  options.meta_buffer_bytes = 64 << 10;
  options.inline_buffer_bytes = 64 << 10;
  options.max_log_bytes = 256 << 10;
  options.min_free_bytes = 0;
  options.file_system = &fs;
  options.on_sync_failure = [](std::string_view) {};  // the crash test ends the process anyway
  return options;
}

std::string NumberKey(int writer, std::uint32_t n) {
  return KeyBuilder('w').U8(static_cast<std::uint8_t>(writer)).U32(n).Take();
}
std::string CounterKey(int writer) { return "n" + std::to_string(writer); }
std::string Body(int writer, std::uint32_t n) {
  return std::string(700 + n % 900, static_cast<char>('a' + (static_cast<int>(n) + writer) % 26));
}

// One transaction that touches everything: a record, an inline body, a counter, the log.
Result<> WriteOne(Store& store, int writer, std::uint32_t n, Durability durability) {
  auto fn = [=](Transaction& t) -> Result<> {
    FB_ASSIGN_OR_RETURN(auto before, t.Get(NumberKey(writer, n)));
    if (before) return Fail(Code::kInternal, "written twice");
    t.Put(NumberKey(writer, n), std::to_string(n));
    t.Put(Space::kInline, NumberKey(writer, n), Body(writer, n));
    t.Add(CounterKey(writer), 1);
    t.Append("log/", std::to_string(writer) + ":" + std::to_string(n));
    return {};
  };
  return store.TransactBlocking(fn, durability);
}

struct Progress {
  std::uint32_t durable[kWriters] = {};    // transactions known to be on stable storage
  std::uint32_t submitted[kWriters] = {};  // the last one may have no answer
};

// How the writers of a run write: every so many-th transaction is durable with its answer.
struct Writing {
  std::uint32_t sync_every = 1;  // the others are kLazy
  Durability synced = Durability::kSync;
};

// Until the power fails; an answer after that does not count.
void WriteUntilCrash(Store& store, const CrashFileSystem& fs, Progress& progress,
                     std::uint32_t count, Writing how) {
  std::vector<std::thread> threads;
  for (int writer = 0; writer < kWriters; ++writer) {
    threads.emplace_back([&, writer] {
      std::uint32_t& n = progress.submitted[writer];
      for (std::uint32_t end = n + count; n < end;) {
        bool sync = n % how.sync_every == how.sync_every - 1;
        auto written = WriteOne(store, writer, n++, sync ? how.synced : Durability::kLazy);
        if (fs.crashed()) return;
        ASSERT_TRUE(written) << written.error().ToString();
        if (sync) progress.durable[writer] = n;
      }
    });
  }
  for (auto& thread : threads) thread.join();
}

// Checks what is stored against what was acknowledged, and takes on what was written without an
// answer.
void Verify(const Store& store, Progress& progress) {
  auto snapshot = store.GetSnapshot();
  std::vector<std::uint32_t> logged(kWriters, 0);
  std::string last;
  auto it = snapshot->Scan("log/", PrefixEnd("log/"));
  for (; it->Valid(); it->Next()) {
    int writer = it->value()[0] - '0';
    ASSERT_EQ(it->value().substr(2), std::to_string(logged[static_cast<std::size_t>(writer)]));
    ++logged[static_cast<std::size_t>(writer)];
  }
  ASSERT_TRUE(it->status());
  for (int writer = 0; writer < kWriters; ++writer) {
    std::uint32_t found = 0;
    auto keys = snapshot->Scan(NumberKey(writer, 0), NumberKey(writer, UINT32_MAX));
    for (; keys->Valid(); keys->Next(), ++found) {
      ASSERT_EQ(keys->key(), NumberKey(writer, found)) << "a gap";
      auto body = snapshot->Get(Space::kInline, NumberKey(writer, found));
      ASSERT_TRUE(body) << body.error().ToString();
      ASSERT_EQ(*body, Body(writer, found));
    }
    ASSERT_TRUE(keys->status());
    EXPECT_GE(found, progress.durable[writer]) << "an acknowledged transaction is gone";
    EXPECT_LE(found, progress.submitted[writer]) << "more than was ever submitted";
    EXPECT_EQ(CounterValue(*snapshot->Get(CounterKey(writer))), found);
    EXPECT_EQ(logged[static_cast<std::size_t>(writer)], found);
    auto beyond = snapshot->Get(Space::kInline, NumberKey(writer, found));
    EXPECT_TRUE(beyond && !*beyond) << "a body without its record";
    progress.submitted[writer] = found;
    // Found now, it may have been unsynced before: a restart reads it, which syncs nothing.
  }
}

constexpr std::uint32_t kFirstWrites = 40;
constexpr std::uint64_t kNever = UINT64_MAX;

// Runs, loses power at `crash_at`, restarts, runs on, loses power again a little later, restarts.
void CrashAndRecover(std::uint64_t crash_at, std::optional<std::uint64_t> seed, Writing how) {
  SCOPED_TRACE("crash at operation " + std::to_string(crash_at) +
               (seed ? ", seed " + std::to_string(*seed) : ""));
  io::MemoryFileSystem memory;
  Progress progress;
  ASSERT_TRUE(memory.MakeDirs("/data"));
  for (int round = 0; round < 3; ++round) {
    CrashFileSystem fs(memory, round == 0 ? crash_at : round == 1 ? 1 + crash_at % 60 : kNever);
    auto store = RocksDbStore::Open(SmallOptions(fs));
    ASSERT_TRUE(store) << store.error().ToString();
    // A crash while opening shows the state through a copy, which is as good.
    Verify(**store, progress);
    if (::testing::Test::HasFatalFailure()) return;
    if (!fs.crashed()) WriteUntilCrash(**store, fs, progress, round == 0 ? kFirstWrites : 5, how);
    if (round == 2) EXPECT_TRUE((*store)->VerifyChecksums());
    store->reset();
    memory.DropUnsynced(seed);
  }
}

std::uint64_t OperationsOfAFullRun(Writing how) {
  io::MemoryFileSystem memory;
  CrashFileSystem fs(memory, kNever);
  EXPECT_TRUE(memory.MakeDirs("/data"));
  Progress progress;
  auto store = RocksDbStore::Open(SmallOptions(fs));
  EXPECT_TRUE(store) << store.error().ToString();
  if (!store) return 0;
  WriteUntilCrash(**store, fs, progress, kFirstWrites, how);
  for (auto n : progress.submitted) EXPECT_EQ(n, kFirstWrites);
  return fs.operations();
}

TEST(RocksDbCrashTest, EveryOperationLosingAllThatWasNotSynced) {
  std::uint64_t operations = OperationsOfAFullRun({});
  ASSERT_GT(operations, 50u);
  for (std::uint64_t at = 1; at <= operations; ++at) {
    CrashAndRecover(at, std::nullopt, {});
    if (HasFailure()) return;
  }
}

TEST(RocksDbCrashTest, RandomOperationsKeepingRandomParts) {
  std::uint64_t operations = OperationsOfAFullRun({});
  std::mt19937_64 random(11);
  for (int i = 0; i < 60; ++i) {
    CrashAndRecover(1 + random() % operations, random(), {});
    if (HasFailure()) return;
  }
}

TEST(RocksDbCrashTest, LazyTransactionsAreDurableWithTheNextSync) {
  std::uint64_t operations = OperationsOfAFullRun({.sync_every = 10});
  std::mt19937_64 random(12);
  for (int i = 0; i < 100; ++i) {
    CrashAndRecover(1 + random() % operations, random(), {.sync_every = 10});
    if (HasFailure()) return;
  }
}

TEST(RocksDbCrashTest, AwaitedTransactionsAreDurableWhenTheyAreAnsweredAndSoIsWhatWasBefore) {
  constexpr Writing kAwaiting{.sync_every = 4, .synced = Durability::kAwaited};
  std::uint64_t operations = OperationsOfAFullRun(kAwaiting);
  std::mt19937_64 random(13);
  for (int i = 0; i < 30; ++i) {
    CrashAndRecover(1 + random() % operations, random(), kAwaiting);
    if (HasFailure()) return;
  }
}

std::size_t LogFiles(const io::FileSystem& fs) {
  std::size_t logs = 0;
  auto entries = fs.List("/data/kv");
  for (const auto& entry : entries ? *entries : std::vector<io::DirEntry>()) {
    if (entry.name.ends_with(".log")) ++logs;
  }
  return logs;
}

// One writer, nothing synced: whenever a second log exists, the first one is entirely on the disk.
TEST(RocksDbCrashTest, ALogIsSyncedBeforeTheNextOneIsMade) {
  std::size_t crashes_with_two_logs = 0;
  for (std::uint64_t at = 120; at < 180; ++at) {
    SCOPED_TRACE("crash at operation " + std::to_string(at));
    io::MemoryFileSystem memory;
    ASSERT_TRUE(memory.MakeDirs("/data"));
    std::uint32_t in_first_log = 0;
    {
      CrashFileSystem fs(memory, at);
      auto store = RocksDbStore::Open(SmallOptions(fs));
      ASSERT_TRUE(store) << store.error().ToString();
      for (std::uint32_t n = 0; n < 200 && !fs.crashed(); ++n) {
        ASSERT_TRUE(WriteOne(**store, 0, n, Durability::kLazy));
        if (LogFiles(memory) == 1 && !fs.crashed()) in_first_log = n;
      }
    }
    if (LogFiles(memory) < 2) continue;
    ++crashes_with_two_logs;
    memory.DropUnsynced(std::nullopt);
    CrashFileSystem fs(memory, kNever);
    auto store = RocksDbStore::Open(SmallOptions(fs));
    ASSERT_TRUE(store) << store.error().ToString();
    auto kept = (*store)->GetSnapshot()->Get(NumberKey(0, in_first_log));
    EXPECT_TRUE(kept && *kept) << "transaction " << in_first_log << " of the first log is gone";
  }
  EXPECT_GT(crashes_with_two_logs, 0u);
}

}  // namespace
}  // namespace forebay::kv
