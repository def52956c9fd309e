// The lake, looked at after every request to it, shows what was here at some moment: what was
// acknowledged before another request arrived is there before it.
#include <latch>
#include <map>
#include <mutex>
#include <random>
#include <thread>

#include "tier/offload_fixture.h"

namespace forebay::tier {
namespace {

using lake::LakeOperation;
using Content = std::map<std::string, std::string>;

using Versions = std::map<std::string, std::string>;

Versions VersionsOf(lake::MemoryLake& lake) {
  Versions versions;
  for (const std::string& name : lake.Names()) {
    if (const auto state = lake.State(name)) versions[name] = state->etag().str();
  }
  return versions;
}

// What the lake shows at one moment: other requests go on while it is looked at, so it is read
// between two looks that agree (no ETag comes twice).
Content ContentOf(lake::MemoryLake& lake) {
  while (true) {
    const Versions before = VersionsOf(lake);
    Content content;
    for (const auto& [name, etag] : before) {
      if (auto bytes = lake.Bytes(name)) content[name] = *bytes;
    }
    if (VersionsOf(lake) == before) return content;
  }
}

OffloadFixtureOptions SmallBlocks() {
  OffloadFixtureOptions options;
  options.offload.single_put_bytes = 3'000;
  options.offload.block_bytes = 1'000;
  options.tier.engine.limits.chunk_bytes = 1'000;
  return options;
}

// One writer after the other: every state that the lake ever shows is one that was here, and they
// come in order.
TEST(OffloadOrderTest, OneWriterMakesTheLakeStepThroughItsStates) {
  for (const std::uint64_t seed : {1u, 2u, 3u}) {
    SCOPED_TRACE(seed);
    OffloadFixture f(SmallBlocks());
    f.AttachReadWrite();
    std::mutex mutex;
    std::vector<Content> seen;
    f.lake().OnRequest([&](LakeOperation, const std::string&) {
      // One after the other, so that a later look is not noted before an earlier one.
      const std::lock_guard lock(mutex);
      Content content = ContentOf(f.lake());
      if (seen.empty() || seen.back() != content) seen.push_back(std::move(content));
    });
    f.faulty_lake().SetRandom({.seed = seed,
                               .error = 0.05,
                               .lost_answer = 0.05,
                               .max_latency = std::chrono::milliseconds(3)});
    std::mt19937_64 random(seed);
    std::vector<Content> states(1);
    for (int i = 0; i < 150; ++i) {
      Content next = states.back();
      const std::string name = "n" + std::to_string(random() % 6);
      if (random() % 4 == 0 && next.contains(name)) {
        ASSERT_TRUE(f.engine().Delete(name));
        next.erase(name);
      } else {
        next[name] = Pattern(random() % 3 == 0 ? 4'000 : 20, random());
        ASSERT_TRUE(f.engine().Put(name, next[name]));
      }
      states.push_back(std::move(next));
    }
    ASSERT_TRUE(f.Sync());
    f.lake().OnRequest(nullptr);
    EXPECT_EQ(ContentOf(f.lake()), states.back());
    std::size_t at = 0;
    for (const Content& content : seen) {
      while (at < states.size() && states[at] != content) ++at;
      ASSERT_LT(at, states.size()) << "the lake showed what never was here";
    }
    EXPECT_GT(seen.size(), 20u);
    EXPECT_GT(f.faulty_lake().faults(), 0u);
    EXPECT_EQ(f.conflicts(), 0);
  }
}

// Many writers: whatever the lake shows, what was acknowledged before it began is there as well.
TEST(OffloadOrderTest, ManyWritersSeeTheirOrderKept) {
  OffloadFixture f(SmallBlocks());
  f.AttachReadWrite();
  struct Op {
    std::uint64_t begun = 0, done = 0;
  };
  std::mutex mutex;
  std::map<std::string, Op> ops;
  std::atomic<std::uint64_t> clock{1};
  std::vector<std::vector<std::string>> seen;
  f.lake().OnRequest([&](LakeOperation operation, const std::string&) {
    if (operation != LakeOperation::kPut && operation != LakeOperation::kCommitBlocks) return;
    const std::lock_guard lock(mutex);
    seen.push_back(f.lake().Names());
  });
  f.faulty_lake().SetRandom(
      {.seed = 7, .lost_answer = 0.03, .max_latency = std::chrono::milliseconds(2)});
  std::vector<std::thread> writers;
  for (int w = 0; w < 6; ++w) {
    writers.emplace_back([&, w] {
      for (int i = 0; i < 25; ++i) {
        const std::string name = "w" + std::to_string(w) + "-" + std::to_string(i);
        const std::string bytes = Pattern(i % 5 == 0 ? 4'000 : 30, static_cast<unsigned>(i));
        const std::uint64_t begun = clock++;
        ASSERT_TRUE(f.engine().Put(name, bytes));
        const std::uint64_t done = clock++;
        const std::lock_guard lock(mutex);
        ops[name] = {begun, done};
      }
    });
  }
  for (std::thread& writer : writers) writer.join();
  ASSERT_TRUE(f.Sync());
  f.lake().OnRequest(nullptr);
  ASSERT_EQ(f.lake().Names().size(), ops.size());
  const std::lock_guard lock(mutex);
  for (const auto& names : seen) {
    std::uint64_t newest = 0;
    for (const std::string& name : names) newest = std::max(newest, ops[name].begun);
    const std::set<std::string> there(names.begin(), names.end());
    for (const auto& [name, op] : ops) {
      if (op.done < newest) {
        ASSERT_TRUE(there.contains(name)) << name;
      }
    }
  }
}

// A body whose first byte comes once all that share the latch have begun to be read.
class MeetingReader final : public BodyReader {
 public:
  MeetingReader(std::string text, std::latch& all) : text_(std::move(text)), all_(all) {}
  std::optional<std::uint64_t> content_length() const override { return text_.content_length(); }
  Task<std::size_t> Read(MutableByteView data) override {
    if (!std::exchange(met_, true)) all_.arrive_and_wait();
    return text_.Read(data);
  }

 private:
  engine::TextReader text_;
  std::latch& all_;
  bool met_ = false;
};

// f0, f1 … at the same time: no request ends before all of them have arrived.
void PutTogether(OffloadFixture& f, std::size_t files, const std::string& bytes) {
  std::latch all(static_cast<std::ptrdiff_t>(files));
  std::vector<std::jthread> writers;
  for (std::size_t i = 0; i < files; ++i) {
    writers.emplace_back([&, i] {
      MeetingReader body(bytes, all);
      engine::PutBlobRequest request;
      request.target = f.engine().Blob("f" + std::to_string(i));
      request.body = &body;
      EXPECT_TRUE(f.engine().Run(engine::PutBlob(f.engine().services(), {}, std::move(request))));
    });
  }
}

// One request a file, and those that were written at the same time go at the same time.
TEST(OffloadOrderTest, FilesThatOverlappedTravelTogether) {
  constexpr std::size_t kFiles = 16;
  OffloadFixture f;
  f.AttachReadWrite();
  f.faulty_lake().SetLink(lake::LinkState::kBlackHole);
  const std::string bytes = Pattern(16 << 10);
  PutTogether(f, kFiles, bytes);
  EXPECT_TRUE(f.Until([&] { return f.Status().under_way == kFiles; }))
      << f.Status().under_way << " at a time";
  f.faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(f.Sync());
  EXPECT_EQ(f.TotalRequests(), kFiles);
  EXPECT_EQ(f.BytesUp(), kFiles * bytes.size());
}

// While the lake takes little, one change at a time finds out whether it takes anything. That
// others are due meanwhile keeps nobody from the thread that the one needs.
TEST(OffloadOrderTest, WhatIsDueWhileTheLakeIsTriedStopsNothing) {
  // One thread, and no read that would leave it to others.
  OffloadFixture f({.tier = {.engine = {.faults = {}}, .threads = 1}});
  f.AttachReadWrite();
  f.faulty_lake().SetLatency(std::chrono::milliseconds(50));
  // Two are tried again a little later each, and the third holds up all.
  const lake::Fault later{.kind = lake::Fault::Kind::kError, .code = Code::kOperationTimedOut};
  const lake::Fault hold{.kind = lake::Fault::Kind::kError, .code = Code::kServerBusy};
  f.faulty_lake().FailNext(later, LakeOperation::kPut, 2);
  f.faulty_lake().FailNext(hold, LakeOperation::kPut);
  PutTogether(f, 3, "bytes");
  EXPECT_TRUE(f.Sync());
  EXPECT_EQ(f.faulty_lake().faults(), 3u);
}

TEST(OffloadOrderTest, RelaxedOrderingEndsInTheSameState) {
  OffloadFixtureOptions options = SmallBlocks();
  options.ordering = meta::Ordering::kRelaxed;
  OffloadFixture f(options);
  f.AttachReadWrite();
  // All of it waits, however slow this machine is.
  f.faulty_lake().SetLink(lake::LinkState::kBlackHole);
  Content last;
  for (int i = 0; i < 200; ++i) {
    const std::string name = "n" + std::to_string(i % 5);
    last[name] = Pattern(20, static_cast<unsigned>(i));
    ASSERT_TRUE(f.engine().Put(name, last[name]));
  }
  f.faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(f.Sync());
  EXPECT_EQ(ContentOf(f.lake()), last);
  EXPECT_LT(f.TotalRequests(), 150u) << "overwrites collapse";
}

}  // namespace
}  // namespace forebay::tier
