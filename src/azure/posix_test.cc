#include "azure/posix.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'123'456'789;

PosixAttributes Stored(const Metadata& metadata, const std::optional<AccessControl>& access,
                       bool directory = false) {
  PosixAttributes out;
  ReadStored(metadata, access, directory, {100, 200}, out);
  return out;
}

std::string ValueOf(const Metadata& metadata, std::string_view name) {
  for (const auto& [key, value] : metadata) {
    if (key == name) return value;
  }
  return "absent";
}

TEST(PosixTest, AttributesTravelAsALine) {
  PosixAttributes a;
  a.inode = 77;
  a.kind = FileKind::kSymlink;
  a.mode = 06751;
  a.uid = 1000;
  a.gid = 4294967295;
  a.nlink = 3;
  a.rdev = 259;
  a.size = 12;
  a.used = 10;
  a.atime = -1;
  a.mtime = kNow;
  a.ctime = kNow + 1;
  a.btime = 5;
  a.etag = "0x8D1";
  a.target = "../a b;c";
  a.name = "l\xC3\xA9=n";
  const auto back = ParsePosixAttributes(FormatPosixAttributes(a));
  ASSERT_TRUE(back);
  EXPECT_EQ(*back, a);
}

TEST(PosixTest, ChangesTravelAsALine) {
  PosixChanges c;
  c.kind = FileKind::kFifo;
  c.mode = 0640;
  c.uid = 5;
  c.gid = 6;
  c.rdev = 7;
  c.target = "t;";
  c.atime = -3;
  c.mtime_now = true;
  const auto back = ParsePosixChanges(FormatPosixChanges(c));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->kind, FileKind::kFifo);
  EXPECT_EQ(back->mode, 0640u);
  EXPECT_EQ(back->target, "t;");
  EXPECT_EQ(back->atime, -3);
  EXPECT_TRUE(back->mtime_now);
  EXPECT_FALSE(back->mtime);
  EXPECT_TRUE(ParsePosixChanges("")->Empty());
  for (const char* bad : {"mode=10000", "mode=9", "kind=door", "uid=-1", "mtime=soon"}) {
    EXPECT_EQ(ParsePosixChanges(bad).error().code(), Code::kInvalidInput) << bad;
  }
}

TEST(PosixTest, StoredFormIsWhatAzCopyWrites) {
  Metadata metadata;
  std::optional<AccessControl> access;
  PosixChanges c;
  c.kind = FileKind::kCharacterDevice;
  c.mode = 04755;
  c.uid = 1000;
  c.gid = 100;
  c.rdev = 1283;
  c.mtime = 42;
  c.atime_now = true;
  ApplyPosixChanges(c, false, kNow, metadata, access);
  EXPECT_EQ(ValueOf(metadata, "posix_owner"), "1000");
  EXPECT_EQ(ValueOf(metadata, "posix_group"), "100");
  EXPECT_EQ(ValueOf(metadata, "permissions"), std::to_string(0020000 | 04755));
  EXPECT_EQ(ValueOf(metadata, "is_char_dev"), "true");
  EXPECT_EQ(ValueOf(metadata, "posix_rdev"), "1283");
  EXPECT_EQ(ValueOf(metadata, "modtime"), "42");
  EXPECT_EQ(ValueOf(metadata, "posix_atime"), std::to_string(kNow));
  EXPECT_EQ(ValueOf(metadata, "posix_ctime"), std::to_string(kNow));
  EXPECT_EQ(access->owner, "1000");
  EXPECT_EQ(FormatPermissions(*access), "rwxr-xr-x");
  const PosixAttributes read = Stored(metadata, access);
  EXPECT_EQ(read.kind, FileKind::kCharacterDevice);
  EXPECT_EQ(read.mode, 04755u);
  EXPECT_EQ(read.uid, 1000u);
  EXPECT_EQ(read.gid, 100u);
  EXPECT_EQ(read.rdev, 1283u);
  EXPECT_EQ(read.mtime, 42);
  EXPECT_EQ(read.atime, kNow);
  // From a lake, which has no access control of ours, all comes back from the metadata.
  EXPECT_EQ(Stored(metadata, std::nullopt).mode, 04755u);
  EXPECT_EQ(Stored(metadata, std::nullopt).uid, 1000u);
}

TEST(PosixTest, WhatHasNothingStoredShowsItsOwnTimes) {
  const PosixAttributes read = Stored({}, std::nullopt);
  EXPECT_EQ(read.btime, 100);
  EXPECT_EQ(read.mtime, 200);
  EXPECT_EQ(read.atime, 200);
  EXPECT_EQ(read.ctime, 200);
  EXPECT_EQ(read.uid, 0u);
  EXPECT_EQ(read.mode, 0640u);
  EXPECT_EQ(Stored({}, std::nullopt, true).mode, 0750u);
}

TEST(PosixTest, AccessControlSetByOthersWins) {
  Metadata metadata;
  std::optional<AccessControl> access;
  PosixChanges c;
  c.mode = 06777;
  c.uid = 1;
  c.gid = 2;
  ApplyPosixChanges(c, false, kNow, metadata, access);
  access->owner = "30";
  access->group = "someone@example.com";
  access->mode = 01640;
  const PosixAttributes read = Stored(metadata, access);
  EXPECT_EQ(read.uid, 30u);
  EXPECT_EQ(read.gid, 2u);  // no number: what was stored
  EXPECT_EQ(read.mode, 07640u);
}

TEST(PosixTest, TheMaskIsTheGroupOfAStat) {
  AccessControl access = AccessControl::Default(false);
  ASSERT_TRUE(
      SetAcl(access, *ParseAcl("user::rw-,user:7:rwx,group::---,mask::r-x,other::---"), false));
  EXPECT_EQ(Stored({}, access).mode, 0650u);
}

TEST(PosixTest, ContentChangesMoveStoredTimesOnly) {
  Metadata none;
  TouchStored(kNow, none);
  EXPECT_TRUE(none.empty());
  Metadata some = {{"ModTime", "1"}, {"posix_ctime", "1"}, {"posix_atime", "1"}};
  TouchStored(kNow, some);
  EXPECT_EQ(ValueOf(some, "ModTime"), std::to_string(kNow));
  EXPECT_EQ(ValueOf(some, "posix_ctime"), std::to_string(kNow));
  EXPECT_EQ(ValueOf(some, "posix_atime"), "1");
}

TEST(PosixTest, DamagedMetadataIsIgnored) {
  const Metadata metadata = {{"permissions", "x"}, {"posix_owner", ""}, {"modtime", "1e9"}};
  const PosixAttributes read = Stored(metadata, std::nullopt);
  EXPECT_EQ(read.mode, 0640u);
  EXPECT_EQ(read.uid, 0u);
  EXPECT_EQ(read.mtime, 200);
}

}  // namespace
}  // namespace forebay::azure
