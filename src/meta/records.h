// The durable records of containers, blobs and staged blocks, and their encodings.
//
// Each starts with a version byte; unknown later fields are ignored, an unknown version is
// kCorruption with a hint to upgrade (docs/formats/meta-records.md). Value types.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azure/acl.h"
#include "azure/permissions.h"
#include "azure/properties.h"
#include "base/clock.h"
#include "base/result.h"
#include "meta/extent.h"
#include "meta/ids.h"
#include "meta/resource_lease.h"

namespace forebay::meta {

// Grows with every change of anything, in every process; printed by azure::MakeETag.
using ETagNumber = StrongId<struct ETagNumberTag>;

// What a container has to do with a lake. Not attached: all bytes are here.
enum class LakeMode : std::uint8_t {
  kNone = 0,
  kReadOnly = 1,   // names and bytes come from the lake; writes are refused
  kReadWrite = 2,  // changes travel to the lake
  kCapacity = 3,   // ours; the lake is room to overflow into
  kDetaching = 4,  // records without bytes are being taken out; writes are refused
};
struct LakeState {
  LakeMode mode = LakeMode::kNone;
  bool importing = false;  // a name without a record may still be in the lake

  bool attached() const { return mode != LakeMode::kNone; }
  bool writable() const { return mode != LakeMode::kReadOnly && mode != LakeMode::kDetaching; }
  // Names mean the same here and there: the container is in step with its lake, name by name. Where
  // the lake is but room for bodies, what it has says nothing about names.
  bool mirrors() const { return attached() && mode != LakeMode::kCapacity; }
  // Changes are noted in the change log.
  bool travels() const { return mode == LakeMode::kReadWrite; }
  friend bool operator==(const LakeState&, const LakeState&) = default;
};

// What is known of a blob's copy in the lake. Of containers that are ours (kCapacity): of the
// object that holds its body (engine/lake_objects.h), set where the body is the lake's and nowhere
// else.
struct LakeCopy {
  std::string etag;          // last seen there; empty: the lake has none yet
  std::string name;          // there; empty: the blob's own
  BodyId body;               // the body of ours that it equals; 0: none, or an empty one
  std::uint64_t unsent = 0;  // holder id of the newest change that has not travelled; 0: none
  friend bool operator==(const LakeCopy&, const LakeCopy&) = default;
};

struct ContainerRecord {
  ContainerId id;
  bool hierarchical = false;  // the account's, when the container was made
  WallTime created;
  WallTime modified;
  ETagNumber etag;
  azure::PublicAccess public_access = azure::PublicAccess::kNone;
  azure::Metadata metadata;
  std::vector<azure::StoredPolicy> policies;
  LakeState lake;
  ResourceLease lease;
  // Of the root directory, which has no record of its own (hierarchical). Unset: the default.
  std::optional<azure::AccessControl> root_access;
};

// What makes a file of a hierarchical container more than one name for one blob (meta/nodes.h).
struct NodeState {
  bool link = false;        // this entry is but a name: the record lies at keys::Node
  bool apart = false;       // this record lies there: it has several names, or none and is held
  bool placed = false;      // keys::Place says where its entry hangs: it is found by its number
  bool attributes = false;  // it has extended attributes (keys::Xattr)
  std::uint32_t links = 1;  // names; 0: none, and it is held
  friend bool operator==(const NodeState&, const NodeState&) = default;
};

// A blob, or (hierarchical layout) a directory. All that a listing returns, and where the body is.
struct BlobRecord {
  BlobId id;
  std::optional<InodeId>
      directory;  // set: this is a directory, and its entries hang under this inode
  WallTime created;
  WallTime modified;
  ETagNumber etag;
  std::uint64_t length = 0;
  azure::BlobHttpHeaders http;
  azure::Metadata metadata;
  azure::Tags tags;
  azure::AccessTier tier = azure::AccessTier::kHot;
  bool tier_inferred = true;
  std::optional<WallTime> tier_changed;
  std::optional<azure::AccessTier> rehydrating_to;
  azure::RehydratePriority rehydrate_priority = azure::RehydratePriority::kStandard;
  azure::CopyState copy;
  BodyRef body;
  std::optional<LakeCopy> lake;  // blobs of attached containers
  // Hierarchical: owner, group, permissions and ACL. Unset: azure::AccessControl::Default.
  std::optional<azure::AccessControl> access;
  std::optional<WallTime> expires;
  ResourceLease lease;
  NodeState node;
  std::uint64_t holes = 0;  // bytes of `length` that are holes
};

// A blob's uncommitted generation: its staged blocks hang under `generation`, which becomes the id
// of the body when they are committed.
struct StagingRecord {
  BodyId generation;
  WallTime created;
  WallTime last_block;         // moved forward at most once an hour: when the week begins
  std::uint32_t id_bytes = 0;  // every block id of a blob has this decoded length
};

struct StagedBlockRecord {
  std::uint64_t size = 0;
  std::vector<Extent> extents;
  // Set when the bytes are shared with another body (Put Block From URL of a blob of ours): the id
  // under which this block holds its references (keys::ChunkRef). Unset: it is the bytes' only
  // holder.
  std::optional<BodyId> holder;
  // CRC-64 of the block, so that a client's resend can be recognised and copies verified.
  std::uint64_t crc64 = 0;
};

// Where a directory of the hierarchical layout hangs: what a path is rebuilt from.
struct DirectoryRecord {
  ContainerId container;
  InodeId parent;
  std::string name;  // one component
};

std::string Encode(const ContainerRecord& record);
std::string Encode(const BlobRecord& record);
std::string Encode(const StagingRecord& record);
std::string Encode(const StagedBlockRecord& record);
std::string Encode(const DirectoryRecord& record);
Result<ContainerRecord> DecodeContainer(std::string_view in);
Result<BlobRecord> DecodeBlob(std::string_view in);
Result<StagingRecord> DecodeStaging(std::string_view in);
Result<StagedBlockRecord> DecodeStagedBlock(std::string_view in);
Result<DirectoryRecord> DecodeDirectory(std::string_view in);

}  // namespace forebay::meta
