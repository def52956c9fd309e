// Many operations at once, on several loops: each task keeps to files of its own in directories
// that all share, and finds them as it left them.
#include <gtest/gtest.h>

#include <boost/asio/this_coro.hpp>
#include <random>

#include "async/run_sync.h"
#include "async/task_group.h"
#include "vfs/loops.h"
#include "vfs/memory_remote.h"
#include "vfs/mount_for_test.h"

namespace forebay::vfs {
namespace {

constexpr Caller kCaller{1000, 1000, 1, 0};

// Writes a file, moves it to and fro between two directories, reads and removes it.
Task<> Work(FileSystem& fs, InodeNumber one, InodeNumber two, std::string name, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    const std::string text = name + " " + std::to_string(round);
    FB_CO_ASSIGN_OR_RETURN(
        const FileSystem::Created made,
        co_await fs.Create({}, kCaller, one, name, 0644, O_RDWR | O_CREAT | O_EXCL));
    const HandleId handle = made.open.handle;
    FB_CO_RETURN_IF_ERROR(co_await fs.Write({}, handle, 0, AsBytes(text)));
    FB_CO_RETURN_IF_ERROR(co_await fs.Rename({}, one, name, two, name + "x", RenameMode::kReplace));
    FB_CO_RETURN_IF_ERROR(co_await fs.Flush({}, handle, LockOwner(1)));
    FB_CO_ASSIGN_OR_RETURN(const Entry moved, co_await fs.Lookup({}, two, name + "x"));
    if (moved.attributes.inode != made.entry.attributes.inode ||
        moved.attributes.size != text.size()) {
      co_return Fail(Code::kCorruption, name + " is another file");
    }
    // Removed while it is open: it can still be read.
    FB_CO_RETURN_IF_ERROR(co_await fs.Unlink({}, two, name + "x"));
    std::string seen(text.size(), '?');
    FB_CO_ASSIGN_OR_RETURN(
        const std::size_t got,
        co_await fs.Read({}, handle, 0, std::as_writable_bytes(std::span(seen))));
    if (got != text.size() || seen != text) co_return Fail(Code::kCorruption, name + ": " + seen);
    FB_CO_RETURN_IF_ERROR(co_await fs.Release({}, handle, std::nullopt));
    fs.Forget(moved.attributes.inode, 2);
  }
  co_return Result<>();
}

// Reads a directory over and over while it changes.
Task<> Look(FileSystem& fs, InodeNumber directory, int rounds) {
  for (int round = 0; round < rounds; ++round) {
    FB_CO_ASSIGN_OR_RETURN(const HandleId handle, co_await fs.OpenDirectory({}, directory));
    CollectingSink sink;
    FB_CO_RETURN_IF_ERROR(co_await fs.ReadDirectory({}, handle, 0, true, sink));
    for (std::size_t i = 2; i < sink.entries.size(); ++i) {
      fs.Forget(sink.entries[i].attributes.inode, 1);
    }
    fs.ReleaseDirectory(handle);
    FB_CO_RETURN_IF_ERROR(co_await fs.GetAttributes({}, directory));
  }
  co_return Result<>();
}

void RunAll(RemoteTraits traits) {
  MemoryServer server(traits);
  MemoryRemote remote(server);
  FileSystemOptions options;
  options.max_cached_entries = 16;
  MountForTest mount(remote, options);
  const InodeNumber one = mount.MakeDir("one")->attributes.inode;
  const InodeNumber two = mount.MakeDir("two")->attributes.inode;
  Loops loops(3);
  TaskGroup group(loops.Any());
  for (int i = 0; i < 12; ++i) {
    group.Spawn(loops.Any(), Work(mount.fs(), one, two, "file" + std::to_string(i), 40));
  }
  for (int i = 0; i < 3; ++i) group.Spawn(loops.Any(), Look(mount.fs(), i % 2 ? one : two, 60));
  const auto done = RunSync(group.Join());
  EXPECT_TRUE(done.has_value()) << done.error().ToString();
  EXPECT_EQ(mount.fs().counts().handles, 0u);
  EXPECT_EQ(mount.fs().counts().directories, 0u);
  EXPECT_LE(mount.fs().counts().inodes, 16u + 3u);
  EXPECT_EQ(server.nodes(), 3u) << "the root and the two directories";
}

TEST(Concurrency, OverAServerWithEverything) { RunAll(EverythingTraits()); }
TEST(Concurrency, OverAPlainServer) { RunAll(PlainTraits()); }

}  // namespace
}  // namespace forebay::vfs
