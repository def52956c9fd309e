// errno_of and loops: the small parts.
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/post.hpp>
#include <cerrno>
#include <future>
#include <set>

#include "vfs/errno_of.h"
#include "vfs/file_system.h"
#include "vfs/loops.h"

namespace forebay::vfs {
namespace {

TEST(ErrnoOf, SaysWhatTheManualPagesSay) {
  EXPECT_EQ(ErrnoOf(Code::kPathNotFound), ENOENT);
  EXPECT_EQ(ErrnoOf(Code::kBlobNotFound), ENOENT);
  EXPECT_EQ(ErrnoOf(Code::kPathAlreadyExists), EEXIST);
  EXPECT_EQ(ErrnoOf(Code::kDirectoryNotEmpty), ENOTEMPTY);
  EXPECT_EQ(ErrnoOf(Code::kIsADirectory), EISDIR);
  EXPECT_EQ(ErrnoOf(Code::kNotADirectory), ENOTDIR);
  EXPECT_EQ(ErrnoOf(Code::kAuthenticationFailed), EACCES);
  EXPECT_EQ(ErrnoOf(Code::kAuthorizationPermissionMismatch), EACCES);
  EXPECT_EQ(ErrnoOf(Code::kReadOnlyFileSystem), EROFS);
  EXPECT_EQ(ErrnoOf(Code::kInsufficientStorage), ENOSPC);
  EXPECT_EQ(ErrnoOf(Code::kNoSpace), ENOSPC);
  EXPECT_EQ(ErrnoOf(Code::kQuotaExceeded), EDQUOT);
  EXPECT_EQ(ErrnoOf(Code::kAttributeTooLarge), ENOSPC);
  EXPECT_EQ(ErrnoOf(Code::kTooManySymbolicLinks), ELOOP);
  EXPECT_EQ(ErrnoOf(Code::kFileGone), ESTALE);
  EXPECT_EQ(ErrnoOf(Code::kDeadlineExceeded), ETIMEDOUT);
  EXPECT_EQ(ErrnoOf(Code::kCancelled), EINTR);
  EXPECT_EQ(ErrnoOf(Code::kUnsupported), EOPNOTSUPP);
  EXPECT_EQ(ErrnoOf(Code::kFileNameTooLong), ENAMETOOLONG);
  EXPECT_EQ(ErrnoOf(Code::kCorruption), EIO);
}

// Every file code has an errno of its own; EIO is for what nobody foresaw.
TEST(ErrnoOf, KnowsEveryFileCode) {
  for (unsigned number = 280; CodeName(static_cast<Code>(number)) != "UnknownCode"; ++number) {
    if (static_cast<Code>(number) == Code::kSessionExpired) continue;
    if (static_cast<Code>(number) == Code::kChangesLost) continue;  // EIO by its nature
    EXPECT_NE(ErrnoOf(static_cast<Code>(number)), EIO) << number;
  }
}

TEST(Loops, KeepsAnInodeOnOneThreadAndSpreadsThem) {
  Loops loops(4);
  std::set<std::thread::id> threads;
  for (std::uint64_t inode = 1; inode <= 64; ++inode) {
    std::promise<std::thread::id> first;
    std::promise<std::thread::id> second;
    boost::asio::post(loops.For(InodeNumber(inode)),
                      [&] { first.set_value(std::this_thread::get_id()); });
    boost::asio::post(loops.For(InodeNumber(inode)),
                      [&] { second.set_value(std::this_thread::get_id()); });
    const auto thread = first.get_future().get();
    EXPECT_EQ(thread, second.get_future().get());
    threads.insert(thread);
  }
  EXPECT_EQ(threads.size(), 4u);
}

}  // namespace
}  // namespace forebay::vfs
