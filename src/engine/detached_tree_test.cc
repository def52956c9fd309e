#include "engine/detached_tree.h"

#include <gtest/gtest.h>

#include <map>

#include "base/codec.h"
#include "engine/get_container.h"
#include "engine/paths_fixture.h"
#include "meta/keys.h"
#include "meta/lake_records.h"
#include "meta/namespace.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

class DetachedTreeTest : public ::testing::Test {
 protected:
  void AttachToLake() {
    ASSERT_TRUE(f.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(meta::ContainerRecord record, TheContainer(txn));
      record.lake.mode = meta::LakeMode::kReadWrite;
      txn.Put(keys::Container(f.account().name.view(), "box"), meta::Encode(record));
      return {};
    }));
  }
  Result<meta::ContainerRecord> TheContainer(const kv::Reader& reader) {
    return RequireContainer(reader, f.account().name, azure::ContainerName("box"));
  }
  // As when the lake has taken it.
  void InLake(const std::string& name, const std::string& etag) {
    ASSERT_TRUE(f.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, TheContainer(txn));
      const meta::Namespace& names = meta::NamespaceOf(container);
      FB_ASSIGN_OR_RETURN(auto record, names.Find(txn, container.id, name));
      record->lake.emplace().etag = etag;
      return names.Put(txn, container.id, name, *record, f.services().ids);
    }));
  }
  // The notes, by name.
  std::map<std::string, std::string> Noted() {
    std::map<std::string, std::string> noted;
    const auto snapshot = f.store().GetSnapshot();
    const std::string prefix = keys::GoneNamesOf(TheContainer(*snapshot)->id);
    for (auto it = snapshot->Scan(prefix, PrefixEnd(prefix)); it->Valid(); it->Next()) {
      const auto note = meta::DecodeNameNote(it->value());
      EXPECT_TRUE(note);
      noted[std::string(it->key().substr(prefix.size() + 8))] = note->lake_etag;
    }
    return noted;
  }

  PathsFixture f{/*hierarchical=*/true};
};

TEST_F(DetachedTreeTest, WhatTheLakeHasIsNotedBeforeItIsSwept) {
  AttachToLake();
  std::map<std::string, std::string> expected;
  for (int i = 0; i < 250; ++i) {
    const std::string name = "d/sub/" + std::to_string(i);
    ASSERT_TRUE(f.Put(name, "x"));
    InLake(name, "etag" + std::to_string(i));
    expected[name] = "etag" + std::to_string(i);
  }
  ASSERT_TRUE(f.Put("d/sub/never there", "x"));
  ASSERT_TRUE(f.Put("d/gone", "x"));
  InLake("d/gone", "last");
  ASSERT_TRUE(f.Delete("d/gone"));
  expected["d/gone"] = "last";
  expected["d/sub"] = "";  // a directory
  ASSERT_TRUE(f.Delete("d", /*recursive=*/true));
  f.Sweep();
  EXPECT_EQ(f.KeysOfTable('h'), 0u);
  EXPECT_EQ(f.KeysOfTable('z'), 0u);
  EXPECT_EQ(Noted(), expected);
}

TEST_F(DetachedTreeTest, WhatWasNotedSinceStays) {
  AttachToLake();
  ASSERT_TRUE(f.Put("d/a", "x"));
  InLake("d/a", "old");
  ASSERT_TRUE(f.Delete("d", /*recursive=*/true));
  meta::BlobId holder;
  ASSERT_TRUE(f.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container, TheContainer(txn));
    const std::string prefix = keys::PendingTrees(container.id);
    auto it = txn.Scan(prefix, PrefixEnd(prefix));
    EXPECT_TRUE(it->Valid());
    holder = meta::BlobId(keys::HolderOfTreeKey(it->key()));
    meta::NameNote note;
    note.kind = meta::NoteKind::kTombstone;
    note.lake_etag = "newer";
    txn.Put(keys::GoneName(container.id, holder, "d/a"), meta::Encode(note));
    return {};
  }));
  f.Sweep();
  EXPECT_EQ(Noted(), (std::map<std::string, std::string>{{"d/a", "newer"}}));
}

TEST_F(DetachedTreeTest, WithoutALakeNothingIsNoted) {
  ASSERT_TRUE(f.Put("d/a", "x"));
  ASSERT_TRUE(f.Delete("d", /*recursive=*/true));
  f.Sweep();
  EXPECT_EQ(f.KeysOfTable('h'), 0u);
  EXPECT_EQ(f.KeysOfTable('c'), 0u);
  EXPECT_EQ(f.KeysOfTable('0'), 0u);
}

}  // namespace
}  // namespace forebay::engine
