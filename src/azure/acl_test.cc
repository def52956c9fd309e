// POSIX access control: texts, chmod under a mask, set/modify/remove, inheritance.
#include "azure/acl.h"

#include <gtest/gtest.h>

namespace forebay::azure {
namespace {

std::vector<AclEntry> Acl(std::string_view text, bool with_permissions = true) {
  auto parsed = ParseAcl(text, with_permissions);
  EXPECT_TRUE(parsed.has_value()) << text;
  return parsed ? *parsed : std::vector<AclEntry>();
}

AccessControl With(std::string_view acl, bool directory = true) {
  AccessControl access;
  EXPECT_TRUE(SetAcl(access, Acl(acl), directory).has_value()) << acl;
  return access;
}

TEST(Acl, DefaultsAreThoseOfAzure) {
  EXPECT_EQ(FormatPermissions(AccessControl::Default(false)), "rw-r-----");
  EXPECT_EQ(FormatAcl(AccessControl::Default(true)), "user::rwx,group::r-x,other::---");
}

TEST(Acl, PermissionsAreTakenInBothForms) {
  EXPECT_EQ(*ParsePermissions("0750"), 0750);
  EXPECT_EQ(*ParsePermissions("1777"), 01777);
  EXPECT_EQ(*ParsePermissions("rwxr-x--T"), 01750);
  EXPECT_EQ(*ParsePermissions("rwxrwxrwt"), 01777);
  EXPECT_EQ(*ParsePermissions("rwxrwx---+"), 0770);
  for (const auto* bad : {"", "750", "0888", "4755", "rwxrwxrw", "wrxrwxrwx", "rwxrwxrwxx"}) {
    EXPECT_FALSE(ParsePermissions(bad).has_value()) << bad;
  }
  EXPECT_EQ(*ParseUmask("0027"), 027);
  EXPECT_FALSE(ParseUmask("1000").has_value());
  EXPECT_FALSE(ParseUmask("27").has_value());
}

TEST(Acl, TextsThatAreNoAclAreRefused) {
  for (const auto* bad :
       {"", "user::rwx,", "user:rwx", "user::rwz", "users::rwx", "mask:x:rwx", "other:x:rwx",
        "user::rwx,user::r--", "default:default:user::rwx", "user:a:b:rwx", "user:a b:rwx"}) {
    EXPECT_FALSE(ParseAcl(bad).has_value()) << bad;
  }
  EXPECT_FALSE(ParseAcl("user:alice:rwx", false).has_value());
  std::string many = "user::rwx";
  for (int i = 0; i < 70; ++i) many += ",user:u" + std::to_string(i) + ":r--";
  EXPECT_FALSE(ParseAcl(many).has_value());
}

TEST(Acl, SetPrintsBackInCanonicalOrderAndComputesTheMask) {
  const auto access = With("other::r--,group::r-x,user:bob:-w-,user:alice:r--,user::rwx");
  EXPECT_EQ(FormatAcl(access),
            "user::rwx,user:alice:r--,user:bob:-w-,group::r-x,mask::rwx,other::r--");
  EXPECT_EQ(FormatPermissions(access), "rwxrwxr--+");
  const auto masked = With("user::rwx,user:alice:rwx,group::r-x,mask::r--,other::---");
  EXPECT_EQ(FormatPermissions(masked), "rwxr-----+");
  AccessControl access2;
  EXPECT_FALSE(SetAcl(access2, Acl("user::rwx,group::r-x"), true).has_value());
  EXPECT_FALSE(
      SetAcl(access2, Acl("user::rwx,group::r-x,other::---,default:user::rwx"), false).has_value());
}

TEST(Acl, ChmodUnderAMaskMovesTheMask) {
  auto access = With("user::rwx,user:alice:rwx,group::r-x,other::---");
  SetPermissions(access, 01700);
  EXPECT_EQ(FormatAcl(access), "user::rwx,user:alice:rwx,group::r-x,mask::---,other::---");
  EXPECT_EQ(FormatPermissions(access), "rwx-----T+");
}

TEST(Acl, ModifyAddsAndRemoveTakesAway) {
  auto access = With("user::rwx,group::r-x,other::---");
  ASSERT_TRUE(
      ModifyAcl(access, Acl("user:alice:rwx,default:user:alice:r-x,other::r--"), true).has_value());
  EXPECT_EQ(FormatAcl(access),
            "user::rwx,user:alice:rwx,group::r-x,mask::rwx,other::r--,"
            "default:user::rwx,default:user:alice:r-x,default:group::r-x,default:mask::r-x,"
            "default:other::r--");
  ASSERT_TRUE(RemoveAcl(access, Acl("user:alice,user:nobody", false), true).has_value());
  EXPECT_EQ(FormatAcl(access).find(",user:alice"), std::string::npos);
  EXPECT_EQ(FormatAcl(access).find(",mask"), std::string::npos);
  EXPECT_FALSE(RemoveAcl(access, Acl("user:", false), true).has_value());
}

TEST(Acl, ChildrenInheritTheDefaultAclOrTheModeLessTheUmask) {
  auto parent = With(
      "user::rwx,group::r-x,other::---,default:user::rwx,default:user:alice:rw-,"
      "default:group::r--,default:other::r--");
  parent.group = "devs";
  const AccessControl file = InheritAccess(parent, false, 0600, 0777);
  EXPECT_EQ(FormatAcl(file), "user::rwx,user:alice:rw-,group::r--,mask::rw-,other::r--");
  EXPECT_EQ(file.group, "devs");
  const AccessControl dir = InheritAccess(parent, true, std::nullopt, std::nullopt);
  EXPECT_EQ(FormatAcl(dir).find("default:user:alice:rw-") != std::string::npos, true);

  const AccessControl plain = AccessControl::Default(true);
  EXPECT_EQ(InheritAccess(plain, false, std::nullopt, std::nullopt).mode, 0640);
  EXPECT_EQ(InheritAccess(plain, true, std::nullopt, std::nullopt).mode, 0750);
  EXPECT_EQ(InheritAccess(plain, true, 01777, 022).mode, 01755);
}

}  // namespace
}  // namespace forebay::azure
