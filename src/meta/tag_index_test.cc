#include "meta/tag_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "base/codec.h"
#include "kv/memory.h"
#include "meta/keys.h"

namespace forebay::meta {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class TagIndexTest : public testing::Test {
 protected:
  void Change(std::function<void(kv::Transaction&)> fn) {
    ASSERT_TRUE(store_.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      fn(txn);
      return {};
    }));
  }
  std::vector<std::string> Rows() {
    const std::string prefix = keys::TagsOf(kBox);
    const auto snapshot = store_.GetSnapshot();
    std::vector<std::string> rows;
    for (const auto it = snapshot->Scan(prefix, PrefixEnd(prefix)); it->Valid(); it->Next()) {
      const auto parts = keys::PartsOfTagKey(it->key());
      rows.push_back(parts.key + "=" + parts.value + ":" + parts.name);
    }
    return rows;
  }
  static constexpr ContainerId kBox{3};
  kv::MemoryStore store_;
};

TEST_F(TagIndexTest, ARowForEachTag) {
  Change([](auto& txn) { IndexTags(txn, kBox, "a/b", {{"k", "1"}, {"l", ""}}); });
  EXPECT_THAT(Rows(), ElementsAre("k=1:a/b", "l=:a/b"));
  Change([](auto& txn) { UnindexTags(txn, kBox, "a/b", {{"k", "1"}, {"l", ""}}); });
  EXPECT_THAT(Rows(), IsEmpty());
}

TEST_F(TagIndexTest, ReindexLeavesExactlyTheNewTags) {
  const azure::Tags before = {{"gone", "1"}, {"kept", "2"}, {"changed", "3"}};
  const azure::Tags after = {{"kept", "2"}, {"changed", "4"}, {"new", "5"}};
  Change([&](auto& txn) { IndexTags(txn, kBox, "x", before); });
  Change([&](auto& txn) { ReindexTags(txn, kBox, "x", before, after); });
  EXPECT_THAT(Rows(), ElementsAre("changed=4:x", "kept=2:x", "new=5:x"));
}

TEST_F(TagIndexTest, ReindexWritesOnlyWhatDiffers) {
  const azure::Tags same = {{"k", "1"}, {"l", "2"}};
  // Nothing is stored, so a row that appeared would be one that was written in vain.
  Change([&](auto& txn) { ReindexTags(txn, kBox, "x", same, same); });
  EXPECT_THAT(Rows(), IsEmpty());
}

}  // namespace
}  // namespace forebay::meta
