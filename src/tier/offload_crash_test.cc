// The process ends, or a request fails, at every step of the offload: afterwards the lake is what
// is here, nothing was taken for a conflict, and nothing is left over.
#include <map>

#include "engine/rename_path.h"
#include "engine/update_blob.h"
#include "tier/offload_fixture.h"

namespace forebay::tier {
namespace {

using lake::Fault;
using lake::LakeOperation;

OffloadFixtureOptions SmallBlocks(meta::Ordering ordering) {
  OffloadFixtureOptions options;
  options.offload.single_put_bytes = 3'000;
  options.offload.block_bytes = 1'000;
  options.offload.blocks_at_a_time = 2;
  options.tier.engine.limits.small_blob_bytes = 500;
  options.tier.engine.limits.chunk_bytes = 1'000;
  options.ordering = ordering;
  // What a conflict would do would be seen at once.
  options.handler = ConflictDecision::Action::kWait;
  return options;
}

class OffloadCrashTest : public ::testing::TestWithParam<meta::Ordering> {
 protected:
  void Begin() {
    fixture_ = std::make_unique<OffloadFixture>(SmallBlocks(GetParam()));
    fixture_->AttachReadWrite();
  }
  OffloadFixture& f() { return *fixture_; }
  engine::EngineFixture& engine() { return f().engine(); }

  void Update(const std::string& name, engine::UpdateBlobRequest update) {
    update.target = engine().Blob(name);
    ASSERT_TRUE(engine().Run(engine::UpdateBlob(engine().services(), {}, std::move(update))));
  }
  void Rename(const std::string& from, const std::string& to) {
    engine::RenamePathRequest request;
    request.source = engine().Blob(from);
    request.target = engine().Blob(to);
    auto done = engine().Run(engine::RenamePath(engine().services(), {}, std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  // What of every kind has to travel; the first part is there before anything fails.
  void Prepare() {
    ASSERT_TRUE(engine().Put("old", "to be overwritten"));
    ASSERT_TRUE(engine().Put("doomed", "to be deleted"));
    ASSERT_TRUE(engine().Put("large", Pattern(4'500, 3)));
    ASSERT_TRUE(engine().Put("moving", Pattern(800, 4)));
    ASSERT_TRUE(f().Sync());
  }
  void Script() {
    ASSERT_TRUE(engine().Put("new", "hello"));
    ASSERT_TRUE(engine().Put("old", "overwritten"));
    engine::UpdateBlobRequest both;
    both.http.emplace().content_type = "text/x-test";
    both.metadata = azure::Metadata{{"k", "v"}};
    Update("old", both);
    ASSERT_TRUE(engine().Put("blocks", Pattern(5'300, 1)));
    ASSERT_TRUE(engine().Delete("doomed"));
    ASSERT_TRUE(engine().Put("large", Pattern(4'500, 5)));
    Rename("moving", "moved");
    ASSERT_TRUE(engine().Put("new", Pattern(900, 6)));
    engine::UpdateBlobRequest tags;
    tags.tags = azure::Tags{{"a", "b"}};
    tags.tier = azure::AccessTier::kCool;
    Update("blocks", tags);
    ASSERT_TRUE(engine().Put("fleeting", Pattern(4'000, 7)));
    ASSERT_TRUE(engine().Delete("fleeting"));
  }
  void ExpectEqual() {
    const auto synced = f().Sync();
    ASSERT_TRUE(synced) << synced.error().ToString() << " " << f().Status().last_error << " / "
                        << f().Status().blocked_name << ": " << f().Status().blocked_error;
    const auto names = *f().tier_fixture().ListAll("", "", 100);
    EXPECT_EQ(f().lake().Names(), names);
    for (const std::string& name : names) {
      const auto record = engine().Properties(name)->record;
      const auto state = f().lake().State(name);
      ASSERT_TRUE(state) << name;
      EXPECT_EQ(f().lake().Bytes(name), *engine().Read(name)) << name;
      EXPECT_EQ(state->metadata, record.metadata) << name;
      EXPECT_EQ(state->tags.value_or(azure::Tags()), record.tags) << name;
      // A lake works out the MD5 of what comes in one piece, where it was given none.
      if (!record.http.content_md5.empty()) {
        EXPECT_EQ(state->properties.http.content_md5, record.http.content_md5) << name;
      }
      EXPECT_EQ(state->properties.tier, record.tier) << name;
      if (!record.http.content_type.empty()) {
        EXPECT_EQ(state->properties.http.content_type, record.http.content_type) << name;
      }
      ASSERT_TRUE(record.lake) << name;
      EXPECT_EQ(record.lake->etag, state->etag().str()) << name;
      EXPECT_EQ(record.lake->unsent, 0u) << name;
      EXPECT_EQ(record.lake->name, "") << name;
      EXPECT_EQ(record.lake->body, record.body.id) << name;
    }
    EXPECT_EQ(engine().KeysOfTable('j'), 0u);
    EXPECT_EQ(engine().KeysOfTable('v'), 0u);
    // A body that was shared once keeps its blob's own reference.
    EXPECT_LE(engine().KeysOfTable('r'), names.size());
  }

  std::unique_ptr<OffloadFixture> fixture_;
};

TEST_P(OffloadCrashTest, NothingFails) {
  Begin();
  Prepare();
  Script();
  ExpectEqual();
}

// The process ends right after the lake has done the k-th request: it hears nothing, and stores
// nothing any more.
TEST_P(OffloadCrashTest, TheProcessEndsAfterEachRequest) {
  for (int step = 1;; ++step) {
    SCOPED_TRACE("request " + std::to_string(step));
    Begin();
    Prepare();
    std::atomic<int> requests{0};
    f().lake().OnRequest([&](LakeOperation, const std::string&) {
      if (++requests != step) return;
      f().faulty_lake().SetLink(lake::LinkState::kBlackHole);
      engine().store().FailNext(Code::kIo, 1'000'000);
    });
    f().faulty_lake().SetLink(lake::LinkState::kBlackHole);
    Script();
    f().faulty_lake().SetLink(lake::LinkState::kUp);
    const bool crashed = f().Until([&] { return requests >= step || f().Status().changes == 0; });
    ASSERT_TRUE(crashed);
    const bool last = requests < step;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    f().lake().OnRequest(nullptr);
    f().StopTier();
    engine().store().FailNext(Code::kIo, 0);
    f().faulty_lake().Heal();
    f().Restart();
    ExpectEqual();
    if (last || HasFailure()) break;
  }
}

// Each request in turn is refused, or done without an answer.
TEST_P(OffloadCrashTest, EachRequestFailsOrLosesItsAnswer) {
  for (const Fault::Kind kind : {Fault::Kind::kError, Fault::Kind::kLostAnswer}) {
    for (int step = 1;; ++step) {
      SCOPED_TRACE("request " + std::to_string(step) +
                   (kind == Fault::Kind::kError ? " refused" : " lost"));
      Begin();
      Prepare();
      std::atomic<int> requests{0};
      // After request k - 1 the next one meets the fault.
      const auto arm = [&] {
        f().faulty_lake().FailNext({.kind = kind, .code = Code::kServerBusy});
      };
      f().lake().OnRequest([&](LakeOperation, const std::string&) {
        if (++requests == step - 1) arm();
      });
      if (step == 1) arm();
      Script();
      ExpectEqual();
      const bool last = requests < step - 1;
      f().lake().OnRequest(nullptr);
      if (last || HasFailure()) break;
    }
  }
}

// The store fails to note what has reached the lake, at each transaction in turn; and commits it
// without saying so.
TEST_P(OffloadCrashTest, EachTransactionFailsOrLosesItsAnswer) {
  for (int step = 0; step < 8; ++step) {
    for (const bool lost : {false, true}) {
      SCOPED_TRACE("transaction " + std::to_string(step) + (lost ? " lost" : " refused"));
      Begin();
      Prepare();
      f().faulty_lake().SetLink(lake::LinkState::kBlackHole);
      Script();
      if (lost) {
        engine().store().LoseNextAnswers(1);
      } else {
        engine().store().FailNext(Code::kIo, 1, static_cast<std::size_t>(step));
      }
      f().faulty_lake().SetLink(lake::LinkState::kUp);
      ExpectEqual();
    }
    if (HasFailure()) break;
  }
}

INSTANTIATE_TEST_SUITE_P(Orderings, OffloadCrashTest,
                         ::testing::Values(meta::Ordering::kCommit, meta::Ordering::kRelaxed),
                         [](const auto& test) {
                           return test.param == meta::Ordering::kCommit ? "commit" : "relaxed";
                         });

}  // namespace
}  // namespace forebay::tier
