// Lazy changes over a disk that loses its power: what is there afterwards is what was committed up
// to some moment, whoever synced finds what he synced, and whoever did not is told what is lost.
#include "engine/lazy.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "engine/crash_fixture.h"
#include "engine/node_attributes.h"
#include "engine/node_content.h"
#include "engine/node_names.h"

namespace forebay::engine {
namespace {

constexpr std::uint64_t kNever = UINT64_MAX;

class LazyTest : public testing::Test {
 protected:
  void SetUp() override {
    LogOptions quiet;
    quiet.level = LogLevel::kError;
    EXPECT_TRUE(ConfigureLog(quiet));
    Start();
    if (!HasFailure()) ASSERT_TRUE(process_->MakeContainer());
  }
  void TearDown() override {
    process_.reset();
    EXPECT_TRUE(ConfigureLog({}));
  }

  void Start() {
    clock_.Advance(std::chrono::seconds(1));
    auto process = CrashProcess::Start(disk_, clock_, /*hierarchical=*/true, kNever);
    ASSERT_TRUE(process) << process.error().ToString();
    process_ = std::move(*process);
  }
  // Nothing that was not synced is kept, or any part of it.
  void CutPower(std::optional<std::uint64_t> seed = std::nullopt) {
    process_->CrashNow();
    process_.reset();
    disk_.DropUnsynced(seed);
    Start();
  }
  // The machine goes on.
  void Kill() {
    process_->CrashNow();
    process_.reset();
    Start();
  }

  Services& services() { return process_->services(); }
  NodeTarget At(const std::string& path) const {
    NodeTarget target;
    target.container = process_->Container();
    target.path = path;
    return target;
  }
  LazyMark Make(const std::string& path, bool lazy = true) {
    CreateNodeRequest request;
    request.target = At(path);
    request.lazy = lazy;
    const auto made = RunSync(CreateNode(services(), {}, std::move(request)));
    EXPECT_TRUE(made) << made.error().ToString();
    return Mark();
  }
  LazyMark Mark() {
    const auto mark = RunSync(MarkNow(services(), {}));
    EXPECT_TRUE(mark);
    return mark.value_or(LazyMark());
  }
  bool IsThere(const std::string& path) {
    const auto found = RunSync(StatNode(services(), {}, At(path)));
    EXPECT_TRUE(found || found.error().code() == Code::kPathNotFound);
    return found.has_value();
  }
  Result<> Sync(std::vector<LazyMark> marks = {}) {
    return RunSync(SyncLazy(services(), {}, std::move(marks)));
  }
  Result<> Write(const std::string& path, std::string text) {
    CommitNodeRequest request;
    request.target = At(path);
    request.pieces = *ParsePlan("data " + std::to_string(text.size()) + "\n");
    TextReader reader(std::move(text));
    request.body = &reader;
    FB_RETURN_IF_ERROR(RunSync(CommitNode(services(), {}, std::move(request))));
    return {};
  }
  Result<> Move(const std::string& from, const std::string& to) {
    RenameNodeRequest request;
    request.source = At(from);
    request.target = At(to);
    request.lazy = true;
    FB_RETURN_IF_ERROR(RunSync(RenameNode(services(), {}, std::move(request))));
    return {};
  }
  std::uint64_t SizeOf(const std::string& path) {
    const auto found = RunSync(StatNode(services(), {}, At(path)));
    EXPECT_TRUE(found) << path;
    return found ? found->attributes.size : 0;
  }

  io::MemoryFileSystem disk_;
  ManualClock clock_;
  std::unique_ptr<CrashProcess> process_;
};

bool IsLost(const Result<>& synced) {
  EXPECT_TRUE(synced || synced.error().code() == Code::kChangesLost);
  return !synced;
}

TEST_F(LazyTest, MarksAreWords) {
  const LazyMark mark{-5, 7};
  EXPECT_EQ(FormatLazyMark(mark), "-5/7");
  EXPECT_EQ(*ParseLazyMarks("-5/7,1/2"), (std::vector<LazyMark>{mark, {1, 2}}));
  EXPECT_TRUE(ParseLazyMarks("")->empty());
  for (const char* bad : {"5", "/", "5/", "/5", "5/x", "5/-1", "5/6/7", ",1/2"}) {
    EXPECT_FALSE(ParseLazyMarks(bad)) << bad;
  }
  std::string many;
  for (std::size_t i = 0; i <= kMaxLazyMarks; ++i) many += "1/2,";
  EXPECT_FALSE(ParseLazyMarks(many));
}

TEST_F(LazyTest, APowerCutLeavesAPrefixAndEveryMarkKnowsItsSide) {
  constexpr std::size_t kFiles = 12, kSynced = 5;
  bool lost_some = false;
  for (std::uint64_t seed = 0; seed < 8 && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const auto name = [seed](std::size_t i) {
      return "f" + std::to_string(seed) + "-" + std::to_string(i);
    };
    std::vector<LazyMark> marks;
    for (std::size_t i = 0; i < kFiles; ++i) {
      marks.push_back(Make(name(i)));
      if (i + 1 == kSynced) ASSERT_TRUE(Sync({marks.back()}));
    }
    seed == 0 ? CutPower() : CutPower(seed);
    if (HasFailure()) return;
    std::size_t there = 0;
    while (there < kFiles && IsThere(name(there))) ++there;
    EXPECT_GE(there, kSynced);
    lost_some |= there < kFiles;
    for (std::size_t i = 0; i < kFiles; ++i) {
      EXPECT_EQ(IsThere(name(i)), i < there) << i << " of " << there;
      EXPECT_EQ(IsLost(Sync({marks[i]})), i >= there) << i << " of " << there;
    }
    // One that is lost is told of beside one that is not; and later starts remember earlier ones.
    EXPECT_EQ(IsLost(Sync({marks.front(), marks.back()})), there < kFiles);
    Make("after" + std::to_string(seed));
    ASSERT_TRUE(Sync());
    Kill();
    EXPECT_FALSE(IsLost(Sync({marks.front()})));
    EXPECT_EQ(IsLost(Sync({marks.back()})), there < kFiles);
  }
  EXPECT_TRUE(lost_some) << "changes that are never lost were not lazy";
}

TEST_F(LazyTest, ADurableChangeTakesAllBeforeItAlong) {
  const LazyMark mark = Make("early");
  Make("durable", /*lazy=*/false);
  const LazyMark late = Make("late");
  CutPower();
  EXPECT_TRUE(IsThere("early"));
  EXPECT_TRUE(IsThere("durable"));
  EXPECT_FALSE(IsThere("late"));
  EXPECT_FALSE(IsLost(Sync({mark})));
  EXPECT_TRUE(IsLost(Sync({late})));
}

TEST_F(LazyTest, ACommitIsDurableWhenItIsAnsweredWithAllBeforeIt) {
  const LazyMark mark = Make("early");
  Make("file");
  ASSERT_TRUE(Write("file", std::string(300, 'x')));
  CutPower();
  EXPECT_TRUE(IsThere("early"));
  EXPECT_EQ(SizeOf("file"), 300u);
  EXPECT_FALSE(IsLost(Sync({mark})));
}

TEST_F(LazyTest, AKilledServerHasLostNothing) {
  const LazyMark mark = Make("a");
  Kill();
  EXPECT_TRUE(IsThere("a"));
  EXPECT_FALSE(IsLost(Sync({mark})));
}

// Write beside, sync, rename: whatever the cut leaves, the name has all of one version.
TEST_F(LazyTest, ARenameAfterASyncNeverShowsLessThanWasSynced) {
  const std::string before(20, 'a'), after(300, 'b');
  Make("checkpoint");
  ASSERT_TRUE(Write("checkpoint", before));
  for (std::uint64_t seed = 0; seed < 6 && !HasFailure(); ++seed) {
    Make("tmp");
    ASSERT_TRUE(Write("tmp", after));
    ASSERT_TRUE(Move("tmp", "checkpoint"));
    seed == 0 ? CutPower() : CutPower(seed);
    if (HasFailure()) return;
    const bool renamed = !IsThere("tmp");
    EXPECT_EQ(SizeOf("checkpoint"), renamed ? after.size() : before.size());
    if (!renamed) EXPECT_EQ(SizeOf("tmp"), after.size());
    // Again, from the same beginning.
    if (renamed) ASSERT_TRUE(Write("checkpoint", before));
    if (!renamed) ASSERT_TRUE(Move("tmp", "gone" + std::to_string(seed)));
  }
}

}  // namespace
}  // namespace forebay::engine
