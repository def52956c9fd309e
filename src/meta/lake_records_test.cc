// Records of containers with a lake: they come back, hold the bytes that version 1 writes, and
// never take damaged bytes for good ones.
#include "meta/lake_records.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "meta/keys.h"

namespace forebay::meta {
namespace {

std::string Hex(std::string_view bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out.push_back(kDigits[static_cast<unsigned char>(c) >> 4]);
    out.push_back(kDigits[static_cast<unsigned char>(c) & 15]);
  }
  return out;
}

AttachRecord FullAttach() {
  return {.mode = LakeMode::kReadWrite,
          .account = "acc",
          .container = "box",
          .endpoint = "http://e/c",
          .credential = "sas:@/f",
          .prefix = "p/",
          .ordering = Ordering::kRelaxed,
          .acknowledge = Acknowledge::kLake,
          .conflicts = ConflictPolicy::kLocalWins,
          .attached = WallTime{1000},
          .generation = 7,
          .lake_hierarchical = true};
}
ImportRecord FullImport() {
  return {.marker = "m1",
          .last = "a/b",
          .names = 300,
          .bytes = 1 << 20,
          .started = WallTime{10},
          .finished = WallTime{20}};
}
NameNote FullNote() {
  return {.kind = NoteKind::kTombstone,
          .since = WallTime{5},
          .lake_name = "old",
          .lake_etag = "0x8D",
          .unsent = 9};
}
BlobRecord LakeBlob() {
  BlobRecord r;
  r.id = BlobId(1025);
  r.etag = ETagNumber(256);
  r.length = 3;
  r.body.id = BodyId(1026);
  r.body.in_lake = true;
  r.lake = LakeCopy{.etag = "0x8D", .name = "there", .body = BodyId(1026), .unsent = 4};
  return r;
}
ChangeRecord FullChange() {
  return {.kind = ChangeKind::kMetadata,
          .name = "a/b",
          .mark = 12,
          .holder = BlobId(77),
          .blob = LakeBlob(),
          .from = {}};
}

DetachedRecord FullDetached() { return {.holder = BlobId(77), .name = "a/b", .after = "c"}; }

// What stores hold. Never edit a line.
const std::map<std::string, std::string> kGolden = {
    {"attach", "01020361636303626f780a687474703a2f2f652f63077361733a402f6602702f010102d00f0701"},
    {"blob_in_lake",
     "0180801881080000000100000000000003000082080201000430783844057468657265820804"},
    {"change",
     "010303612f620c4d260180801881080000000100000000000003000082080201000430783844057468657265"
     "820804"},
    {"container", "0281000000000000000000000000000000"},
    {"import", "01026d3103612f62ac028080401428"},
    {"note", "01020a036f6c64043078384409"},
    {"detached", "014d03612f620163"},
};

std::map<std::string, std::string> Encodings() {
  ContainerRecord container;
  container.lake = {LakeMode::kReadOnly, true};
  return {{"attach", Encode(FullAttach())},     {"import", Encode(FullImport())},
          {"note", Encode(FullNote())},         {"change", Encode(FullChange())},
          {"blob_in_lake", Encode(LakeBlob())}, {"container", Encode(container)},
          {"detached", Encode(FullDetached())}};
}

bool Decodes(const std::string& name, std::string_view bytes) {
  if (name == "attach") return DecodeAttach(bytes).has_value();
  if (name == "import") return DecodeImport(bytes).has_value();
  if (name == "note") return DecodeNameNote(bytes).has_value();
  if (name == "change") return DecodeChange(bytes).has_value();
  if (name == "detached") return DecodeDetached(bytes).has_value();
  if (name == "container") return DecodeContainer(bytes).has_value();
  return DecodeBlob(bytes).has_value();
}

TEST(LakeRecordsTest, AreWrittenAsDocumented) {
  for (const auto& [name, bytes] : Encodings()) {
    const auto golden = kGolden.find(name);
    ASSERT_NE(golden, kGolden.end()) << name;
    EXPECT_EQ(Hex(bytes), golden->second) << name;
  }
}

TEST(LakeRecordsTest, ComeBack) {
  const auto attach = DecodeAttach(Encode(FullAttach()));
  ASSERT_TRUE(attach);
  EXPECT_EQ(attach->mode, LakeMode::kReadWrite);
  EXPECT_EQ(attach->account, "acc");
  EXPECT_EQ(attach->container, "box");
  EXPECT_EQ(attach->endpoint, "http://e/c");
  EXPECT_EQ(attach->credential, "sas:@/f");
  EXPECT_EQ(attach->prefix, "p/");
  EXPECT_EQ(attach->ordering, Ordering::kRelaxed);
  EXPECT_EQ(attach->acknowledge, Acknowledge::kLake);
  EXPECT_EQ(attach->conflicts, ConflictPolicy::kLocalWins);
  EXPECT_EQ(attach->generation, 7u);
  EXPECT_TRUE(attach->lake_hierarchical);
  const auto import = DecodeImport(Encode(FullImport()));
  ASSERT_TRUE(import);
  EXPECT_EQ(import->marker, "m1");
  EXPECT_EQ(import->last, "a/b");
  EXPECT_EQ(import->names, 300u);
  EXPECT_EQ(import->finished, WallTime{20});
  const auto note = DecodeNameNote(Encode(FullNote()));
  ASSERT_TRUE(note);
  EXPECT_EQ(note->kind, NoteKind::kTombstone);
  EXPECT_EQ(note->lake_etag, "0x8D");
  EXPECT_EQ(note->unsent, 9u);
  const auto detached = DecodeDetached(Encode(FullDetached()));
  ASSERT_TRUE(detached);
  EXPECT_EQ(detached->holder, BlobId(77));
  EXPECT_EQ(detached->name, "a/b");
  EXPECT_EQ(detached->after, "c");
  const auto change = DecodeChange(Encode(FullChange()));
  ASSERT_TRUE(change);
  EXPECT_EQ(change->kind, ChangeKind::kMetadata);
  EXPECT_EQ(change->mark, 12u);
  EXPECT_EQ(change->holder, BlobId(77));
  EXPECT_TRUE(change->blob.body.in_lake);
  EXPECT_EQ(change->blob.lake, LakeBlob().lake);
}

TEST(LakeRecordsTest, AContainerWithoutALakeIsWrittenAsEver) {
  ContainerRecord plain;
  EXPECT_EQ(Encode(plain).front(), 1);
  plain.lake.mode = LakeMode::kCapacity;
  const auto back = DecodeContainer(Encode(plain));
  ASSERT_TRUE(back);
  EXPECT_EQ(back->lake, (LakeState{LakeMode::kCapacity, false}));
}

TEST(LakeRecordsTest, ShortBytesAreCorruption) {
  for (const auto& [name, bytes] : Encodings()) {
    for (std::size_t length = 0; length < bytes.size(); ++length) {
      EXPECT_FALSE(Decodes(name, std::string_view(bytes).substr(0, length))) << name << length;
    }
  }
}

TEST(LakeRecordsTest, KeysAreAsDocumented) {
  const std::string id("\x01\x02\x03\x04\x05\x06\x07\x08", 8);
  const ContainerId container(0x0102030405060708);
  const BodyId body(container.value());
  EXPECT_EQ(keys::Attachment(container), "c" + id + "a");
  EXPECT_EQ(keys::ImportProgress(container), "c" + id + "i");
  EXPECT_EQ(keys::ChangesNoted(container), "c" + id + "n");
  EXPECT_EQ(keys::ChangesErased(container), "c" + id + "e");
  EXPECT_EQ(keys::Changes(container), "j" + id);
  EXPECT_EQ(keys::Run(body, 258), "b" + id + std::string("\0\0\0\0\0\0\x01\x02", 8));
  EXPECT_EQ(keys::ResidentBytes(body), "k" + id + "f");
  EXPECT_EQ(keys::NameNote(container, "a/b"), "v" + id + "a/b");
  EXPECT_EQ(keys::DetachedDirectory(container, InodeId(container.value())), "c" + id + "h" + id);
  EXPECT_EQ(keys::InodeOfDetachedKey("c" + id + "h" + id), InodeId(container.value()));
  EXPECT_EQ(keys::GoneName(container, BlobId(container.value()), "a/b"), "0" + id + id + "a/b");
  EXPECT_EQ(keys::NameOfNoteKey("v" + id + "a/b"), "a/b");
  EXPECT_EQ(keys::ContainerOfAttachmentKey(keys::Attachment(container)), container);
  EXPECT_EQ(keys::ContainerOfAttachmentKey(keys::ImportProgress(container)), std::nullopt);
}

}  // namespace
}  // namespace forebay::meta
