#include "azure/posix_acl.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

// What setfacl -m u:1000:rw,g:50:r writes on a file of mode 0640.
const std::string kBytes(
    "\x02\x00\x00\x00"
    "\x01\x00\x06\x00\xff\xff\xff\xff"
    "\x02\x00\x06\x00\xe8\x03\x00\x00"
    "\x04\x00\x04\x00\xff\xff\xff\xff"
    "\x08\x00\x04\x00\x32\x00\x00\x00"
    "\x10\x00\x06\x00\xff\xff\xff\xff"
    "\x20\x00\x00\x00\xff\xff\xff\xff",
    4 + 6 * 8);

TEST(PosixAclTest, TakesAndGivesWhatTheKernelWrites) {
  AccessControl access = AccessControl::Default(false);
  ASSERT_TRUE(ReplaceAcl(access, kBytes, false, false));
  EXPECT_EQ(FormatAcl(access),
            "user::rw-,user:1000:rw-,group::r--,group:50:r--,mask::rw-,other::---");
  EXPECT_EQ(EncodeKernelAcl(access, false), kBytes);
  EXPECT_EQ(EncodeKernelAcl(access, true), "");
}

TEST(PosixAclTest, DefaultsAreApart) {
  AccessControl access = AccessControl::Default(true);
  ASSERT_TRUE(ReplaceAcl(access, kBytes, true, true));
  EXPECT_EQ(EncodeKernelAcl(access, true), kBytes);
  EXPECT_EQ(EncodeKernelAcl(access, false), "");
  EXPECT_EQ(FormatPermissions(access), "rwxr-x---");
  RemoveKernelAcl(access, true);
  EXPECT_EQ(EncodeKernelAcl(access, true), "");
  EXPECT_FALSE(ReplaceAcl(access, kBytes, true, /*directory=*/false));
}

TEST(PosixAclTest, RemovingKeepsTheGroupsShownRights) {
  AccessControl access = AccessControl::Default(false);
  ASSERT_TRUE(ReplaceAcl(access, kBytes, false, false));
  RemoveKernelAcl(access, false);
  EXPECT_EQ(FormatAcl(access), "user::rw-,group::rw-,other::---");
}

TEST(PosixAclTest, RefusesWhatIsNoAcl) {
  AccessControl access;
  const AccessControl before = access;
  std::string wrong_tag = kBytes;
  wrong_tag[4] = 0x40;
  std::string wrong_rights = kBytes;
  wrong_rights[6] = 0x08;
  std::string wrong_version = kBytes;
  wrong_version[0] = 1;
  std::string many = kBytes.substr(0, 4);
  for (int i = 0; i < 33; ++i) many += kBytes.substr(12, 8);
  for (const std::string& bad : {std::string(), kBytes.substr(0, 11), wrong_tag, wrong_rights,
                                 wrong_version, many, kBytes.substr(0, 4)}) {
    EXPECT_EQ(ReplaceAcl(access, bad, false, false).error().code(), Code::kInvalidInput);
    EXPECT_EQ(access, before);
  }
}

}  // namespace
}  // namespace forebay::azure
