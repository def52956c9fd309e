// What is noted of changes in a container whose changes travel to a lake.
#include "engine/change_log.h"

#include <thread>

#include "engine/delete_blob.h"
#include "engine/engine_fixture.h"
#include "engine/get_container.h"
#include "engine/references.h"
#include "engine/sweeper.h"
#include "engine/update_blob.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;
using meta::ChangeKind;

class ChangeLogTest : public ::testing::Test {
 protected:
  ChangeLogTest() {
    EXPECT_TRUE(fixture_.MakeContainer());
    SetMode(meta::LakeMode::kReadWrite);
  }
  void SetMode(meta::LakeMode mode) {
    EXPECT_TRUE(fixture_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(
          meta::ContainerRecord record,
          RequireContainer(txn, fixture_.account().name, azure::ContainerName("box")));
      record.lake.mode = mode;
      container_ = record.id;
      txn.Put(keys::Container(fixture_.account().name.view(), "box"), meta::Encode(record));
      return {};
    }));
  }
  std::vector<meta::ChangeRecord> Log() {
    std::vector<meta::ChangeRecord> log;
    const auto snapshot = fixture_.store().GetSnapshot();
    const std::string prefix = keys::Changes(container_);
    for (auto it = snapshot->Scan(prefix, PrefixEnd(prefix)); it->Valid(); it->Next()) {
      auto change = meta::DecodeChange(it->value());
      EXPECT_TRUE(change);
      if (change) log.push_back(std::move(*change));
    }
    return log;
  }
  // As the offload does when the change is in the lake.
  void Finish(const meta::ChangeRecord& change) {
    ASSERT_TRUE(fixture_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      meta::BlobRecord held = change.blob;
      held.id = change.holder;
      return ReleaseBody(fixture_.chunks(), txn, held, fixture_.clock().Now());
    }));
  }

  EngineFixture fixture_;
  meta::ContainerId container_;
};

TEST_F(ChangeLogTest, EachChangeIsAnEntryThatKnowsWhatCameBefore) {
  ASSERT_TRUE(fixture_.Put("a", "one"));
  ASSERT_TRUE(fixture_.Put("b", "two"));
  ASSERT_TRUE(fixture_.Run(UpdateBlob(fixture_.services(), {},
                                      {.target = fixture_.Blob("a"), .metadata = {{{"k", "v"}}}})));
  ASSERT_TRUE(fixture_.Run(
      DeleteBlob(fixture_.services(), {}, {.target = fixture_.Blob("b"), .conditions = {}})));
  const auto log = Log();
  ASSERT_EQ(log.size(), 4u);
  const ChangeKind kinds[] = {ChangeKind::kContent, ChangeKind::kContent, ChangeKind::kMetadata,
                              ChangeKind::kDelete};
  const std::string names[] = {"a", "b", "a", "b"};
  for (std::size_t i = 0; i < log.size(); ++i) {
    EXPECT_EQ(log[i].kind, kinds[i]);
    EXPECT_EQ(log[i].name, names[i]);
    EXPECT_EQ(log[i].mark, i);
  }
  EXPECT_EQ(fixture_.Properties("a")->record.lake->unsent, log[2].holder.value());
  EXPECT_EQ(log[2].blob.metadata, (azure::Metadata{{"k", "v"}}));
  EXPECT_EQ(fixture_.KeysOfTable('v'), 1u);  // the tombstone of b
}

TEST_F(ChangeLogTest, ARequestThatOverlappedAnotherIsNotOrderedBehindIt) {
  // The mark is taken when the request arrives, not when its body is in.
  struct Slow final : BodyReader {
    explicit Slow(EngineFixture& f) : fixture(f) {}
    std::optional<std::uint64_t> content_length() const override { return 3; }
    Task<std::size_t> Read(MutableByteView data) override {
      if (done) co_return std::size_t{0};
      done = true;
      std::thread([this] { EXPECT_TRUE(fixture.Put("meanwhile", "x")); }).join();
      std::memcpy(data.data(), "abc", 3);
      co_return std::size_t{3};
    }
    EngineFixture& fixture;
    bool done = false;
  };
  ASSERT_TRUE(fixture_.Put("before", "x"));
  Slow body(fixture_);
  PutBlobRequest request;
  request.target = fixture_.Blob("slow");
  request.body = &body;
  ASSERT_TRUE(fixture_.Run(PutBlob(fixture_.services(), {}, std::move(request))));
  const auto log = Log();
  ASSERT_EQ(log.size(), 3u);
  EXPECT_EQ(log[2].name, "slow");
  EXPECT_EQ(log[2].mark, 1u);
}

TEST_F(ChangeLogTest, AnEntryKeepsTheBytesOfAVersionThatIsGone) {
  const std::string large(200'000, 'x');
  ASSERT_TRUE(fixture_.Put("a", large));
  ASSERT_TRUE(fixture_.Put("a", "small"));
  ASSERT_TRUE(fixture_.Run(
      DeleteBlob(fixture_.services(), {}, {.target = fixture_.Blob("a"), .conditions = {}})));
  Sweeper sweeper(fixture_.services());
  ASSERT_TRUE(sweeper.RunOnce());
  EXPECT_GT(fixture_.LinkedChunks(), 0u);
  EXPECT_EQ(fixture_.InlinePieces(), 1u);
  for (const meta::ChangeRecord& change : Log()) {
    if (change.kind == ChangeKind::kContent) Finish(change);
  }
  ASSERT_TRUE(sweeper.RunOnce());
  EXPECT_EQ(fixture_.LinkedChunks(), 0u);
  EXPECT_EQ(fixture_.InlinePieces(), 0u);
  EXPECT_EQ(fixture_.KeysOfTable('r'), 0u);
}

TEST_F(ChangeLogTest, APutOverATombstoneKnowsWhatTheLakeStillHas) {
  ASSERT_TRUE(fixture_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    meta::NameNote note;
    note.kind = meta::NoteKind::kTombstone;
    note.lake_etag = "0x8D";
    txn.Put(keys::NameNote(container_, "a"), meta::Encode(note));
    return {};
  }));
  ASSERT_TRUE(fixture_.Put("a", "new"));
  EXPECT_EQ(fixture_.Properties("a")->record.lake->etag, "0x8D");
  EXPECT_EQ(fixture_.KeysOfTable('v'), 0u);
}

TEST_F(ChangeLogTest, NothingIsNotedWithoutALake) {
  SetMode(meta::LakeMode::kNone);
  ASSERT_TRUE(fixture_.Put("a", "one"));
  EXPECT_TRUE(Log().empty());
  EXPECT_FALSE(fixture_.Properties("a")->record.lake);
}

}  // namespace
}  // namespace forebay::engine
