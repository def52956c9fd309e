#include "cli/backup_manifest.h"

#include <gtest/gtest.h>

#include "base/encoding.h"

namespace forebay::cli {
namespace {

// The bytes of version 1; backups that were made with them must stay good.
TEST(BackupManifestTest, IsWhatTheFormatSays) {
  const BackupManifest manifest = {{"aa/segments/00000001.seg", std::uint64_t{1} << 30},
                                   {"bb/segments/00000002.seg", 4096}};
  const std::string encoded = EncodeBackupManifest(manifest);
  EXPECT_EQ(HexEncode(AsBytes(encoded)),
            "666f7265626179206261636b757020310a021861612f7365676d656e74732f30303030303030312e"
            "73656780808080041862622f7365676d656e74732f30303030303030322e7365678020");
  const auto read = DecodeBackupManifest(encoded);
  ASSERT_TRUE(read) << read.error().ToString();
  EXPECT_EQ(*read, manifest);
  for (std::size_t cut = 0; cut < encoded.size(); ++cut) {
    EXPECT_FALSE(DecodeBackupManifest(encoded.substr(0, cut))) << cut;
  }
  EXPECT_TRUE(DecodeBackupManifest(EncodeBackupManifest({}))->empty());
  EXPECT_FALSE(DecodeBackupManifest("forebay backup 2\n"));
}

}  // namespace
}  // namespace forebay::cli
