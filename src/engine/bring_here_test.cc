#include "engine/bring_here.h"

#include <gtest/gtest.h>

#include "engine/commit.h"
#include "engine/engine_fixture.h"
#include "engine/get_block_list.h"
#include "engine/get_container.h"
#include "engine/lake_for_test.h"
#include "engine/prepare.h"
#include "engine/references.h"

namespace forebay::engine {
namespace {

Code CodeOf(const auto& result) { return result ? Code{} : result.error().code(); }
std::string Id(std::size_t i) { return "b" + std::to_string(100'000 + i); }

class BringHereTest : public ::testing::Test {
 protected:
  explicit BringHereTest(std::size_t bytes = 5'000) : text_(Text(bytes, 7)), lake_(text_) {
    EXPECT_TRUE(f_.MakeContainer());
    EXPECT_TRUE(f_.Put("a", "soon evicted"));
    f_.services().lake = &lake_;
  }
  ~BringHereTest() override { f_.services().lake = nullptr; }

  // As eviction leaves a blob of `blocks` equal blocks (0: of no block list): the lake has `text_`.
  void Evict(std::size_t blocks) {
    ASSERT_TRUE(f_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(const Place place, RequireBlob(txn, f_.Blob("a")));
      meta::BlobRecord record = *place.existing;
      FB_RETURN_IF_ERROR(ReleaseBody(f_.services().chunks, txn, record, f_.services().clock.Now()));
      record.body = {};
      record.body.id = meta::BodyId(900'000);
      record.body.in_lake = true;
      record.body.has_block_list = blocks > 0;
      record.length = text_.size();
      std::vector<meta::CommittedBlock> list;
      for (std::size_t i = 0; i < blocks; ++i) list.push_back({Id(i), text_.size() / blocks});
      for (const auto& [key, value] : BlockListPages(record.body.id, list)) txn.Put(key, value);
      return place.names().Put(txn, place.container.id, place.name, record, f_.services().ids);
    }));
    f_.Sweep();  // of what it was before, so that all that is left can be counted
  }
  std::vector<std::string> Blocks() {
    GetBlockListRequest request;
    request.target = f_.Blob("a");
    request.committed = true;
    const auto list = f_.Run(GetBlockList(f_.services(), {}, std::move(request)));
    EXPECT_TRUE(list);
    std::vector<std::string> ids;
    if (list) {
      for (const auto& block : list->committed) ids.push_back(block.id);
    }
    return ids;
  }
  void ExpectNothingLeft() {
    ASSERT_TRUE(f_.Delete("a"));
    f_.Sweep(4);
    EXPECT_EQ(f_.Stored(), "");
  }

  EngineFixture f_;
  const std::string text_;
  OneTextLake lake_;
};

TEST_F(BringHereTest, TheBlobStaysWhatItWas) {
  Evict(0);
  const meta::BlobRecord before = f_.Properties("a")->record;
  ASSERT_TRUE(f_.Run(BringHere(f_.services(), {}, f_.Blob("a"))));
  const meta::BlobRecord after = f_.Properties("a")->record;
  EXPECT_FALSE(after.body.in_lake);
  EXPECT_EQ(after.etag, before.etag);
  EXPECT_EQ(after.modified, before.modified);
  EXPECT_EQ(lake_.read(), text_.size());
  EXPECT_EQ(*f_.Read("a"), text_);
  EXPECT_EQ(lake_.read(), text_.size());
  // One that is here costs nothing.
  ASSERT_TRUE(f_.Run(BringHere(f_.services(), {}, f_.Blob("a"))));
  EXPECT_EQ(lake_.read(), text_.size());
  EXPECT_EQ(CodeOf(f_.Run(BringHere(f_.services(), {}, f_.Blob("b")))), Code::kBlobNotFound);
  ExpectNothingLeft();
}

// However its bytes were cut there: of one page of blocks, of some, and of more than a transaction
// takes, while all bytes fit into few extents.
TEST_F(BringHereTest, ItsBlocksComeAlong) {
  for (const std::size_t blocks : {5u, 1'000u, 2'500u, 5'000u}) {
    SCOPED_TRACE(blocks);
    ASSERT_TRUE(f_.Put("a", "soon evicted"));
    Evict(blocks);
    ASSERT_TRUE(f_.Run(BringHere(f_.services(), {}, f_.Blob("a"))));
    EXPECT_FALSE(f_.Properties("a")->record.body.in_lake);
    EXPECT_EQ(*f_.Read("a"), text_);
    const std::vector<std::string> ids = Blocks();
    ASSERT_EQ(ids.size(), blocks);
    EXPECT_EQ(ids.back(), Id(blocks - 1));
    // And can be used.
    const std::size_t each = text_.size() / blocks;
    ASSERT_TRUE(f_.Commit("a", {{BlockSource::kCommitted, azure::BlockId(Id(blocks - 1))},
                                {BlockSource::kCommitted, azure::BlockId(Id(0))}}));
    EXPECT_EQ(*f_.Read("a"), text_.substr(text_.size() - each) + text_.substr(0, each));
    ExpectNothingLeft();
  }
}

TEST_F(BringHereTest, ABlockListBringsWhatItKeeps) {
  Evict(10);
  ASSERT_TRUE(f_.Stage("a", Id(77), "new"));
  // Nothing is fetched for a list that is wrong, or keeps nothing of it.
  EXPECT_EQ(CodeOf(f_.Commit("a", {{BlockSource::kCommitted, azure::BlockId(Id(0))},
                                   {BlockSource::kUncommitted, azure::BlockId(Id(1))}})),
            Code::kInvalidBlockList);
  EXPECT_EQ(lake_.read(), 0u);
  ASSERT_TRUE(f_.Commit("a", {{BlockSource::kCommitted, azure::BlockId(Id(9))},
                              {BlockSource::kUncommitted, azure::BlockId(Id(77))},
                              {BlockSource::kLatest, azure::BlockId(Id(0))}}));
  EXPECT_EQ(lake_.read(), text_.size());
  EXPECT_EQ(*f_.Read("a"), text_.substr(4'500) + "new" + text_.substr(0, 500));
  EXPECT_EQ(Blocks(), (std::vector<std::string>{Id(9), Id(77), Id(0)}));
  ExpectNothingLeft();
}

TEST_F(BringHereTest, WhatChangesMeanwhileIsNotOverwritten) {
  Evict(10);
  lake_.on_open = [this] { ASSERT_TRUE(f_.Put("a", "another one")); };
  EXPECT_EQ(CodeOf(f_.Run(BringHere(f_.services(), {}, f_.Blob("a")))), Code::kStale);
  EXPECT_EQ(*f_.Read("a"), "another one");
  // Of which a block list finds no blocks to keep.
  EXPECT_EQ(CodeOf(f_.Commit("a", {{BlockSource::kCommitted, azure::BlockId(Id(0))}})),
            Code::kInvalidBlockList);
  ExpectNothingLeft();
}

}  // namespace
}  // namespace forebay::engine
