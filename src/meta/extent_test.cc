#include "meta/extent.h"

#include <gtest/gtest.h>

#include "kv/memory.h"
#include "meta/keys.h"

namespace forebay::meta {
namespace {

std::vector<Extent> Extents(std::initializer_list<std::uint32_t> lengths) {
  std::vector<Extent> extents;
  for (const std::uint32_t length : lengths) {
    extents.push_back({{5, 100 + extents.size()}, 7, length});
  }
  return extents;
}

TEST(ExtentTest, ComesBackFromItsEncoding) {
  const std::vector<Extent> extents = {
      {{0, 9}, 0, 1}, {{~0ULL, ~0ULL}, ~0u, ~0u}, {{1, 2}, 3, 4}, {{1, 1}, 0, 4 << 20}};
  EXPECT_EQ(*DecodeExtents(EncodeExtents(extents)), extents);
  EXPECT_TRUE(DecodeExtents(EncodeExtents({}))->empty());
  const auto page = DecodeExtentPage(EncodeExtentPage({77, extents}));
  ASSERT_TRUE(page);
  EXPECT_EQ(page->start, 77u);
  EXPECT_EQ(page->extents, extents);
  EXPECT_TRUE(extents[0].is_inline());
  EXPECT_FALSE(extents[2].is_inline());
}

TEST(ExtentTest, EveryTruncationIsCorruption) {
  const std::string whole = EncodeExtents(Extents({10, 20, 30}));
  for (std::size_t n = 0; n < whole.size(); ++n) {
    const auto decoded = DecodeExtents(std::string_view(whole).substr(0, n));
    ASSERT_FALSE(decoded) << n;
    EXPECT_EQ(decoded.error().code(), Code::kCorruption) << n;
  }
  const std::string page = EncodeExtentPage({5, Extents({10, 20})});
  for (std::size_t n = 0; n < page.size(); ++n) {
    EXPECT_FALSE(DecodeExtentPage(std::string_view(page).substr(0, n))) << n;
  }
}

TEST(ExtentTest, ACountBeyondTheBytesIsCorruptionAndTakesNoMemory) {
  const auto decoded = DecodeExtents("\x01\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x7F");
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), Code::kCorruption);
}

TEST(ExtentTest, AnUnknownVersionSaysSo) {
  std::string bytes = EncodeExtents(Extents({1}));
  bytes[0] = 9;
  const auto decoded = DecodeExtents(bytes);
  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().code(), Code::kCorruption);
  EXPECT_NE(decoded.error().message().find("version 9"), std::string::npos);
}

TEST(BlockListPageTest, ComesBackFromItsEncoding) {
  const auto blocks = DecodeBlockListPage(
      EncodeBlockListPage({{"id1", 5}, {std::string("\0\xFF", 2), 1ULL << 40}}));
  ASSERT_TRUE(blocks);
  ASSERT_EQ(blocks->size(), 2u);
  EXPECT_EQ((*blocks)[0].id, "id1");
  EXPECT_EQ((*blocks)[1].id, std::string("\0\xFF", 2));
  EXPECT_EQ((*blocks)[1].size, 1ULL << 40);
  EXPECT_FALSE(DecodeBlockListPage("\x01\x05"));
}

class ExtentsOfTest : public testing::Test {
 protected:
  // Three pages: [0, 30), [30, 60), [60, 100).
  void StorePages() {
    body_.id = BodyId(9);
    body_.paged = true;
    ASSERT_TRUE(store_.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      std::uint64_t start = 0;
      for (const auto& lengths : {std::vector{10u, 20u}, std::vector{30u}, std::vector{15u, 25u}}) {
        ExtentPage page{start, {}};
        for (const unsigned length : lengths) {
          page.extents.push_back({{3, start}, 1, length});
          start += length;
        }
        txn.Put(keys::ExtentPage(body_.id, start), EncodeExtentPage(page));
      }
      return {};
    }));
  }
  Result<std::vector<Extent>> Get(std::uint64_t offset, std::uint64_t length,
                                  std::size_t max = 100) {
    return ExtentsOf(*store_.GetSnapshot(), body_, offset, length, max);
  }
  static std::uint64_t Sum(const std::vector<Extent>& extents) {
    std::uint64_t sum = 0;
    for (const Extent& extent : extents) sum += extent.length;
    return sum;
  }
  kv::MemoryStore store_;
  BodyRef body_;
};

TEST_F(ExtentsOfTest, ClipsDirectExtents) {
  body_.direct = {{{3, 1}, 100, 10}, {{3, 2}, 0, 20}};
  EXPECT_EQ(*Get(0, 30), body_.direct);
  EXPECT_EQ(*Get(4, 3), (std::vector<Extent>{{{3, 1}, 104, 3}}));
  EXPECT_EQ(*Get(9, 2), (std::vector<Extent>{{{3, 1}, 109, 1}, {{3, 2}, 0, 1}}));
  EXPECT_EQ(*Get(10, 100), (std::vector<Extent>{{{3, 2}, 0, 20}}));
  EXPECT_EQ(Get(0, 30, 1)->size(), 1u);
}

TEST_F(ExtentsOfTest, EveryRangeOfAPagedBodyIsCovered) {
  StorePages();
  for (std::uint64_t offset = 0; offset < 100; ++offset) {
    for (std::uint64_t length = 1; offset + length <= 100; ++length) {
      const auto extents = Get(offset, length);
      ASSERT_TRUE(extents) << offset << "+" << length;
      ASSERT_EQ(Sum(*extents), length) << offset << "+" << length;
    }
  }
  EXPECT_EQ(*Get(35, 2), (std::vector<Extent>{{{3, 30}, 6, 2}}));
}

TEST_F(ExtentsOfTest, LongRangesComeInParts) {
  StorePages();
  const auto first = Get(0, 100, 2);
  ASSERT_TRUE(first);
  EXPECT_EQ(first->size(), 2u);
  EXPECT_EQ(Sum(*first), 30u);
  EXPECT_EQ(Sum(*Get(30, 70)), 70u);
}

TEST_F(ExtentsOfTest, AMissingPageIsCorruption) {
  StorePages();
  ASSERT_TRUE(store_.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    txn.Erase(keys::ExtentPage(body_.id, 60));
    return {};
  }));
  const auto gap = Get(30, 10);
  ASSERT_FALSE(gap);
  EXPECT_EQ(gap.error().code(), Code::kCorruption);
  // What lies before the gap is still read; the reader meets the gap when it gets there.
  EXPECT_EQ(Sum(*Get(0, 100)), 30u);
  const auto beyond = Get(100, 1);
  ASSERT_FALSE(beyond);
}

}  // namespace
}  // namespace forebay::meta
