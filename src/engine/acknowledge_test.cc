// Where a container acknowledges in its lake every operation that notes a change waits for it, and
// what was committed stays though the lake does not say so in time.
#include "engine/acknowledge.h"

#include <gtest/gtest.h>

#include "engine/change_log.h"
#include "engine/copy_blob.h"
#include "engine/delete_blob.h"
#include "engine/get_container.h"
#include "engine/lake_for_test.h"
#include "engine/nodes_fixture.h"
#include "engine/update_blob.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

using Names = std::vector<std::string>;

class AcknowledgeTest : public ::testing::Test {
 protected:
  AcknowledgeTest() {
    f.services().lake = &lake;
    EXPECT_TRUE(f.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(meta::ContainerRecord record,
                          RequireContainer(txn, f.account().name, azure::ContainerName("box")));
      record.lake.mode = meta::LakeMode::kReadWrite;
      txn.Put(meta::keys::Container(f.account().name.view(), "box"), meta::Encode(record));
      return {};
    }));
  }
  ~AcknowledgeTest() override { f.services().lake = nullptr; }

  // What was waited for since it was asked last.
  Names Awaited() { return std::exchange(lake.awaited, {}); }
  Result<Changed> SetProperties(const std::string& path) {
    SetPathPropertiesRequest request;
    request.target = f.Blob(path);
    request.metadata = {{"k", "v"}};
    return f.Run(SetPathProperties(f.services(), f.context(), std::move(request)));
  }
  Result<azure::PosixAttributes> Chmod(NodeTarget target) {
    SetNodeRequest request;
    request.target = std::move(target);
    request.set.mode = 0600;
    return f.Run(SetNode(f.services(), f.context(), std::move(request)));
  }

  NodesFixture f;
  OneTextLake lake{""};
};

TEST_F(AcknowledgeTest, OperationsOfTheDataLakeApiWait) {
  ASSERT_TRUE(f.Create("d", /*directory=*/true));
  EXPECT_EQ(Awaited(), Names{"d"});
  ASSERT_TRUE(f.Create("d/a"));
  EXPECT_EQ(Awaited(), Names{"d/a"});
  ASSERT_TRUE(f.Append("d/a", 0, "hello"));
  EXPECT_EQ(Awaited(), Names{}) << "it is not part of the file yet";
  ASSERT_TRUE(f.Flush("d/a", 5));
  EXPECT_EQ(Awaited(), Names{"d/a"});
  ASSERT_TRUE(SetProperties("d/a"));
  EXPECT_EQ(Awaited(), Names{"d/a"});
  ASSERT_TRUE(f.Rename("d/a", "d/b"));
  EXPECT_EQ(Awaited(), Names{"d/b"});
  ASSERT_TRUE(f.Rename("d", "e"));
  EXPECT_EQ(Awaited(), Names{"e"});
  ASSERT_TRUE(f.Delete("e/b"));
  EXPECT_EQ(Awaited(), Names{"e/b"});
  ASSERT_TRUE(f.Delete("e", /*recursive=*/true));
  EXPECT_EQ(Awaited(), Names{"e"});
}

TEST_F(AcknowledgeTest, OperationsOfMountsWait) {
  f.Dir("d");
  EXPECT_EQ(Awaited(), Names{"d"});
  const std::uint64_t a = f.File("d/a", "x");
  EXPECT_EQ(Awaited(), Names{"d/a"});
  ASSERT_TRUE(f.Write(f.Numbered(a), "data 3\n", "new"));
  EXPECT_EQ(Awaited(), Names{"d/a"});
  ASSERT_TRUE(Chmod(f.Numbered(a)));
  EXPECT_EQ(Awaited(), Names{"d/a"});
  ASSERT_TRUE(f.Move("d/a", "b"));
  EXPECT_EQ(Awaited(), Names{"b"});
  ASSERT_TRUE(f.Unlink("b"));
  EXPECT_EQ(Awaited(), Names{"b"});
  ASSERT_TRUE(f.Unlink("d", true));
  EXPECT_EQ(Awaited(), Names{"d"});
  ASSERT_TRUE(Chmod(f.At("")));
  EXPECT_EQ(Awaited(), Names{}) << "no lake hears of the root";
}

TEST_F(AcknowledgeTest, OperationsOfBlobsWait) {
  ASSERT_TRUE(f.Put("a", "text"));
  UpdateBlobRequest update;
  update.target = f.Blob("a");
  update.metadata = azure::Metadata{{"k", "v"}};
  ASSERT_TRUE(f.Run(UpdateBlob(f.services(), f.context(), std::move(update))));
  CopyBlobRequest copy;
  copy.source = f.Blob("a");
  copy.target = f.Blob("b");
  ASSERT_TRUE(f.Run(CopyBlob(f.services(), f.context(), std::move(copy))));
  ASSERT_TRUE(
      f.Run(DeleteBlob(f.services(), f.context(), {.target = f.Blob("a"), .conditions = {}})));
  EXPECT_EQ(Awaited(), (Names{"a", "a", "b", "a"}));
}

// The answer says that it is not there; it is here all the same, and nothing of it is given up.
TEST_F(AcknowledgeTest, WhatTheLakeDoesNotConfirmInTimeStays) {
  lake.acknowledges = false;
  const std::string text(20'000, 'x');
  EXPECT_EQ(CodeOf(f.Make("made", azure::FileKind::kFile, 0644, text)), Code::kOperationTimedOut);
  EXPECT_EQ(CodeOf(f.Create("d", /*directory=*/true)), Code::kOperationTimedOut);
  f.Sweep();
  EXPECT_EQ(*f.Content("made"), text);
  EXPECT_EQ(CodeOf(f.Move("made", "d/moved")), Code::kOperationTimedOut);
  EXPECT_EQ(*f.Content("d/moved"), text);
  EXPECT_EQ(CodeOf(f.Delete("d", /*recursive=*/true)), Code::kOperationTimedOut);
  EXPECT_FALSE(f.Exists("d"));
}

// Each blob below a "directory" of a flat account is a change of its own.
TEST(AcknowledgeFlatTest, EachBlobThatGoesIsWaitedFor) {
  PathsFixture f(/*hierarchical=*/false);
  OneTextLake lake("");
  f.services().lake = &lake;
  Names names;
  for (int i = 0; i < 70; ++i) {
    names.push_back("d/" + std::to_string(100 + i));
    ASSERT_TRUE(f.Put(names.back(), "x"));
  }
  lake.awaited.clear();
  const auto some = f.Delete("d", /*recursive=*/true, {}, 10);
  ASSERT_TRUE(some);
  ASSERT_EQ(some->next, "d/160");
  EXPECT_EQ(lake.awaited, Names(names.begin(), names.begin() + 60));
  ASSERT_TRUE(f.Delete("d", /*recursive=*/true, some->next));
  EXPECT_EQ(lake.awaited, names);
  f.services().lake = nullptr;
}

TEST(AcknowledgeFlatTest, AMoveBetweenContainersIsADeleteInOneOfThem) {
  PathsFixture f(/*hierarchical=*/false);
  OneTextLake lake("");
  ASSERT_TRUE(f.MakeContainer("other"));
  ASSERT_TRUE(f.Put("a", "x"));
  f.services().lake = &lake;
  RenamePathRequest request;
  request.source = f.Blob("a");
  request.target = f.Blob("b");
  request.target.container = azure::ContainerName("other");
  ASSERT_TRUE(f.Run(RenamePath(f.services(), f.context(), std::move(request))));
  EXPECT_EQ(lake.awaited, (Names{"b", "a"}));
  f.services().lake = nullptr;
}

}  // namespace
}  // namespace forebay::engine
