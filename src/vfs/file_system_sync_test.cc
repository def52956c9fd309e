// Names, modes and the like: when they are durable, and who hears that some of them are lost.
#include <gtest/gtest.h>

#include <stop_token>
#include <thread>

#include "vfs/errno_of.h"
#include "vfs/faulty_remote.h"
#include "vfs/file_system.h"
#include "vfs/memory_remote.h"
#include "vfs/mount_for_test.h"

namespace forebay::vfs {
namespace {

class FileSystemSyncTest : public testing::Test {
 protected:
  static FileSystemOptions LongMemory() {
    FileSystemOptions options;
    options.attribute_age = options.entry_age = options.negative_age = std::chrono::minutes(10);
    return options;
  }
  Result<> Sync(HandleId file) { return RunSync(mount_.fs().Sync({}, file, false)); }
  Result<> SyncDirectory(HandleId handle) { return RunSync(mount_.fs().SyncDirectory({}, handle)); }
  HandleId OpenRoot() { return *RunSync(mount_.fs().OpenDirectory({}, kRootInode)); }

  MemoryServer server_;
  MemoryRemote remote_{server_}, elsewhere_{server_};
  FaultyRemote link_{remote_, 1};
  MountForTest mount_{link_, LongMemory()};
};

TEST_F(FileSystemSyncTest, SyncWaitsForNamesAsForContent) {
  const HandleId file = *mount_.Create("file");
  const HandleId directory = OpenRoot();
  EXPECT_EQ(link_.syncs(), 0u);
  EXPECT_TRUE(Sync(file));
  EXPECT_EQ(link_.syncs(), 1u);
  EXPECT_TRUE(SyncDirectory(directory));
  EXPECT_EQ(link_.syncs(), 2u);
  EXPECT_TRUE(RunSync(mount_.fs().Shutdown({})));
  EXPECT_EQ(link_.syncs(), 3u);
}

TEST_F(FileSystemSyncTest, ADirectoryThatIsNotOpenIsNotSynced) {
  const HandleId directory = OpenRoot();
  mount_.fs().ReleaseDirectory(directory);
  EXPECT_EQ(SyncDirectory(directory).error().code(), Code::kBadFileHandle);
  EXPECT_EQ(link_.syncs(), 0u);
}

TEST_F(FileSystemSyncTest, ALossIsToldToEveryOpenFileOnceAndToTheFirstThatComesAfter) {
  const HandleId one = *mount_.Create("one");
  const HandleId two = *mount_.Create("two");
  const HandleId directory = OpenRoot();
  link_.LoseChanges();
  EXPECT_EQ(ErrnoOf(Sync(one).error()), EIO);
  EXPECT_TRUE(Sync(one));
  EXPECT_EQ(ErrnoOf(Sync(two).error()), EIO);
  EXPECT_TRUE(Sync(two));
  EXPECT_EQ(ErrnoOf(SyncDirectory(directory).error()), EIO);
  EXPECT_TRUE(SyncDirectory(directory));
  // Everybody who was there has heard of it.
  EXPECT_TRUE(Sync(*mount_.Create("three")));
  // close(2) of a writer tells of it as well.
  link_.LoseChanges();
  EXPECT_EQ(ErrnoOf(Sync(one).error()), EIO);
  EXPECT_EQ(ErrnoOf(RunSync(mount_.fs().Flush({}, two, LockOwner(7))).error()), EIO);
}

TEST_F(FileSystemSyncTest, TheCloseOfAReaderTakesNothingFromItsSync) {
  ASSERT_TRUE(mount_.Put("file", "text"));
  const HandleId writer = *mount_.Open("file", O_RDWR);
  const HandleId reader = *mount_.Open("file");
  link_.LoseChanges();
  EXPECT_EQ(Sync(writer).error().code(), Code::kChangesLost);
  EXPECT_TRUE(RunSync(mount_.fs().Flush({}, reader, LockOwner(7))));
  EXPECT_EQ(Sync(reader).error().code(), Code::kChangesLost);
}

TEST_F(FileSystemSyncTest, AServerThatCannotBeAskedFailsTheSyncAndHasLostNothing) {
  const HandleId file = *mount_.Create("file");
  const HandleId directory = OpenRoot();
  link_.SetRates(1000, 0);
  EXPECT_EQ(Sync(file).error().code(), Code::kDeadlineExceeded);
  EXPECT_EQ(SyncDirectory(directory).error().code(), Code::kDeadlineExceeded);
  link_.SetRates(0, 0);
  EXPECT_TRUE(Sync(file));
  EXPECT_TRUE(SyncDirectory(directory));
}

TEST_F(FileSystemSyncTest, AfterALossNothingThatIsRememberedIsBelieved) {
  MountForTest other(elsewhere_);
  ASSERT_TRUE(other.Put("file", "one"));
  ASSERT_EQ(mount_.Walk("file")->size, 3u);
  ASSERT_FALSE(mount_.Walk("nothing"));
  ASSERT_TRUE(other.Put("file", "longer"));
  ASSERT_TRUE(other.Put("nothing", "now here"));
  const HandleId directory = OpenRoot();
  EXPECT_TRUE(SyncDirectory(directory));
  ASSERT_EQ(mount_.Walk("file")->size, 3u) << "as it is remembered";
  ASSERT_FALSE(mount_.Walk("nothing"));
  link_.LoseChanges();
  EXPECT_FALSE(SyncDirectory(directory));
  EXPECT_EQ(mount_.Walk("file")->size, 6u);
  EXPECT_TRUE(mount_.Walk("nothing"));
}

// Nobody syncs, and the mount asks by itself: what it hears waits for who does.
TEST_F(FileSystemSyncTest, WhatIsHeardInTheBackgroundIsToldToTheNextSync) {
  const HandleId file = *mount_.Create("file");
  std::stop_source stop;
  OpContext context;
  context.cancel = stop.get_token();
  std::thread background([&] { EXPECT_TRUE(RunSync(mount_.fs().Run(context))); });
  link_.LoseChanges();
  // The second one begins when all of the first is done.
  for (int i = 0; i < 30'000 && link_.syncs() < 2; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  stop.request_stop();
  background.join();
  EXPECT_EQ(Sync(file).error().code(), Code::kChangesLost);
  EXPECT_TRUE(Sync(file));
}

TEST_F(FileSystemSyncTest, TheEndOfAMountTellsOfWhatNobodyHeard) {
  link_.LoseChanges();
  EXPECT_EQ(RunSync(mount_.fs().Shutdown({})).error().code(), Code::kChangesLost);
}

}  // namespace
}  // namespace forebay::vfs
