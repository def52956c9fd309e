#include "engine/read_versions.h"

#include <gtest/gtest.h>

#include "engine/get_blob.h"
#include "engine/nodes_fixture.h"

namespace forebay::engine {
namespace {

using namespace std::chrono_literals;

// A file whose versions are read by their ETags, as a mount does.
class Fixture : public NodesFixture {
 public:
  Result<std::string> ReadVersion(std::uint64_t inode, const std::string& etag,
                                  std::uint64_t offset, std::uint64_t length) {
    GetBlobRequest request;
    request.node = Numbered(inode, "a");
    const std::vector<azure::HeaderField> headers = {{"If-Match", etag}};
    request.conditions = request.node->conditions = *azure::ConditionsFrom(headers);
    request.range = GetBlobRequest::Range{offset, length};
    auto found = Run(ReadNodeVersion(services(), context(), std::move(request)));
    if (!found) return Fail(std::move(found.error()));
    EXPECT_EQ(found->attributes.etag, etag);
    return Run(ReadAllOf(std::move(found->body)));
  }
  void Pass(std::chrono::seconds time) {
    clock().Advance(time);
    Sweep();
  }
};

class ReadVersionsTest : public testing::TestWithParam<bool> {
 protected:
  // Small ones lie in the key-value store, large ones in many chunks.
  std::string Make() {
    const std::size_t piece = GetParam() ? 70'000 : 700;
    std::string plan, data;
    for (unsigned i = 0; i < 6; ++i) {
      plan += "data " + std::to_string(piece) + "\nzero 10\n";
      data += Text(piece, i);
      text_ += Text(piece, i) + std::string(10, '\0');
    }
    inode_ = f_.File("a");
    EXPECT_TRUE(f_.Write(f_.At("a"), plan, data));
    return f_.Stat("a")->etag;
  }
  Fixture f_;
  std::uint64_t inode_ = 0;
  std::string text_;
};

TEST_P(ReadVersionsTest, WhatIsBeingReadStaysReadableWhenItIsReplaced) {
  const std::string first = Make();
  ASSERT_EQ(*f_.ReadVersion(inode_, first, 0, 500), text_.substr(0, 500));
  ASSERT_TRUE(f_.Write(f_.At("a"), "data 5\n", "other"));
  EXPECT_EQ(*f_.Content("a"), "other");
  EXPECT_EQ(f_.services().versions->held(), 1u);
  for (int i = 0; i < 4; ++i) {
    f_.Pass(50s);  // as long as it is read
    EXPECT_EQ(*f_.ReadVersion(inode_, first, 300, 1u << 20), text_.substr(300));
    EXPECT_EQ(*f_.ReadVersion(inode_, first, 705, 100), text_.substr(705, 100));
  }
  f_.Pass(61s);
  EXPECT_EQ(CodeOf(f_.ReadVersion(inode_, first, 0, 10)), Code::kConditionNotMet);
  EXPECT_EQ(f_.services().versions->held(), 0u);
  ASSERT_TRUE(f_.Unlink("a"));
  f_.EngineFixture::Sweep();
  EXPECT_EQ(f_.Stored(), "");
  EXPECT_EQ(f_.InlinePieces(), 0u);
}

TEST_P(ReadVersionsTest, WhatIsBeingReadStaysReadableWhenAnOpenCutsItToNothing) {
  const std::string first = Make();
  const auto cut = [this] {
    CreateNodeRequest request;
    request.target = f_.At("a");
    request.exclusive = false;
    request.truncate = true;
    return f_.Run(CreateNode(f_.services(), f_.context(), std::move(request)));
  };
  ASSERT_EQ(*f_.ReadVersion(inode_, first, 0, 500), text_.substr(0, 500));
  f_.store().FailNext(Code::kStale, 1);  // as if it had changed just then
  const auto done = cut();
  ASSERT_TRUE(done) << done.error().ToString();
  EXPECT_FALSE(done->created);
  EXPECT_EQ(*f_.Content("a"), "");
  EXPECT_EQ(*f_.ReadVersion(inode_, first, 300, 1u << 20), text_.substr(300));
  f_.Pass(61s);
  EXPECT_EQ(CodeOf(f_.ReadVersion(inode_, first, 0, 10)), Code::kConditionNotMet);
  f_.EngineFixture::Sweep();
  EXPECT_EQ(f_.Stored(), "");
  EXPECT_EQ(f_.InlinePieces(), 0u);
  f_.store().FailNext(Code::kStale, 1'000);
  EXPECT_EQ(CodeOf(cut()), Code::kServerBusy);
  f_.store().FailNext(Code::kStale, 0);
}

TEST_P(ReadVersionsTest, WhatNobodyReadsIsNotHeld) {
  const std::string first = Make();
  ASSERT_TRUE(f_.Write(f_.At("a"), "data 5\n", "other"));
  EXPECT_EQ(f_.services().versions->held(), 0u);
  EXPECT_EQ(CodeOf(f_.ReadVersion(inode_, first, 0, 10)), Code::kConditionNotMet);
}

TEST_P(ReadVersionsTest, AReadLongAgoDoesNotHold) {
  const std::string first = Make();
  ASSERT_TRUE(f_.ReadVersion(inode_, first, 0, 500));
  f_.Pass(61s);
  ASSERT_TRUE(f_.Write(f_.At("a"), "data 5\n", "other"));
  EXPECT_EQ(CodeOf(f_.ReadVersion(inode_, first, 0, 10)), Code::kConditionNotMet);
}

TEST_P(ReadVersionsTest, ManyVersionsAreReadAtOnce) {
  std::vector<std::pair<std::string, std::string>> versions = {{Make(), ""}};
  versions[0].second = text_;
  for (unsigned i = 0; i < 5; ++i) {
    ASSERT_TRUE(f_.ReadVersion(inode_, versions.back().first, 0, 10));
    const std::string more = Text(100 + i, 90 + i);
    const auto now = f_.Write(f_.At("a"), "keep 0 300\ndata " + std::to_string(more.size()) + "\n",
                              more, versions.back().first);
    ASSERT_TRUE(now) << now.error().ToString();
    versions.emplace_back(now->etag, text_.substr(0, 300) + more);
  }
  for (const auto& [etag, text] : versions) {
    EXPECT_EQ(*f_.ReadVersion(inode_, etag, 0, 1u << 20), text);
  }
}

TEST_P(ReadVersionsTest, WhatOnlyAddsIsToldFromOtherChanges) {
  const std::string first = Make();
  const auto from = [this](const std::string& etag) {
    return f_.services().versions->GrownFrom({inode_, azure::ETag(etag)}).str();
  };
  const std::string all = "keep 0 " + std::to_string(text_.size()) + "\n";
  const auto grown = f_.Write(f_.At("a"), all + "data 1\n", "!", first);
  ASSERT_TRUE(grown) << grown.error().ToString();
  EXPECT_EQ(from(grown->etag), first);
  ASSERT_TRUE(f_.Append("a", text_.size() + 1, "more"));
  const auto flushed = f_.Flush("a", text_.size() + 5);
  ASSERT_TRUE(flushed) << flushed.error().ToString();
  EXPECT_EQ(from(flushed->changed.etag.str()), first);
  const auto cut = f_.Write(f_.At("a"), all, {}, flushed->changed.etag.str());
  ASSERT_TRUE(cut) << cut.error().ToString();
  EXPECT_EQ(from(cut->etag), cut->etag);
  const auto shifted = f_.Write(f_.At("a"), "data 1\n" + all, "!", cut->etag);
  ASSERT_TRUE(shifted) << shifted.error().ToString();
  EXPECT_EQ(from(shifted->etag), shifted->etag);
}

INSTANTIATE_TEST_SUITE_P(SmallAndLarge, ReadVersionsTest, testing::Bool());

TEST(ReadVersionsChainTest, WhatOnlyGrewIsTold) {
  const auto etag = [](std::uint64_t n) { return azure::MakeETag(n); };
  ReadVersions versions;
  EXPECT_EQ(versions.GrownFrom({7, etag(1)}), etag(1));
  versions.Grew({7, etag(1)}, etag(2));
  versions.Grew({7, etag(2)}, etag(3));
  EXPECT_EQ(versions.GrownFrom({7, etag(3)}), etag(1));
  EXPECT_EQ(versions.GrownFrom({8, etag(3)}), etag(3)) << "another file";
  // 4 was made in another way: 5 is a continuation of that alone.
  EXPECT_EQ(versions.GrownFrom({7, etag(4)}), etag(4));
  versions.Grew({7, etag(4)}, etag(5));
  EXPECT_EQ(versions.GrownFrom({7, etag(5)}), etag(4));
}

TEST(ReadVersionsChainTest, MemoryIsBounded) {
  ReadVersions versions;
  const WallTime now = WallTime::FromSeconds(1'000'000);
  const azure::ETag etag = azure::MakeETag(1);
  for (std::uint64_t i = 0; i < 3 * ReadVersions::kMostNoted; ++i) {
    versions.Note({i, etag}, {}, now);
    if (i < 2 * ReadVersions::kMostHeld) versions.Hold({i, etag}, nullptr, now);
  }
  EXPECT_EQ(versions.held(), ReadVersions::kMostHeld);
  EXPECT_FALSE(versions.Noted({0, etag}, now));
  EXPECT_TRUE(versions.Noted({3 * ReadVersions::kMostNoted - 1, etag}, now));
}

}  // namespace
}  // namespace forebay::engine
