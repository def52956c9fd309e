// What leases, access control and expiry add to the records of version 1: the bytes are pinned
// here, and records without them stay as they were (testdata/golden_v1.inc).
#include <gtest/gtest.h>

#include <string>

#include "meta/hierarchy.h"
#include "meta/keys.h"
#include "meta/records.h"

namespace forebay::meta {
namespace {

std::string FromHex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

azure::AccessControl Access(std::uint16_t mode) {
  azure::AccessControl access;
  access.owner = "alice";
  access.group = "devs";
  access.mode = mode;
  return access;
}

ResourceLease Lease() { return {LeaseStage::kLeased, "A", kInfiniteLease, WallTime{0}}; }

TEST(PathRecords, ADirectoryWithEverything) {
  const std::string golden = FromHex(
      "01818007d00fc601c601000200000000000000000000020100d10f05616c6963650464657673e80701000103626f"
      "62"
      "059a010101410100");
  BlobRecord record;
  record.id = BlobId(2000);
  record.directory = InodeId(2001);
  record.created = record.modified = WallTime{99};
  record.etag = ETagNumber(512);
  record.access = Access(01750);
  record.access->extended = {{azure::AclKind::kUser, true, "bob", 5}};
  record.expires = WallTime{77};
  record.lease = Lease();
  EXPECT_EQ(Encode(record), golden);
  const auto decoded = DecodeBlob(golden);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->access, record.access);
  EXPECT_EQ(decoded->expires, record.expires);
  EXPECT_EQ(decoded->lease.stage, LeaseStage::kLeased);
  EXPECT_EQ(decoded->lease.id, "A");
  EXPECT_TRUE(decoded->lease.infinite());
  for (std::size_t size = 0; size < golden.size(); ++size) {
    EXPECT_FALSE(DecodeBlob(golden.substr(0, size))) << size;
  }
}

TEST(PathRecords, AContainerWithALeaseAndARoot) {
  const std::string golden = FromHex(
      "01000000000000000000000000000000"
      "010101410100"
      "0105616c6963650464657673ed0300");
  ContainerRecord record;
  record.lease = Lease();
  record.root_access = Access(0755);
  EXPECT_EQ(Encode(record), golden);
  const auto decoded = DecodeContainer(golden);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->lease.id, "A");
  EXPECT_EQ(decoded->root_access, record.root_access);
  // The first version ended before both.
  const auto old = DecodeContainer(golden.substr(0, 16));
  ASSERT_TRUE(old);
  EXPECT_TRUE(old->lease.empty());
  EXPECT_FALSE(old->root_access);
}

TEST(PathRecords, KeysComeApartAgain) {
  EXPECT_EQ(keys::InodeOfGarbageKey(keys::GarbageDirectory(InodeId(9))), InodeId(9));
  const std::string entry = keys::Entry(ContainerId(1), kRootInode, "f");
  EXPECT_EQ(keys::EntryOfExpiryKey(keys::Expiry(500, entry)), entry);
  EXPECT_LT(keys::Expiry(499, entry), keys::ExpiriesUntil(500));
  EXPECT_GT(keys::Expiry(500, entry), keys::ExpiriesUntil(500));
}

}  // namespace
}  // namespace forebay::meta
