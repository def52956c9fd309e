#include "tier/same_bytes.h"

#include <gtest/gtest.h>

#include "async/run_sync.h"
#include "engine/rename_path.h"
#include "lake/faulty_lake.h"
#include "lake/memory_lake.h"
#include "tier/offload_fixture.h"

namespace forebay::tier {
namespace {

using lake::LakeOperation;

class SameBytesTest : public ::testing::Test {
 protected:
  LakeBytes Of(const std::string& name) {
    return {lake::BlobName(name), memory_.State(name)->etag()};
  }
  Result<bool> Same(const std::string& a, const std::string& b) {
    return RunSync(SameBytes(faulty_, {}, Of(a), Of(b), memory_.State(a)->length()));
  }
  Result<std::string> Range(const LakeBytes& from, std::uint64_t offset, std::uint64_t length) {
    return RunSync(ReadLakeRange(faulty_, {}, from, offset, length));
  }

  lake::Accounting accounting_;
  lake::MemoryLake memory_{{.accounting = &accounting_}};
  lake::FaultyLake faulty_{memory_};
};

TEST_F(SameBytesTest, ARangeIsReadWhole) {
  const std::string bytes = Pattern(100'000);
  memory_.Plant("a", bytes);
  EXPECT_EQ(*Range(Of("a"), 0, bytes.size()), bytes);
  EXPECT_EQ(*Range(Of("a"), 70'000, 20'000), bytes.substr(70'000, 20'000));
}

TEST_F(SameBytesTest, BytesAreThoseOfOneETag) {
  memory_.Plant("a", "first");
  const LakeBytes first = Of("a");
  memory_.Plant("a", "other");
  EXPECT_EQ(Range(first, 0, 5).error().code(), Code::kConditionNotMet);
  memory_.Remove("a");
  EXPECT_EQ(Range(first, 0, 5).error().code(), Code::kBlobNotFound);
}

TEST_F(SameBytesTest, AShorterBlobHasNoSuchRange) {
  memory_.Plant("a", "short");
  EXPECT_EQ(Range(Of("a"), 0, 6).error().code(), Code::kConditionNotMet);
}

TEST_F(SameBytesTest, AnAnswerThatBreaksOffTellsNothing) {
  memory_.Plant("a", "bytes");
  memory_.Plant("b", "bytes");
  faulty_.FailNext({.kind = lake::Fault::Kind::kShortBody, .bytes = 3}, LakeOperation::kGet);
  EXPECT_EQ(Same("a", "b").error().code(), Code::kConnectionClosed);
  EXPECT_TRUE(*Same("a", "b"));
}

TEST_F(SameBytesTest, ADifferenceIsFoundWhereverItIs) {
  const std::string bytes = Pattern((4 << 20) + 1'000);  // two pieces
  memory_.Plant("a", bytes);
  memory_.Plant("b", bytes);
  EXPECT_TRUE(*Same("a", "b"));
  for (const std::size_t at : {std::size_t{0}, std::size_t{4} << 20, bytes.size() - 1}) {
    std::string other = bytes;
    other[at] = static_cast<char>(other[at] + 1);
    memory_.Plant("b", other);
    const auto same = Same("a", "b");
    ASSERT_TRUE(same);
    EXPECT_FALSE(*same) << at;
  }
}

TEST_F(SameBytesTest, NothingIsReadBehindTheFirstDifference) {
  const std::string bytes = Pattern(8 << 20);
  std::string other = bytes;
  other[17] = static_cast<char>(other[17] + 1);
  memory_.Plant("a", bytes);
  memory_.Plant("b", other);
  EXPECT_FALSE(*Same("a", "b"));
  EXPECT_EQ(accounting_.usage().of(LakeOperation::kGet), 2u);
}

TEST_F(SameBytesTest, WhatIsEmptyIsNotAskedFor) {
  memory_.Plant("a", "");
  memory_.Plant("b", "");
  EXPECT_TRUE(*Same("a", "b"));
  EXPECT_EQ(accounting_.usage().of(LakeOperation::kGet), 0u);
}

// --- Directories over a flat lake: each blob is copied, and one that stands there already is told
// by its bytes where nobody said an MD5.

class CopiedByBytesTest : public ::testing::Test {
 protected:
  CopiedByBytesTest() : fixture_(Options()) {
    PlantBlocks("data/file", bytes_);
    fixture_.AttachReadWrite();
  }
  static OffloadFixtureOptions Options() {
    OffloadFixtureOptions options;
    options.tier.engine.hierarchical = true;
    return options;
  }
  void PlantBlocks(const std::string& name, const std::string& bytes) {
    const azure::BlockId id("block1");
    lake::MemoryLake& lake = fixture_.lake();
    ASSERT_TRUE(RunSync(lake.PutBlock(
        {}, {.name = lake::BlobName(name), .id = id, .content = lake::TextContent(bytes)})));
    ASSERT_TRUE(RunSync(lake.CommitBlocks(
        {}, {.name = lake::BlobName(name), .blocks = {{id, lake::BlockSource::kLatest}}})));
  }
  void Rename(const std::string& from, const std::string& to) {
    engine::EngineFixture& engine = fixture_.engine();
    engine::RenamePathRequest request;
    request.source = engine.Blob(from);
    request.target = engine.Blob(to);
    ASSERT_TRUE(engine.Run(engine::RenamePath(engine.services(), {}, std::move(request))));
  }

  const std::string bytes_ = Pattern(5'000, 1);
  OffloadFixture fixture_;
};

TEST_F(CopiedByBytesTest, ACopyWhoseAnswerWasLostIsFoundByItsBytes) {
  fixture_.faulty_lake().FailNext({.kind = lake::Fault::Kind::kLostAnswer}, LakeOperation::kCopy);
  Rename("data", "moved");
  ASSERT_TRUE(fixture_.Sync());
  EXPECT_EQ(fixture_.Requests(LakeOperation::kGet), 2u) << "both sides were read";
  EXPECT_EQ(fixture_.Requests(LakeOperation::kCopy), 1u);
  EXPECT_EQ(fixture_.lake().Bytes("moved/file"), bytes_);
  EXPECT_EQ(fixture_.lake().Bytes("data/file"), std::nullopt);
}

TEST_F(CopiedByBytesTest, AnotherBlobOfThatLengthIsNotWrittenOver) {
  fixture_.faulty_lake().SetLink(lake::LinkState::kBlackHole);
  Rename("data", "moved");
  const std::string theirs = Pattern(bytes_.size(), 2);
  PlantBlocks("moved/file", theirs);
  fixture_.faulty_lake().SetLink(lake::LinkState::kUp);
  ASSERT_TRUE(fixture_.Until([&] { return fixture_.Status().blocked > 0; }));
  EXPECT_EQ(fixture_.Status().blocked_name, "moved/file") << "which nobody here decides about";
  EXPECT_EQ(fixture_.lake().Bytes("moved/file"), theirs);
  EXPECT_FALSE(fixture_.engine().Properties("moved/file")->record.body.in_lake)
      << "they came here before their old name went";
  EXPECT_EQ(fixture_.lake().Bytes("data/file"), std::nullopt);
  EXPECT_EQ(*fixture_.engine().Read("moved/file"), bytes_);
}

}  // namespace
}  // namespace forebay::tier
