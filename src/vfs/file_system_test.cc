// What caches, sessions and locks of a mount do over time; what each operation means is the
// contract's (contract_suite.h).
#include "vfs/file_system.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <stop_token>
#include <thread>
#include <utility>

#include "vfs/errno_of.h"
#include "vfs/faulty_remote.h"
#include "vfs/forwarding_remote.h"
#include "vfs/memory_remote.h"
#include "vfs/mount_for_test.h"

namespace forebay::vfs {
namespace {

using std::chrono::milliseconds;

FileSystemOptions Ages(milliseconds age) {
  FileSystemOptions options;
  options.attribute_age = options.entry_age = options.negative_age = age;
  return options;
}

// Counts the questions that reach the server.
class CountingRemote final : public ForwardingRemote {
 public:
  using ForwardingRemote::ForwardingRemote;
  std::atomic<int> asked{0};

  Task<Attributes> Stat(OpContext c, FileRef f) override {
    ++asked;
    return ForwardingRemote::Stat(std::move(c), std::move(f));
  }
  Task<Attributes> StatToRead(OpContext c, FileRef f) override {
    ++asked;
    return ForwardingRemote::StatToRead(std::move(c), std::move(f));
  }
  Task<Attributes> Lookup(OpContext c, NameRef a) override {
    ++asked;
    return ForwardingRemote::Lookup(std::move(c), std::move(a));
  }
  Task<ListPage> List(OpContext c, ListRequest r) override {
    ++asked;
    return ForwardingRemote::List(std::move(c), std::move(r));
  }
};

class FileSystemTest : public testing::Test {
 protected:
  static constexpr int kFiles = 100;
  // "file0" and so on, of one byte, by another mount.
  void MakeFiles() {
    MountForTest other(elsewhere_);
    for (int i = 0; i < kFiles; ++i) ASSERT_TRUE(other.Put("file" + std::to_string(i), "x"));
  }

  MemoryServer server_;
  MemoryRemote remote_{server_};
  MemoryRemote elsewhere_{server_};
};

TEST_F(FileSystemTest, ManyNamesThatAreLookedUpCostAListingAndNotAQuestionEach) {
  constexpr int kMany = 400;
  {
    MountForTest other(elsewhere_);
    for (int i = 0; i < kMany; ++i) {
      ASSERT_TRUE(
          other.Put("file" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x')));
    }
  }
  CountingRemote counted(remote_);
  MountForTest mount(counted, Ages(std::chrono::minutes(1)));
  for (int i = 0; i < kMany; ++i) {
    const auto at = mount.Walk("file" + std::to_string(i));
    ASSERT_TRUE(at.has_value());
    EXPECT_EQ(at->size, static_cast<std::uint64_t>(i));
  }
  // The names come in another order than they are listed in.
  EXPECT_LT(counted.asked, kMany / 4);
}

// Something happens between the server's answer to a listing and its arrival.
class MeanwhileRemote final : public ForwardingRemote {
 public:
  using ForwardingRemote::ForwardingRemote;
  std::function<void()> meanwhile;
  Task<ListPage> List(OpContext context, ListRequest request) override {
    auto page = co_await ForwardingRemote::List(std::move(context), std::move(request));
    if (meanwhile) std::exchange(meanwhile, nullptr)();
    co_return page;
  }
};

TEST_F(FileSystemTest, WhatIsListedAheadHidesNothingThatWasDoneHereMeanwhile) {
  MakeFiles();
  MeanwhileRemote remote(remote_);
  MountForTest mount(remote, Ages(std::chrono::minutes(1)));
  bool listed = false;
  remote.meanwhile = [&] {
    listed = mount.Unlink("file99").has_value() && mount.Put("file98", "longer").has_value();
  };
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(mount.Walk("file" + std::to_string(i)).has_value());
  ASSERT_TRUE(listed);
  EXPECT_EQ(mount.Walk("file98")->size, 6u);
  EXPECT_EQ(mount.Walk("file99").error().code(), Code::kPathNotFound);
}

// As while the names of a container come in from its lake.
class UnlistedRemote final : public ForwardingRemote {
 public:
  using ForwardingRemote::ForwardingRemote;
  std::atomic<int> lists{0};
  Task<ListPage> List(OpContext, ListRequest) override {
    ++lists;
    co_return Fail(Code::kServerBusy, "The names are still coming in.");
  }
};

TEST_F(FileSystemTest, NamesAreFoundWhereTheirDirectoryCannotBeListed) {
  MakeFiles();
  UnlistedRemote unlisted(remote_);
  MountForTest mount(unlisted, Ages(std::chrono::minutes(1)));
  for (int i = 0; i < kFiles; ++i) EXPECT_TRUE(mount.Walk("file" + std::to_string(i)).has_value());
  EXPECT_EQ(unlisted.lists, 1);
}

TEST_F(FileSystemTest, BelievesOthersForTheirAgeAndSeesTheirChangesAfterIt) {
  MemoryRemote third(server_);
  MountForTest mount(remote_, Ages(std::chrono::minutes(10)));
  MountForTest doubtful(third, Ages(milliseconds(1)));
  MountForTest other(elsewhere_, Ages(milliseconds(0)));
  ASSERT_TRUE(other.Put("file", "one").has_value());
  for (MountForTest* looking : {&mount, &doubtful}) {
    ASSERT_EQ(looking->Walk("file")->size, 3u);
    ASSERT_EQ(looking->Walk("nothing").error().code(), Code::kPathNotFound);
  }
  ASSERT_TRUE(other.Put("file", "longer").has_value());
  ASSERT_TRUE(other.Put("nothing", "now here").has_value());
  while (doubtful.Walk("file")->size != 6u || !doubtful.Walk("nothing").has_value()) {
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(mount.Walk("file")->size, 3u) << "a cache that is never used is none";
  EXPECT_FALSE(mount.Walk("nothing").has_value());
  // Opening looks, however young the attributes are.
  EXPECT_EQ(*mount.Get("file"), "longer");
}

TEST_F(FileSystemTest, OneListingAnswersForAllItsFiles) {
  CountingRemote counting(remote_);
  MountForTest mount(counting, Ages(std::chrono::minutes(10)));
  MountForTest other(elsewhere_, Ages(milliseconds(0)));
  ASSERT_TRUE(other.MakeDir("d").has_value());
  for (int i = 0; i < 200; ++i) {
    ASSERT_TRUE(other.Put("d/f" + std::to_string(i), std::string(static_cast<std::size_t>(i), 'x'))
                    .has_value());
  }
  ASSERT_EQ(mount.List("d")->size(), 200u);
  const int before = counting.asked;
  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(mount.Walk("d/f" + std::to_string(i))->size, static_cast<std::uint64_t>(i));
  }
  EXPECT_EQ(counting.asked, before);
}

TEST_F(FileSystemTest, TheKernelKeepsItsPagesUntilSomebodyElseWrites) {
  MountForTest mount(remote_);
  MountForTest other(elsewhere_, Ages(milliseconds(0)));
  ASSERT_TRUE(mount.Put("file", "one").has_value());
  const auto keeps = [&] {
    const auto open = RunSync(mount.fs().Open({}, *mount.Inode("file"), O_RDONLY));
    EXPECT_TRUE(open.has_value());
    EXPECT_TRUE(mount.CloseHandle(open->handle).has_value());
    return open->keep_cache;
  };
  EXPECT_TRUE(keeps()) << "this mount wrote what is there";
  ASSERT_TRUE(other.Put("file", "two").has_value());
  EXPECT_FALSE(keeps());
  EXPECT_TRUE(keeps());
  AttributeChanges changes;
  changes.mode = 0600;
  ASSERT_TRUE(RunSync(mount.fs().SetAttributes({}, *mount.Inode("file"), changes)).has_value());
  EXPECT_TRUE(keeps()) << "the mode is not the content";
}

TEST_F(FileSystemTest, ReadOnlyMountsRefuseEveryChange) {
  MountForTest writer(elsewhere_);
  ASSERT_TRUE(writer.Put("file", "one").has_value());
  FileSystemOptions options;
  options.read_only = true;
  MountForTest mount(remote_, options);
  const auto refused = [](const auto& result) {
    return !result && ErrnoOf(result.error()) == EROFS;
  };
  EXPECT_EQ(*mount.Get("file"), "one");
  EXPECT_TRUE(refused(mount.Put("new", "")));
  EXPECT_TRUE(refused(mount.Open("file", O_RDWR)));
  EXPECT_TRUE(refused(mount.Unlink("file")));
  EXPECT_TRUE(refused(mount.MakeDir("d")));
  EXPECT_TRUE(refused(mount.Rename("file", "other")));
  AttributeChanges changes;
  changes.mode = 0;
  EXPECT_TRUE(refused(RunSync(mount.fs().SetAttributes({}, *mount.Inode("file"), changes))));
}

TEST_F(FileSystemTest, AWaiterGetsTheLockWhenItFallsFree) {
  for (const RemoteTraits& traits : {EverythingTraits(), PlainTraits()}) {
    MemoryServer server(traits);
    MemoryRemote remote(server);
    MountForTest mount(remote);
    ASSERT_TRUE(mount.Put("file", "x").has_value());
    const HandleId handle = *mount.Open("file", O_RDWR);
    LockRange range;
    range.kind = LockKind::kExclusive;
    range.owner = LockOwner(1);
    ASSERT_TRUE(RunSync(mount.fs().Lock({}, handle, range, false)).has_value());
    std::atomic<bool> granted{false};
    std::thread waiter([&] {
      LockRange wanted = range;
      wanted.owner = LockOwner(2);
      granted = RunSync(mount.fs().Lock({}, handle, wanted, true)).has_value();
    });
    std::this_thread::sleep_for(milliseconds(100));
    EXPECT_FALSE(granted);
    range.kind = LockKind::kUnlock;
    EXPECT_TRUE(RunSync(mount.fs().Lock({}, handle, range, false)).has_value());
    waiter.join();
    EXPECT_TRUE(granted);
    EXPECT_TRUE(mount.CloseHandle(handle).has_value());
  }
}

TEST_F(FileSystemTest, ADeadMountsLocksAndFilesFallFree) {
  MountForTest survivor(elsewhere_, Ages(milliseconds(0)));
  ASSERT_TRUE(survivor.Put("file", "x").has_value());
  LockRange range;
  range.kind = LockKind::kExclusive;
  range.owner = LockOwner(1);
  {
    MemoryRemote dying(server_);
    MountForTest mount(dying);
    const HandleId handle = *mount.Open("file", O_RDWR);
    ASSERT_TRUE(RunSync(mount.fs().Lock({}, handle, range, false)).has_value());
    ASSERT_TRUE(mount.Put("gone", "y").has_value());
    (void)*mount.Open("gone");
    ASSERT_TRUE(mount.Unlink("gone").has_value());
    EXPECT_EQ(server_.nodes(), 3u);
    server_.Expire(dying.session());
  }
  EXPECT_EQ(server_.nodes(), 2u) << "what only the dead one held is gone";
  const HandleId handle = *survivor.Open("file", O_RDWR);
  EXPECT_TRUE(RunSync(survivor.fs().Lock({}, handle, range, false)).has_value());
  ASSERT_TRUE(survivor.CloseHandle(handle).has_value());
}

TEST_F(FileSystemTest, HiddenFilesOfAPlainServerGoWithTheLastClose) {
  MemoryServer server(PlainTraits());
  MemoryRemote remote(server);
  MountForTest mount(remote);
  ASSERT_TRUE(mount.MakeDir("d").has_value());
  ASSERT_TRUE(mount.Put("d/file", "x").has_value());
  const HandleId handle = *mount.Open("d/file");
  ASSERT_TRUE(mount.Unlink("d/file").has_value());
  EXPECT_TRUE(mount.RemoveDir("d").has_value()) << "the directory is empty, as after any unlink";
  EXPECT_EQ(server.nodes(), 2u);
  EXPECT_EQ(*mount.ReadAt(handle, 0, 5), "x");
  ASSERT_TRUE(mount.CloseHandle(handle).has_value());
  EXPECT_EQ(server.nodes(), 1u);
}

class Notes final : public KernelCaches {
 public:
  void ForgetAttributes(InodeNumber inode, bool and_content) override {
    std::lock_guard lock(mutex);
    attributes[inode] |= and_content;
  }
  void ForgetEntry(InodeNumber, std::string) override {}
  bool Saw(InodeNumber inode) {
    std::lock_guard lock(mutex);
    return attributes.contains(inode);
  }
  std::mutex mutex;
  std::map<InodeNumber, bool> attributes;
};

TEST_F(FileSystemTest, TheServerTellsWhatOthersChange) {
  MountForTest mount(remote_, Ages(std::chrono::minutes(10)));
  MountForTest other(elsewhere_, Ages(milliseconds(0)));
  Notes kernel;
  mount.fs().SetKernelCaches(&kernel);
  ASSERT_TRUE(other.Put("file", "one").has_value());
  ASSERT_EQ(mount.Walk("file")->size, 3u);
  const InodeNumber inode = *mount.Inode("file");
  std::stop_source stop;
  OpContext context;
  context.cancel = stop.get_token();
  std::thread follower([&] { EXPECT_TRUE(RunSync(mount.fs().Run(context)).has_value()); });
  // The feed begins somewhere between now and shortly; what is changed again and again is seen.
  bool seen = false;
  for (int i = 0; i < 100 && !seen; ++i) {
    ASSERT_TRUE(other.Put("file", "longer" + std::to_string(i)).has_value());
    std::this_thread::sleep_for(milliseconds(20));
    seen = kernel.Saw(inode) && mount.Walk("file")->size > 3u;
  }
  EXPECT_TRUE(seen);
  stop.request_stop();
  follower.join();
}

TEST_F(FileSystemTest, ShutdownSaysWhatCouldNotBeSaved) {
  FaultyRemote faulty(remote_, 1);
  MountForTest mount(faulty);
  ASSERT_TRUE(mount.Put("file", "x").has_value());
  EXPECT_TRUE(RunSync(mount.fs().Shutdown({})).has_value());
}

}  // namespace
}  // namespace forebay::vfs
