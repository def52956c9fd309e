#include "engine/list_blobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/engine_fixture.h"

namespace forebay::engine {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class ListFixture : public testing::Test {
 protected:
  explicit ListFixture(bool hierarchical) : f_({.hierarchical = hierarchical}) {
    EXPECT_TRUE(f_.MakeContainer());
  }
  void PutAll(std::initializer_list<const char*> names) {
    for (const char* name : names) ASSERT_TRUE(f_.Put(name, "x")) << name;
  }
  Result<ListBlobsResult> TryList(ListBlobsRequest request) {
    request.target = f_.Container();
    return f_.Run(ListBlobs(f_.services(), f_.context(), std::move(request)));
  }
  ListBlobsResult List(ListBlobsRequest request) {
    auto page = TryList(std::move(request));
    EXPECT_TRUE(page) << page.error().ToString();
    return page ? *std::move(page) : ListBlobsResult();
  }
  // Prefixes in angle brackets, uncommitted blobs with a question mark.
  static std::vector<std::string> Show(const ListBlobsResult& page) {
    std::vector<std::string> out;
    for (const ListedBlob& item : page.items) {
      out.push_back(item.is_prefix ? "<" + item.name + ">"
                                   : item.name + (item.uncommitted ? "?" : ""));
      EXPECT_EQ(item.uncommitted, !item.is_prefix && !item.record) << item.name;
    }
    return out;
  }
  // All pages of a size, which must add up to the listing in one page.
  std::vector<std::string> Paged(ListBlobsRequest request, std::size_t page_size) {
    request.max_results = page_size;
    request.start.clear();
    std::vector<std::string> all;
    for (int pages = 0; pages < 1000; ++pages) {
      const ListBlobsResult page = List(request);
      EXPECT_LE(page.items.size(), page_size);
      for (const std::string& name : Show(page)) all.push_back(name);
      if (page.next.empty()) return all;
      EXPECT_EQ(page.items.size(), page_size) << "a short page must be the last";
      request.start = page.next;
    }
    ADD_FAILURE() << "The listing does not end.";
    return all;
  }
  void ExpectPagesMeet(const ListBlobsRequest& request) {
    const auto whole = Show(List(request));
    for (std::size_t size = 1; size <= whole.size() + 1; ++size) {
      EXPECT_EQ(Paged(request, size), whole) << "pages of " << size;
    }
  }
  EngineFixture f_;
};

class FlatListTest : public ListFixture {
 protected:
  FlatListTest() : ListFixture(false) {}
};
class HierarchicalListTest : public ListFixture {
 protected:
  HierarchicalListTest() : ListFixture(true) {}
};

TEST_F(FlatListTest, AnEmptyContainerHasNoItems) {
  const auto page = List({.target = {}});
  EXPECT_THAT(Show(page), IsEmpty());
  EXPECT_EQ(page.next, "");
  EXPECT_FALSE(page.hierarchical);
}

TEST_F(FlatListTest, AMissingContainerIsAnError) {
  ListBlobsRequest request{.target = f_.Container("none")};
  const auto page = f_.Run(ListBlobs(f_.services(), f_.context(), request));
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code(), Code::kContainerNotFound);
}

TEST_F(FlatListTest, ListsEveryNameInByteOrder) {
  PutAll({"a/b", "a", "a/", "b", "a-b", "é", "a//b"});
  EXPECT_THAT(Show(List({.target = {}})), ElementsAre("a", "a-b", "a/", "a//b", "a/b", "b", "é"));
}

TEST_F(FlatListTest, GivesTheRecords) {
  BlobAttributes attributes = WithTags({{"t", "1"}});
  attributes.metadata = {{"K", "v"}};
  ASSERT_TRUE(f_.Put("a", "four", attributes));
  const auto page = List({.target = {}});
  ASSERT_EQ(page.items.size(), 1u);
  const meta::BlobRecord& record = *page.items[0].record;
  EXPECT_EQ(record.length, 4u);
  EXPECT_EQ(record.metadata, (azure::Metadata{{"K", "v"}}));
  EXPECT_EQ(record.tags, (azure::Tags{{"t", "1"}}));
}

TEST_F(FlatListTest, GroupsByDelimiter) {
  PutAll({"a/1", "a/2", "a0", "b", "c/d/e", "c/f", "/x"});
  EXPECT_THAT(Show(List({.target = {}, .delimiter = "/"})),
              ElementsAre("</>", "<a/>", "a0", "b", "<c/>"));
  EXPECT_THAT(Show(List({.target = {}, .prefix = "c/", .delimiter = "/"})),
              ElementsAre("<c/d/>", "c/f"));
  EXPECT_THAT(Show(List({.target = {}, .prefix = "a", .delimiter = "/"})),
              ElementsAre("<a/>", "a0"));
  ExpectPagesMeet({.target = {}, .delimiter = "/"});
}

TEST_F(FlatListTest, TheDelimiterMayBeAnyText) {
  PutAll({"x--1", "x--2", "x-3", "y"});
  EXPECT_THAT(Show(List({.target = {}, .delimiter = "--"})), ElementsAre("<x-->", "x-3", "y"));
  EXPECT_THAT(Show(List({.target = {}, .delimiter = "x"})), ElementsAre("<x>", "y"));
}

TEST_F(FlatListTest, ANameThatEndsWithTheDelimiterIsItsPrefix) {
  PutAll({"a/", "b"});
  EXPECT_THAT(Show(List({.target = {}, .delimiter = "/"})), ElementsAre("<a/>", "b"));
  EXPECT_THAT(Show(List({.target = {}, .prefix = "a/", .delimiter = "/"})), ElementsAre("a/"));
}

TEST_F(FlatListTest, StartIsInclusive) {
  PutAll({"a", "b", "c"});
  EXPECT_THAT(Show(List({.target = {}, .start = "b"})), ElementsAre("b", "c"));
  EXPECT_THAT(Show(List({.target = {}, .start = "aa"})), ElementsAre("b", "c"));
  EXPECT_THAT(Show(List({.target = {}, .prefix = "b", .start = "a"})), ElementsAre("b"));
}

TEST_F(FlatListTest, UncommittedBlobsAppearWhenAskedFor) {
  PutAll({"b"});
  for (const char* name : {"a", "b", "c/1", "c/2", "d"}) ASSERT_TRUE(f_.Stage(name, "id", "x"));
  EXPECT_THAT(Show(List({.target = {}})), ElementsAre("b"));
  const ListBlobsRequest all{.target = {}, .include_uncommitted = true};
  EXPECT_THAT(Show(List(all)), ElementsAre("a?", "b", "c/1?", "c/2?", "d?"));
  ExpectPagesMeet(all);
  const ListBlobsRequest grouped{.target = {}, .delimiter = "/", .include_uncommitted = true};
  EXPECT_THAT(Show(List(grouped)), ElementsAre("a?", "b", "<c/>", "d?"));
  ExpectPagesMeet(grouped);
  EXPECT_THAT(Show(List({.target = {}, .prefix = "c/2", .include_uncommitted = true})),
              ElementsAre("c/2?"));
}

TEST_F(FlatListTest, CommittedAndUncommittedShareAPrefix) {
  PutAll({"a/2", "b/1"});
  for (const char* name : {"a/1", "a/3", "b/0"}) ASSERT_TRUE(f_.Stage(name, "id", "x"));
  const ListBlobsRequest grouped{.target = {}, .delimiter = "/", .include_uncommitted = true};
  EXPECT_THAT(Show(List(grouped)), ElementsAre("<a/>", "<b/>"));
  ExpectPagesMeet(grouped);
}

TEST_F(FlatListTest, HonoursCancellation) {
  PutAll({"a"});
  std::stop_source source;
  source.request_stop();
  OpContext context;
  context.cancel = source.get_token();
  const auto page = f_.Run(ListBlobs(f_.services(), context, {.target = f_.Container()}));
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code(), Code::kCancelled);
}

TEST_F(FlatListTest, AReadErrorIsNeverTheEndOfTheListing) {
  PutAll({"a", "b", "c", "d", "e", "f"});
  int failed = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    f_.store().SetFaults(
        {.seed = seed, .rerun_rate = 0, .conflict_rate = 0, .read_error_rate = 0.1});
    const auto page = TryList({.target = {}});
    if (page) {
      EXPECT_EQ(page->items.size(), 6u);
    } else {
      EXPECT_EQ(page.error().code(), Code::kIo);
      ++failed;
    }
  }
  EXPECT_GT(failed, 5);
}

TEST_F(HierarchicalListTest, ListsDirectoriesToo) {
  PutAll({"a/b", "a-b", "c"});
  const auto page = List({.target = {}});
  EXPECT_THAT(Show(page), ElementsAre("a", "a/b", "a-b", "c"));
  EXPECT_TRUE(page.hierarchical);
  EXPECT_TRUE(page.items[0].record->directory);
  EXPECT_FALSE(page.items[1].record->directory);
  ExpectPagesMeet({.target = {}});
}

TEST_F(HierarchicalListTest, DirectoriesArePrefixesWithTheirRecord) {
  PutAll({"a/b/c", "a/d", "a-b", "e"});
  const auto page = List({.target = {}, .delimiter = "/"});
  EXPECT_THAT(Show(page), ElementsAre("<a/>", "a-b", "e"));
  ASSERT_TRUE(page.items[0].record);
  EXPECT_TRUE(page.items[0].record->directory);
  EXPECT_THAT(Show(List({.target = {}, .prefix = "a/", .delimiter = "/"})),
              ElementsAre("<a/b/>", "a/d"));
  EXPECT_THAT(Show(List({.target = {}, .prefix = "a", .delimiter = "/"})),
              ElementsAre("<a/>", "a-b"));
  EXPECT_THAT(Show(List({.target = {}, .prefix = "a/b", .delimiter = "/"})), ElementsAre("<a/b/>"));
  ExpectPagesMeet({.target = {}, .delimiter = "/"});
  ExpectPagesMeet({.target = {}, .prefix = "a/", .delimiter = "/"});
}

TEST_F(HierarchicalListTest, KnowsOneDelimiter) {
  const auto page = TryList({.target = {}, .delimiter = "-"});
  ASSERT_FALSE(page);
  EXPECT_EQ(page.error().code(), Code::kInvalidQueryParameterValue);
}

TEST_F(HierarchicalListTest, UncommittedBlobsComeInListingOrder) {
  PutAll({"a/b", "c"});
  for (const char* name : {"a-x", "a/z", "a/b", "d/e/f", "d-g"}) {
    ASSERT_TRUE(f_.Stage(name, "id", "x")) << name;
  }
  const ListBlobsRequest all{.target = {}, .include_uncommitted = true};
  EXPECT_THAT(Show(List(all)), ElementsAre("a", "a/b", "a/z?", "a-x?", "c", "d/e/f?", "d-g?"));
  ExpectPagesMeet(all);
  const ListBlobsRequest grouped{.target = {}, .delimiter = "/", .include_uncommitted = true};
  EXPECT_THAT(Show(List(grouped)), ElementsAre("<a/>", "a-x?", "c", "<d/>", "d-g?"));
  ExpectPagesMeet(grouped);
}

TEST_F(HierarchicalListTest, ADirectoryHidesWhatWasStagedUnderItsName) {
  ASSERT_TRUE(f_.Stage("g", "id", "x"));
  PutAll({"g/h", "i"});
  const ListBlobsRequest grouped{.target = {}, .delimiter = "/", .include_uncommitted = true};
  EXPECT_THAT(Show(List(grouped)), ElementsAre("<g/>", "i"));
  ExpectPagesMeet(grouped);
  const ListBlobsRequest all{.target = {}, .include_uncommitted = true};
  EXPECT_THAT(Show(List(all)), ElementsAre("g", "g/h", "i"));
  ExpectPagesMeet(all);
}

TEST_F(HierarchicalListTest, APageThatStartsInsideADirectoryShowsIt) {
  PutAll({"a/b", "a/c", "d"});
  const auto page = List({.target = {}, .delimiter = "/", .start = "a/c"});
  EXPECT_THAT(Show(page), ElementsAre("<a/>", "d"));
  ASSERT_TRUE(page.items[0].record);
  EXPECT_TRUE(page.items[0].record->directory);
}

TEST_F(FlatListTest, APageOfMuchMetadataEndsEarly) {
  BlobAttributes attributes;
  attributes.metadata = {{"m", std::string(8000, 'x')}};
  constexpr std::size_t kBlobs = 1100;  // 8.8 MB
  for (std::size_t i = 0; i < kBlobs; ++i) {
    ASSERT_TRUE(f_.Put("b" + std::to_string(10'000 + i), "", attributes));
  }
  const ListBlobsResult first = List({});
  EXPECT_LT(first.items.size(), kBlobs);
  EXPECT_GT(first.items.size(), kBlobs / 2);
  ASSERT_FALSE(first.next.empty());
  const ListBlobsResult second = List({.target = {}, .start = first.next});
  EXPECT_TRUE(second.next.empty());
  EXPECT_EQ(first.items.size() + second.items.size(), kBlobs);
  EXPECT_EQ(second.items.front().name, first.next);
}

}  // namespace
}  // namespace forebay::engine
