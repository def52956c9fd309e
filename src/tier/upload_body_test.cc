// Bodies on their way up, and files of the lake that take no blocks.
#include "tier/upload_body.h"

#include "tier/offload_conflict_fixture.h"
#include "tier/tier_fixture.h"

namespace forebay::tier {
namespace {

using lake::LakeOperation;

class UploadBodyTest : public OffloadConflictFixture {
 protected:
  meta::BlobRecord RecordOf(const std::string& name) {
    return site().engine().Properties(name)->record;
  }
  std::string All(const std::shared_ptr<lake::Content>& content) {
    std::string bytes;
    auto source = site().engine().Run(content->Open());
    EXPECT_TRUE(source);
    while (source) {
      const auto piece = site().engine().Run((*source)->Next(false));
      EXPECT_TRUE(piece);
      if (!piece || !*piece) break;
      longest_ = std::max(longest_, (*piece)->memory.size());
      bytes += AsText((*piece)->memory);
    }
    return bytes;
  }

  std::size_t longest_ = 0;
};

TEST_F(UploadBodyTest, ABodyStreamsInPiecesAgainAndAgain) {
  Open();
  const std::string bytes = Pattern(4'500, 1);
  PutBlocks("a", bytes);
  const meta::BlobRecord record = RecordOf("a");
  Semaphore budget(2'000);
  const auto content = StreamRange(site().engine().services(), {}, budget, 2'000,
                                   {record.body, 0, record.length}, 1'000);
  EXPECT_EQ(content->length(), bytes.size());
  EXPECT_TRUE(content->memory().empty());
  EXPECT_EQ(All(content), bytes);
  EXPECT_EQ(All(content), bytes) << "once more";
  EXPECT_EQ(longest_, 1'000u);
}

// By Path Create: Azure refuses Put Block and Put Block List for it, and takes Put Blob.
TEST_F(UploadBodyTest, AFileThatTakesNoBlocksIsReplacedAsAWhole) {
  lake_.PlantPath("a", "made by another API");
  Open();
  std::vector<std::string> seen;
  lake_.OnRequest([&](LakeOperation operation, const std::string& name) {
    if (operation == LakeOperation::kPut) seen.push_back(*lake_.Bytes(name));
  });
  Put("a", Pattern(5'000, 1));
  Converge();
  EXPECT_EQ(lake_.Bytes("a"), Pattern(5'000, 1));
  EXPECT_EQ(seen, std::vector<std::string>{Pattern(5'000, 1)}) << "in one step";
  // From then on it is one like any other.
  PutBlocks("a", Pattern(6'000, 2));
  Converge();
  EXPECT_EQ(lake_.Bytes("a"), Pattern(6'000, 2));
  EXPECT_EQ(seen.size(), 1u);
  EXPECT_TRUE(site().Conflicts().empty());
  lake_.OnRequest({});
}

TEST_F(UploadBodyTest, WhatIsTooLargeForThatGoesInBlocksOverAnEmptyFile) {
  lake_.PlantPath("a", "made by another API");
  largest_put_ = 4'000;
  Open();
  Put("a", Pattern(5'000, 1));
  Converge();
  EXPECT_EQ(lake_.Bytes("a"), Pattern(5'000, 1));
  EXPECT_TRUE(lake_.State("a")->metadata.empty());
  EXPECT_TRUE(site().Conflicts().empty());
}

// A client that died before its commit: its blocks lie there for a week, and ours have longer ids.
TEST_F(UploadBodyTest, BlocksThatSomebodyLeftBehindBlockNothing) {
  for (const std::uint64_t largest_put : {std::uint64_t{1} << 20, std::uint64_t{4'000}}) {
    largest_put_ = largest_put;
    Open();
    for (const std::string name : {"new", "old"}) {
      if (name == "old") {
        PutBlocks(name, Pattern(3'000, 1));
        Converge();
      }
      ASSERT_TRUE(RunSync(lake_.PutBlock({}, {.name = lake::BlobName(name),
                                              .id = azure::BlockId("x"),
                                              .content = lake::TextContent("theirs")})));
      PutBlocks(name, Pattern(5'000, 2));
      Converge();
      EXPECT_EQ(lake_.Bytes(name), Pattern(5'000, 2));
      EXPECT_TRUE(lake_.State(name)->metadata.empty());
    }
    EXPECT_TRUE(site().Conflicts().empty());
  }
}

// The process ends between the two: the empty file is its own, whether it is in the place of
// another one or of blocks that somebody left.
TEST_F(UploadBodyTest, TheEmptyFileOfAFormerProcessIsRecognised) {
  lake_.PlantPath("a", "made by another API");
  ASSERT_TRUE(RunSync(lake_.PutBlock({}, {.name = lake::BlobName("b"),
                                          .id = azure::BlockId("x"),
                                          .content = lake::TextContent("theirs")})));
  largest_put_ = 4'000;
  Open();
  for (const std::string name : {"a", "b"}) {
    SCOPED_TRACE(name);
    Down();
    Put(name, Pattern(5'000, 1));
    lake_.OnRequest([&](LakeOperation operation, const std::string&) {
      if (operation == LakeOperation::kPut) Down();
    });
    site().link().Heal();
    EXPECT_TRUE(Site::Eventually([&] {
      const auto bytes = lake_.Bytes(name);
      return bytes && bytes->empty();
    }));
    site().Restart();
    lake_.OnRequest({});
    Converge();
    EXPECT_EQ(lake_.Bytes(name), Pattern(5'000, 1));
    EXPECT_TRUE(lake_.State(name)->metadata.empty());
    EXPECT_TRUE(site().Conflicts().empty());
  }
}

// A whole write was lost, or was it?
TEST_F(UploadBodyTest, ALostAnswerOfAWholeWriteIsNoConflict) {
  lake_.PlantPath("a", "made by another API");
  Open();
  Down();
  Put("a", Pattern(5'000, 1));
  site().link().Heal();
  site().link().FailNext({.kind = lake::Fault::Kind::kLostAnswer}, LakeOperation::kPut);
  Converge();
  EXPECT_EQ(lake_.Bytes("a"), Pattern(5'000, 1));
  EXPECT_TRUE(site().Conflicts().empty());
}

// Somebody else makes one where there was nothing: theirs is not written over.
TEST_F(UploadBodyTest, AFileOfSomebodyElseThatTakesNoBlocksIsAConflict) {
  Open();
  Down();
  Put("a", Pattern(5'000, 1));
  lake_.PlantPath("a", "theirs");
  Sync();
  Converge();
  EXPECT_EQ(lake_.Bytes("a"), "theirs");
  ASSERT_EQ(site().Conflicts().size(), 1u);
  EXPECT_EQ(lake_.Bytes(site().Conflicts().front().record.kept_as), Pattern(5'000, 1));
}

}  // namespace
}  // namespace forebay::tier
