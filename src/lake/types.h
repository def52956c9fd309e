// The words of the lake's interface: what is asked of a remote container, and what it answers.
//
// Value types; as thread safe as what they hold. Names are relative to the lake's prefix (see
// object_lake.h), decoded, never percent-encoded. An empty ETag means "none".
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "async/byte_stream.h"
#include "async/context.h"
#include "azure/attach_trail.h"
#include "azure/names.h"
#include "azure/properties.h"
#include "azure/xml_documents.h"
#include "base/clock.h"
#include "lake/content.h"

namespace forebay::lake {

using azure::AccessTier;
using azure::BlobHttpHeaders;
using azure::BlobName;
using azure::BlobProperties;
using azure::BlockId;
using azure::BlockListEntry;
using azure::BlockSource;
using azure::CopyStatus;
using azure::ETag;
using azure::ListedBlock;
using azure::Metadata;
using azure::RehydratePriority;
using azure::Tags;

// Why a request goes to the lake: what traffic is accounted by (lake/accounting.h).
enum class Cause : std::uint8_t {
  kReadThrough,  // a reader waits for it
  kPrefetch,     // read-ahead and `forebay prefetch`
  kOffload,      // what was written here goes up
  kImport,       // names come down
  kRehydrate,    // out of the archive tier
  kReconcile,    // change detection, conflicts, live look-ups of names
  kAdmin,        // attach, probes, status
};
inline constexpr std::size_t kCauses = 7;
std::string_view CauseName(Cause cause);  // "read_through"

// Travels with every call.
struct LakeCall {
  OpContext context{};  // deadline, cancellation; request_id becomes x-ms-client-request-id
  Cause cause = Cause::kAdmin;
};

// Conditions on the blob that a call is about. All that are set must hold, else kConditionNotMet
// (and kBlobAlreadyExists for `absent` on one that is there).
struct LakeConditions {
  ETag match{};            // If-Match
  bool present = false;    // If-Match: *
  ETag none_match{};       // If-None-Match
  bool absent = false;     // If-None-Match: *; with it nothing else
  std::string lease_id{};  // x-ms-lease-id

  // True when one of them pins down what is there, so that a repeated write cannot do harm.
  bool pinned() const { return !match.empty() || absent; }
};

// All that a lake says about a blob, by Head, Get or List.
struct BlobState {
  BlobName name{};
  BlobProperties properties{};  // length, ETag, times, MD5, tier, archive status, copy, lease …
  Metadata metadata{};
  std::optional<Tags> tags{};  // only where they were asked for
  // A directory of a hierarchical lake (x-ms-resource-type), or the marker blob that Hadoop's
  // drivers leave in a flat one (metadata hdi_isfolder=true).
  bool directory = false;
  std::string snapshot{};    // listings that include snapshots; empty: the blob itself
  std::string version_id{};  // empty without versioning
  bool deleted = false;      // listings that include what is soft-deleted

  const ETag& etag() const { return properties.etag; }
  std::uint64_t length() const { return properties.length; }
};

// --- Head
struct HeadRequest {
  BlobName name{};
  LakeConditions conditions{};  // kNotModified when none_match fails
  bool tags = false;            // costs a second request where the blob has any
};

// --- List
struct ListRequest {
  std::string prefix{};
  std::string delimiter{};   // empty: all levels
  std::string marker{};      // ListPage::next_marker of the page before
  std::string start_from{};  // names from this one on; ignored where a marker is given
  std::uint32_t max_results = 5000;
  bool metadata = true, copy = true, tags = false;
  bool uncommitted = false, deleted = false, snapshots = false, versions = false;
};
// In the lake's order. A page may be empty and still have a successor.
struct ListPage {
  std::vector<BlobState> blobs{};
  std::vector<std::string> prefixes{};  // with a delimiter
  std::string next_marker{};            // empty: the last page
};

// --- Get
struct LakeRange {
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length{};  // absent: to the end
};
struct GetRequest {
  BlobName name{};
  std::optional<LakeRange> range{};  // absent: the whole blob, also an empty one
  LakeConditions conditions{};
  // Asks the lake for a checksum of ranges up to 4 MiB, and holds the bytes to it.
  bool checksum = true;
};
// The body reads exactly `length` bytes from `offset`, or fails: kConnectionClosed (short),
// kCorruption (too long, or a checksum that does not fit), kConditionNotMet (changed under the
// reader). Bytes read before a failure must not be kept. Drop it early to stop; it must not outlive
// the executor of the call.
struct GetAnswer {
  BlobState state{};  // length() is the blob's whole size; etag() what the bytes belong to
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::unique_ptr<BodyReader> body{};
};

// --- Writes
struct PutRequest {
  BlobName name{};
  std::shared_ptr<Content> content{};  // null: empty
  BlobHttpHeaders http{};              // content_md5 is held against the bytes by the lake
  Metadata metadata{};
  Tags tags{};
  std::optional<AccessTier> tier{};  // absent: the account's default
  LakeConditions conditions{};
};
struct PutBlockRequest {
  BlobName name{};
  BlockId id{};
  std::shared_ptr<Content> content{};  // not empty
  std::string lease_id{};
};
struct BlockLists {
  ETag etag{};          // empty when only uncommitted blocks are there
  WallTime modified{};  // 0 then
  std::uint64_t length = 0;
  std::vector<ListedBlock> committed{};
  std::vector<ListedBlock> uncommitted{};
};
struct CommitRequest {
  BlobName name{};
  std::vector<BlockListEntry> blocks{};
  BlobHttpHeaders http{};  // content_md5 is stored as given
  Metadata metadata{};
  Tags tags{};
  std::optional<AccessTier> tier{};
  LakeConditions conditions{};
};
// Of a write that happened. What the lake did not say is empty.
struct WriteAnswer {
  ETag etag{};
  WallTime modified{};
  std::string content_md5{};  // 16 bytes: what the lake computed over the body
  std::string version_id{};
};

enum class SnapshotsToo : std::uint8_t { kRefuse, kInclude };
struct DeleteRequest {
  BlobName name{};
  LakeConditions conditions{};
  // kSnapshotsPresent for a blob with snapshots unless kInclude.
  SnapshotsToo snapshots = SnapshotsToo::kRefuse;
  // Hierarchical lakes, for a directory: with all that is in it; else kDirectoryNotEmpty.
  bool recursive = false;
};

// Hierarchical lakes only; a directory moves with all that is in it, in one step.
struct RenameRequest {
  BlobName source{};
  BlobName destination{};
  ETag source_match{};
  LakeConditions conditions{};  // on the destination
};

// Within the lake; no byte passes through here.
struct CopyRequest {
  BlobName source{};
  BlobName destination{};
  ETag source_match{};
  LakeConditions conditions{};         // on the destination
  std::optional<Metadata> metadata{};  // replaces the source's
  std::optional<Tags> tags{};
  std::optional<AccessTier> tier{};
  RehydratePriority priority = RehydratePriority::kStandard;  // of an archived source
  // Done when answered (Put Blob From URL, at most 5,000 MiB); else the copy may be pending: Head
  // the destination until properties.copy.status is final.
  bool synchronous = false;
};
struct CopyAnswer {
  WriteAnswer write{};
  std::string copy_id{};
  CopyStatus status = CopyStatus::kNone;
};

// --- Update: one change of what a blob says about itself.
struct SetProperties {
  BlobHttpHeaders http{};  // replaces all of them; content_md5 too
};
struct SetMetadata {
  Metadata metadata{};
};
struct SetTags {
  Tags tags{};  // changes neither ETag nor Last-Modified
};
struct SetTier {
  AccessTier tier = AccessTier::kHot;
  RehydratePriority priority = RehydratePriority::kStandard;  // leaving the archive
};
struct AbortCopy {
  std::string copy_id{};
};
using Change = std::variant<SetProperties, SetMetadata, SetTags, SetTier, AbortCopy>;
struct UpdateRequest {
  BlobName name{};
  Change change{};
  LakeConditions
      conditions{};  // ETags do not apply to SetTier, SetTags and AbortCopy: kUnsupported
};
struct UpdateAnswer {
  ETag etag{};  // empty where the change does not make a new one
  WallTime modified{};
  bool pending = false;  // SetTier: accepted, rehydration has begun
};

// --- Hierarchical lakes
struct MakeDirectoryRequest {
  BlobName name{};
  Metadata metadata{};
  LakeConditions conditions{};  // `absent` makes it fail (kPathAlreadyExists) when it is there
};
// POSIX-like access control, in the lake's own text forms.
struct AccessControl {
  std::string owner{}, group{};
  std::string permissions{};  // "rwxr-x---", or octal when it is set
  std::string acl{};          // "user::rwx,group::r-x,other::---"
};
struct SetAclRequest {
  BlobName name{};          // empty: the container's root
  AccessControl control{};  // empty texts stay as they are; give permissions or acl, not both
  LakeConditions conditions{};
};

// --- Probe
struct ProbeRequest {
  // Where a container is about to be attached: does the lake lead back to it?
  std::optional<azure::AttachTrail> trail{};
};
struct LakeTraits {
  bool hierarchical = false;
  std::string account_kind{};  // "StorageV2"; empty where the lake does not say
  std::string sku{};           // "Standard_LRS"
  ETag container_etag{};
  WallTime container_modified{};
  // The lake's clock minus ours, to the second; signatures fail beyond 15 minutes.
  std::chrono::seconds clock_skew{0};
  // Not empty where the trail was answered; nothing else is known then. "acct/a -> acct/b": the
  // lake's container and those behind it, to the one that asks; or azure::kLeadsWhoKnowsWhere.
  std::string leads_back{};
};

}  // namespace forebay::lake
