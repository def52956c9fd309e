#include "engine/put_blob.h"

#include <gtest/gtest.h>

#include "base/checksum.h"
#include "engine/engine_fixture.h"
#include "engine/get_block_list.h"

namespace forebay::engine {
namespace {

std::string Md5Text(std::string_view text) {
  const Md5Digest digest = Md5::Of(AsBytes(text));
  return std::string(AsText(digest));
}

class PutBlobTest : public testing::TestWithParam<bool> {
 protected:
  PutBlobTest() { EXPECT_TRUE(f_.MakeContainer()); }
  ~PutBlobTest() override { EXPECT_EQ(f_.chunks().staged(), 0); }

  Result<PutBlobResult> Put(TextReader& reader, std::string_view name = "d/a",
                            ExpectedChecksums expected = {}) {
    PutBlobRequest request;
    request.target = f_.Blob(name);
    request.body = &reader;
    request.expected = std::move(expected);
    return f_.Run(PutBlob(f_.services(), f_.context(), std::move(request)));
  }
  Result<PutBlobResult> Put(std::string text, ExpectedChecksums expected) {
    TextReader reader(std::move(text));
    return Put(reader, "d/a", std::move(expected));
  }
  EngineFixture f_{{.hierarchical = GetParam(), .limits = TinyLimits()}};
};

// Inline, one chunk, direct extents, pages, prepared pages; each overwrites the one before.
constexpr std::size_t kSizes[] = {0, 1, 8, 9, 16, 17, 64, 65, 80, 200, 1000, 64, 3, 0, 500, 16};

TEST_P(PutBlobTest, EverySizeReadsBackAndReplacesTheOneBefore) {
  unsigned seed = 0;
  for (const std::size_t size : kSizes) {
    SCOPED_TRACE("size " + std::to_string(size));
    const std::string text = Text(size, ++seed);
    BlobAttributes attributes;
    attributes.metadata = {{"n", std::to_string(seed)}};
    attributes.http.content_type = "text/plain";
    attributes.tags = {{"t", std::to_string(seed)}};
    const auto put = f_.Put("d/a", text, attributes);
    ASSERT_TRUE(put) << put.error().ToString();
    EXPECT_EQ(put->content_md5, Md5Text(text));
    EXPECT_EQ(put->crc64, Crc64(AsBytes(text)));
    EXPECT_EQ(*f_.Read("d/a"), text);
    const auto record = f_.Properties("d/a")->record;
    EXPECT_EQ(record.length, size);
    EXPECT_EQ(record.metadata, attributes.metadata);
    EXPECT_EQ(record.tags, attributes.tags);
    EXPECT_EQ(record.http.content_type, "text/plain");
    EXPECT_EQ(record.http.content_md5, Md5Text(text));
    EXPECT_EQ(azure::MakeETag(record.etag.value()), put->changed.etag);
    EXPECT_EQ(record.modified, put->changed.last_modified);
    f_.Sweep(1);
    EXPECT_EQ(f_.LinkedChunks(), size > 8 ? (size + 15) / 16 : 0);
    EXPECT_EQ(f_.InlinePieces(), size > 0 && size <= 8 ? 1u : 0u);
    EXPECT_EQ(f_.KeysOfTable('i'), 1u);
    EXPECT_EQ(f_.KeysOfTable('g'), 0u);
  }
  ASSERT_TRUE(f_.Delete("d/a"));
  f_.Sweep(1);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_P(PutBlobTest, ABodyOfUnknownLengthIsTheSame) {
  for (const std::size_t size : kSizes) {
    const std::string text = Text(size, 5);
    TextReader reader(text, 7);
    reader.HideLength();
    ASSERT_TRUE(Put(reader));
    EXPECT_EQ(*f_.Read("d/a"), text) << size;
  }
}

TEST_P(PutBlobTest, TheCreationTimeSurvivesAnOverwrite) {
  ASSERT_TRUE(f_.Put("d/a", "one"));
  const auto before = f_.Properties("d/a")->record;
  ASSERT_TRUE(f_.Put("d/a", "two"));
  const auto after = f_.Properties("d/a")->record;
  EXPECT_EQ(after.created, before.created);
  EXPECT_GT(after.modified, before.modified);
  EXPECT_NE(after.etag, before.etag);
  EXPECT_NE(after.id, before.id);
}

TEST_P(PutBlobTest, ChecksumsAreHeldAgainstTheBody) {
  ASSERT_TRUE(f_.Put("d/a", "before"));
  for (const std::size_t size :
       {std::size_t{0}, std::size_t{5}, std::size_t{40}, std::size_t{300}}) {
    SCOPED_TRACE("size " + std::to_string(size));
    const std::string text = Text(size, 3);
    const std::string other = Text(size + 1, 4);
    EXPECT_EQ(Put(text, ExpectMd5(other)).error().code(), Code::kMd5Mismatch);
    EXPECT_EQ(Put(text, ExpectCrc64(other)).error().code(), Code::kCrc64Mismatch);
    ExpectedChecksums both = ExpectMd5(text);
    both.crc64 = Crc64(AsBytes(other));
    EXPECT_EQ(Put(text, both).error().code(), Code::kCrc64Mismatch);
    EXPECT_EQ(*f_.Read("d/a"), "before");
    both.crc64 = Crc64(AsBytes(text));
    EXPECT_TRUE(Put(text, both));
    EXPECT_EQ(*f_.Read("d/a"), text);
    ASSERT_TRUE(f_.Put("d/a", "before"));
  }
  ASSERT_TRUE(f_.Delete("d/a"));
  f_.Sweep(1);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_P(PutBlobTest, TheMd5ThatTheClientGivesTheBlobIsKept) {
  BlobAttributes attributes;
  attributes.http.content_md5 = std::string(16, 'x');
  const auto put = f_.Put("d/a", "text", attributes);
  ASSERT_TRUE(put);
  EXPECT_EQ(put->content_md5, Md5Text("text"));
  EXPECT_EQ(f_.Properties("d/a")->record.http.content_md5, std::string(16, 'x'));
}

TEST_P(PutBlobTest, ABodyThatIsCutShortChangesNothing) {
  ASSERT_TRUE(f_.Put("d/a", "before"));
  const std::string text = Text(150, 1);
  for (std::size_t at = 0; at < text.size(); at += 3) {
    TextReader reader(text, 5);
    reader.FailAt(at);
    const auto put = Put(reader);
    ASSERT_FALSE(put);
    ASSERT_EQ(put.error().code(), Code::kConnectionClosed);
  }
  EXPECT_EQ(*f_.Read("d/a"), "before");
  EXPECT_EQ(f_.Stored(), "pieces=1 ");
}

TEST_P(PutBlobTest, TooMuchIsRefusedBeforeAByteIsRead) {
  class Huge final : public BodyReader {
   public:
    std::optional<std::uint64_t> content_length() const override { return kMaxPutBlobBytes + 1; }
    Task<std::size_t> Read(MutableByteView) override {
      ADD_FAILURE() << "a byte was asked for";
      co_return std::size_t{0};
    }
  };
  Huge huge;
  PutBlobRequest request;
  request.target = f_.Blob("d/a");
  request.body = &huge;
  const auto put = f_.Run(PutBlob(f_.services(), f_.context(), std::move(request)));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Code::kRequestBodyTooLarge);
}

TEST_P(PutBlobTest, ConditionsAreAskedBeforeTheBody) {
  TextReader reader("text");
  PutBlobRequest request;
  request.target = f_.Blob("d/a");
  request.body = &reader;
  request.conditions.if_match = azure::ETagCondition{.any = true, .etags = {}};
  auto put = f_.Run(PutBlob(f_.services(), f_.context(), request));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Code::kConditionNotMet);
  ASSERT_TRUE(f_.Put("d/a", "before"));
  request.conditions = {};
  request.conditions.if_none_match = azure::ETagCondition{.any = true, .etags = {}};
  put = f_.Run(PutBlob(f_.services(), f_.context(), request));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Code::kBlobAlreadyExists);
  EXPECT_EQ(reader.bytes_read(), 0u);
  EXPECT_EQ(*f_.Read("d/a"), "before");

  azure::Conditions current;
  current.if_match =
      azure::ETagCondition{.etags = {azure::MakeETag(f_.Properties("d/a")->record.etag.value())}};
  EXPECT_TRUE(f_.Put("d/a", "after", {}, current));
  EXPECT_EQ(f_.Put("d/a", "later", {}, current).error().code(), Code::kConditionNotMet);
  EXPECT_EQ(*f_.Read("d/a"), "after");
}

// Somebody else makes the blob while the body comes in.
class RacingReader final : public BodyReader {
 public:
  RacingReader(EngineFixture& f, std::string text) : f_(f), text_(std::move(text)) {}
  std::optional<std::uint64_t> content_length() const override { return text_.size(); }
  Task<std::size_t> Read(MutableByteView data) override {
    if (std::exchange(done_, true)) co_return std::size_t{0};
    TextReader reader("theirs");
    PutBlobRequest request;
    request.target = f_.Blob("d/a");
    request.body = &reader;
    FB_CO_RETURN_IF_ERROR(co_await PutBlob(f_.services(), f_.context(), std::move(request)));
    std::memcpy(data.data(), text_.data(), text_.size());
    co_return text_.size();
  }

 private:
  EngineFixture& f_;
  std::string text_;
  bool done_ = false;
};

TEST_P(PutBlobTest, ConditionsAreDecidedInTheCommit) {
  RacingReader reader(f_, "mine");
  PutBlobRequest request;
  request.target = f_.Blob("d/a");
  request.body = &reader;
  request.conditions.if_none_match = azure::ETagCondition{.any = true, .etags = {}};
  const auto put = f_.Run(PutBlob(f_.services(), f_.context(), std::move(request)));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Code::kBlobAlreadyExists);
  EXPECT_EQ(*f_.Read("d/a"), "theirs");
  EXPECT_EQ(f_.Stored(), "pieces=1 ");
}

TEST_P(PutBlobTest, AFailedWriteOrSyncChangesNothing) {
  ASSERT_TRUE(f_.Put("d/a", "before"));
  f_.chunks().FailNextWrites(Code::kNoSpace);
  EXPECT_EQ(f_.Put("d/a", Text(100)).error().code(), Code::kNoSpace);
  f_.chunks().FailNextSyncs(Code::kVolumeFailed);
  EXPECT_EQ(f_.Put("d/a", Text(100)).error().code(), Code::kVolumeFailed);
  EXPECT_EQ(*f_.Read("d/a"), "before");
  EXPECT_EQ(f_.Stored(), "pieces=1 ");
}

// Whichever of its transactions fails, the blob stays as it was, and nothing is left over.
TEST_P(PutBlobTest, AnyTransactionMayFail) {
  const std::string before = Text(90, 1);
  const std::string after = Text(400, 2);
  ASSERT_TRUE(f_.Put("d/a", before));
  const std::string stored = f_.Stored();
  std::size_t failures = 0;
  for (;; ++failures) {
    SCOPED_TRACE("transaction " + std::to_string(failures));
    f_.store().FailNext(Code::kNoSpace, 1, failures);
    const auto put = f_.Put("d/a", after);
    f_.store().FailNext(Code::kNoSpace, 0);
    if (put) break;
    ASSERT_EQ(put.error().code(), Code::kNoSpace);
    ASSERT_EQ(*f_.Read("d/a"), before);
    // At once: what was abandoned waits for no day to end.
    ASSERT_TRUE(f_.sweeper().RunOnce());
    ASSERT_EQ(f_.Stored(), stored);
  }
  EXPECT_GT(failures, 5u) << "it must be prepared";
  EXPECT_EQ(*f_.Read("d/a"), after);
}

TEST_P(PutBlobTest, ALostAnswerIsAWholeBlobOrNone) {
  for (int i = 0; i < 3; ++i) {
    ASSERT_TRUE(f_.Put("d/a", "before"));
    f_.store().LoseNextAnswers();
    const std::string text = Text(i == 0 ? 5 : i == 1 ? 40 : 400, 9);
    const auto put = f_.Put("d/a", text);
    const std::string now = *f_.Read("d/a");
    EXPECT_TRUE(put ? now == text : now == text || now == "before");
    f_.Sweep(2);
    EXPECT_EQ(*f_.Read("d/a"), now);
  }
  ASSERT_TRUE(f_.Delete("d/a"));
  f_.Sweep(2);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_P(PutBlobTest, UncommittedBlocksGo) {
  ASSERT_TRUE(f_.Stage("d/a", "b1", Text(50)));
  ASSERT_TRUE(f_.Put("d/a", "whole"));
  const auto list = f_.Run(
      GetBlockList(f_.services(), f_.context(), {.target = f_.Blob("d/a"), .uncommitted = true}));
  ASSERT_TRUE(list);
  EXPECT_TRUE(list->uncommitted.empty());
  f_.Sweep(1);
  EXPECT_EQ(f_.Stored(), "pieces=1 ");
}

TEST_P(PutBlobTest, RefusesWhereThereIsNoPlaceForIt) {
  TextReader reader("text");
  PutBlobRequest request;
  request.target = f_.Blob("d/a", "none");
  request.body = &reader;
  EXPECT_EQ(f_.Run(PutBlob(f_.services(), f_.context(), request)).error().code(),
            Code::kContainerNotFound);
  ASSERT_TRUE(f_.Put("d/a", "text"));
  const auto over = f_.Put("d", "over a directory");
  const auto under = f_.Put("d/a/b", "under a blob");
  if (!GetParam()) {
    EXPECT_TRUE(over && under);
    return;
  }
  EXPECT_EQ(over.error().code(), Code::kPathConflict);
  EXPECT_EQ(under.error().code(), Code::kPathConflict);
  EXPECT_EQ(*f_.Read("d/a"), "text");
}

TEST_P(PutBlobTest, AMarkerOfADirectoryIsOne) {
  PutBlobRequest request;
  request.target = f_.Blob("e");
  request.attributes.metadata = {{"hdi_isfolder", "true"}};
  request.make_directory = true;
  ASSERT_TRUE(f_.Run(PutBlob(f_.services(), f_.context(), request)));
  const auto first = f_.Properties("e")->record;
  EXPECT_EQ(first.directory.has_value(), GetParam());
  ASSERT_TRUE(f_.Put("e/x", "in it"));
  ASSERT_TRUE(f_.Run(PutBlob(f_.services(), f_.context(), request)));
  EXPECT_EQ(f_.Properties("e")->record.directory, first.directory);
  EXPECT_EQ(*f_.Read("e/x"), "in it");
  ASSERT_TRUE(f_.Put("b", "blob"));
  request.target = f_.Blob("b");
  const auto over = f_.Run(PutBlob(f_.services(), f_.context(), request));
  EXPECT_EQ(over.has_value(), !GetParam());
  if (!over) EXPECT_EQ(over.error().code(), Code::kPathConflict);
}

TEST_P(PutBlobTest, ACancelledRequestEndsEarly) {
  TextReader reader(Text(100));
  PutBlobRequest request;
  request.target = f_.Blob("d/a");
  request.body = &reader;
  const auto put = f_.Run(PutBlob(f_.services(), f_.cancelled(), std::move(request)));
  ASSERT_FALSE(put);
  EXPECT_EQ(put.error().code(), Code::kCancelled);
  EXPECT_EQ(f_.Stored(), "");
}

INSTANTIATE_TEST_SUITE_P(Layouts, PutBlobTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
