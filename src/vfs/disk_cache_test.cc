#include "vfs/disk_cache.h"

#include <gtest/gtest.h>

#include <random>

#include "async/run_sync.h"
#include "io/faulty.h"
#include "io/memory.h"
#include "vfs/buffered_files.h"
#include "vfs/memory_remote.h"
#include "vfs/mount_for_test.h"

namespace forebay::vfs {
namespace {

Task<bool> Ask(DiskCache& cache, FileRef file, ETag etag, std::uint64_t offset,
               MutableByteView into) {
  co_return co_await cache.Read(std::move(file), std::move(etag), offset, into);
}

std::string Random(unsigned seed, std::size_t size) {
  std::mt19937_64 random(seed);
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random() >> 13);
  return out;
}

class DiskCacheTest : public testing::Test {
 protected:
  std::unique_ptr<DiskCache> Open(std::uint64_t bytes = 64_MiB) {
    DiskCacheOptions options;
    options.directory = "cache";
    options.source = "http://server/account/box";
    options.bytes = bytes;
    auto cache = DiskCache::Open(faulty_, options);
    EXPECT_TRUE(cache) << cache.error().ToString();
    return cache ? std::move(*cache) : nullptr;
  }
  void Put(DiskCache& cache, std::uint64_t id, std::uint64_t offset, const std::string& text,
           const char* etag = "0x1") {
    auto memory = pool_.Get(text.size());
    std::copy_n(reinterpret_cast<const std::byte*>(text.data()), text.size(), memory->data());
    cache.Write({.path = "p", .id = RemoteId(id)}, ETag(etag), offset, std::move(memory),
                text.size());
  }
  // Empty: it is not there.
  std::string Get(DiskCache& cache, std::uint64_t id, std::uint64_t offset, std::size_t size,
                  const char* etag = "0x1") {
    std::string out(size, '?');
    const auto hit = RunSync(Ask(cache, {.path = "elsewhere", .id = RemoteId(id)}, ETag(etag),
                                 offset, std::as_writable_bytes(std::span(out))));
    return hit && *hit ? out : std::string();
  }
  std::vector<std::string> Files() {
    std::vector<std::string> out;
    const std::string place = "cache/" + (*disk_.List("cache"))[0].name;
    for (const auto& entry : *disk_.List(place)) {
      if (entry.name != "lock") out.push_back(place + "/" + entry.name);
    }
    return out;
  }
  MemoryPool pool_{1_MiB};
  io::MemoryFileSystem disk_;
  io::FaultyFileSystem faulty_{disk_};
};

TEST_F(DiskCacheTest, PagesAreFoundAgainByTheNextMount) {
  const std::string page = Random(1, 100'000), other = Random(2, 5'000);
  {
    auto cache = Open();
    Put(*cache, 7, 0, page);
    Put(*cache, 7, 1_MiB, other);
    cache->Drain();
    EXPECT_EQ(Get(*cache, 7, 0, page.size()), page);
    EXPECT_EQ(Get(*cache, 7, 0, 10), page.substr(0, 10)) << "the beginning of a page";
    EXPECT_EQ(Get(*cache, 7, 0, page.size() + 1), "") << "more than there is";
  }
  auto cache = Open();
  EXPECT_EQ(Get(*cache, 7, 0, page.size()), page);
  EXPECT_EQ(Get(*cache, 7, 1_MiB, other.size()), other);
  EXPECT_EQ(Get(*cache, 7, 10, 20), "") << "pages begin where they begin";
  EXPECT_EQ(Get(*cache, 8, 0, 10), "") << "another file";
  EXPECT_EQ(Get(*cache, 7, 0, 10, "0x2"), "") << "another version";
  const auto counts = cache->counts();
  EXPECT_EQ(counts.hits, 2u);
  EXPECT_EQ(counts.hit_bytes, page.size() + other.size());
  EXPECT_EQ(counts.misses, 3u);
}

TEST_F(DiskCacheTest, OneMountAtATime) {
  auto cache = Open();
  DiskCacheOptions options;
  options.directory = "cache";
  options.source = "http://server/account/box";
  EXPECT_EQ(DiskCache::Open(faulty_, options).error().code(), Code::kLocked);
  options.source = "http://server/account/another";
  EXPECT_TRUE(DiskCache::Open(faulty_, options)) << "another container has its own place";
}

TEST_F(DiskCacheTest, ItStaysWithinItsSizeAndKeepsWhatIsUsed) {
  constexpr std::uint64_t kSize = 1_MiB;
  auto cache = Open(kSize);
  const std::string used = Random(3, 50'000);
  Put(*cache, 1, 0, used);
  cache->Drain();
  for (unsigned i = 2; i < 100; ++i) {
    Put(*cache, i, 0, Random(i, 60'000));
    cache->Drain();
    ASSERT_LE(cache->counts().bytes, kSize);
    ASSERT_EQ(Get(*cache, 1, 0, used.size()), used);
  }
  EXPECT_EQ(Get(*cache, 2, 0, 10), "");
  EXPECT_GT(cache->counts().evicted, 50u);
  std::uint64_t bytes = 0;
  for (const std::string& file : Files())
    bytes += *(*disk_.Open(file, io::OpenMode::kRead))->Size();
  EXPECT_LE(bytes, kSize);
  cache.reset();
  cache = Open(200'000);
  EXPECT_LE(cache->counts().bytes, 200'000u) << "a smaller size than before";
  cache.reset();
  EXPECT_LE(Files().size(), 3u);
}

TEST_F(DiskCacheTest, DamageIsNeverServed) {
  const std::string page = Random(4, 30'000);
  auto cache = Open();
  Put(*cache, 1, 0, page);
  cache->Drain();
  const std::string file = Files().at(0);
  const std::uint64_t size = *(*disk_.Open(file, io::OpenMode::kRead))->Size();
  for (const std::uint64_t at :
       {std::uint64_t{0}, std::uint64_t{5}, size - page.size() - 1, size - page.size(), size - 1}) {
    ASSERT_TRUE(disk_.CorruptByte(file, at));
    EXPECT_EQ(Get(*cache, 1, 0, page.size()), "") << at;
    EXPECT_EQ(Files().size(), 0u) << "taken away";
    Put(*cache, 1, 0, page);
    cache->Drain();
    EXPECT_EQ(Get(*cache, 1, 0, page.size()), page);
  }
  EXPECT_EQ(cache->counts().damaged, 5u);
  // Shorter than it says, and than its own header.
  for (const std::uint64_t length : {size - 1, size - page.size() + 100, std::uint64_t{10}}) {
    ASSERT_TRUE((*disk_.Open(file, io::OpenMode::kReadWrite))->Truncate(length));
    EXPECT_EQ(Get(*cache, 1, 0, page.size()), "") << length;
    Put(*cache, 1, 0, page);
    cache->Drain();
  }
}

TEST_F(DiskCacheTest, AMountThatDiesAnywhereLeavesNothingWrong) {
  const std::string page = Random(5, 40'000), second = Random(6, 40'000);
  for (std::uint64_t step = 1; step < 12; ++step) {
    auto cache = Open();
    faulty_.Heal();
    faulty_.CrashAt(step);
    Put(*cache, step, 0, page);
    cache->Drain();
    Put(*cache, step, 0, second, "0x2");
    cache->Drain();
    cache.reset();
    faulty_.Heal();
    disk_.DropUnsynced(step);  // and the power went, too
    cache = Open();
    const std::string got = Get(*cache, step, 0, page.size());
    EXPECT_TRUE(got.empty() || got == page) << step;
    const std::string other = Get(*cache, step, 0, second.size(), "0x2");
    EXPECT_TRUE(other.empty() || other == second) << step;
    for (const std::string& file : Files()) EXPECT_TRUE(file.ends_with(".page")) << file;
  }
}

TEST_F(DiskCacheTest, ADiskThatFailsIsAMiss) {
  auto cache = Open();
  const std::string page = Random(7, 10'000);
  faulty_.AddFault(
      {.ops = io::kOpWrite, .path_contains = {}, .code = Code::kNoSpace, .skip = 0, .times = 1});
  Put(*cache, 1, 0, page);
  cache->Drain();
  EXPECT_EQ(Get(*cache, 1, 0, 10), "");
  EXPECT_EQ(cache->counts().failed, 1u);
  EXPECT_EQ(Files().size(), 0u);
  Put(*cache, 1, 0, page);
  cache->Drain();
  faulty_.AddFault(
      {.ops = io::kOpRead, .path_contains = {}, .code = Code::kIo, .skip = 0, .times = 1});
  EXPECT_EQ(Get(*cache, 1, 0, 10), "");
  EXPECT_EQ(Get(*cache, 1, 0, 10), page.substr(0, 10));
}

// Through open files: what one mount has read the next one does not ask for.
TEST_F(DiskCacheTest, ASecondMountReadsWithoutTheServer) {
  MemoryServer server;
  std::string text = Random(8, 3'000'000);
  {
    MemoryRemote remote(server);
    MountForTest mount(remote);
    ASSERT_TRUE(mount.Put("f", text));
  }
  const auto read = [&](std::uint64_t& hits, std::uint64_t& written) {
    auto cache = Open();
    Loops loops(2);
    MemoryRemote remote(server);
    BufferedFilesOptions options;
    options.disk = cache.get();
    BufferedFiles files(remote, *RunSync(remote.Probe({})), loops, options);
    MountForTest mount(remote, files);
    const HandleId handle = *mount.Open("f");
    std::string all;
    for (;;) {
      const std::string piece = *mount.ReadAt(handle, all.size(), 128_KiB);
      if (piece.empty()) break;
      all += piece;
    }
    EXPECT_EQ(all, text);
    EXPECT_TRUE(mount.CloseHandle(handle));
    EXPECT_TRUE(RunSync(files.Stop()));
    cache->Drain();
    hits = cache->counts().hit_bytes;
    written = cache->counts().written_bytes;
  };
  std::uint64_t hits = 0, written = 0;
  read(hits, written);
  EXPECT_EQ(hits, 0u);
  EXPECT_GE(written, text.size());
  read(hits, written);
  EXPECT_GE(hits, text.size());
  EXPECT_EQ(written, 0u);
  {
    MemoryRemote remote(server);
    MountForTest mount(remote);
    ASSERT_TRUE(mount.Put("f", text.substr(1) + "!"));
  }
  text = text.substr(1) + "!";
  read(hits, written);
  EXPECT_EQ(hits, 0u) << "the ETag is another one";
}

}  // namespace
}  // namespace forebay::vfs
