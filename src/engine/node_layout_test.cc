#include "engine/node_layout.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/temp_dir_for_test.h"
#include "chunk/segment_chunk_store.h"
#include "engine/nodes_fixture.h"
#include "io/posix.h"

namespace forebay::engine {
namespace {

using Kind = LayoutPiece::Kind;

Result<NodeLayout> Look(Services& services, NodeTarget target, std::uint64_t offset = 0,
                        std::uint64_t length = kMaxLayoutBytes) {
  LayoutRequest request;
  request.target = std::move(target);
  request.offset = offset;
  request.length = length;
  return RunSync(LayoutNode(services, {}, std::move(request)));
}

NodeTarget Under(NodeTarget target, std::string_view etag) {
  const std::vector<azure::HeaderField> headers = {{"If-Match", etag}};
  target.conditions = *azure::ConditionsFrom(headers);
  return target;
}

// Files in segments on a disk, as a server has them.
class NodeLayoutTest : public ::testing::Test {
 protected:
  void SetUp() override {
    chunk::Options options;
    options.segment_bytes = 4 << 20;
    options.reserve_bytes = 0;
    auto chunks = chunk::SegmentChunkStore::Open(f_.store(), disk_, {directory_.path() + "/a"},
                                                 options, Clock::System());
    ASSERT_TRUE(chunks) << chunks.error().ToString();
    chunks_ = std::move(*chunks);
    services_.emplace(Services{.store = f_.services().store,
                               .chunks = *chunks_,
                               .clock = f_.services().clock,
                               .pool = f_.services().pool,
                               .ids = f_.services().ids,
                               .etags = f_.services().etags,
                               .buffers = f_.services().buffers,
                               .pins = f_.services().pins,
                               .limits = {.small_blob_bytes = 8, .chunk_bytes = 64 << 10}});
  }
  void Write(const std::string& path, const std::string& plan, std::string data) {
    ASSERT_TRUE(f_.Make(path));
    TextReader reader(std::move(data));
    CommitNodeRequest request;
    request.target = f_.At(path);
    request.pieces = *ParsePlan(plan);
    request.body = &reader;
    const auto done = RunSync(CommitNode(*services_, {}, std::move(request)));
    ASSERT_TRUE(done) << done.error().ToString();
  }
  // Another process follows what it is told; nullopt where it has to ask for the bytes.
  static std::optional<std::string> Follow(const NodeLayout& layout) {
    std::string text;
    for (const LayoutPiece& piece : layout.pieces) {
      if (piece.kind == Kind::kOther) return std::nullopt;
      const std::size_t at = text.size();
      text.resize(at + piece.length);
      if (piece.kind == Kind::kZero) continue;
      const int fd = ::open(piece.place.path.c_str(), O_RDONLY);
      EXPECT_EQ(::pread(fd, text.data() + at, piece.length, static_cast<off_t>(piece.offset)),
                static_cast<ssize_t>(piece.length));
      ::close(fd);
    }
    return text;
  }
  // What was just written is in memory, but nobody promises for how long.
  std::string ReadThere(const NodeTarget& target, std::uint64_t offset = 0,
                        std::uint64_t length = kMaxLayoutBytes) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      const auto layout = Look(*services_, target, offset, length);
      if (!layout) return layout.error().ToString();
      EXPECT_EQ(layout->offset, offset);
      if (const auto text = Follow(*layout)) return *text;
      GetBlobRequest warm;
      warm.node = target;
      auto found = RunSync(GetBlob(*services_, {}, std::move(warm)));
      EXPECT_TRUE(found && RunSync(ReadAllOf(std::move(found->body))));
    }
    return "never in memory";
  }

  NodesFixture f_;
  io::PosixFileSystem disk_;
  TempDir directory_;
  std::unique_ptr<chunk::SegmentChunkStore> chunks_;
  std::optional<Services> services_;
};

TEST_F(NodeLayoutTest, TheBytesLieWhereItSays) {
  const std::string text = Text(150'000, 1), more = Text(20, 2);
  const std::string all = text + std::string(1'000, '\0') + more;
  Write("a", "data 150000\nzero 1000\ndata 20\n", text + more);
  EXPECT_EQ(ReadThere(f_.At("a")), all);
  EXPECT_EQ(ReadThere(f_.At("a"), 65'000, 85'500), all.substr(65'000, 85'500));
  EXPECT_EQ(ReadThere(f_.At("a"), all.size() - 5), all.substr(all.size() - 5));
  const auto layout = Look(*services_, f_.At("a"));
  ASSERT_TRUE(layout);
  EXPECT_EQ(layout->attributes.etag, f_.Stat("a")->etag);
  EXPECT_EQ(layout->attributes.size, all.size());
  std::vector<Kind> kinds;
  for (const LayoutPiece& piece : layout->pieces) kinds.push_back(piece.kind);
  EXPECT_EQ(std::ranges::count(kinds, Kind::kZero), 1);
  EXPECT_GE(kinds.size(), 5u) << "three chunks, the hole, and what lies behind it";
}

TEST_F(NodeLayoutTest, OneAnswerIsBounded) {
  Write("a", "zero 40000000\n", "");
  const auto layout = Look(*services_, f_.At("a"), 5, 30'000'000);
  ASSERT_TRUE(layout);
  std::uint64_t told = 0;
  for (const LayoutPiece& piece : layout->pieces) told += piece.length;
  EXPECT_EQ(told, kMaxLayoutBytes);
}

TEST_F(NodeLayoutTest, TheVersionThatIsMeantIsTheOneThatIsThere) {
  Write("a", "data 20\n", Text(20));
  const std::string etag = f_.Stat("a")->etag;
  EXPECT_EQ(ReadThere(Under(f_.At("a"), etag)), Text(20));
  EXPECT_EQ(CodeOf(Look(*services_, Under(f_.At("a"), "0x1"))), Code::kConditionNotMet);
}

TEST_F(NodeLayoutTest, ErrorsAreTyped) {
  Write("a", "data 20\n", Text(20));
  f_.Dir("d");
  EXPECT_EQ(CodeOf(Look(*services_, f_.At("d"))), Code::kIsADirectory);
  EXPECT_EQ(CodeOf(Look(*services_, f_.At("none"))), Code::kPathNotFound);
  EXPECT_EQ(CodeOf(Look(*services_, f_.At("a"), 20)), Code::kInvalidRange);
}

// All as one piece, which says only that the bytes have to be asked for.
void ExpectOther(const Result<NodeLayout>& layout, std::uint64_t length) {
  ASSERT_TRUE(layout) << layout.error().ToString();
  ASSERT_EQ(layout->pieces.size(), 1u);
  EXPECT_EQ(layout->pieces[0].kind, Kind::kOther);
  EXPECT_EQ(layout->pieces[0].length, length);
}

TEST_F(NodeLayoutTest, WhatNoOtherProcessCanReadIsAskedFor) {
  Write("small", "data 5\n", "small");  // with the records
  ExpectOther(Look(*services_, f_.At("small")), 5);
  const std::uint64_t far = f_.File("far");
  ASSERT_TRUE(f_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(Node node, FindNode(txn, f_.Numbered(far)));
    node.record.body = {};
    node.record.body.id = meta::BodyId(900'000);
    node.record.body.in_lake = true;
    node.record.length = 70;
    return PutNode(f_.services(), txn, f_.Numbered(far), node);
  }));
  ExpectOther(Look(*services_, f_.At("far"), 10), 60);
  f_.File("memory", Text(100'000));  // of a store without files
  ExpectOther(Look(f_.services(), f_.At("memory")), 100'000);
}

}  // namespace
}  // namespace forebay::engine
