#include "engine/copy_blob.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "engine/update_blob.h"

namespace forebay::engine {
namespace {

constexpr std::size_t kSizes[] = {0, 5, 40, 64, 300};

class CopyBlobTest : public testing::TestWithParam<bool> {
 protected:
  CopyBlobTest() { EXPECT_TRUE(f_.MakeContainer()); }

  Result<CopyBlobResult> Copy(CopyBlobRequest request, std::string_view from, std::string_view to) {
    request.source = f_.Blob(from);
    request.target = f_.Blob(to);
    return f_.Run(CopyBlob(f_.services(), f_.context(), std::move(request)));
  }
  EngineFixture f_{{.hierarchical = GetParam(), .limits = TinyLimits()}};
};

TEST_P(CopyBlobTest, SharesTheBytesAndOutlivesTheSource) {
  for (const std::size_t size : kSizes) {
    SCOPED_TRACE("size " + std::to_string(size));
    const std::string text = Text(size, 1);
    BlobAttributes attributes = WithTags({{"t", "1"}});
    attributes.metadata = {{"m", "1"}};
    attributes.http.content_type = "text/plain";
    ASSERT_TRUE(f_.Put("a", text, attributes));
    const std::size_t stored = f_.LinkedChunks() + f_.InlinePieces();
    const auto copied = Copy({}, "a", "b");
    ASSERT_TRUE(copied) << copied.error().ToString();
    EXPECT_EQ(copied->length, size);
    EXPECT_EQ(copied->content_md5, *ExpectMd5(text).md5);
    ASSERT_TRUE(Copy({}, "b", "c"));
    EXPECT_EQ(f_.LinkedChunks() + f_.InlinePieces(), stored);
    const auto record = f_.Properties("b")->record;
    EXPECT_EQ(record.metadata, attributes.metadata);
    EXPECT_EQ(record.http.content_type, "text/plain");
    EXPECT_TRUE(record.tags.empty());
    EXPECT_EQ(record.copy.status, azure::CopyStatus::kNone) << "Put Blob From URL leaves no trace";
    for (const char* gone : {"a", "c"}) {
      ASSERT_TRUE(f_.Delete(gone));
      f_.Sweep(1);
      EXPECT_EQ(*f_.Read("b"), text) << "without " << gone;
    }
    ASSERT_TRUE(f_.Put("b", "over"));
    f_.Sweep(1);
    EXPECT_EQ(f_.Stored(), "pieces=1 ");
    ASSERT_TRUE(f_.Delete("b"));
  }
  f_.Sweep(1);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_P(CopyBlobTest, OntoItselfKeepsTheBytes) {
  for (const std::size_t size : kSizes) {
    const std::string text = Text(size, 2);
    ASSERT_TRUE(f_.Put("a", text));
    CopyBlobRequest request;
    request.metadata = azure::Metadata{{"new", "1"}};
    ASSERT_TRUE(Copy(request, "a", "a"));
    f_.Sweep(1);
    EXPECT_EQ(*f_.Read("a"), text);
    EXPECT_EQ(f_.Properties("a")->record.metadata, *request.metadata);
    ASSERT_TRUE(f_.Delete("a"));
    f_.Sweep(1);
    EXPECT_EQ(f_.Stored(), "");
  }
}

TEST_P(CopyBlobTest, WhatTheRequestGivesReplacesTheSources) {
  ASSERT_TRUE(f_.Put("a", "text", WithTags({{"t", "1"}})));
  CopyBlobRequest request;
  request.http.emplace().content_type = "image/png";
  request.tags = azure::Tags{{"u", "2"}};
  request.tier = azure::AccessTier::kCool;
  request.copy_source_url = "http://there/a";
  request.copy_id = "id-1";
  const auto copied = Copy(request, "a", "b");
  ASSERT_TRUE(copied);
  const auto record = f_.Properties("b")->record;
  EXPECT_EQ(record.http.content_type, "image/png");
  EXPECT_EQ(record.http.content_md5, *ExpectMd5("text").md5);
  EXPECT_EQ(record.tags, *request.tags);
  EXPECT_EQ(record.tier, azure::AccessTier::kCool);
  EXPECT_EQ(record.copy.status, azure::CopyStatus::kSuccess);
  EXPECT_EQ(record.copy.id, "id-1");
  EXPECT_EQ(record.copy.source, "http://there/a");
  EXPECT_EQ(record.copy.bytes_copied, 4u);
  CopyBlobRequest with_tags;
  with_tags.copy_tags = true;
  ASSERT_TRUE(Copy(with_tags, "a", "c"));
  EXPECT_EQ(f_.Properties("c")->record.tags, (azure::Tags{{"t", "1"}}));
  EXPECT_EQ(f_.KeysOfTable('i'), 3u);
}

TEST_P(CopyBlobTest, ChecksumsAreHeldAgainstTheSource) {
  const std::string text = Text(100, 3);
  ASSERT_TRUE(f_.Put("a", text));
  CopyBlobRequest request;
  request.expected = ExpectMd5("other");
  EXPECT_EQ(Copy(request, "a", "b").error().code(), Code::kMd5Mismatch);
  request.expected = ExpectCrc64("other");
  EXPECT_EQ(Copy(request, "a", "b").error().code(), Code::kCrc64Mismatch);
  EXPECT_EQ(f_.Properties("b").error().code(), Code::kBlobNotFound);
  request.expected.crc64 = Crc64(AsBytes(text));
  EXPECT_TRUE(Copy(request, "a", "b"));
}

TEST_P(CopyBlobTest, BothSidesHaveConditions) {
  ASSERT_TRUE(f_.Put("a", "text"));
  ASSERT_TRUE(f_.Put("b", "there"));
  azure::Conditions never;
  never.if_match = azure::ETagCondition{.any = false, .etags = {azure::ETag("0x0")}};
  CopyBlobRequest request;
  request.source_conditions = never;
  EXPECT_EQ(Copy(request, "a", "b").error().code(), Code::kSourceConditionNotMet);
  request.source_conditions = {};
  request.conditions = never;
  EXPECT_EQ(Copy(request, "a", "b").error().code(), Code::kConditionNotMet);
  request.conditions = {};
  request.conditions.if_none_match = azure::ETagCondition{.any = true, .etags = {}};
  EXPECT_EQ(Copy(request, "a", "b").error().code(), Code::kBlobAlreadyExists);
  EXPECT_EQ(*f_.Read("b"), "there");
  EXPECT_EQ(f_.Stored(), "pieces=2 ") << "a refused copy holds nothing";
  EXPECT_TRUE(Copy(request, "a", "c"));
}

TEST_P(CopyBlobTest, RefusesWhatCannotBeASource) {
  EXPECT_EQ(Copy({}, "a", "b").error().code(), Code::kBlobNotFound);
  ASSERT_TRUE(f_.Put("d/a", "text"));
  UpdateBlobRequest archive{.target = f_.Blob("d/a")};
  archive.tier = azure::AccessTier::kArchive;
  ASSERT_TRUE(f_.Run(UpdateBlob(f_.services(), f_.context(), archive)));
  EXPECT_EQ(Copy({}, "d/a", "b").error().code(), Code::kBlobArchived);
  if (GetParam()) EXPECT_EQ(Copy({}, "d", "b").error().code(), Code::kInvalidSourceBlobType);
  CopyBlobRequest request;
  request.source = f_.Blob("x");
  ASSERT_TRUE(f_.Put("x", "text"));
  request.target = f_.Blob("b", "none");
  EXPECT_EQ(f_.Run(CopyBlob(f_.services(), f_.context(), request)).error().code(),
            Code::kContainerNotFound);
}

TEST_P(CopyBlobTest, AFailedCommitHoldsNothing) {
  ASSERT_TRUE(f_.Put("a", Text(300, 1)));
  const std::string stored = f_.Stored();
  f_.store().FailNext(Code::kNoSpace);
  EXPECT_EQ(Copy({}, "a", "b").error().code(), Code::kNoSpace);
  EXPECT_EQ(f_.Stored(), stored);
}

INSTANTIATE_TEST_SUITE_P(Layouts, CopyBlobTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
