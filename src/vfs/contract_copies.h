// What a mount must do over every Remote when ranges are copied between files: a part of
// contract_suite.h, which has the fixture.
#pragma once

#include <string>

#include "vfs/contract_suite.h"

namespace forebay::vfs {

// All of a file, whatever it has.
inline std::string Whole(MountForTest& mount, const std::string& path) {
  const auto file = mount.Open(path, O_RDONLY);
  if (!file) return file.error().ToString();
  const std::string out = *mount.ReadAt(*file, 0, 16 << 20);
  EXPECT_TRUE(mount.CloseHandle(*file));
  return out;
}

TEST_P(VfsContract, CopiesRangesBetweenFiles) {
  VFS_OK(mount().Put("from", "0123456789"));
  VFS_OK(mount().Put("to", "abcdefghij"));
  const auto from = mount().Open("from", O_RDONLY);
  const auto to = mount().Open("to", O_RDWR);
  VFS_OK(from);
  VFS_OK(to);
  EXPECT_EQ(*RunSync(mount().fs().CopyRange({}, *from, 2, *to, 5, 4)), 4u);
  EXPECT_EQ(*mount().ReadAt(*to, 0, 100), "abcde2345j");
  EXPECT_EQ(*RunSync(mount().fs().CopyRange({}, *from, 8, *to, 0, 100)), 2u);
  VFS_ERRNO(RunSync(mount().fs().CopyRange({}, *to, 0, *from, 0, 1)), EBADF);
  VFS_ERRNO(RunSync(mount().fs().CopyRange({}, *to, 0, *to, 2, 5)), EINVAL);
  VFS_OK(mount().CloseHandle(*from));
  VFS_OK(mount().CloseHandle(*to));
}

TEST_P(VfsContract, CopiesLargeRangesAsTheyAreAtTheMoment) {
  constexpr std::size_t kSize = 3 << 20, kPart = 2 << 20;
  std::string from(kSize, '\0');
  for (std::size_t i = 0; i < kSize; ++i) from[i] = static_cast<char>('a' + i * 31 / 7 % 26);
  VFS_OK(mount().Put("from", from));
  VFS_OK(mount().Put("to", "0123456789"));
  const auto source = mount().Open("from", O_RDWR);
  const auto target = mount().Open("to", O_RDWR);
  VFS_OK(source);
  VFS_OK(target);
  // What both have not committed yet counts.
  VFS_OK(mount().WriteAt(*source, 1, "NEW"));
  VFS_OK(mount().WriteAt(*target, 0, "new"));
  from.replace(1, 3, "NEW");
  std::string want = "new3456789" + std::string(90, '\0') + from.substr(0, kPart);
  EXPECT_EQ(*RunSync(mount().fs().CopyRange({}, *source, 0, *target, 100, kPart)), kPart);
  EXPECT_TRUE(*mount().ReadAt(*target, 0, 2 * kSize) == want);
  // Over something, and within one file.
  EXPECT_EQ(*RunSync(mount().fs().CopyRange({}, *source, kSize - kPart, *target, 0, 2 * kSize)),
            kPart);
  want.replace(0, kPart, from.substr(kSize - kPart));
  EXPECT_EQ(*RunSync(mount().fs().CopyRange({}, *target, 0, *target, kSize, kPart)), kPart);
  want.resize(kSize, '\0');
  want += want.substr(0, kPart);
  // What becomes of the source does not matter any more.
  VFS_OK(mount().WriteAt(*source, 0, std::string(kSize, 'x')));
  VFS_OK(mount().CloseHandle(*source));
  VFS_OK(mount().Unlink("from"));
  EXPECT_TRUE(*mount().ReadAt(*target, 0, 4 * kSize) == want);
  VFS_OK(mount().CloseHandle(*target));
  EXPECT_TRUE(Whole(other(), "to") == want);
}

TEST_P(VfsContract, CopiesTheVersionThatIsOpen) {
  const std::string first(2 << 20, '1');
  VFS_OK(mount().Put("from", first));
  VFS_OK(mount().Put("to", ""));
  const auto source = mount().Open("from", O_RDONLY);
  const auto target = mount().Open("to", O_WRONLY);
  VFS_OK(source);
  VFS_OK(target);
  EXPECT_EQ(*mount().ReadAt(*source, 0, 5), "11111");
  VFS_OK(other().Put("from", std::string(3 << 20, '2')));
  const auto copied = RunSync(mount().fs().CopyRange({}, *source, 0, *target, 0, 4 << 20));
  VFS_OK(copied);
  VFS_OK(mount().CloseHandle(*target));
  VFS_OK(mount().CloseHandle(*source));
  // The one or the other, as the server keeps versions or not; never some of each.
  const std::string got = Whole(other(), "to");
  ASSERT_EQ(got.size(), *copied);
  EXPECT_EQ(got.find_first_not_of(got.front()), std::string::npos);
}

}  // namespace forebay::vfs
