#include "engine/fsck_nodes.h"

#include <gtest/gtest.h>

#include "base/codec.h"
#include "engine/fsck.h"
#include "engine/nodes_fixture.h"
#include "meta/keys.h"
#include "meta/node_keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

class FsckNodesTest : public ::testing::Test {
 protected:
  // "a" and "b" are one file, "held" has no name any more.
  FsckNodesTest() {
    const std::uint64_t linked = f.File("a");
    f.Dir("d");
    EXPECT_TRUE(f.Link(linked, "d/b", "a"));
    EXPECT_TRUE(f.Link(linked, "c"));
    EXPECT_TRUE(f.Unlink("c"));
    session = f.Session();
    held = f.File("held", "content");
    EXPECT_TRUE(f.Hold(f.At("held"), session));
    EXPECT_TRUE(f.Unlink("held"));
    container = meta::ContainerId(KeyReader(FirstOf("h").substr(1)).U64());
    node = keys::Node(container, meta::InodeId(linked));
  }
  std::string FirstOf(const std::string& prefix) {
    const auto snapshot = f.store().GetSnapshot();
    const auto it = snapshot->Scan(prefix, PrefixEnd(prefix));
    EXPECT_TRUE(it->Valid()) << "no record under " << prefix;
    return it->Valid() ? std::string(it->key()) : std::string();
  }
  void Change(const kv::TransactionFn& fn) { ASSERT_TRUE(f.store().TransactBlocking(fn)); }
  void Erase(const std::string& key) {
    Change([key](kv::Transaction& txn) -> Result<> {
      EXPECT_TRUE(*txn.Get(key)) << "nothing is planted by this";
      txn.Erase(key);
      return {};
    });
  }
  void SetLinks(std::uint32_t links) {
    Change([this, links](kv::Transaction& txn) -> Result<> {
      meta::BlobRecord record = *meta::DecodeBlob(**txn.Get(node));
      record.node.links = links;
      txn.Put(node, meta::Encode(record));
      return {};
    });
  }
  meta::BlobRecord RecordOf(const std::string& key) {
    return *meta::DecodeBlob(**f.store().GetSnapshot()->Get(key));
  }
  void Put(const std::string& key, const meta::BlobRecord& record) {
    Change([key, encoded = meta::Encode(record)](kv::Transaction& txn) -> Result<> {
      txn.Put(key, encoded);
      return {};
    });
  }
  // A file of which nothing is left but its record, as a lost write of its names would leave it.
  meta::BlobRecord Forgotten(std::string_view content) {
    const std::uint64_t inode = f.File("once", std::string(content));
    EXPECT_TRUE(f.Link(inode, "twice", "once"));
    forgotten = keys::Node(container, meta::InodeId(inode));
    Erase(NameOf("once"));
    Erase(NameOf("twice"));
    return RecordOf(forgotten);
  }
  std::string NameOf(std::string_view path) {
    const meta::InodeId parent(path.starts_with("d/") ? f.Stat("d")->inode
                                                      : meta::kRootInode.value());
    return keys::Entry(container, parent, path.substr(path.rfind('/') + 1));
  }
  NamespaceFsckReport Check(bool repair = false, std::uint64_t max_entries = 1'000) {
    NamespaceFsckOptions options;
    options.repair = repair;
    options.max_entries_in_memory = max_entries;
    return *CheckNamespace(f.store(), f.chunks(), options);
  }
  // It and nothing else, in one pass or in many.
  void ExpectFound(FsckProblem problem) {
    for (const std::uint64_t entries : {1'000u, 2u}) {
      const NamespaceFsckReport report = Check(false, entries);
      EXPECT_EQ(report.count(problem), 1u);
      EXPECT_EQ(report.problem_count, 1u) << testing::PrintToString(report.problems);
    }
  }
  void ExpectRepaired(FsckProblem problem) {
    ExpectFound(problem);
    EXPECT_EQ(Check(/*repair=*/true).repaired, 1u);
    EXPECT_EQ(Check().problem_count, 0u);
  }

  NodesFixture f;
  std::uint64_t session = 0;
  std::uint64_t held = 0;
  meta::ContainerId container;
  std::string node;       // key of the file with two names
  std::string forgotten;  // of what Forgotten made
};

TEST_F(FsckNodesTest, LinksAndHeldFilesAreSound) {
  EXPECT_EQ(Check().problem_count, 0u);
  EXPECT_EQ(Check(false, 2).problem_count, 0u);
  ASSERT_TRUE(f.Delete("d", /*recursive=*/true));  // a name in a directory that waits for its end
  EXPECT_EQ(Check().problem_count, 0u);
  f.Sweep();
  EXPECT_EQ(f.Stat("a")->nlink, 1u);
  EXPECT_EQ(Check().problem_count, 0u);
}

TEST_F(FsckNodesTest, FindsNamesOfAFileThatIsNotThere) {
  Erase(node);
  ExpectFound(FsckProblem::kLostFile);
  EXPECT_EQ(Check(/*repair=*/true).repaired, 0u);
  ExpectFound(FsckProblem::kLostFile);
}

TEST_F(FsckNodesTest, CountsNamesAnew) {
  SetLinks(7);
  ExpectRepaired(FsckProblem::kLinkCount);
  EXPECT_EQ(f.Stat("a")->nlink, 2u);
  Erase(NameOf("d/b"));
  ExpectRepaired(FsckProblem::kLinkCount);
  EXPECT_EQ(f.Stat("a")->nlink, 1u);
  SetLinks(0);
  ExpectRepaired(FsckProblem::kLinkCount);
  ASSERT_TRUE(f.Unlink("a"));
  EXPECT_EQ(f.store().GetSnapshot()->Get(node)->has_value(), false);
}

TEST_F(FsckNodesTest, FreesAFileThatLostItsNames) {
  Erase(NameOf("a"));
  Erase(NameOf("d/b"));
  ExpectRepaired(FsckProblem::kForgottenFile);
  EXPECT_FALSE(f.store().GetSnapshot()->Get(node)->has_value());
}

TEST_F(FsckNodesTest, FreesAFileThatNobodyHoldsAnyMore) {
  const meta::InodeId inode(held);
  const std::size_t pieces = f.InlinePieces();
  Erase(keys::Hold(container, inode, session));
  ExpectRepaired(FsckProblem::kForgottenFile);
  EXPECT_EQ(CodeOf(f.Content(f.Numbered(held))), Code::kFileGone);
  EXPECT_EQ(f.InlinePieces(), pieces - 1);
}

TEST_F(FsckNodesTest, AFileThatHasItsRecordAtANameTooKeepsItsBytes) {
  meta::BlobRecord record = Forgotten("precious");
  record.node = {};
  Put(NameOf("whole"), record);
  for (const std::uint64_t entries : {1'000u, 2u}) {
    const NamespaceFsckReport report = Check(/*repair=*/true, entries);
    // The file has two, and so has the body.
    EXPECT_EQ(report.count(FsckProblem::kTwoRecords), 2u);
    EXPECT_EQ(report.problem_count, 2u) << testing::PrintToString(report.problems);
    EXPECT_EQ(report.repaired, 0u);
  }
  EXPECT_EQ(*f.Content("whole"), "precious");
  Erase(forgotten);
  EXPECT_EQ(Check().problem_count, 0u);
}

TEST_F(FsckNodesTest, ARecordOfAnotherFileUnderTheSameNumberIsLeftAlone) {
  meta::BlobRecord record = RecordOf(node);  // empty
  record.node = {};
  f.File("whole", "precious");
  record.body = RecordOf(NameOf("whole")).body;
  record.length = 8;
  Put(NameOf("whole"), record);
  ExpectFound(FsckProblem::kTwoRecords);
  EXPECT_EQ(Check(/*repair=*/true).repaired, 0u);
  EXPECT_EQ(*f.Content("whole"), "precious");
  EXPECT_EQ(f.Stat("a")->nlink, 2u);
}

TEST_F(FsckNodesTest, WhatAnotherRecordNamesWithoutAReferenceIsNotFreed) {
  meta::BlobRecord record = Forgotten("precious");
  record.node = {};
  record.id = meta::BlobId(987'654);
  for (const std::uint64_t entries : {1'000u, 2u}) {
    Put(NameOf("other"), record);
    NamespaceFsckReport report = Check(/*repair=*/true, entries);
    EXPECT_EQ(report.count(FsckProblem::kMissingReference), 1u);
    EXPECT_EQ(report.count(FsckProblem::kForgottenFile), 1u);
    EXPECT_EQ(report.problem_count, 2u) << testing::PrintToString(report.problems);
    EXPECT_EQ(*f.Content("other"), "precious");
    // With its references the body is safe, and the file may go.
    ExpectFound(FsckProblem::kForgottenFile);
    const meta::BlobRecord again = RecordOf(forgotten);
    ExpectRepaired(FsckProblem::kForgottenFile);
    EXPECT_EQ(*f.Content("other"), "precious");
    // As it was, for the next round.
    Put(forgotten, again);
    Change([](kv::Transaction& txn) -> Result<> {
      txn.DeleteRange(kv::Space::kMeta, "r", "s");
      return {};
    });
  }
}

TEST_F(FsckNodesTest, WhatCannotBeReadMayBeAName) {
  const std::string name = NameOf("d/b");
  Change([name](kv::Transaction& txn) -> Result<> {
    txn.Put(name, "\x7fnonsense");
    return {};
  });
  const NamespaceFsckReport report = Check(/*repair=*/true);
  EXPECT_EQ(report.count(FsckProblem::kUnreadableRecord), 1u);
  EXPECT_EQ(report.count(FsckProblem::kLinkCount), 0u);
}

}  // namespace
}  // namespace forebay::engine
