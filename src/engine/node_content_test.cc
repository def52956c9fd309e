#include "engine/node_content.h"

#include <gtest/gtest.h>

#include "engine/nodes_fixture.h"

namespace forebay::engine {
namespace {

TEST(NodeContentTest, PlansAreRead) {
  const auto plan = ParsePlan(
      "keep 5 10\ndata 3\nzero 7\nblock aWQ=\ncopy 9 0 4\ncopy 9 0 4 etag=0x1;path=a%20b\n");
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 6u);
  EXPECT_EQ((*plan)[0].offset, 5u);
  EXPECT_EQ((*plan)[0].length, 10u);
  EXPECT_EQ((*plan)[3].block, "id");
  EXPECT_EQ((*plan)[4].inode.value(), 9u);
  EXPECT_EQ((*plan)[4].etag + (*plan)[4].path, "");
  EXPECT_EQ((*plan)[5].inode.value(), 9u);
  EXPECT_EQ((*plan)[5].etag, "0x1");
  EXPECT_EQ((*plan)[5].path, "a b");
  for (const char* bad : {"keep 1", "keep 1 0", "data 0", "data -1", "data 1 2", "gone 1", "zero x",
                          "copy 9 0 4 etag", "keep 0 99999999999999999999"}) {
    EXPECT_EQ(ParsePlan(bad).error().code(), Code::kInvalidInput) << bad;
  }
  EXPECT_EQ(ParsePlan("block ***").error().code(), Code::kInvalidBlockId);
}

TEST(NodeContentTest, PiecesBecomeTheFile) {
  NodesFixture f;
  const std::uint64_t inode = f.File("a", Text(100));
  const std::string base = f.Stat("a")->etag;
  ASSERT_TRUE(f.StageBlock(f.At("a"), "id", "BLOCK"));
  const auto written = f.Write(
      f.At("a"), "keep 0 10\ndata 3\nzero 5\nblock aWQ=\nkeep 50 50\ndata 2\n", "xyzUV", base);
  ASSERT_TRUE(written) << written.error().ToString();
  const std::string want = Text(100).substr(0, 10) + "xyz" + std::string(5, '\0') + "BLOCK" +
                           Text(100).substr(50) + "UV";
  EXPECT_EQ(*f.Content("a"), want);
  EXPECT_EQ(*f.Read("a"), want);
  EXPECT_EQ(written->size, want.size());
  EXPECT_EQ(written->used, want.size() - 5);
  EXPECT_EQ(written->inode, inode);
  EXPECT_NE(written->etag, base);
  EXPECT_EQ(*f.Read("a", GetBlobRequest::Range{8, 12}), want.substr(8, 12));
}

TEST(NodeContentTest, WhatIsKeptMustBeNamed) {
  NodesFixture f;
  f.File("a", "0123456789");
  const std::string base = f.Stat("a")->etag;
  EXPECT_EQ(CodeOf(f.Write(f.At("a"), "keep 0 5\n")), Code::kMissingRequiredHeader);
  EXPECT_EQ(CodeOf(f.Write(f.At("a"), "keep 6 5\n", "", base)), Code::kInvalidRange);
  EXPECT_EQ(CodeOf(f.Write(f.At("a"), "data 5\n", "abc", base)), Code::kInvalidInput);
  ASSERT_TRUE(f.Write(f.At("a"), "keep 0 5\n", "", base));
  EXPECT_EQ(*f.Content("a"), "01234");
  EXPECT_EQ(CodeOf(f.Write(f.At("a"), "keep 0 5\n", "", base)), Code::kConditionNotMet);
  EXPECT_EQ(*f.Content("a"), "01234");
  f.Dir("d");
  EXPECT_EQ(CodeOf(f.Write(f.At("d"), "data 1\n", "x")), Code::kIsADirectory);
  ASSERT_TRUE(f.Make("p", azure::FileKind::kFifo));
  EXPECT_EQ(CodeOf(f.Write(f.At("p"), "data 1\n", "x")), Code::kInvalidInput);
}

TEST(NodeContentTest, ACommitTakesNothingThatOthersHaveStaged) {
  NodesFixture f;
  f.File("a", "text");
  for (const char* writer : {"one", "two", ""}) {
    ASSERT_TRUE(f.StageBlock(f.At("a"), "id", "of " + std::string(writer), writer));
    ASSERT_TRUE(f.StageBlock(f.At("a"), "more", "not named", writer));
  }
  const std::string plan = "block aWQ=\n";
  const std::string more = "block bW9yZQ==\n";
  ASSERT_TRUE(f.Write(f.At("a"), plan, "", "", {}, "two"));
  EXPECT_EQ(*f.Content("a"), "of two");
  EXPECT_EQ(CodeOf(f.Write(f.At("a"), more, "", "", {}, "two")), Code::kInvalidBlockList);
  ASSERT_TRUE(f.Write(f.At("a"), plan));
  EXPECT_EQ(*f.Content("a"), "of ");
  f.Sweep();
  ASSERT_TRUE(f.Write(f.At("a"), plan + more, "", "", {}, "one"));
  EXPECT_EQ(*f.Content("a"), "of onenot named");
  ASSERT_TRUE(f.StageBlock(f.At("a"), "id", "left", "one"));
  ASSERT_TRUE(f.StageBlock(f.At("a"), "id", "left", "two"));
  ASSERT_TRUE(f.Unlink("a"));
  f.Sweep();
  EXPECT_EQ(f.Stored(), "");
  EXPECT_EQ(f.InlinePieces(), 0u);
}

TEST(NodeContentTest, NothingIsLeftBehind) {
  NodesFixture f;
  f.File("a", Text(64 << 10, 3));
  std::string want = Text(64 << 10, 3);
  for (unsigned i = 0; i < 40; ++i) {
    const std::size_t at = (i * 7919U) % 60'000;
    const std::string piece = Text(100 + i, i);
    const std::string plan = (at > 0 ? "keep 0 " + std::to_string(at) + "\n" : "") + "data " +
                             std::to_string(piece.size()) + "\nkeep " +
                             std::to_string(at + piece.size()) + " " +
                             std::to_string(want.size() - at - piece.size()) + "\n";
    ASSERT_TRUE(f.Write(f.At("a"), plan, piece, f.Stat("a")->etag));
    want.replace(at, piece.size(), piece);
    if (i % 10 == 0) f.Sweep();
  }
  EXPECT_EQ(*f.Content("a"), want);
  f.Sweep();
  EXPECT_EQ(*f.Content("a"), want);
  ASSERT_TRUE(f.Write(f.At("a"), ""));
  EXPECT_EQ(*f.Content("a"), "");
  ASSERT_TRUE(f.Unlink("a"));
  f.Sweep();
  EXPECT_EQ(f.Stored(), "");
  EXPECT_EQ(f.InlinePieces(), 0u);
}

TEST(NodeContentTest, TinyLimitsPrepareAhead) {
  class Tiny : public EngineFixture {
   public:
    Tiny() : EngineFixture({.hierarchical = true, .limits = TinyLimits()}) {
      EXPECT_TRUE(MakeContainer());
    }
  } f;
  CreateNodeRequest create;
  create.target.container = f.Container();
  create.target.path = "a";
  TextReader first(Text(300, 1));
  create.body = &first;
  const auto made = f.Run(CreateNode(f.services(), f.context(), create));
  ASSERT_TRUE(made) << made.error().ToString();
  CommitNodeRequest commit;
  commit.target = create.target;
  const std::vector<azure::HeaderField> headers = {{"If-Match", made->attributes.etag}};
  commit.target.conditions = *azure::ConditionsFrom(headers);
  commit.pieces = *ParsePlan("keep 7 200\ndata 150\nzero 9\nkeep 0 90\n");
  TextReader data(Text(150, 2));
  commit.body = &data;
  const auto written = f.Run(CommitNode(f.services(), f.context(), commit));
  ASSERT_TRUE(written) << written.error().ToString();
  const std::string want = Text(300, 1).substr(7, 200) + Text(150, 2) + std::string(9, '\0') +
                           Text(300, 1).substr(0, 90);
  EXPECT_EQ(*f.Read("a"), want);
  f.Sweep();
  EXPECT_EQ(*f.Read("a"), want);
  ASSERT_TRUE(f.Delete("a"));
  f.Sweep();
  EXPECT_EQ(f.Stored(), "");
}

TEST(NodeContentTest, HolesTakeNoRoom) {
  NodesFixture f;
  f.File("a");
  const std::uint64_t huge = 20ULL << 30;
  auto written = f.Write(f.At("a"), "zero " + std::to_string(huge) + "\ndata 4\n", "tail");
  ASSERT_TRUE(written) << written.error().ToString();
  EXPECT_EQ(written->size, huge + 4);
  EXPECT_EQ(written->used, 4u);
  EXPECT_EQ(*f.Read("a", GetBlobRequest::Range{huge - 2, 6}), std::string(2, '\0') + "tail");
  const auto data = f.Run(SeekNode(f.services(), f.context(), f.At("a"), 5, true));
  EXPECT_EQ(*data, huge);
  EXPECT_EQ(*f.Run(SeekNode(f.services(), f.context(), f.At("a"), 5, false)), 5u);
  EXPECT_EQ(*f.Run(SeekNode(f.services(), f.context(), f.At("a"), huge, false)), huge + 4);
  EXPECT_EQ(CodeOf(f.Run(SeekNode(f.services(), f.context(), f.At("a"), huge + 4, true))),
            Code::kNoSuchOffset);
  // A write in the middle, and a cut.
  written = f.Write(f.At("a"), "keep 0 1000\ndata 1\nkeep 1001 9\n", "x", written->etag);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->used, 1u);
  EXPECT_EQ(*f.Content("a"), std::string(1000, '\0') + "x" + std::string(9, '\0'));
  EXPECT_EQ(*f.Run(SeekNode(f.services(), f.context(), f.At("a"), 0, true)), 1000u);
  EXPECT_EQ(CodeOf(f.Run(SeekNode(f.services(), f.context(), f.At("a"), 1001, true))),
            Code::kNoSuchOffset);
}

TEST(NodeContentTest, TenThousandSmallWritesInOneCommit) {
  NodesFixture f;
  f.File("a");
  constexpr std::uint64_t kSize = 1ULL << 30;
  auto at = f.Write(f.At("a"), "zero " + std::to_string(kSize) + "\n");
  ASSERT_TRUE(at);
  std::string plan;
  std::string data;
  constexpr std::uint64_t kStep = kSize / 10'000;
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    plan +=
        "data 64\nkeep " + std::to_string(i * kStep + 64) + " " + std::to_string(kStep - 64) + "\n";
    data += Text(64, static_cast<unsigned>(i));
  }
  plan += "keep " + std::to_string(10'000 * kStep) + " " + std::to_string(kSize - 10'000 * kStep) +
          "\n";
  at = f.Write(f.At("a"), plan, data, at->etag);
  ASSERT_TRUE(at) << at.error().ToString();
  EXPECT_EQ(at->size, kSize);
  EXPECT_EQ(at->used, 640'000u);
  for (const std::uint64_t i : {0ULL, 1ULL, 4'999ULL, 9'999ULL}) {
    EXPECT_EQ(*f.Read("a", GetBlobRequest::Range{i * kStep, 66}),
              Text(64, static_cast<unsigned>(i)) + std::string(2, '\0'));
  }
}

TEST(NodeContentTest, CopiesOfAnotherFileAreShared) {
  NodesFixture f;
  const std::uint64_t source = f.File("s", Text(1000, 5));
  f.File("t", "begin");
  ASSERT_TRUE(f.Write(f.At("t"), "keep 0 5\ncopy " + std::to_string(source) + " 10 20\n", "",
                      f.Stat("t")->etag));
  EXPECT_EQ(*f.Content("t"), "begin" + Text(1000, 5).substr(10, 20));
  ASSERT_TRUE(f.Unlink("s"));
  f.Sweep();
  EXPECT_EQ(*f.Content("t"), "begin" + Text(1000, 5).substr(10, 20));
  EXPECT_EQ(CodeOf(f.Write(f.At("t"), "copy " + std::to_string(source) + " 0 1\n")),
            Code::kFileGone);
  ASSERT_TRUE(f.Unlink("t"));
  f.Sweep();
  EXPECT_EQ(f.Stored(), "");
}

TEST(NodeContentTest, ACopyIsOfTheVersionThatItNamesWhereverThatLies) {
  NodesFixture f;
  f.File("t", "begin");
  // Put there by a client that knows no numbers: found by its path alone.
  ASSERT_TRUE(f.Put("d/s t", Text(1000, 5)));
  const auto source = f.Stat("d/s t");
  const auto copy = [&](const std::string& rest) {
    return f.Write(f.At("t"), "copy " + std::to_string(source->inode) + " 10 20" + rest + "\n");
  };
  EXPECT_EQ(CodeOf(copy("")), Code::kFileGone);
  EXPECT_EQ(CodeOf(copy(" path=t")), Code::kFileGone);
  EXPECT_EQ(CodeOf(copy(" etag=0x1;path=d/s%20t")), Code::kConditionNotMet);
  EXPECT_EQ(*f.Content("t"), "begin");
  ASSERT_TRUE(copy(" etag=" + source->etag + ";path=d/s%20t"));
  EXPECT_EQ(*f.Content("t"), Text(1000, 5).substr(10, 20));
  ASSERT_TRUE(f.Write(f.At("d/s t"), "data 40\n", Text(40, 6)));
  EXPECT_EQ(CodeOf(copy(" etag=" + source->etag + ";path=d/s%20t")), Code::kConditionNotMet);
}

TEST(NodeContentTest, StagedBlocksGoWithACommitThatDoesNotNameThem) {
  NodesFixture f;
  const std::uint64_t inode = f.File("a");
  ASSERT_TRUE(f.StageBlock(f.Numbered(inode), "one", Text(100'000, 1)));
  ASSERT_TRUE(f.StageBlock(f.Numbered(inode), "two", "2"));
  ASSERT_TRUE(f.Move("a", "b"));
  EXPECT_EQ(CodeOf(f.Write(f.Numbered(inode), "block eA==\n")), Code::kInvalidBlockList);
  ASSERT_TRUE(f.Write(f.Numbered(inode), "block b25l\nblock b25l\n"));
  EXPECT_EQ(*f.Content("b"), Text(100'000, 1) + Text(100'000, 1));
  EXPECT_EQ(CodeOf(f.Write(f.Numbered(inode), "block dHdv\n")), Code::kInvalidBlockList);
  ASSERT_TRUE(f.StageBlock(f.Numbered(inode), "late", "x"));
  ASSERT_TRUE(f.Unlink("b"));
  f.Sweep();
  EXPECT_EQ(f.Stored(), "");
  EXPECT_EQ(f.KeysOfTable('8'), 0u);
}

TEST(NodeContentTest, AReaderSeesOneContent) {
  NodesFixture f;
  f.File("a", Text(200'000, 1));
  GetBlobRequest request;
  request.node = f.At("a");
  auto open = f.Run(GetBlob(f.services(), f.context(), request));
  ASSERT_TRUE(open);
  ASSERT_TRUE(f.Write(f.At("a"), "data 3\nkeep 3 1000\n", "new", f.Stat("a")->etag));
  f.Sweep();
  EXPECT_EQ(*f.Run(ReadAllOf(std::move(open->body))), Text(200'000, 1));
  EXPECT_EQ(f.Content("a")->substr(0, 3), "new");
}

TEST(NodeContentTest, AttributesComeWithTheContent) {
  NodesFixture f;
  ASSERT_TRUE(f.Make("a", azure::FileKind::kFile, 04755));
  azure::PosixChanges set;
  set.mode = 0755;
  set.mtime = 123;
  const auto written = f.Write(f.At("a"), "data 1\n", "x", "", set);
  ASSERT_TRUE(written);
  EXPECT_EQ(written->mode, 0755u);
  EXPECT_EQ(written->mtime, 123);
  const auto later = f.Write(f.At("a"), "data 1\n", "y");
  EXPECT_GT(later->mtime, 123);
  EXPECT_GT(later->ctime, written->ctime);
}

}  // namespace
}  // namespace forebay::engine
