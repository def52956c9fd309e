// What servers cannot do with names, in the words of the manual pages.
#include <gtest/gtest.h>

#include <cerrno>
#include <string>
#include <utility>
#include <vector>

#include "vfs/buffered_files.h"
#include "vfs/errno_of.h"
#include "vfs/forwarding_remote.h"
#include "vfs/loops.h"
#include "vfs/memory_remote.h"
#include "vfs/mount_for_test.h"

namespace forebay::vfs {
namespace {

template <class T>
int ErrorOf(const Result<T>& result) {
  return result ? 0 : ErrnoOf(result.error());
}

TEST(NamesTest, ServersWithoutLinksAndSpecialFilesSaySo) {
  MemoryServer server(PlainTraits());
  MemoryRemote remote(server);
  MountForTest mount(remote);
  ASSERT_TRUE(mount.Put("file", "x"));
  EXPECT_EQ(ErrorOf(mount.Link("file", "hard")), EPERM);
  EXPECT_EQ(ErrorOf(mount.Symlink("link", "file")), EPERM);
  EXPECT_EQ(
      ErrorOf(RunSync(mount.fs().MakeNode({}, {}, kRootInode, "fifo", FileKind::kFifo, 0600, 0))),
      EPERM);
  EXPECT_EQ(ErrorOf(mount.Rename("file", "other", RenameMode::kExchange)), EINVAL);
  EXPECT_EQ(ErrorOf(mount.MakeDir("d")), 0);
}

// As a container that is attached to a lake does it.
class NoExchange final : public ForwardingRemote {
 public:
  using ForwardingRemote::ForwardingRemote;
  Task<NameChange> Rename(OpContext context, RenameRequest request) override {
    if (request.mode != RenameMode::kExchange) {
      return ForwardingRemote::Rename(std::move(context), std::move(request));
    }
    return Refuse();
  }

 private:
  static Task<NameChange> Refuse() {
    co_return Fail(Code::kUnsupported, "Not while it is attached.");
  }
};

TEST(NamesTest, AFlagThatIsRefusedForNowIsInvalid) {
  MemoryServer server;
  MemoryRemote inside(server);
  NoExchange remote(inside);
  MountForTest mount(remote);
  ASSERT_TRUE(mount.Put("a", "1"));
  ASSERT_TRUE(mount.Put("b", "2"));
  EXPECT_EQ(ErrorOf(mount.Rename("a", "b", RenameMode::kExchange)), EINVAL);
  EXPECT_EQ(ErrorOf(mount.Rename("a", "b", RenameMode::kNoReplace)), EEXIST);
  EXPECT_EQ(ErrorOf(mount.Rename("a", "b")), 0);
  EXPECT_EQ(*mount.Get("b"), "1");
}

// Notes what a server is asked about names, attributes and content.
class NotingRemote final : public ForwardingRemote {
 public:
  using ForwardingRemote::ForwardingRemote;
  std::vector<std::string> Take() { return std::exchange(asked_, {}); }

  Task<Attributes> Stat(OpContext context, FileRef file) override {
    asked_.push_back("stat");
    return ForwardingRemote::Stat(std::move(context), std::move(file));
  }
  Task<Attributes> Lookup(OpContext context, NameRef at) override {
    asked_.push_back("look up");
    return ForwardingRemote::Lookup(std::move(context), std::move(at));
  }
  Task<NameChange> Create(OpContext context, CreateRequest request) override {
    asked_.push_back("create");
    return ForwardingRemote::Create(std::move(context), std::move(request));
  }
  Task<std::optional<FileTime>> Remove(OpContext context, NameRef at, bool directory) override {
    asked_.push_back("remove");
    return ForwardingRemote::Remove(std::move(context), std::move(at), directory);
  }
  Task<Attributes> SetAttributes(OpContext context, FileRef file,
                                 AttributeChanges changes) override {
    asked_.push_back("set");
    return ForwardingRemote::SetAttributes(std::move(context), std::move(file), changes);
  }
  Task<std::string> GetXattr(OpContext context, FileRef file, std::string name) override {
    asked_.push_back("get " + name);
    return ForwardingRemote::GetXattr(std::move(context), std::move(file), std::move(name));
  }
  Task<StagedBlock> StageBlock(OpContext context, FileRef file, ByteView data) override {
    asked_.push_back("stage");
    return ForwardingRemote::StageBlock(std::move(context), std::move(file), data);
  }
  Task<CommitAnswer> Commit(OpContext context, CommitRequest request) override {
    asked_.push_back("commit");
    return ForwardingRemote::Commit(std::move(context), std::move(request));
  }
  Task<> Hold(OpContext context, FileRef file) override {
    asked_.push_back("hold");
    return ForwardingRemote::Hold(std::move(context), std::move(file));
  }
  Task<> Lock(OpContext context, FileRef file, LockRange range,
              std::chrono::milliseconds wait) override {
    asked_.push_back("lock");
    return ForwardingRemote::Lock(std::move(context), std::move(file), range, wait);
  }
  Task<> SyncChanges(OpContext context) override {
    asked_.push_back("sync");
    return ForwardingRemote::SyncChanges(std::move(context));
  }

 private:
  std::vector<std::string> asked_;
};

// ADR 0203 says what each question costs.
TEST(NamesTest, ASmallFileCostsThreeQuestionsToMakeAndOneToRemove) {
  using Asked = std::vector<std::string>;
  MemoryServer server;
  MemoryRemote inside(server);
  NotingRemote remote(inside);
  Loops loops(1);
  BufferedFiles files(remote, *RunSync(remote.Probe({})), loops, {});
  FileSystemOptions ages;
  ages.attribute_age = ages.entry_age = ages.negative_age = std::chrono::minutes(10);
  {
    MountForTest mount(remote, files, ages);
    // As a kernel does it: it looks before it makes a name, and closes in two steps.
    EXPECT_EQ(ErrorOf(mount.Walk("file")), ENOENT);
    ASSERT_TRUE(mount.Put("file", std::string(4096, 'x')));
    EXPECT_EQ(remote.Take(), (Asked{"look up", "create", "commit"}));
    const auto at = mount.Walk("file");
    ASSERT_TRUE(at.has_value());
    EXPECT_EQ(at->size, 4096u);
    EXPECT_EQ(RunSync(mount.fs().GetAttributes({}, at->inode))->attributes.size, 4096u);
    // A commit does not tell when the server made it, which is the file's ctime.
    EXPECT_EQ(remote.Take(), (Asked{"look up"}));
    ASSERT_TRUE(mount.Unlink("file"));
    EXPECT_EQ(remote.Take(), (Asked{"remove"}));
    // What was removed here needs no question before it is made anew.
    EXPECT_EQ(ErrorOf(mount.Walk("file")), ENOENT);
    ASSERT_TRUE(mount.Put("file", "y"));
    EXPECT_EQ(remote.Take(), (Asked{"create", "commit"}));
  }
  EXPECT_TRUE(RunSync(files.Stop()));
}

}  // namespace
}  // namespace forebay::vfs
