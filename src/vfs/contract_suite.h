// What a mount must do over every Remote, as tests: included by a test program, which instantiates
// them with
//   INSTANTIATE_TEST_SUITE_P(Memory, VfsContract, testing::Values(MemoryMaker()), VfsMakerName);
// contract_copies.h and contract_kinds.h have more of them.
// Each test has a container (or a directory of one) to itself, empty at its start, and two mounts.
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "vfs/errno_of.h"
#include "vfs/mount_for_test.h"

namespace forebay::vfs {

struct VfsMaker {
  std::string name;
  bool hierarchical = true;
  // A session on the place of the running test; several calls give several sessions.
  std::function<std::unique_ptr<Remote>()> make;
  // A new place.
  std::function<void()> reset;
};
inline std::string VfsMakerName(const testing::TestParamInfo<VfsMaker>& info) {
  return info.param.name;
}

#define VFS_OK(expr)                                                      \
  do {                                                                    \
    const auto& vfs_result = (expr);                                      \
    ASSERT_TRUE(vfs_result.has_value()) << vfs_result.error().ToString(); \
  } while (false)
#define VFS_ERRNO(expr, number)                                                      \
  do {                                                                               \
    const auto& vfs_result = (expr);                                                 \
    ASSERT_FALSE(vfs_result.has_value()) << "it should have failed";                 \
    EXPECT_EQ(ErrnoOf(vfs_result.error()), number) << vfs_result.error().ToString(); \
  } while (false)

class VfsContract : public testing::TestWithParam<VfsMaker> {
 protected:
  void SetUp() override {
    GetParam().reset();
    remote_ = GetParam().make();
    FileSystemOptions options;
    options.timeout = std::chrono::seconds(30);
    mount_ = std::make_unique<MountForTest>(*remote_, options);
  }
  void TearDown() override {
    other_.reset();
    mount_.reset();
    if (remote_) (void)RunSync(remote_->End({}));
  }

  MountForTest& mount() { return *mount_; }
  const RemoteTraits& traits() { return mount_->traits(); }
  // A second machine. It believes nothing for longer than a moment.
  MountForTest& other() {
    if (!other_) {
      other_remote_ = GetParam().make();
      FileSystemOptions options;
      options.attribute_age = options.entry_age = options.negative_age =
          std::chrono::milliseconds(0);
      options.timeout = std::chrono::seconds(30);
      other_ = std::make_unique<MountForTest>(*other_remote_, options);
    }
    return *other_;
  }

  std::unique_ptr<Remote> remote_;
  std::unique_ptr<Remote> other_remote_;
  std::unique_ptr<MountForTest> mount_;
  std::unique_ptr<MountForTest> other_;
};

TEST_P(VfsContract, FilesKeepWhatWasWritten) {
  VFS_OK(mount().Put("file", "some bytes"));
  EXPECT_EQ(*mount().Get("file"), "some bytes");
  EXPECT_EQ(*other().Get("file"), "some bytes");
  const auto attributes = mount().Walk("file");
  VFS_OK(attributes);
  EXPECT_EQ(attributes->size, 10u);
  EXPECT_TRUE(attributes->IsFile());
  EXPECT_EQ(attributes->nlink, 1u);
  VFS_ERRNO(mount().Get("nothing"), ENOENT);
  VFS_ERRNO(mount().Walk("file/below"), ENOTDIR);
}

TEST_P(VfsContract, WritesAnywhereAndCutsBothWays) {
  const auto handle = mount().Create("file");
  VFS_OK(handle);
  VFS_OK(mount().WriteAt(*handle, 0, "0123456789"));
  VFS_OK(mount().WriteAt(*handle, 3, "abc"));
  EXPECT_EQ(*mount().ReadAt(*handle, 0, 100), "012abc6789");
  VFS_OK(mount().WriteAt(*handle, 12, "xy"));
  EXPECT_EQ(*mount().ReadAt(*handle, 0, 100), std::string("012abc6789\0\0xy", 14));
  AttributeChanges cut;
  cut.size = 4;
  const InodeNumber inode = *mount().Inode("file");
  auto after = RunSync(mount().fs().SetAttributes({}, inode, cut, *handle));
  VFS_OK(after);
  EXPECT_EQ(after->attributes.size, 4u);
  cut.size = 6;
  VFS_OK(RunSync(mount().fs().SetAttributes({}, inode, cut)));
  EXPECT_EQ(*mount().ReadAt(*handle, 0, 100), std::string("012a\0\0", 6));
  EXPECT_EQ(*mount().ReadAt(*handle, 6, 1), "");
  VFS_OK(mount().CloseHandle(*handle));
  EXPECT_EQ(*other().Get("file"), std::string("012a\0\0", 6));
}

TEST_P(VfsContract, AppendsGoToTheEnd) {
  VFS_OK(mount().Put("log", "one"));
  const auto handle = mount().Open("log", O_WRONLY | O_APPEND);
  VFS_OK(handle);
  VFS_OK(mount().WriteAt(*handle, 0, "two"));
  VFS_OK(mount().WriteAt(*handle, 0, "three"));
  VFS_OK(mount().CloseHandle(*handle));
  EXPECT_EQ(*other().Get("log"), "onetwothree");
}

TEST_P(VfsContract, CreationIsExclusiveWhereAskedFor) {
  VFS_OK(mount().Put("file", "first"));
  VFS_ERRNO(mount().Create("file", O_RDWR | O_CREAT | O_EXCL), EEXIST);
  const auto joined = mount().Create("file", O_RDWR | O_CREAT);
  VFS_OK(joined);
  EXPECT_EQ(*mount().ReadAt(*joined, 0, 10), "first");
  VFS_OK(mount().CloseHandle(*joined));
  const auto cut = mount().Open("file", O_WRONLY | O_TRUNC);
  VFS_OK(cut);
  VFS_OK(mount().CloseHandle(*cut));
  EXPECT_EQ(*other().Get("file"), "");
}

TEST_P(VfsContract, DirectoriesHoldNames) {
  VFS_OK(mount().MakeDir("d"));
  VFS_OK(mount().MakeDir("d/e"));
  VFS_OK(mount().Put("d/file", "12345"));
  VFS_ERRNO(mount().MakeDir("d"), EEXIST);
  VFS_ERRNO(mount().MakeDir("nothing/e"), ENOENT);
  const auto list = mount().List("d");
  VFS_OK(list);
  ASSERT_EQ(list->size(), 2u);
  EXPECT_TRUE(list->at("e").IsDirectory());
  EXPECT_EQ(list->at("file").size, 5u);
  EXPECT_EQ(list->at("file").inode, *mount().Inode("d/file"));
  EXPECT_EQ(other().List("")->size(), 1u);
  VFS_ERRNO(mount().RemoveDir("d"), ENOTEMPTY);
  VFS_ERRNO(mount().RemoveDir("d/file"), ENOTDIR);
  VFS_ERRNO(mount().Unlink("d/e"), EISDIR);
  VFS_OK(mount().Unlink("d/file"));
  VFS_OK(mount().RemoveDir("d/e"));
  VFS_OK(mount().RemoveDir("d"));
  VFS_ERRNO(mount().Walk("d"), ENOENT);
  VFS_ERRNO(other().Walk("d"), ENOENT);
  VFS_ERRNO(mount().Unlink("d"), ENOENT);
}

TEST_P(VfsContract, ListsInPagesWithStableCursors) {
  VFS_OK(mount().MakeDir("d"));
  std::set<std::string> expected;
  for (int i = 0; i < 25; ++i) {
    const std::string name = "name-" + std::to_string(i);
    VFS_OK(mount().Put("d/" + name, ""));
    expected.insert(name);
  }
  FileSystemOptions options;
  options.list_page = 7;
  MountForTest small(*remote_, options);
  const auto handle = RunSync(small.fs().OpenDirectory({}, *small.Inode("d")));
  VFS_OK(handle);
  std::set<std::string> seen;
  std::uint64_t cursor = 0;
  for (int round = 0;; ++round) {
    CollectingSink sink(4);
    VFS_OK(RunSync(small.fs().ReadDirectory({}, *handle, cursor, true, sink)));
    if (sink.entries.empty()) break;
    for (const DirectoryEntry& entry : sink.entries) {
      EXPECT_TRUE(seen.insert(entry.name).second) << entry.name;
      cursor = entry.cursor;
    }
    // What comes and goes does not disturb the others.
    if (round == 2) VFS_OK(mount().Put("d/another", ""));
    if (round == 3) VFS_OK(mount().Unlink("d/another"));
  }
  small.fs().ReleaseDirectory(*handle);
  seen.erase("another");
  expected.insert(".");
  expected.insert("..");
  EXPECT_EQ(seen, expected);
}

TEST_P(VfsContract, RenameFlags) {
  VFS_OK(mount().Put("one", "1"));
  VFS_OK(mount().Put("two", "2"));
  if (!traits().rename_flags) {
    VFS_ERRNO(mount().Rename("one", "two", RenameMode::kExchange), EINVAL);
    return;
  }
  VFS_ERRNO(mount().Rename("one", "two", RenameMode::kNoReplace), EEXIST);
  VFS_OK(mount().Rename("one", "three", RenameMode::kNoReplace));
  VFS_OK(mount().Rename("three", "two", RenameMode::kExchange));
  EXPECT_EQ(*mount().Get("three"), "2");
  EXPECT_EQ(*mount().Get("two"), "1");
  EXPECT_EQ(*other().Get("three"), "2");
  VFS_ERRNO(mount().Rename("three", "nothing", RenameMode::kExchange), ENOENT);
}

TEST_P(VfsContract, OthersSeeWhatWasClosed) {
  for (int i = 0; i < 5; ++i) {
    const std::string text = "version " + std::to_string(i);
    VFS_OK(mount().Put("file", text));
    EXPECT_EQ(*other().Get("file"), text);
    VFS_OK(other().Put("file", text + " changed"));
    EXPECT_EQ(*mount().Get("file"), text + " changed");
  }
}

TEST_P(VfsContract, AttributesAreKept) {
  VFS_OK(mount().Put("file", "x"));
  const InodeNumber inode = *mount().Inode("file");
  AttributeChanges changes;
  changes.mode = 0640;
  if (traits().modes) {
    VFS_OK(RunSync(mount().fs().SetAttributes({}, inode, changes)));
    EXPECT_EQ(other().Walk("file")->mode, 0640u);
  }
  changes = {};
  changes.atime = FileTime{1'000'000'000'123'456'789};
  changes.mtime = FileTime{1'234'567'890'987'654'321};
  const auto timed = RunSync(mount().fs().SetAttributes({}, inode, changes));
  if (!traits().set_times) {
    VFS_ERRNO(timed, EOPNOTSUPP);
    return;
  }
  VFS_OK(timed);
  const auto seen = other().Walk("file");
  VFS_OK(seen);
  EXPECT_EQ(seen->mtime, FileTime{1'234'567'890'987'654'321});
  EXPECT_EQ(seen->atime, FileTime{1'000'000'000'123'456'789});
  changes = {};
  changes.uid = 4711;
  changes.gid = 4712;
  VFS_OK(RunSync(mount().fs().SetAttributes({}, inode, changes)));
  EXPECT_EQ(other().Walk("file")->uid, 4711u);
  EXPECT_EQ(other().Walk("file")->gid, 4712u);
  // The content is what it was, also for whoever has the file open.
  const auto handle = mount().Open("file", O_RDWR);
  VFS_OK(handle);
  changes = {};
  changes.mode = 0600;
  VFS_OK(RunSync(mount().fs().SetAttributes({}, inode, changes)));
  VFS_OK(mount().WriteAt(*handle, 1, "y"));
  VFS_OK(mount().CloseHandle(*handle));
  EXPECT_EQ(*other().Get("file"), "xy");
}

TEST_P(VfsContract, LinksOfBothKinds) {
  VFS_OK(mount().MakeDir("d"));
  VFS_OK(mount().Put("d/file", "text"));
  if (!traits().symlinks) {
    VFS_ERRNO(mount().Symlink("link", "d/file"), EPERM);
    VFS_ERRNO(mount().Link("d/file", "hard"), EPERM);
    return;
  }
  VFS_OK(mount().Symlink("link", "d/file"));
  const auto link = other().Walk("link");
  VFS_OK(link);
  EXPECT_EQ(link->kind, FileKind::kSymlink);
  EXPECT_EQ(link->size, 6u);
  EXPECT_EQ(*RunSync(other().fs().ReadLink({}, link->inode)), "d/file");
  const auto hard = mount().Link("d/file", "hard");
  VFS_OK(hard);
  EXPECT_EQ(hard->attributes.nlink, 2u);
  EXPECT_EQ(hard->attributes.inode, *mount().Inode("d/file"));
  VFS_OK(mount().Put("hard", "longer text"));
  EXPECT_EQ(*mount().Get("d/file"), "longer text");
  EXPECT_EQ(*other().Get("d/file"), "longer text");
  VFS_OK(mount().Unlink("d/file"));
  EXPECT_EQ(mount().Walk("hard")->nlink, 1u);
  EXPECT_EQ(*mount().Get("hard"), "longer text");
  VFS_ERRNO(mount().Link("d", "again"), EPERM);
  VFS_ERRNO(mount().Link("hard", "link"), EEXIST);
}

TEST_P(VfsContract, SpecialFiles) {
  const auto fifo = RunSync(
      mount().fs().MakeNode({}, mount().caller, kRootInode, "fifo", FileKind::kFifo, 0600, 0));
  if (!traits().special_files) {
    VFS_ERRNO(fifo, EPERM);
    return;
  }
  VFS_OK(fifo);
  VFS_OK(RunSync(mount().fs().MakeNode({}, mount().caller, kRootInode, "null",
                                       FileKind::kCharacterDevice, 0666, 0x103)));
  EXPECT_EQ(other().Walk("fifo")->kind, FileKind::kFifo);
  EXPECT_EQ(other().Walk("null")->rdev, 0x103u);
  EXPECT_EQ(other().List("")->at("null").kind, FileKind::kCharacterDevice);
}

TEST_P(VfsContract, ExtendedAttributes) {
  VFS_OK(mount().Put("file", "x"));
  const InodeNumber inode = *mount().Inode("file");
  FileSystem& fs = mount().fs();
  using Mode = RemoteNames::XattrMode;
  const auto set = RunSync(fs.SetXattr({}, inode, "user.name", "value", Mode::kSet));
  if (!traits().xattrs) {
    VFS_ERRNO(set, EOPNOTSUPP);
    return;
  }
  VFS_OK(set);
  const std::string binary("\0\xff;=%", 5);
  VFS_OK(RunSync(fs.SetXattr({}, inode, "user.bin", binary, Mode::kCreate)));
  VFS_ERRNO(RunSync(fs.SetXattr({}, inode, "user.bin", "y", Mode::kCreate)), EEXIST);
  VFS_ERRNO(RunSync(fs.SetXattr({}, inode, "user.no", "y", Mode::kReplace)), ENODATA);
  EXPECT_EQ(*RunSync(fs.GetXattr({}, inode, "user.bin")), binary);
  auto names = RunSync(fs.ListXattrs({}, inode));
  VFS_OK(names);
  EXPECT_EQ(std::set<std::string>(names->begin(), names->end()),
            (std::set<std::string>{"user.name", "user.bin"}));
  VFS_OK(RunSync(fs.RemoveXattr({}, inode, "user.name")));
  VFS_ERRNO(RunSync(fs.GetXattr({}, inode, "user.name")), ENODATA);
  VFS_ERRNO(RunSync(fs.RemoveXattr({}, inode, "user.name")), ENODATA);
}

TEST_P(VfsContract, ExtendedAttributesOfAFileTakeAMebibyte) {
  if (!traits().xattrs) return;
  VFS_OK(mount().Put("file", "x"));
  const InodeNumber inode = *mount().Inode("file");
  FileSystem& fs = mount().fs();
  const auto set = [&](int number, std::size_t bytes) {
    return RunSync(fs.SetXattr({}, inode, "user." + std::to_string(number), std::string(bytes, 'v'),
                               RemoteNames::XattrMode::kSet));
  };
  constexpr std::size_t kLargest = 64 << 10;
  for (int i = 0; i < 15; ++i) VFS_OK(set(i, kLargest));
  VFS_ERRNO(set(15, kLargest), ENOSPC);  // their names count, too
  VFS_OK(set(15, kLargest / 2));
  VFS_OK(set(3, kLargest));  // in the place of the one before
  VFS_OK(RunSync(fs.RemoveXattr({}, inode, "user.3")));
  VFS_OK(set(15, kLargest));
  EXPECT_EQ(RunSync(fs.ListXattrs({}, inode))->size(), 15u);
}

TEST_P(VfsContract, LocksKeepOthersOut) {
  VFS_OK(mount().Put("file", "x"));
  const auto handle = mount().Open("file", O_RDWR);
  VFS_OK(handle);
  LockRange range;
  range.owner = LockOwner(7);
  range.kind = LockKind::kExclusive;
  range.offset = 10;
  range.length = 10;
  VFS_OK(RunSync(mount().fs().Lock({}, *handle, range, false)));
  MountForTest& rival = traits().locks ? other() : mount();
  const auto theirs = rival.Open("file", O_RDWR);
  VFS_OK(theirs);
  LockRange wanted = range;
  wanted.owner = LockOwner(8);
  wanted.offset = 15;
  VFS_ERRNO(RunSync(rival.fs().Lock({}, *theirs, wanted, false)), EAGAIN);
  const auto in_the_way = RunSync(rival.fs().TestLock({}, *theirs, wanted));
  VFS_OK(in_the_way);
  ASSERT_TRUE(in_the_way->has_value());
  EXPECT_EQ((*in_the_way)->offset, 10u);
  EXPECT_EQ((*in_the_way)->length, 10u);
  wanted.offset = 20;
  VFS_OK(RunSync(rival.fs().Lock({}, *theirs, wanted, false)));
  // close(2) gives the owner's locks back.
  VFS_OK(mount().CloseHandle(*handle));
  wanted.offset = 10;
  VFS_OK(RunSync(rival.fs().Lock({}, *theirs, wanted, true)));
  VFS_OK(rival.CloseHandle(*theirs));
}

// fcntl(2): those of a process go with its first close, those of an open file with the last.
TEST_P(VfsContract, RecordLocksGoWithTheOpenFileOrWithTheProcess) {
  VFS_OK(mount().Put("file", "x"));
  const auto first = mount().Open("file", O_RDWR), second = mount().Open("file", O_RDWR);
  VFS_OK(first);
  VFS_OK(second);
  LockRange range;
  range.kind = LockKind::kExclusive;
  range.length = 10;
  const auto lock = [&](HandleId handle, std::uint64_t owner) {
    range.owner = LockOwner(owner);
    return RunSync(mount().fs().Lock({}, handle, range, false));
  };
  constexpr std::uint64_t kProcess = 5, kOpenFile = 6;
  VFS_OK(lock(*first, kOpenFile));
  range.offset = 10;
  VFS_OK(lock(*first, kProcess));
  VFS_OK(RunSync(mount().fs().Flush({}, *first, LockOwner(kProcess))));
  VFS_OK(lock(*second, kProcess));
  // A close by somebody who has the open file too.
  VFS_OK(RunSync(mount().fs().Flush({}, *first, LockOwner(kProcess + 10))));
  range.offset = 0;
  VFS_ERRNO(lock(*second, kProcess), EAGAIN);
  VFS_OK(RunSync(mount().fs().Release({}, *first, std::nullopt)));
  VFS_OK(lock(*second, kProcess));
  range.offset = 10;
  VFS_ERRNO(lock(*second, kOpenFile + 10), EAGAIN);
  VFS_OK(mount().CloseHandle(*second));
}

TEST_P(VfsContract, AWaitForALockCanBeInterrupted) {
  VFS_OK(mount().Put("file", "x"));
  const auto handle = mount().Open("file", O_RDWR);
  VFS_OK(handle);
  LockRange range;
  range.owner = LockOwner(1);
  range.kind = LockKind::kExclusive;
  VFS_OK(RunSync(mount().fs().Lock({}, *handle, range, false)));
  range.owner = LockOwner(2);
  std::stop_source stop;
  OpContext context;
  context.cancel = stop.get_token();
  std::thread interrupter([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    stop.request_stop();
  });
  const auto waited = RunSync(mount().fs().Lock(context, *handle, range, true));
  interrupter.join();
  VFS_ERRNO(waited, EINTR);
  VFS_OK(mount().CloseHandle(*handle));
}

inline std::vector<std::string> HardNames() {
  return {"with space", "pl+us%41&?#;=,'\"<>", "ünïcødé",    "...",
          "trailing.",  std::string(255, 'n'), "back\\slash"};
}

TEST_P(VfsContract, NamesThatAreHard) {
  for (const std::string& name : HardNames()) {
    VFS_OK(mount().Put(name, name));
    EXPECT_EQ(*other().Get(name), name);
    EXPECT_TRUE(other().List("")->contains(name)) << name;
    VFS_OK(mount().Unlink(name));
  }
  VFS_ERRNO(mount().Put(std::string(256, 'n'), ""), ENAMETOOLONG);
}

TEST_P(VfsContract, ForgetsWhatNobodyAsksFor) {
  FileSystemOptions options;
  options.max_cached_entries = 10;
  MountForTest small(*remote_, options);
  for (int i = 0; i < 40; ++i) VFS_OK(small.Put("f" + std::to_string(i), ""));
  const auto list = small.List("");
  VFS_OK(list);
  EXPECT_EQ(list->size(), 40u);
  for (const auto& [name, attributes] : *list) small.fs().Forget(attributes.inode, 1000);
  EXPECT_LE(small.fs().counts().inodes, 11u);
  EXPECT_EQ(small.fs().counts().handles, 0u);
  EXPECT_EQ(small.fs().counts().directories, 0u);
}

}  // namespace forebay::vfs
