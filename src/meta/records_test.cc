// Records come back from their encoding, hold what version 1 wrote (testdata/golden_v1.inc), and
// never take damaged bytes for good ones.
#include "meta/records.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "meta/garbage.h"

namespace forebay::meta {
namespace {

// Name and bytes in hexadecimal of every record below, as version 1 writes them. Never edit a line:
// stores hold these bytes. A new version gets a file of its own, and this one stays readable.
const std::map<std::string, std::string> kGolden = {
#include "meta/testdata/golden_v1.inc"
};

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}
std::string FromHex(std::string_view hex) {
  std::string out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    out.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return out;
}

ContainerRecord FullContainer() {
  ContainerRecord r;
  r.id = ContainerId(4711);
  r.hierarchical = true;
  r.created = WallTime{1'767'225'600'0000000};
  r.modified = WallTime{1'767'225'601'0000001};
  r.etag = ETagNumber(0x8DCAFE0123456789);
  r.public_access = azure::PublicAccess::kContainer;
  r.metadata = {{"Key", "value"}, {"empty", ""}};
  r.policies = {{.id = "p1", .start = WallTime{5}, .expiry = std::nullopt, .permissions = "rl"}};
  return r;
}
BlobRecord PlainBlob() {
  BlobRecord r;
  r.id = BlobId(1025);
  r.created = WallTime{1'767'225'600'0000000};
  r.modified = r.created;
  r.etag = ETagNumber(256);
  r.length = 3;
  r.http.content_type = "application/octet-stream";
  r.http.content_md5 = std::string(16, '\xAB');
  r.body.id = BodyId(1026);
  r.body.direct = {{{0, 1027}, 0, 3}};
  return r;
}
BlobRecord FullBlob() {
  BlobRecord r = PlainBlob();
  r.modified = WallTime{1'767'225'700'0000000};
  r.length = 190ULL << 40;
  r.http = {"a/b", "gzip", "de", "no-cache", "inline", std::string(16, '\x01')};
  r.metadata = {{"M", "1"}, {"n", ""}};
  r.tags = {{"k", "v"}, {"l", ""}};
  r.tier = azure::AccessTier::kArchive;
  r.tier_inferred = false;
  r.tier_changed = WallTime{77};
  r.rehydrating_to = azure::AccessTier::kCool;
  r.rehydrate_priority = azure::RehydratePriority::kHigh;
  r.copy = {azure::CopyStatus::kSuccess, "copy-id", "http://source/", "200 OK", WallTime{88}, 5, 6};
  r.body.paged = true;
  r.body.direct = {};
  r.body.has_block_list = true;
  return r;
}
BlobRecord DirectoryEntry() {
  BlobRecord r;
  r.id = BlobId(2000);
  r.directory = InodeId(2001);
  r.created = r.modified = WallTime{99};
  r.etag = ETagNumber(512);
  return r;
}

std::map<std::string, std::string> Encodings() {
  StagedBlockRecord block{
      .size = 9, .extents = {{{7, 8}, 1, 9}}, .holder = {}, .crc64 = 0x1122334455667788};
  StagedBlockRecord shared = block;
  shared.holder = BodyId(3000);
  return {
      {"container", Encode(FullContainer())},
      {"container_empty", Encode(ContainerRecord{})},
      {"blob_plain", Encode(PlainBlob())},
      {"blob_full", Encode(FullBlob())},
      {"blob_directory", Encode(DirectoryEntry())},
      {"staging", Encode(StagingRecord{BodyId(9), WallTime{10}, WallTime{20}, 16})},
      {"staged_block", Encode(block)},
      {"staged_block_shared", Encode(shared)},
      {"directory", Encode(DirectoryRecord{ContainerId(5), InodeId(6), "part"})},
      {"garbage", Encode(GarbageRecord{GarbageKind::kBody, WallTime{1000}, {{{7, 8}, 0, 5}}})},
      {"release_page", EncodeReleasePage({{BodyId(0), {{{7, 8}, 0, 5}}}, {BodyId(3), {}}})},
      {"extent_page", EncodeExtentPage({77, {{{7, 8}, 0, 5}, {{7, 9}, 1, 6}}})},
      {"block_list_page", EncodeBlockListPage({{"id1", 5}, {"id2", 1 << 20}})},
  };
}

TEST(RecordsGoldenTest, IsWrittenAsVersion1) {
  const auto encodings = Encodings();
  for (const auto& [name, bytes] : encodings) {
    const auto golden = kGolden.find(name);
    if (golden == kGolden.end()) {
      ADD_FAILURE() << "no golden bytes: {\"" << name << "\", \"" << Hex(bytes) << "\"},";
      continue;
    }
    EXPECT_EQ(Hex(bytes), golden->second) << name;
  }
  EXPECT_EQ(kGolden.size(), encodings.size());
}

TEST(RecordsGoldenTest, Version1IsRead) {
  const auto container = DecodeContainer(FromHex(kGolden.at("container")));
  ASSERT_TRUE(container);
  EXPECT_EQ(container->id, ContainerId(4711));
  EXPECT_TRUE(container->hierarchical);
  EXPECT_EQ(container->modified, WallTime{1'767'225'601'0000001});
  EXPECT_EQ(container->etag, ETagNumber(0x8DCAFE0123456789));
  EXPECT_EQ(container->public_access, azure::PublicAccess::kContainer);
  EXPECT_EQ(container->metadata, FullContainer().metadata);
  EXPECT_EQ(container->policies, FullContainer().policies);

  const auto blob = DecodeBlob(FromHex(kGolden.at("blob_full")));
  ASSERT_TRUE(blob);
  const BlobRecord want = FullBlob();
  EXPECT_EQ(blob->id, want.id);
  EXPECT_FALSE(blob->directory);
  EXPECT_EQ(blob->created, want.created);
  EXPECT_EQ(blob->modified, want.modified);
  EXPECT_EQ(blob->etag, want.etag);
  EXPECT_EQ(blob->length, want.length);
  EXPECT_EQ(blob->http, want.http);
  EXPECT_EQ(blob->metadata, want.metadata);
  EXPECT_EQ(blob->tags, want.tags);
  EXPECT_EQ(blob->tier, want.tier);
  EXPECT_FALSE(blob->tier_inferred);
  EXPECT_EQ(blob->tier_changed, want.tier_changed);
  EXPECT_EQ(blob->rehydrating_to, want.rehydrating_to);
  EXPECT_EQ(blob->rehydrate_priority, want.rehydrate_priority);
  EXPECT_EQ(blob->copy.status, want.copy.status);
  EXPECT_EQ(blob->copy.id, want.copy.id);
  EXPECT_EQ(blob->copy.source, want.copy.source);
  EXPECT_EQ(blob->copy.description, want.copy.description);
  EXPECT_EQ(blob->copy.completed, want.copy.completed);
  EXPECT_EQ(blob->copy.bytes_copied, 5u);
  EXPECT_EQ(blob->copy.bytes_total, 6u);
  EXPECT_EQ(blob->body.id, want.body.id);
  EXPECT_TRUE(blob->body.paged);
  EXPECT_TRUE(blob->body.has_block_list);

  const auto plain = DecodeBlob(FromHex(kGolden.at("blob_plain")));
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->body.direct, PlainBlob().body.direct);
  EXPECT_TRUE(plain->tier_inferred);
  EXPECT_FALSE(plain->tier_changed || plain->rehydrating_to || plain->body.paged);
  EXPECT_EQ(DecodeBlob(FromHex(kGolden.at("blob_directory")))->directory, InodeId(2001));

  const auto staging = DecodeStaging(FromHex(kGolden.at("staging")));
  ASSERT_TRUE(staging);
  EXPECT_EQ(staging->generation, BodyId(9));
  EXPECT_EQ(staging->last_block, WallTime{20});
  EXPECT_EQ(staging->id_bytes, 16u);
  const auto shared = DecodeStagedBlock(FromHex(kGolden.at("staged_block_shared")));
  ASSERT_TRUE(shared);
  EXPECT_EQ(shared->holder, BodyId(3000));
  EXPECT_EQ(shared->crc64, 0x1122334455667788u);
  EXPECT_FALSE(DecodeStagedBlock(FromHex(kGolden.at("staged_block")))->holder);
  const auto directory = DecodeDirectory(FromHex(kGolden.at("directory")));
  ASSERT_TRUE(directory);
  EXPECT_EQ(directory->parent, InodeId(6));
  EXPECT_EQ(directory->name, "part");
  const auto garbage = DecodeGarbage(FromHex(kGolden.at("garbage")));
  ASSERT_TRUE(garbage);
  EXPECT_EQ(garbage->kind, GarbageKind::kBody);
  EXPECT_EQ(garbage->direct.size(), 1u);
  EXPECT_EQ(DecodeReleasePage(FromHex(kGolden.at("release_page")))->size(), 2u);
}

// Decodes any kind of record.
Result<> Decode(const std::string& name, std::string_view bytes) {
  const auto ignore = [](auto result) -> Result<> {
    if (!result) return Fail(std::move(result.error()));
    return {};
  };
  if (name.starts_with("container")) return ignore(DecodeContainer(bytes));
  if (name.starts_with("blob_")) return ignore(DecodeBlob(bytes));
  if (name == "staging") return ignore(DecodeStaging(bytes));
  if (name.starts_with("staged_block")) return ignore(DecodeStagedBlock(bytes));
  if (name == "directory") return ignore(DecodeDirectory(bytes));
  if (name == "garbage") return ignore(DecodeGarbage(bytes));
  if (name == "release_page") return ignore(DecodeReleasePage(bytes));
  if (name == "extent_page") return ignore(DecodeExtentPage(bytes));
  return ignore(DecodeBlockListPage(bytes));
}

TEST(RecordsTest, EveryTruncationIsCorruption) {
  for (const auto& [name, bytes] : Encodings()) {
    EXPECT_TRUE(Decode(name, bytes)) << name;
    for (std::size_t n = 0; n < bytes.size(); ++n) {
      const auto decoded = Decode(name, std::string_view(bytes).substr(0, n));
      ASSERT_FALSE(decoded) << name << " cut to " << n << " of " << bytes.size();
      EXPECT_EQ(decoded.error().code(), Code::kCorruption);
    }
  }
}

TEST(RecordsTest, AnUnknownVersionIsCorruption) {
  for (auto& [name, bytes] : Encodings()) {
    std::string newer = bytes;
    newer[0] = 9;
    const auto decoded = Decode(name, newer);
    ASSERT_FALSE(decoded) << name;
    EXPECT_EQ(decoded.error().code(), Code::kCorruption) << name;
    EXPECT_NE(decoded.error().message().find("newer Forebay"), std::string::npos) << name;
  }
}

TEST(RecordsTest, DamagedBytesNeverCrash) {
  for (const auto& [name, bytes] : Encodings()) {
    for (std::size_t at = 1; at < bytes.size(); ++at) {
      for (const int flip : {0x01, 0x80, 0xFF}) {
        std::string damaged = bytes;
        damaged[at] = static_cast<char>(damaged[at] ^ flip);
        (void)Decode(name, damaged);  // any answer, but no more memory than there are bytes
      }
    }
  }
}

}  // namespace
}  // namespace forebay::meta
