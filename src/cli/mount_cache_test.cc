#include "cli/mount_cache.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "async/run_sync.h"
#include "cli/test_support.h"
#include "io/faulty.h"
#include "io/posix.h"

namespace forebay::cli {
namespace {

using std::filesystem::perms;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kUrl = "http://server/account/box";

Task<bool> Ask(vfs::DiskCache& cache, MutableByteView into) {
  co_return co_await cache.Read({.path = "p", .id = vfs::RemoteId(7)}, vfs::ETag("0x1"), 0, into);
}

class MountCacheTest : public testing::DirectoryTest {
 protected:
  Result<std::unique_ptr<vfs::DiskCache>> Open(const std::string& directory,
                                               const std::string& url = kUrl) {
    MountOptions options;
    options.cache = directory;
    return OpenMountCache(disk_, options, url);
  }
  std::string place() const { return root_ + "/cache"; }
  static perms ModeOf(const std::string& path) {
    return std::filesystem::status(path).permissions();
  }
  std::string StatusIn(const vfs::DiskCache& cache) {
    auto text = io::ReadFile(disk_, cache.place() + "/status");
    return text ? *text : text.error().ToString();
  }
  io::PosixFileSystem disk_;
};

TEST_F(MountCacheTest, NoneIsMadeUnlessAskedFor) {
  const auto none = Open("");
  ASSERT_TRUE(none);
  EXPECT_EQ(*none, nullptr);
  EXPECT_TRUE(std::filesystem::is_empty(root_));
}

TEST_F(MountCacheTest, WhatIsCachedIsForItsOwnersEyesOnly) {
  std::filesystem::create_directory(place());
  std::filesystem::permissions(place(), perms::all);
  const auto there = Open(place());
  ASSERT_TRUE(there) << there.error().ToString();
  EXPECT_EQ(ModeOf((*there)->place()), perms::owner_all);
  EXPECT_EQ(ModeOf(place()), perms::all) << "not ours to change";
  const auto made = Open(root_ + "/deep/below");
  ASSERT_TRUE(made) << made.error().ToString();
  EXPECT_EQ(ModeOf((*made)->place()), perms::owner_all);
  EXPECT_EQ(ModeOf(root_ + "/deep/below"), perms::owner_all);
}

// The process in the background leaves the folder that a relative name begins in.
TEST_F(MountCacheTest, ItsNameIsMadeAbsolute) {
  const std::string relative = std::filesystem::relative(place());
  ASSERT_FALSE(std::filesystem::path(relative).is_absolute());
  const auto cache = Open(relative);
  ASSERT_TRUE(cache) << cache.error().ToString();
  EXPECT_TRUE(std::filesystem::path((*cache)->place()).is_absolute());
  EXPECT_TRUE(std::filesystem::exists(place()));
}

TEST_F(MountCacheTest, ASignatureIsNoPartOfWhatIsCached) {
  std::string first;
  {
    const auto cache = Open(place(), std::string(kUrl) + "?sig=one");
    ASSERT_TRUE(cache);
    first = (*cache)->place();
  }
  for (const std::string query : {"", "?sig=another"}) {
    const auto cache = Open(place(), kUrl + query);
    ASSERT_TRUE(cache);
    EXPECT_EQ((*cache)->place(), first) << query;
  }
  const auto other = Open(place(), "http://server/account/other");
  ASSERT_TRUE(other);
  EXPECT_NE((*other)->place(), first);
}

TEST_F(MountCacheTest, WhatStandsInTheWayIsNamed) {
  const auto one = Open(place());
  ASSERT_TRUE(one);
  const auto two = Open(place());
  ASSERT_FALSE(two);
  EXPECT_EQ(two.error().code(), Code::kLocked);
  EXPECT_THAT(two.error().message(), AllOf(HasSubstr(place()), HasSubstr("of its own")));

  std::ofstream(root_ + "/file") << "text";
  const auto below_a_file = Open(root_ + "/file/cache");
  ASSERT_FALSE(below_a_file);
  EXPECT_EQ(below_a_file.error().code(), Code::kInvalidConfig);
  EXPECT_THAT(below_a_file.error().message(), HasSubstr(root_ + "/file/cache cannot be made"));

  io::FaultyFileSystem refuses(disk_);
  refuses.AddFault({.ops = io::kOpDirectory, .path_contains = {}});
  MountOptions options;
  options.cache = root_ + "/refused";
  const auto refused = OpenMountCache(refuses, options, kUrl);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidConfig);
  EXPECT_THAT(refused.error().message(), HasSubstr(root_ + "/refused cannot be used"));
}

TEST_F(MountCacheTest, TheStatusHasALineForEachCount) {
  vfs::DiskCache::Counts counts;
  counts.hits = 1;
  counts.hit_bytes = 2;
  counts.misses = 3;
  counts.written = 4;
  counts.written_bytes = 5;
  counts.evicted = 6;
  counts.damaged = 7;
  counts.failed = 8;
  counts.left_out = 9;
  counts.bytes = 10;
  EXPECT_EQ(StatusOf(counts),
            "hits 1\nhit_bytes 2\nmisses 3\nwritten 4\nwritten_bytes 5\nevicted 6\ndamaged 7\n"
            "failed 8\nleft_out 9\nbytes 10\n");
}

TEST_F(MountCacheTest, TheStatusIsWrittenInPlaceOfTheOneBefore) {
  const auto cache = Open(place());
  ASSERT_TRUE(cache);
  std::ofstream((*cache)->place() + "/status") << std::string(1000, 'x');
  std::ofstream((*cache)->place() + "/status.new") << std::string(1000, 'y');
  ASSERT_TRUE(WriteCacheStatus(disk_, **cache));
  EXPECT_EQ(StatusIn(**cache), StatusOf((*cache)->counts()));
  EXPECT_FALSE(std::filesystem::exists((*cache)->place() + "/status.new"));
}

TEST_F(MountCacheTest, TheStatusIsThereFromTheBeginningAndTrueAtTheEnd) {
  const auto cache = Open(place());
  ASSERT_TRUE(cache);
  {
    const CacheStatusKeeper keeper(disk_, **cache);
    for (int i = 0; i < 30'000 && !std::filesystem::exists((*cache)->place() + "/status"); ++i) {
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    EXPECT_THAT(StatusIn(**cache), HasSubstr("misses 0\n"));
    std::byte page[10];
    EXPECT_FALSE(*RunSync(Ask(**cache, page)));
  }
  EXPECT_THAT(StatusIn(**cache), HasSubstr("misses 1\n"));
}

TEST_F(MountCacheTest, ADiskThatRefusesTheStatusIsNoError) {
  const auto cache = Open(place());
  ASSERT_TRUE(cache);
  io::FaultyFileSystem refuses(disk_);
  refuses.AddFault({.ops = io::kOpAll, .path_contains = {}});
  EXPECT_FALSE(WriteCacheStatus(refuses, **cache));
  {
    const CacheStatusKeeper keeper(refuses, **cache);
  }
  EXPECT_FALSE(std::filesystem::exists((*cache)->place() + "/status"));
}

}  // namespace
}  // namespace forebay::cli
