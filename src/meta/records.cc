#include "meta/records.h"

#include "base/codec.h"

namespace forebay::meta {
namespace {

constexpr std::uint8_t kVersion = 1;
// Of a container with a lake: who does not know about lakes must not touch it.
constexpr std::uint8_t kVersionWithLake = 2;
constexpr unsigned kImportingBit = 0x80;
// Of a blob record that who does not know links and holes would misread: a name without a body, or
// a body whose extents are not all bytes.
constexpr std::uint8_t kVersionWithNodes = 2;

// Optional fields of a blob record are announced by one bit each, so that the common blob is short.
enum BlobFields : std::uint64_t {
  kDirectory = 1 << 0,
  kContentEncoding = 1 << 1,
  kContentLanguage = 1 << 2,
  kCacheControl = 1 << 3,
  kContentDisposition = 1 << 4,
  kContentMd5 = 1 << 5,
  kMetadataField = 1 << 6,
  kTagsField = 1 << 7,
  kTierExplicit = 1 << 8,
  kTierChanged = 1 << 9,
  kRehydrating = 1 << 10,
  kCopy = 1 << 11,
  kPaged = 1 << 12,
  kBlockList = 1 << 13,
  kAccess = 1 << 14,
  kExpires = 1 << 15,
  kLease = 1 << 16,
  kLakeCopy = 1 << 17,
  kInLake = 1 << 18,
  kNode = 1 << 19,
  kHoles = 1 << 20,
};
enum NodeBits : unsigned { kLinkBit = 1, kApartBit = 2, kPlacedBit = 4, kAttributesBit = 8 };

Result<> CheckVersion(Decoder& in, std::string_view what) {
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, std::string(what) + " of version " + std::to_string(version) +
                                       " was written by a newer Forebay; run that version.");
  }
  return {};
}

void PutTime(Encoder& out, WallTime time) { out.Signed(time.ticks); }
WallTime TakeTime(Decoder& in) { return WallTime{in.Signed()}; }

void PutOptionalTime(Encoder& out, const std::optional<WallTime>& time) {
  out.U8(time ? 1 : 0);
  if (time) PutTime(out, *time);
}
std::optional<WallTime> TakeOptionalTime(Decoder& in) {
  if (in.U8() == 0) return std::nullopt;
  return TakeTime(in);
}

template <class Pairs>
void PutPairs(Encoder& out, const Pairs& pairs) {
  out.Varint(pairs.size());
  for (const auto& [key, value] : pairs) out.String(key).String(value);
}
template <class Add>
void TakePairs(Decoder& in, Add add) {
  const std::uint64_t count = in.Varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string key = in.String();
    add(std::move(key), in.String());
  }
}

void PutLease(Encoder& out, const ResourceLease& lease) {
  out.U8(static_cast<std::uint8_t>(lease.stage)).String(lease.id);
  out.Signed(lease.duration_seconds);
  PutTime(out, lease.ends);
}
ResourceLease TakeLease(Decoder& in) {
  ResourceLease lease;
  lease.stage = static_cast<LeaseStage>(in.U8());
  lease.id = in.String();
  lease.duration_seconds = static_cast<std::int32_t>(in.Signed());
  lease.ends = TakeTime(in);
  return lease;
}

void PutAccess(Encoder& out, const azure::AccessControl& access) {
  out.String(access.owner).String(access.group).Varint(access.mode).Varint(access.extended.size());
  for (const azure::AclEntry& entry : access.extended) {
    out.U8(static_cast<std::uint8_t>(entry.kind)).U8(entry.is_default ? 1 : 0);
    out.String(entry.qualifier).U8(entry.permissions);
  }
}
azure::AccessControl TakeAccess(Decoder& in) {
  azure::AccessControl access;
  access.owner = in.String();
  access.group = in.String();
  access.mode = static_cast<std::uint16_t>(in.Varint());
  const std::uint64_t count = in.Varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    azure::AclEntry entry;
    entry.kind = static_cast<azure::AclKind>(in.U8());
    entry.is_default = in.U8() != 0;
    entry.qualifier = in.String();
    entry.permissions = in.U8();
    access.extended.push_back(std::move(entry));
  }
  return access;
}

std::uint64_t FieldsOf(const BlobRecord& r) {
  std::uint64_t f = 0;
  if (r.directory) f |= kDirectory;
  if (!r.http.content_encoding.empty()) f |= kContentEncoding;
  if (!r.http.content_language.empty()) f |= kContentLanguage;
  if (!r.http.cache_control.empty()) f |= kCacheControl;
  if (!r.http.content_disposition.empty()) f |= kContentDisposition;
  if (!r.http.content_md5.empty()) f |= kContentMd5;
  if (!r.metadata.empty()) f |= kMetadataField;
  if (!r.tags.empty()) f |= kTagsField;
  if (!r.tier_inferred) f |= kTierExplicit;
  if (r.tier_changed) f |= kTierChanged;
  if (r.rehydrating_to) f |= kRehydrating;
  if (r.copy.status != azure::CopyStatus::kNone) f |= kCopy;
  if (r.body.paged) f |= kPaged;
  if (r.body.has_block_list) f |= kBlockList;
  if (r.access) f |= kAccess;
  if (r.expires) f |= kExpires;
  if (!r.lease.empty()) f |= kLease;
  if (r.lake) f |= kLakeCopy;
  if (r.body.in_lake) f |= kInLake;
  if (r.node != NodeState{}) f |= kNode;
  if (r.holes != 0) f |= kHoles;
  return f;
}

void PutNode(Encoder& out, const NodeState& node) {
  unsigned bits = 0;
  if (node.link) bits |= kLinkBit;
  if (node.apart) bits |= kApartBit;
  if (node.placed) bits |= kPlacedBit;
  if (node.attributes) bits |= kAttributesBit;
  out.U8(static_cast<std::uint8_t>(bits)).Varint(node.links);
}
NodeState TakeNode(Decoder& in) {
  const unsigned bits = in.U8();
  NodeState node;
  node.link = (bits & kLinkBit) != 0;
  node.apart = (bits & kApartBit) != 0;
  node.placed = (bits & kPlacedBit) != 0;
  node.attributes = (bits & kAttributesBit) != 0;
  node.links = static_cast<std::uint32_t>(in.Varint());
  return node;
}

void PutCopy(Encoder& out, const azure::CopyState& copy) {
  out.U8(static_cast<std::uint8_t>(copy.status));
  out.String(copy.id).String(copy.source).String(copy.description);
  PutOptionalTime(out, copy.completed);
  out.Varint(copy.bytes_copied).Varint(copy.bytes_total);
}
azure::CopyState TakeCopy(Decoder& in) {
  azure::CopyState copy;
  copy.status = static_cast<azure::CopyStatus>(in.U8());
  copy.id = in.String();
  copy.source = in.String();
  copy.description = in.String();
  copy.completed = TakeOptionalTime(in);
  copy.bytes_copied = in.Varint();
  copy.bytes_total = in.Varint();
  return copy;
}

void PutLakeCopy(Encoder& out, const LakeCopy& lake) {
  out.String(lake.etag).String(lake.name).Varint(lake.body.value()).Varint(lake.unsent);
}
LakeCopy TakeLakeCopy(Decoder& in) {
  LakeCopy lake;
  lake.etag = in.String();
  lake.name = in.String();
  lake.body = BodyId(in.Varint());
  lake.unsent = in.Varint();
  return lake;
}

void PutLakeState(Encoder& out, const LakeState& lake) {
  out.U8(static_cast<std::uint8_t>(static_cast<unsigned>(lake.mode) |
                                   (lake.importing ? kImportingBit : 0U)));
}
LakeState TakeLakeState(Decoder& in) {
  const unsigned lake = in.U8();
  return {static_cast<LakeMode>(lake & ~kImportingBit), (lake & kImportingBit) != 0};
}

}  // namespace

std::string Encode(const ContainerRecord& r) {
  Encoder out;
  out.U8(r.lake.attached() ? kVersionWithLake : kVersion);
  if (r.lake.attached()) PutLakeState(out, r.lake);
  out.Varint(r.id.value()).U8(r.hierarchical ? 1 : 0);
  PutTime(out, r.created);
  PutTime(out, r.modified);
  out.U64(r.etag.value()).U8(static_cast<std::uint8_t>(r.public_access));
  PutPairs(out, r.metadata);
  out.Varint(r.policies.size());
  for (const azure::StoredPolicy& policy : r.policies) {
    out.String(policy.id);
    PutOptionalTime(out, policy.start);
    PutOptionalTime(out, policy.expiry);
    out.String(policy.permissions);
  }
  // What the first version did not have comes only where there is something to say.
  if (r.lease.empty() && !r.root_access) return out.Take();
  out.U8(r.lease.empty() ? 0 : 1);
  if (!r.lease.empty()) PutLease(out, r.lease);
  out.U8(r.root_access ? 1 : 0);
  if (r.root_access) PutAccess(out, *r.root_access);
  return out.Take();
}

Result<ContainerRecord> DecodeContainer(std::string_view text) {
  Decoder in(text);
  ContainerRecord r;
  if (!text.empty() && text.front() == char{kVersionWithLake}) {
    in.U8();
    r.lake = TakeLakeState(in);
  } else {
    FB_RETURN_IF_ERROR(CheckVersion(in, "A container record"));
  }
  r.id = ContainerId(in.Varint());
  r.hierarchical = in.U8() != 0;
  r.created = TakeTime(in);
  r.modified = TakeTime(in);
  r.etag = ETagNumber(in.U64());
  r.public_access = static_cast<azure::PublicAccess>(in.U8());
  TakePairs(in, [&](std::string k, std::string v) { r.metadata.emplace_back(k, v); });
  const std::uint64_t policies = in.Varint();
  for (std::uint64_t i = 0; i < policies && in.ok(); ++i) {
    azure::StoredPolicy policy;
    policy.id = in.String();
    policy.start = TakeOptionalTime(in);
    policy.expiry = TakeOptionalTime(in);
    policy.permissions = in.String();
    r.policies.push_back(std::move(policy));
  }
  if (in.ok() && in.remaining() > 0) {
    if (in.U8() != 0) r.lease = TakeLease(in);
    if (in.U8() != 0) r.root_access = TakeAccess(in);
  }
  FB_RETURN_IF_ERROR(in.Finish("a container record"));
  return r;
}

std::string Encode(const BlobRecord& r) {
  Encoder out;
  const std::uint64_t fields = FieldsOf(r);
  const bool with_nodes = r.node.link || r.node.apart || r.holes != 0;
  out.U8(with_nodes ? kVersionWithNodes : kVersion).Varint(fields).Varint(r.id.value());
  PutTime(out, r.created);
  PutTime(out, r.modified);
  out.U64(r.etag.value()).Varint(r.length).U8(static_cast<std::uint8_t>(r.tier));
  out.String(r.http.content_type);
  out.Varint(r.body.id.value()).String(EncodeExtents(r.body.direct));
  if (fields & kDirectory) out.Varint(r.directory->value());
  if (fields & kContentEncoding) out.String(r.http.content_encoding);
  if (fields & kContentLanguage) out.String(r.http.content_language);
  if (fields & kCacheControl) out.String(r.http.cache_control);
  if (fields & kContentDisposition) out.String(r.http.content_disposition);
  if (fields & kContentMd5) out.String(r.http.content_md5);
  if (fields & kMetadataField) PutPairs(out, r.metadata);
  if (fields & kTagsField) PutPairs(out, r.tags);
  if (fields & kTierChanged) PutTime(out, *r.tier_changed);
  if (fields & kRehydrating) {
    out.U8(static_cast<std::uint8_t>(*r.rehydrating_to));
    out.U8(static_cast<std::uint8_t>(r.rehydrate_priority));
  }
  if (fields & kCopy) PutCopy(out, r.copy);
  if (fields & kAccess) PutAccess(out, *r.access);
  if (fields & kExpires) PutTime(out, *r.expires);
  if (fields & kLease) PutLease(out, r.lease);
  if (fields & kLakeCopy) PutLakeCopy(out, *r.lake);
  if (fields & kNode) PutNode(out, r.node);
  if (fields & kHoles) out.Varint(r.holes);
  return out.Take();
}

Result<BlobRecord> DecodeBlob(std::string_view text) {
  Decoder in(text);
  if (!text.empty() && text.front() == char{kVersionWithNodes}) {
    in.U8();
  } else {
    FB_RETURN_IF_ERROR(CheckVersion(in, "A blob record"));
  }
  // Made in its place: the record is large, and every read decodes one.
  Result<BlobRecord> out(std::in_place);
  BlobRecord& r = *out;
  const std::uint64_t fields = in.Varint();
  r.id = BlobId(in.Varint());
  r.created = TakeTime(in);
  r.modified = TakeTime(in);
  r.etag = ETagNumber(in.U64());
  r.length = in.Varint();
  r.tier = static_cast<azure::AccessTier>(in.U8());
  r.tier_inferred = (fields & kTierExplicit) == 0;
  r.http.content_type = in.String();
  r.body.id = BodyId(in.Varint());
  r.body.paged = (fields & kPaged) != 0;
  r.body.has_block_list = (fields & kBlockList) != 0;
  r.body.in_lake = (fields & kInLake) != 0;
  FB_ASSIGN_OR_RETURN(r.body.direct, DecodeExtents(in.StringView()));
  if (fields & kDirectory) r.directory = InodeId(in.Varint());
  if (fields & kContentEncoding) r.http.content_encoding = in.String();
  if (fields & kContentLanguage) r.http.content_language = in.String();
  if (fields & kCacheControl) r.http.cache_control = in.String();
  if (fields & kContentDisposition) r.http.content_disposition = in.String();
  if (fields & kContentMd5) r.http.content_md5 = in.String();
  if (fields & kMetadataField) {
    TakePairs(in, [&](std::string k, std::string v) { r.metadata.emplace_back(k, v); });
  }
  if (fields & kTagsField) {
    TakePairs(in, [&](std::string k, std::string v) { r.tags.emplace(k, v); });
  }
  if (fields & kTierChanged) r.tier_changed = TakeTime(in);
  if (fields & kRehydrating) {
    r.rehydrating_to = static_cast<azure::AccessTier>(in.U8());
    r.rehydrate_priority = static_cast<azure::RehydratePriority>(in.U8());
  }
  if (fields & kCopy) r.copy = TakeCopy(in);
  if (fields & kAccess) r.access = TakeAccess(in);
  if (fields & kExpires) r.expires = TakeTime(in);
  if (fields & kLease) r.lease = TakeLease(in);
  if (fields & kLakeCopy) r.lake = TakeLakeCopy(in);
  if (fields & kNode) r.node = TakeNode(in);
  if (fields & kHoles) r.holes = in.Varint();
  FB_RETURN_IF_ERROR(in.Finish("a blob record"));
  return out;
}

std::string Encode(const StagingRecord& r) {
  Encoder out;
  out.U8(kVersion).Varint(r.generation.value());
  PutTime(out, r.created);
  PutTime(out, r.last_block);
  out.Varint(r.id_bytes);
  return out.Take();
}

Result<StagingRecord> DecodeStaging(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A staging record"));
  StagingRecord r;
  r.generation = BodyId(in.Varint());
  r.created = TakeTime(in);
  r.last_block = TakeTime(in);
  r.id_bytes = static_cast<std::uint32_t>(in.Varint());
  FB_RETURN_IF_ERROR(in.Finish("a staging record"));
  return r;
}

std::string Encode(const StagedBlockRecord& r) {
  Encoder out;
  out.U8(kVersion).Varint(r.size).U64(r.crc64).Varint(r.holder ? r.holder->value() : 0);
  out.Raw(EncodeExtents(r.extents));
  return out.Take();
}

Result<StagedBlockRecord> DecodeStagedBlock(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A staged block"));
  StagedBlockRecord r;
  r.size = in.Varint();
  r.crc64 = in.U64();
  if (const std::uint64_t holder = in.Varint(); holder != 0) r.holder = BodyId(holder);
  FB_RETURN_IF_ERROR(in.Finish("a staged block"));
  FB_ASSIGN_OR_RETURN(r.extents, DecodeExtents(in.Rest()));
  return r;
}

std::string Encode(const DirectoryRecord& r) {
  Encoder out;
  out.U8(kVersion).Varint(r.container.value()).Varint(r.parent.value()).String(r.name);
  return out.Take();
}

Result<DirectoryRecord> DecodeDirectory(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A directory record"));
  DirectoryRecord r;
  r.container = ContainerId(in.Varint());
  r.parent = InodeId(in.Varint());
  r.name = in.String();
  FB_RETURN_IF_ERROR(in.Finish("a directory record"));
  return r;
}

}  // namespace forebay::meta
