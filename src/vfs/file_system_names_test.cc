// What servers cannot do with names, in the words of the manual pages.
#include <gtest/gtest.h>

#include <cerrno>

#include "vfs/errno_of.h"
#include "vfs/forwarding_remote.h"
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

}  // namespace
}  // namespace forebay::vfs
