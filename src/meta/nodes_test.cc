// Nodes: the bytes of their records and keys are pinned here, and links lead where they say.
#include "meta/nodes.h"

#include <gtest/gtest.h>

#include <string>

#include "meta/keys.h"
#include "meta/node_keys.h"
#include "meta/session_records.h"

namespace forebay::meta {
namespace {

std::string FromHex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

BlobRecord File() {
  BlobRecord record;
  record.id = BlobId(2000);
  record.created = record.modified = WallTime{99};
  record.etag = ETagNumber(512);
  record.length = 10;
  record.holes = 10;
  record.body.id = BodyId(7);
  AppendHole(record.body.direct, 10);
  record.node = {.apart = true, .placed = true, .attributes = true, .links = 3};
  return record;
}

TEST(NodeRecords, ALinkIsPinned) {
  const std::string golden = FromHex(
      "02808020d00fc601c601000000000000000000000000020100"
      "0101");
  EXPECT_EQ(Encode(LinkTo(File())), golden);
  const auto decoded = DecodeBlob(golden);
  ASSERT_TRUE(decoded);
  EXPECT_TRUE(decoded->node.link);
  EXPECT_EQ(decoded->id, BlobId(2000));
}

TEST(NodeRecords, ANodeWithAHoleIsPinned) {
  const std::string golden =
      FromHex("02808060d00fc601c60100020000000000000a0000070601010000000a0e030a");
  EXPECT_EQ(Encode(File()), golden);
  const auto decoded = DecodeBlob(golden);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(decoded->node, File().node);
  EXPECT_EQ(decoded->holes, 10u);
  ASSERT_EQ(decoded->body.direct.size(), 1u);
  EXPECT_TRUE(decoded->body.direct[0].is_hole());
  for (std::size_t size = 0; size < golden.size(); ++size) {
    EXPECT_FALSE(DecodeBlob(golden.substr(0, size))) << size;
  }
}

TEST(NodeRecords, APlacedFileStaysReadableByOlderVersions) {
  BlobRecord record = File();
  record.holes = 0;
  record.node = {.placed = true};
  EXPECT_EQ(Encode(record).front(), '\x01');
}

TEST(NodeRecords, SessionsAndLocksArePinned) {
  const SessionRecord session{60, WallTime{99}, WallTime{100}, "host"};
  const std::string session_golden = FromHex("013cc601c80104686f7374");
  EXPECT_EQ(Encode(session), session_golden);
  EXPECT_EQ(DecodeSession(session_golden)->owner, "host");
  EXPECT_EQ(DecodeSession(session_golden)->ends, WallTime{100});
  FileLock lock;
  lock.session = 2000;
  lock.owner = 7;
  lock.family = LockFamily::kFlock;
  lock.exclusive = true;
  lock.pid = 5;
  const std::string locks_golden = FromHex("0101d00f0700000000000000010100ffffffffffffffffff0105");
  EXPECT_EQ(EncodeLocks({lock}), locks_golden);
  const auto locks = DecodeLocks(locks_golden);
  ASSERT_TRUE(locks);
  EXPECT_EQ(locks->front(), lock);
  for (std::size_t size = 0; size < locks_golden.size(); ++size) {
    EXPECT_FALSE(DecodeLocks(locks_golden.substr(0, size))) << size;
  }
}

TEST(NodeKeys, ArePinned) {
  const ContainerId c(1);
  const InodeId i(2);
  const std::string one = FromHex("0000000000000001");
  const std::string two = FromHex("0000000000000002");
  const std::string nine = FromHex("0000000000000009");
  EXPECT_EQ(keys::Node(c, i), "h" + one + std::string(8, '\0') + two);
  EXPECT_TRUE(keys::IsNodeKey(keys::Node(c, i)));
  EXPECT_FALSE(keys::IsNodeKey(keys::Entry(c, kRootInode, "a")));
  EXPECT_EQ(keys::Place(c, i), "1" + one + two);
  EXPECT_EQ(keys::Xattr(c, i, "user.x"), "2" + one + two + "user.x");
  EXPECT_EQ(keys::NameOfXattrKey(keys::Xattr(c, i, "user.x")), "user.x");
  EXPECT_EQ(keys::Session(c, 9), "3" + one + nine);
  EXPECT_EQ(keys::PartsOfSessionKey(keys::Session(c, 9)).session, 9u);
  EXPECT_EQ(keys::Hold(c, i, 9), "4" + one + two + nine);
  EXPECT_EQ(keys::SessionOfHoldKey(keys::Hold(c, i, 9)), 9u);
  EXPECT_EQ(keys::SessionNode(c, 9, i), "5" + one + nine + two);
  EXPECT_EQ(keys::InodeOfSessionNodeKey(keys::SessionNode(c, 9, i)), i);
  EXPECT_EQ(keys::Locks(c, i), "6" + one + two);
  EXPECT_EQ(keys::Token(c, "t"), "7" + one + "t");
  EXPECT_EQ(keys::Pieces(i), "8" + two);
  EXPECT_EQ(keys::Pieces(i, "w"), keys::Pieces(i) + "w");
  EXPECT_TRUE(keys::Pieces(i, "w").starts_with(keys::PiecesOf(i)));
  EXPECT_EQ(keys::DirectoryTime(c, i), "9" + one + two);
}

TEST(Holes, AreAsFewExtentsAsTheyTake) {
  std::vector<Extent> extents;
  AppendHole(extents, 5);
  AppendHole(extents, 7);
  ASSERT_EQ(extents.size(), 1u);
  EXPECT_EQ(extents[0].length, 12u);
  AppendHole(extents, 3ULL << 30);
  std::uint64_t total = 0;
  for (const Extent& extent : extents) {
    EXPECT_TRUE(extent.is_hole());
    EXPECT_FALSE(extent.is_inline());
    EXPECT_LE(extent.length, kMaxHoleBytes);
    total += extent.length;
  }
  EXPECT_EQ(total, (3ULL << 30) + 12);
  EXPECT_EQ(extents.size(), 4u);
}

}  // namespace
}  // namespace forebay::meta
