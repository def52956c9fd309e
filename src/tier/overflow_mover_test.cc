// Bodies of a container that is ours on their way to a lake that is but room, and what becomes of
// them there.
#include "tier/overflow_mover.h"

#include <atomic>
#include <thread>

#include "engine/copy_blob.h"
#include "engine/get_blob.h"
#include "engine/node_names.h"
#include "engine/rename_path.h"
#include "engine/update_blob.h"
#include "meta/nodes.h"
#include "tier/overflow_fixture.h"

namespace forebay::tier {
namespace {

using lake::Fault;
using lake::LakeOperation;

class OverflowMoverTest : public ::testing::Test {
 protected:
  void Put(const std::string& name, std::size_t size, std::uint64_t seed) {
    want_[name] = Pattern(size, seed);
    ASSERT_TRUE(engine().Put(name, want_[name]));
  }
  bool InLake(const std::string& name) { return f_.Record(name)->body.in_lake; }
  Result<std::uint64_t> MakeRoom(std::uint64_t bytes) { return f_.MakeRoom(bytes); }
  engine::EngineFixture& engine() { return f_.engine(); }

  OverflowFixture f_;
  std::map<std::string, std::string> want_;
};

TEST_F(OverflowMoverTest, WhatWasGivenUpIsReadBackAfterARestart) {
  Put("tiny", 100, 1);     // among the records
  Put("one", 900, 2);      // one chunk
  Put("some", 4'500, 3);   // in one request
  Put("many", 25'000, 4);  // paged, in blocks
  Put("empty", 0, 5);
  const auto evicted = f_.Evict();
  ASSERT_TRUE(evicted) << evicted.error().ToString();
  EXPECT_EQ(evicted->evicted, 4u);
  EXPECT_EQ(evicted->evicted_bytes, 30'500u);
  for (const char* name : {"tiny", "one", "some", "many"}) {
    EXPECT_TRUE(InLake(name)) << name;
    EXPECT_EQ(f_.Where(name).residency, engine::Residency::kLake) << name;
    EXPECT_FALSE(f_.lake().State(name)) << "under the name of a user";
  }
  engine().Sweep();
  EXPECT_EQ(engine().LinkedChunks(), 0u);
  EXPECT_EQ(engine().InlinePieces(), 0u);
  f_.Restart();
  EXPECT_EQ(*engine().Read("many", engine::GetBlobRequest::Range{7'000, 9'000}),
            want_["many"].substr(7'000, 9'000));
  f_.ExpectWhole(want_);
  // What was read stays, and goes again without being sent again.
  f_.Settle();
  EXPECT_EQ(f_.Where("some").residency, engine::Residency::kBoth);
  const auto up = f_.usage().total().bytes_up;
  ASSERT_EQ(f_.Evict()->evicted, 4u);
  EXPECT_EQ(f_.usage().total().bytes_up, up);
  f_.ExpectWhole(want_);
}

TEST_F(OverflowMoverTest, NamesAndAttributesAreOfNoConcernToTheLake) {
  Put("from", 4'500, 1);
  ASSERT_TRUE(f_.Evict());
  const std::string object = f_.ObjectOf("from");
  const std::uint64_t requests = f_.usage().total().requests;
  engine::RenamePathRequest rename;
  rename.source = engine().Blob("from");
  rename.target = engine().Blob("to");
  ASSERT_TRUE(engine().Run(engine::RenamePath(f_.services(), {}, std::move(rename))));
  engine::UpdateBlobRequest update;
  update.target = engine().Blob("to");
  update.metadata = azure::Metadata{{"k", "v"}};
  update.tier = azure::AccessTier::kCool;
  ASSERT_TRUE(engine().Run(engine::UpdateBlob(f_.services(), {}, std::move(update))));
  EXPECT_EQ(f_.usage().total().requests, requests);
  EXPECT_EQ(f_.ObjectOf("to"), object);
  want_["to"] = want_["from"];
  want_.erase("from");
  f_.Collect();
  f_.ExpectWhole(want_);
  f_.Settle();
  // Eviction finds it under its new name.
  ASSERT_EQ(f_.Evict()->evicted, 1u);
  f_.ExpectWhole(want_);
}

TEST_F(OverflowMoverTest, WhatIsOverwrittenOrDeletedHereIsDeletedThere) {
  Put("overwritten", 4'500, 1);
  Put("deleted", 4'500, 2);
  Put("kept", 4'500, 3);
  ASSERT_EQ(f_.Evict()->evicted, 3u);
  Put("overwritten", 700, 4);
  ASSERT_TRUE(engine().Delete("deleted"));
  want_.erase("deleted");
  EXPECT_EQ(f_.Objects().size(), 3u) << "nothing is deleted before what follows from it";
  f_.Collect();
  f_.ExpectWhole(want_);
  EXPECT_EQ(f_.Objects(), std::vector{f_.ObjectOf("kept")});
}

TEST_F(OverflowMoverTest, AReaderKeepsTheObjectOfWhatWasDeleted) {
  Put("a", 25'000, 1);
  ASSERT_EQ(f_.Evict()->evicted, 1u);
  const std::string object = f_.ObjectOf("a");
  engine::GetBlobRequest request;
  request.target = engine().Blob("a");
  auto reading = engine().Run(engine::GetBlob(f_.services(), {}, std::move(request)));
  ASSERT_TRUE(reading);
  ASSERT_TRUE(engine().Delete("a"));
  f_.Collect();
  EXPECT_TRUE(f_.lake().State(object));
  const auto text = engine().Run(engine::ReadAllOf(std::move(reading->body)));
  EXPECT_TRUE(Same(text, want_["a"]));
  f_.Settle();
  f_.Collect();
  EXPECT_TRUE(f_.Objects().empty());
}

TEST_F(OverflowMoverTest, ACopyHasBytesOfItsOwn) {
  Put("local", 4'500, 1);
  Put("evicted", 4'500, 2);
  ASSERT_EQ(f_.Evict("evicted")->evicted, 1u);
  for (const std::string name : {"local", "evicted"}) {
    engine::CopyBlobRequest copy;
    copy.source = engine().Blob(name);
    copy.target = engine().Blob("copy-of-" + name);
    ASSERT_TRUE(engine().Run(engine::CopyBlob(f_.services(), {}, std::move(copy))));
    want_["copy-of-" + name] = want_[name];
  }
  // By reference at first: each holder sends what it has.
  ASSERT_TRUE(f_.Evict());
  f_.Collect();
  f_.ExpectWhole(want_);
  for (const std::string name : {"local", "evicted"}) {
    ASSERT_TRUE(engine().Delete(name));
    want_.erase(name);
  }
  f_.Collect();
  f_.ExpectWhole(want_);
}

TEST_F(OverflowMoverTest, WhatIsWrittenOntoComesBackAndLeavesTheLake) {
  const std::string first = Pattern(4'000, 1), second = Pattern(3'000, 2);
  ASSERT_TRUE(engine().Stage("a", "block1", first));
  ASSERT_TRUE(engine().Commit("a", {{engine::BlockSource::kLatest, azure::BlockId("block1")}}));
  ASSERT_EQ(f_.Evict()->evicted, 1u);
  ASSERT_TRUE(engine().Stage("a", "block2", second));
  ASSERT_TRUE(
      engine().Commit("a", {{engine::BlockSource::kCommitted, azure::BlockId("block1")},
                            {engine::BlockSource::kUncommitted, azure::BlockId("block2")}}));
  EXPECT_FALSE(InLake("a"));
  want_["a"] = first + second;
  f_.Collect();
  f_.ExpectWhole(want_);
  EXPECT_TRUE(f_.Objects().empty());
  ASSERT_EQ(f_.Evict()->evicted, 1u);
  f_.Collect();
  f_.ExpectWhole(want_);
}

TEST_F(OverflowMoverTest, WhatSettledGoesFirst) {
  Put("b", 5'000, 1);
  engine().clock().Advance(std::chrono::hours(1));
  Put("a", 5'000, 2);
  ASSERT_EQ(MakeRoom(1), 5'000u);
  EXPECT_TRUE(InLake("b"));
  EXPECT_FALSE(InLake("a"));
  EXPECT_TRUE(f_.mover().may_have_work());
  // All of it is here still: what goes is for eviction to say.
  EXPECT_EQ(f_.Where("b").residency, engine::Residency::kBoth);
  ASSERT_EQ(MakeRoom(1), 5'000u);
  EXPECT_TRUE(InLake("a"));
  // It hears of what it has changed itself, too, and looks once more.
  for (int i = 0; i < 5'000 && f_.mover().may_have_work(); ++i) {
    EXPECT_EQ(MakeRoom(1), 0u);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_FALSE(f_.mover().may_have_work());
  Put("c", 5'000, 3);
  for (int i = 0; i < 5'000 && !f_.mover().may_have_work(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(f_.mover().may_have_work());
  f_.ExpectWhole(want_);
}

TEST_F(OverflowMoverTest, ARoundGoesOnWhereTheLastOneStopped) {
  for (int i = 0; i < 260; ++i) Put("n" + std::to_string(1000 + i), 4'500, 1);
  std::uint64_t sent = 0;
  int rounds = 0;
  for (; sent < 260 * 4'500; ++rounds) {
    const auto some = MakeRoom(100'000);
    ASSERT_TRUE(some);
    ASSERT_GT(*some, 0u) << sent;
    EXPECT_LT(*some, 200'000u) << "far more than was asked for";
    sent += *some;
  }
  EXPECT_GT(rounds, 5);
  EXPECT_EQ(f_.Overflow().bodies, 260u);
}

TEST_F(OverflowMoverTest, SomeAreNeverSent) {
  Put("pinned", 5'000, 1);
  Put("archived", 5'000, 2);
  Put("small", 2'000, 3);
  ASSERT_TRUE(engine().Run(f_.placement().Pin({}, engine().Container(), "pinned", false)));
  engine::UpdateBlobRequest update;
  update.target = engine().Blob("archived");
  update.tier = azure::AccessTier::kArchive;
  ASSERT_TRUE(engine().Run(engine::UpdateBlob(f_.services(), {}, std::move(update))));
  EXPECT_EQ(MakeRoom(1'000'000), 0u);
  EXPECT_EQ(f_.Evict("{pinned,archived}")->evicted, 0u);
  EXPECT_TRUE(f_.Objects().empty());
  // By name a small one goes too.
  EXPECT_EQ(f_.Evict("small")->evicted, 1u);
  Put("large", 5'000, 4);
  const auto hold = f_.mover().Hold(f_.attachment()->container);
  EXPECT_EQ(MakeRoom(1'000'000), 0u);
  EXPECT_EQ(f_.Evict("large")->evicted, 0u);
}

TEST_F(OverflowMoverTest, HowSmallIsTooSmallIsAnOption) {
  TierFixtureOptions options = OverflowFixture::Small();
  options.placement.overflow_least_bytes = 1'000;
  OverflowFixture f(options);
  ASSERT_TRUE(f.engine().Put("below", Pattern(999)));
  ASSERT_TRUE(f.engine().Put("at", Pattern(1'000)));
  EXPECT_EQ(f.MakeRoom(1'000'000), 1'000u);
  EXPECT_TRUE(f.Record("at")->body.in_lake);
  EXPECT_FALSE(f.Record("below")->body.in_lake);
}

TEST_F(OverflowMoverTest, ALostAnswerIsNoSecondObject) {
  Put("one", 4'500, 1);
  Put("blocks", 25'000, 2);
  for (const std::string name : {"one", "blocks"}) {
    f_.faulty_lake().FailNext({.kind = Fault::Kind::kLostAnswer},
                              name == "one" ? LakeOperation::kPut : LakeOperation::kCommitBlocks);
    ASSERT_EQ(f_.Evict(name)->evicted, 1u) << name;
  }
  f_.ExpectWhole(want_);
}

TEST_F(OverflowMoverTest, WhatTheLakeRefusesStaysAndIsToldOf) {
  Put("a", 4'500, 1);
  f_.faulty_lake().FailNext({.kind = Fault::Kind::kError, .code = Code::kAuthorizationFailure},
                            LakeOperation::kPut);
  EXPECT_EQ(MakeRoom(1), 0u);
  EXPECT_FALSE(InLake("a"));
  EXPECT_TRUE(f_.mover().may_have_work());
  EXPECT_NE(f_.mover().last_error(f_.attachment()->container), "");
  EXPECT_NE(f_.tier().Status().front().last_error, "");
  EXPECT_EQ(MakeRoom(1), 4'500u);
  EXPECT_EQ(f_.mover().last_error(f_.attachment()->container), "");
  f_.Collect();
  f_.ExpectWhole(want_);
}

TEST_F(OverflowMoverTest, WhatChangesWhileItIsSentIsNotGivenUp) {
  for (const bool in_blocks : {false, true}) {
    Put("a", in_blocks ? 25'000 : 4'500, 1);
    std::atomic<bool> once{false};
    f_.lake().OnRequest([&](LakeOperation, const std::string&) {
      if (!once.exchange(true)) Put("a", 3'000, 9);
    });
    const auto evicted = f_.Evict();
    f_.lake().OnRequest(nullptr);
    ASSERT_TRUE(evicted);
    EXPECT_EQ(evicted->evicted, 0u);
    f_.Collect();
    f_.ExpectWhole(want_);
    EXPECT_TRUE(f_.Objects().empty());
  }
}

// Its new owner deletes what it does not know.
TEST_F(OverflowMoverTest, WhatIsTakenOverWhileABodyGoesUpIsNotGivenUp) {
  Put("before", 4'500, 1);
  ASSERT_EQ(f_.Evict("before")->evicted, 1u);
  Put("a", 25'000, 2);
  OverflowOwner other(f_.attachment()->lake, {.directory = "2-2", .place = "there:/copy"},
                      "acct/box");
  std::atomic<bool> once{false};
  f_.lake().OnRequest([&](LakeOperation operation, const std::string&) {
    if (operation != LakeOperation::kCommitBlocks || once.exchange(true)) return;
    EXPECT_TRUE(RunSync(other.TakeOver({})));
  });
  const auto evicted = f_.Evict("a");
  f_.lake().OnRequest(nullptr);
  ASSERT_TRUE(once);
  ASSERT_FALSE(evicted);
  EXPECT_EQ(evicted.error().code(), Code::kResourceAlreadyExists) << evicted.error().ToString();
  EXPECT_FALSE(InLake("a"));
  EXPECT_EQ(f_.Overflow().to_delete, 1u);
  ASSERT_TRUE(engine().Run(f_.attachment()->owner->TakeOver({})));
  f_.Collect();
  f_.ExpectWhole(want_);
}

TEST_F(OverflowMoverTest, AHardLinkIsOneBody) {
  TierFixtureOptions options = OverflowFixture::Small();
  options.engine.hierarchical = true;
  OverflowFixture f(options);
  const std::string text = Pattern(4'500, 3);
  ASSERT_TRUE(f.engine().Put("dir/a", text));
  engine::LinkNodeRequest link;
  link.target.container = f.engine().Container();
  link.target.path = "dir/b";
  link.from = meta::InodeOf(*f.Record("dir/a"));
  link.from_path = "dir/a";
  const auto linked = f.engine().Run(engine::LinkNode(f.services(), {}, std::move(link)));
  ASSERT_TRUE(linked) << linked.error().ToString();
  ASSERT_TRUE(f.Evict());
  EXPECT_EQ(f.Objects().size(), 1u);
  for (const char* name : {"dir/a", "dir/b"}) {
    EXPECT_TRUE(f.Record(name)->body.in_lake) << name;
    EXPECT_TRUE(Same(f.engine().Read(name), text)) << name;
  }
  f.Settle();
  ASSERT_TRUE(f.engine().Delete("dir/a"));
  f.Collect();
  EXPECT_EQ(f.Objects().size(), 1u);
  EXPECT_TRUE(Same(f.engine().Read("dir/b"), text));
  f.Settle();
  ASSERT_TRUE(f.engine().Delete("dir/b"));
  f.Collect();
  EXPECT_TRUE(f.Objects().empty());
}

// Through eviction itself: what does not fit goes.
TEST(OverflowUnderPressure, ColdBodiesAreSentAndGivenUp) {
  TierFixtureOptions options = OverflowFixture::Small();
  options.engine.limits.chunk_bytes = 8'000;
  const auto full = std::make_shared<std::atomic<std::uint64_t>>(0);
  options.placement.evict.disk = [full]() -> Result<DiskUse> {
    return DiskUse{.capacity = 1'000'000, .used = *full};
  };
  OverflowFixture f(options);
  std::map<std::string, std::string> want;
  for (int i = 0; i < 20; ++i) {
    const std::string name = "n" + std::to_string(100 + i);
    want[name] = Pattern(8'000, static_cast<std::uint64_t>(i) + 1);
    ASSERT_TRUE(f.engine().Put(name, want[name]));
  }
  *full = 800'000;
  ASSERT_TRUE(f.Pass());
  EXPECT_EQ(f.Overflow().bodies, 0u);
  *full = 914'000;  // 64,000 bytes above the low watermark
  ASSERT_TRUE(f.Pass());
  EXPECT_EQ(f.Cache().watermark, Watermark::kEvicting) << "what is sent is not given up yet";
  ASSERT_TRUE(f.Pass());
  EXPECT_EQ(f.Overflow().bodies, 8u);
  EXPECT_EQ(f.Cache().evicted_bytes, 64'000u);
  EXPECT_EQ(f.Cache().watermark, Watermark::kBelow);
  f.ExpectWhole(want);
  // Disks that are full of what a lake would take refuse such writes for a while, and say so.
  f.faulty_lake().SetLink(lake::LinkState::kDown);
  *full = 990'000;
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(f.Pass());
  EXPECT_EQ(f.Cache().watermark, Watermark::kStuck) << "nothing went at the last try";
  const auto refused = f.engine().Put("more", Pattern(8'000, 99));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kServerBusy);
  EXPECT_GT(refused.error().retry_after().count(), 0);
  EXPECT_NE(f.tier().Status().front().writes_held, "");
}

// A lake that swallows requests keeps nothing here that needs no lake to go.
TEST(OverflowUnderPressure, NobodyWaitsForASlowLake) {
  TierFixtureOptions options = OverflowFixture::Small();
  options.run_jobs = true;
  options.placement.evict.interval = std::chrono::milliseconds(5);
  const auto full = std::make_shared<std::atomic<std::uint64_t>>(0);
  options.placement.evict.disk = [full]() -> Result<DiskUse> {
    return DiskUse{.capacity = 1'000'000, .used = *full};
  };
  OverflowFixture f(options);
  const std::string text = Pattern(5'000, 1);
  ASSERT_TRUE(f.engine().Put("sent", text));
  ASSERT_EQ(f.Evict("sent")->evicted, 1u);
  ASSERT_TRUE(Same(f.engine().Read("sent"), text));
  f.Settle();
  ASSERT_TRUE(f.engine().Run(f.placement().Pin({}, f.engine().Container(), "sent", false)));
  ASSERT_TRUE(f.engine().Put("waits", Pattern(5'000, 2)));
  f.faulty_lake().SetLink(lake::LinkState::kBlackHole);
  *full = 950'000;
  const auto until = [](const auto& condition) {
    for (int i = 0; i < 20'000 && !condition(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return condition();
  };
  ASSERT_TRUE(until([&] {
    return f.faulty_lake().swallowed(lake::Cause::kOffload) +
               f.faulty_lake().swallowed(lake::Cause::kAdmin) >
           0;
  }));
  EXPECT_EQ(f.Where("sent").residency, engine::Residency::kBoth) << "it is pinned";
  ASSERT_TRUE(f.engine().Run(f.placement().Unpin({}, f.engine().Container(), "sent")));
  EXPECT_TRUE(until([&] { return f.Where("sent").residency == engine::Residency::kLake; }));
  f.faulty_lake().Heal();
  *full = 0;
}

// While a container is brought back nothing of it is sent, and nobody tries again and again.
TEST(OverflowUnderPressure, OneThatIsHeldIsNoHope) {
  TierFixtureOptions options = OverflowFixture::Small();
  options.run_jobs = true;
  OverflowFixture f(options);
  ASSERT_TRUE(f.engine().Put("a", Pattern(5'000)));
  auto hold = f.mover().Hold(f.attachment()->container);
  const auto until = [](const auto& condition) {
    for (int i = 0; i < 20'000 && !condition(); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return condition();
  };
  EXPECT_TRUE(until([&] { return !f.mover().Want(5'000); }));
  EXPECT_TRUE(f.Objects().empty());
  hold.reset();
  EXPECT_TRUE(until([&] {
    (void)f.mover().Want(5'000);
    return f.Overflow().bodies == 1;
  }));
}

TEST(OverflowUnderPressure, NothingIsKeptOfAContainerThatIsDetached) {
  TierFixtureOptions options = OverflowFixture::Small();
  options.run_jobs = true;
  OverflowFixture f(options);
  ASSERT_TRUE(f.engine().Put("a", Pattern(5'000)));
  ASSERT_EQ(f.Evict()->evicted, 1u);
  f.engine().sweeper().Start(std::chrono::milliseconds(5));
  const std::weak_ptr<Attachment> attachment = f.attachment();
  OpContext context;
  context.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  const auto done = f.engine().Run(f.tier().Detach(context, f.engine().Container()));
  f.engine().sweeper().Stop();
  ASSERT_TRUE(done) << done.error().ToString();
  for (int i = 0; i < 20'000 && !attachment.expired(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_TRUE(attachment.expired());
  EXPECT_TRUE(f.lake().Names().empty());
}

}  // namespace
}  // namespace forebay::tier
