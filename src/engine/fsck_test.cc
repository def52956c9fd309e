#include "engine/fsck.h"

#include <gtest/gtest.h>

#include "base/codec.h"
#include "chunk/records.h"
#include "engine/copy_blob.h"
#include "engine/delete_container.h"
#include "engine/engine_fixture.h"
#include "engine/put_block_from_blob.h"
#include "meta/garbage.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

class FsckTest : public testing::TestWithParam<bool> {
 protected:
  FsckTest() { EXPECT_TRUE(f_.MakeContainer()); }

  // One of everything: every way of storing, sharing and leaving things to the sweeper.
  void Fill() {
    ASSERT_TRUE(f_.Put("d/inline", Text(5), WithTags({{"t", "1"}})));
    ASSERT_TRUE(f_.Put("d/direct", Text(60)));
    ASSERT_TRUE(f_.Put("d/e/paged", Text(300), WithTags({{"t", "2"}, {"u", "3"}})));
    for (int n = 0; n < 12; ++n) ASSERT_TRUE(f_.Stage("list", Id(n), Text(20)));
    ASSERT_TRUE(f_.Commit("list", Entries(0, 10)));
    ASSERT_TRUE(f_.Stage("list", Id(20), Text(20)));
    ASSERT_TRUE(f_.Commit("list", Entries(3, 6)));
    Copy("d/e/paged", "copy1");
    Copy("d/e/paged", "copy2");
    Copy("d/inline", "copy3");
    StageFrom("d/e/paged", 100);
    StageFrom("d/direct", 50);
    ASSERT_TRUE(f_.Stage("only staged", Id(1), Text(100)));
  }
  void LeaveGarbage() {
    ASSERT_TRUE(f_.Put("gone", Text(300)));
    ASSERT_TRUE(f_.Delete("gone"));
    f_.store().FailNext(Code::kIo, 1'000, 3);  // a preparation that nobody finishes or abandons
    EXPECT_FALSE(f_.Put("half", Text(300)));
    for (int n = 0; n < 9; ++n) f_.store().FailNext(Code::kIo, 0);
    for (int n = 0; n < 9; ++n) ASSERT_TRUE(f_.Stage("prepared", Id(n), Text(30)));
    f_.store().FailNext(Code::kIo, 1'000, 2);
    EXPECT_FALSE(f_.Commit("prepared", Entries(0, 7)));
    f_.store().FailNext(Code::kIo, 0);
    ASSERT_TRUE(f_.MakeContainer("crate"));
    Copy("d/e/paged", "x/y", "crate");
    Copy("d/direct", "x/z", "crate");
    ASSERT_TRUE(
        f_.Run(DeleteContainer(f_.services(), f_.context(), {.target = f_.Container("crate")})));
  }
  static std::string Id(int n) { return "b" + std::to_string(100 + n); }
  static std::vector<BlockListEntry> Entries(int begin, int end) {
    std::vector<BlockListEntry> entries;
    for (int n = begin; n < end; ++n) {
      entries.push_back({BlockSource::kLatest, azure::BlockId(Id(n))});
    }
    return entries;
  }
  void Copy(std::string_view from, std::string_view to, std::string_view container = "box") {
    CopyBlobRequest request;
    request.source = f_.Blob(from);
    request.target = f_.Blob(to, container);
    const auto copied = f_.Run(CopyBlob(f_.services(), f_.context(), std::move(request)));
    ASSERT_TRUE(copied) << copied.error().ToString();
  }
  void StageFrom(std::string_view from, std::uint64_t length) {
    PutBlockFromBlobRequest request;
    request.source = f_.Blob(from);
    request.source_range = GetBlobRequest::Range{7, length};
    request.target = f_.Blob("from");
    request.block_id = azure::BlockId(Id(static_cast<int>(length)));
    ASSERT_TRUE(f_.Run(PutBlockFromBlob(f_.services(), f_.context(), std::move(request))));
  }

  NamespaceFsckReport Check(bool repair = false, std::uint64_t max_entries = 1'000'000) {
    NamespaceFsckOptions options;
    options.repair = repair;
    options.max_entries_in_memory = max_entries;
    auto report = CheckNamespace(f_.store(), f_.chunks(), options);
    EXPECT_TRUE(report) << report.error().ToString();
    return report ? *report : NamespaceFsckReport();
  }
  static std::string All(const NamespaceFsckReport& report) {
    std::string all;
    for (const std::string& problem : report.problems) all += problem + "\n";
    return all;
  }
  void ExpectSound() {
    const auto report = Check();
    EXPECT_EQ(report.problem_count, 0u) << All(report);
    EXPECT_FALSE(report.orphans_skipped);
  }
  void Change(const kv::TransactionFn& fn) {
    const auto done = f_.store().TransactBlocking(fn);
    ASSERT_TRUE(done) << done.error().ToString();
  }
  // The n-th key of a table, in any space.
  std::string KeyOf(char table, std::size_t n = 0) {
    const auto snapshot = f_.store().GetSnapshot();
    auto it = snapshot->Scan(std::string(1, table), PrefixEnd(std::string(1, table)));
    for (; it->Valid() && n > 0; it->Next()) --n;
    EXPECT_TRUE(it->Valid()) << "no record in table " << table;
    return it->Valid() ? std::string(it->key()) : std::string();
  }
  void Erase(const std::string& key) {
    Change([key](kv::Transaction& txn) -> Result<> {
      txn.Erase(key);
      return {};
    });
  }
  void Put(const std::string& key, const std::string& value) {
    Change([key, value](kv::Transaction& txn) -> Result<> {
      txn.Put(key, value);
      return {};
    });
  }
  // `problem` is found (and nothing else), and gone after a repair, once and for all.
  void ExpectRepaired(FsckProblem problem, std::uint64_t count = 1) {
    const auto found = Check();
    EXPECT_EQ(found.count(problem), count) << All(found);
    EXPECT_EQ(found.problem_count, count) << All(found);
    EXPECT_EQ(found.repaired, 0u);
    EXPECT_EQ(Check().problem_count, count) << "a check repairs nothing";
    EXPECT_GE(Check(/*repair=*/true).repaired, count);
    ExpectSound();
  }
  void ExpectFoundAndLeft(FsckProblem problem) {
    const auto found = Check();
    EXPECT_GT(found.count(problem), 0u) << All(found);
    const auto repairing = Check(/*repair=*/true);
    EXPECT_EQ(repairing.count(problem), found.count(problem));
    EXPECT_EQ(Check().count(problem), found.count(problem)) << "it is no repair to hide it";
  }
  EngineFixture f_{{.hierarchical = GetParam(), .limits = TinyLimits()}};
};

TEST_P(FsckTest, AnEmptyStoreIsSound) { ExpectSound(); }

TEST_P(FsckTest, WhatTheEngineLeavesIsSoundAtAnyMoment) {
  Fill();
  ExpectSound();
  LeaveGarbage();
  ExpectSound();
  for (std::size_t stop = 1; stop < 40; stop += 3) {
    f_.clock().Advance(std::chrono::hours(25));
    f_.store().FailNext(Code::kIo, 1, stop);
    (void)f_.sweeper().RunOnce();
    f_.store().FailNext(Code::kIo, 0);
    ExpectSound();
  }
  f_.clock().Advance(std::chrono::hours(24 * 9));
  f_.Sweep(2);
  ExpectSound();
}

TEST_P(FsckTest, ALargeStoreTakesSeveralPassesAndLittleMemory) {
  Fill();
  LeaveGarbage();
  const auto at_once = Check();
  EXPECT_EQ(at_once.passes, 1u);
  const auto in_parts = Check(false, 10);
  EXPECT_GT(in_parts.passes, 5u);
  EXPECT_EQ(in_parts.problem_count, 0u) << All(in_parts);
  EXPECT_EQ(in_parts.chunks, at_once.chunks);
  EXPECT_EQ(in_parts.blobs, at_once.blobs);
  EXPECT_EQ(at_once.chunks, f_.LinkedChunks() + f_.InlinePieces());
  // Problems are counted once, however many passes there are.
  Erase(KeyOf('q'));
  Erase(KeyOf('r'));
  Erase(KeyOf('i'));
  EXPECT_EQ(Check(false, 10).problem_count, Check().problem_count);
  Check(true, 10);
  ExpectSound();
}

TEST_P(FsckTest, FindsAndFreesAnOrphanedChunk) {
  Fill();
  auto chunk = RunSync(f_.chunks().Write({}, AsBytes("nobody's")));
  ASSERT_TRUE(chunk);
  Change([&](kv::Transaction& txn) -> Result<> {
    f_.chunks().Link(txn, **chunk);
    return {};
  });
  const std::size_t chunks = f_.LinkedChunks();
  ExpectRepaired(FsckProblem::kOrphan);
  EXPECT_EQ(f_.LinkedChunks(), chunks - 1);
}

TEST_P(FsckTest, FindsAndFreesAnOrphanedPiece) {
  Fill();
  Change([](kv::Transaction& txn) -> Result<> {
    txn.Put(kv::Space::kInline, keys::InlinePiece(987'654), "nobody's");
    return {};
  });
  ExpectRepaired(FsckProblem::kOrphan);
}

TEST_P(FsckTest, PutsBackAMissingReferenceOfAChunk) {
  Fill();
  const std::size_t references = f_.KeysOfTable('q');
  for (std::size_t n = 0; n < references; ++n) {
    Erase(KeyOf('q', n));
    ExpectRepaired(FsckProblem::kMissingReference);
    EXPECT_EQ(f_.KeysOfTable('q'), references);
  }
}

TEST_P(FsckTest, PutsBackAllReferencesOfAChunk) {
  Fill();
  const std::string text = *f_.Read("list");
  Change([](kv::Transaction& txn) -> Result<> {
    txn.DeleteRange(kv::Space::kMeta, "q", "s");  // of bodies, too
    return {};
  });
  EXPECT_GT(Check(true).count(FsckProblem::kMissingReference), 3u);
  ExpectSound();
  // What it put back keeps the bytes of one when the other goes.
  ASSERT_TRUE(f_.Delete("d/e/paged"));
  f_.Sweep(1);
  EXPECT_EQ(*f_.Read("copy1"), Text(300));
  ASSERT_TRUE(f_.Delete("copy1"));
  f_.Sweep(1);
  EXPECT_EQ(*f_.Read("copy2"), Text(300));
  EXPECT_EQ(*f_.Read("list"), text);
  ExpectSound();
}

TEST_P(FsckTest, PutsBackAMissingReferenceOfABody) {
  Fill();
  const std::size_t references = f_.KeysOfTable('r');
  ASSERT_GE(references, 5u);
  for (std::size_t n = 0; n < references; ++n) {
    Erase(KeyOf('r', n));
    ExpectRepaired(FsckProblem::kMissingReference);
  }
}

TEST_P(FsckTest, ErasesReferencesOfNobody) {
  Fill();
  Put(keys::BodyRef(f_.Properties("d/direct")->record.body.id, meta::BlobId(987'654)), "");
  // With a reference there, the body counts as shared, and its one holder needs one too.
  const auto found = Check();
  EXPECT_EQ(found.count(FsckProblem::kDanglingReference), 1u);
  EXPECT_EQ(found.count(FsckProblem::kMissingReference), 1u);
  Check(/*repair=*/true);
  ExpectSound();
  EXPECT_EQ(*f_.Read("d/direct"), Text(60));
}

TEST_P(FsckTest, ErasesReferencesToNothing) {
  Fill();
  Put(keys::ChunkRef({77, 77}, meta::BodyId(5)), "");
  Put(keys::BodyRef(meta::BodyId(987'654), meta::BlobId(987'655)), "");
  ExpectRepaired(FsckProblem::kDanglingReference, 2);
}

TEST_P(FsckTest, ErasesPagesAndBlocksOfNothing) {
  Fill();
  Put(keys::ExtentPage(meta::BodyId(987'654), 16), meta::EncodeExtentPage({0, {}}));
  Put(keys::ExtentPage(meta::BodyId(987'654), 32), meta::EncodeExtentPage({16, {}}));
  Put(keys::StagedBlock(meta::BodyId(987'655), "b1"), meta::Encode(meta::StagedBlockRecord()));
  Put(keys::ReleasePage(meta::BodyId(987'656), 0), meta::EncodeReleasePage({}));
  ExpectRepaired(FsckProblem::kForgottenRecord, 3);
}

TEST_P(FsckTest, MendsTheTagIndex) {
  Fill();
  Erase(KeyOf('i', 1));
  ExpectRepaired(FsckProblem::kTagIndex);
  const auto record = f_.Properties("d/direct")->record;
  Put(KeyOf('i', 0) + "x", "");
  ExpectRepaired(FsckProblem::kTagIndex);
  const std::size_t rows = f_.KeysOfTable('i');
  for (const std::uint64_t nowhere : {0u, 987'654u}) {
    Put(keys::Tag(meta::ContainerId(nowhere), "t", "1", "d/inline"), "");
    Put(keys::Tag(meta::ContainerId(nowhere), "t", "1", "other"), "");
  }
  ExpectRepaired(FsckProblem::kTagIndex, 4);
  EXPECT_EQ(f_.KeysOfTable('i'), rows);
}

// What has no reference is told; what two records of one blob have in common needs none.
TEST_P(FsckTest, NamesASecondRecordOfABlob) {
  Fill();
  for (const char* name : {"d/direct", "copy1"}) {
    const meta::BlobRecord record = f_.Properties(name)->record;
    ASSERT_TRUE(f_.Put("second", Text(1)));
    const char table = GetParam() ? 'h' : 'n';
    std::string key;
    for (std::size_t n = 0; n < 100 && !key.ends_with("second"); ++n) key = KeyOf(table, n);
    ASSERT_TRUE(f_.Delete("second"));
    Put(key, meta::Encode(record));
    ExpectFoundAndLeft(FsckProblem::kTwoRecords);
    EXPECT_EQ(Check().count(FsckProblem::kTwoRecords), 1u);
    EXPECT_EQ(*f_.Read(name), *f_.Read("second"));
    Erase(key);
    ExpectSound();
  }
}

TEST_P(FsckTest, NamesMissingBytesAndInventsNone) {
  Fill();
  const auto extent = f_.Properties("d/direct")->record.body.direct.front();
  Erase(chunk::keys::Chunk(extent.chunk));
  Change([](kv::Transaction& txn) -> Result<> {
    txn.DeleteRange(kv::Space::kInline, "", std::string(8, '\xff'));
    return {};
  });
  ExpectFoundAndLeft(FsckProblem::kMissingBytes);
  EXPECT_FALSE(f_.Read("d/direct"));
}

TEST_P(FsckTest, NamesAWrongLength) {
  Fill();
  Erase(KeyOf('p', 0));
  ExpectFoundAndLeft(FsckProblem::kWrongLength);
}

// As flushes in place once left it; a list that is longer than its blob was never right.
TEST_P(FsckTest, ABlockListMayBeShorterThanItsBlob) {
  Fill();
  const meta::BodyId body = f_.Properties("list")->record.body.id;
  const std::string prefix = meta::keys::BlockListPagesOf(body);
  const auto snapshot = f_.store().GetSnapshot();
  const auto page = snapshot->Scan(prefix, PrefixEnd(prefix));
  ASSERT_TRUE(page->Valid());
  auto blocks = meta::DecodeBlockListPage(page->value());
  ASSERT_TRUE(blocks);
  blocks->back().size -= 5;
  Put(std::string(page->key()), meta::EncodeBlockListPage(*blocks));
  ExpectSound();
  EXPECT_EQ(Check().short_block_lists, 1u);
  blocks->back().size += 10;
  Put(std::string(page->key()), meta::EncodeBlockListPage(*blocks));
  ExpectFoundAndLeft(FsckProblem::kWrongLength);
  EXPECT_EQ(Check().short_block_lists, 0u);
}

TEST_P(FsckTest, AnUnreadableRecordKeepsAllThatItMightName) {
  Fill();
  const char table = GetParam() ? 'h' : 'n';
  const std::string key = KeyOf(table, 3);
  Put(key, "\x7fnonsense");
  ExpectFoundAndLeft(FsckProblem::kUnreadableRecord);
  const std::size_t stored = f_.LinkedChunks() + f_.InlinePieces();
  const auto report = Check(true);
  EXPECT_TRUE(report.orphans_skipped);
  EXPECT_EQ(report.count(FsckProblem::kOrphan), 0u);
  EXPECT_EQ(f_.LinkedChunks() + f_.InlinePieces(), stored);
}

TEST_P(FsckTest, NamesBlobsWithoutAContainer) {
  Fill();
  Erase(KeyOf('a'));
  ExpectFoundAndLeft(FsckProblem::kNoContainer);
}

TEST_P(FsckTest, NamesLostDirectories) {
  if (!GetParam()) return;
  Fill();
  const std::string directory = KeyOf('d');
  const std::string record = **f_.store().GetSnapshot()->Get(directory);
  Erase(directory);
  ExpectFoundAndLeft(FsckProblem::kLostDirectory);
  Put(directory, record);
  ExpectSound();
  meta::DirectoryRecord elsewhere = *meta::DecodeDirectory(record);
  elsewhere.name = "other";
  Put(directory, meta::Encode(elsewhere));
  ExpectFoundAndLeft(FsckProblem::kLostDirectory);
}

// Where changes wait for a lake, they hold bytes too.
TEST_P(FsckTest, LooksForNoOrphansWhereAChangeLogHoldsBytes) {
  Fill();
  Put(KeyBuilder('j').U64(1).U64(1).Take(), "a change");
  Change([](kv::Transaction& txn) -> Result<> {
    txn.Put(kv::Space::kInline, keys::InlinePiece(987'654), "the change's");
    return {};
  });
  const auto report = Check(true);
  EXPECT_TRUE(report.orphans_skipped);
  EXPECT_EQ(report.problem_count, 0u) << All(report);
  EXPECT_EQ(report.repaired, 0u);
}

INSTANTIATE_TEST_SUITE_P(Layouts, FsckTest, testing::Bool());

}  // namespace
}  // namespace forebay::engine
