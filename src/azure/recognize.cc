// Which operation a request is, and the permissions it needs on top.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "azure/error_table.h"
#include "azure/permissions.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

using enum Operation;

// One way to name an operation: method, level and `comp`.
struct Route {
  Level level;
  std::string_view method;
  std::string_view comp;
  Operation operation;
};

constexpr auto kRoutes = std::to_array<Route>({
    {Level::kService, "GET", "list", kListContainers},
    {Level::kService, "GET", "properties", kGetBlobServiceProperties},
    {Level::kService, "PUT", "properties", kSetBlobServiceProperties},
    {Level::kService, "GET", "stats", kGetBlobServiceStats},
    {Level::kService, "GET", "blobs", kFindBlobsByTags},
    {Level::kService, "POST", "batch", kBlobBatch},
    {Level::kService, "POST", "userdelegationkey", kGetUserDelegationKey},

    {Level::kContainer, "PUT", "", kCreateContainer},
    {Level::kContainer, "GET", "", kGetContainerProperties},
    {Level::kContainer, "HEAD", "", kGetContainerProperties},
    {Level::kContainer, "DELETE", "", kDeleteContainer},
    {Level::kContainer, "GET", "list", kListBlobs},
    {Level::kContainer, "GET", "metadata", kGetContainerMetadata},
    {Level::kContainer, "HEAD", "metadata", kGetContainerMetadata},
    {Level::kContainer, "PUT", "metadata", kSetContainerMetadata},
    {Level::kContainer, "GET", "acl", kGetContainerAcl},
    {Level::kContainer, "HEAD", "acl", kGetContainerAcl},
    {Level::kContainer, "PUT", "acl", kSetContainerAcl},
    {Level::kContainer, "PUT", "undelete", kRestoreContainer},
    {Level::kContainer, "GET", "blobs", kFindBlobsByTagsInContainer},
    {Level::kContainer, "POST", "batch", kContainerBatch},

    {Level::kBlob, "GET", "", kGetBlob},
    {Level::kBlob, "HEAD", "", kGetBlobProperties},
    {Level::kBlob, "DELETE", "", kDeleteBlob},
    {Level::kBlob, "PUT", "properties", kSetBlobProperties},
    {Level::kBlob, "GET", "metadata", kGetBlobMetadata},
    {Level::kBlob, "HEAD", "metadata", kGetBlobMetadata},
    {Level::kBlob, "PUT", "metadata", kSetBlobMetadata},
    {Level::kBlob, "GET", "tags", kGetBlobTags},
    {Level::kBlob, "PUT", "tags", kSetBlobTags},
    {Level::kBlob, "PUT", "snapshot", kSnapshotBlob},
    {Level::kBlob, "PUT", "undelete", kUndeleteBlob},
    {Level::kBlob, "PUT", "tier", kSetBlobTier},
    {Level::kBlob, "PUT", "expiry", kSetBlobExpiry},
    {Level::kBlob, "PUT", "immutabilitypolicies", kSetBlobImmutabilityPolicy},
    {Level::kBlob, "DELETE", "immutabilitypolicies", kDeleteBlobImmutabilityPolicy},
    {Level::kBlob, "PUT", "legalhold", kSetBlobLegalHold},
    {Level::kBlob, "POST", "query", kQueryBlobContents},
    {Level::kBlob, "PUT", "blocklist", kPutBlockList},
    {Level::kBlob, "GET", "blocklist", kGetBlockList},
    {Level::kBlob, "GET", "pagelist", kGetPageRanges},
    {Level::kBlob, "PUT", "incrementalcopy", kIncrementalCopyBlob},
    {Level::kBlob, "PUT", "seal", kAppendBlobSeal},
});

struct LeaseAction {
  std::string_view action;
  Operation container;
  Operation blob;
};
constexpr auto kLeaseActions = std::to_array<LeaseAction>({
    {"acquire", kAcquireContainerLease, kAcquireBlobLease},
    {"renew", kRenewContainerLease, kRenewBlobLease},
    {"change", kChangeContainerLease, kChangeBlobLease},
    {"release", kReleaseContainerLease, kReleaseBlobLease},
    {"break", kBreakContainerLease, kBreakBlobLease},
});

Result<Operation> RecognizeLease(Level level, HeaderSpan headers) {
  auto action = FindHeader(headers, "x-ms-lease-action");
  if (!action) return Fail(MissingHeaderError("x-ms-lease-action"));
  for (const LeaseAction& entry : kLeaseActions) {
    if (EqualsIgnoreCase(*action, entry.action)) {
      return level == Level::kContainer ? entry.container : entry.blob;
    }
  }
  return Fail(InvalidHeaderError("x-ms-lease-action", *action));
}

// PUT on a blob without comp: Put Blob, or one of the copies.
Result<Operation> RecognizePut(HeaderSpan headers) {
  auto type = FindHeader(headers, "x-ms-blob-type");
  if (FindHeader(headers, "x-ms-copy-source")) {
    if (type && EqualsIgnoreCase(*type, "BlockBlob")) return kPutBlobFromUrl;
    auto sync = FindHeader(headers, "x-ms-requires-sync");
    if (!sync) return kCopyBlob;
    if (EqualsIgnoreCase(*sync, "true")) return kCopyBlobFromUrl;
    if (EqualsIgnoreCase(*sync, "false")) return kCopyBlob;
    return Fail(InvalidHeaderError("x-ms-requires-sync", *sync));
  }
  if (!type) return Fail(MissingHeaderError("x-ms-blob-type"));
  return kPutBlob;
}

// The operations of a blob that a header tells apart.
Result<std::optional<Operation>> RecognizeByHeader(std::string_view method, std::string_view comp,
                                                   HeaderSpan headers) {
  using Found = std::optional<Operation>;
  if (method != "PUT") return Found();
  bool from_url = FindHeader(headers, "x-ms-copy-source").has_value();
  if (comp.empty()) {
    FB_ASSIGN_OR_RETURN(Operation operation, RecognizePut(headers));
    return Found(operation);
  }
  if (comp == "block") return Found(from_url ? kPutBlockFromUrl : kPutBlock);
  if (comp == "page") return Found(from_url ? kPutPageFromUrl : kPutPage);
  if (comp == "appendblock") return Found(from_url ? kAppendBlockFromUrl : kAppendBlock);
  if (comp == "copy") {
    auto action = FindHeader(headers, "x-ms-copy-action");
    if (!action) return Fail(MissingHeaderError("x-ms-copy-action"));
    if (!EqualsIgnoreCase(*action, "abort")) {
      return Fail(InvalidHeaderError("x-ms-copy-action", *action));
    }
    return Found(kAbortCopyBlob);
  }
  return Found();
}

// A comp that no operation of the level has is a bad query; one that only this method lacks a bad
// verb.
std::unexpected<Error> NoSuchOperation(Level level, std::string_view comp) {
  bool known = comp.empty();
  for (const Route& route : kRoutes) known |= route.level == level && route.comp == comp;
  for (std::string_view put_only : {"lease", "block", "page", "appendblock", "copy"}) {
    known |= level == Level::kBlob && comp == put_only;
  }
  known |= level == Level::kContainer && comp == "lease";
  if (!known) return Fail(InvalidQueryError("comp", comp));
  return Fail(Code::kUnsupportedHttpVerb, "The resource doesn't support specified Http Verb.");
}

// Whether a listing shows tags: one of the words of an `include`, of which there may be several.
bool IncludesTags(const Query& query) {
  for (const auto& [name, value] : query) {
    if (!EqualsIgnoreCase(name, "include")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      auto comma = rest.find(',');
      if (EqualsIgnoreCase(TrimSpace(rest.substr(0, comma)), "tags")) return true;
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
  }
  return false;
}

}  // namespace

Result<Operation> RecognizeOperation(std::string_view method, const RequestTarget& target,
                                     HeaderSpan headers) {
  constexpr std::array<std::string_view, 6> kMethods = {"GET",    "HEAD", "PUT",
                                                        "DELETE", "POST", "OPTIONS"};
  if (std::ranges::find(kMethods, method) == kMethods.end()) {
    return Fail(Code::kUnsupportedHttpVerb, "The resource doesn't support specified Http Verb.");
  }
  if (method == "OPTIONS") return kBlobPreflightRequest;
  std::string comp = ToLowerAscii(target.query.Get("comp"));
  std::string restype = ToLowerAscii(target.query.Get("restype"));
  if (restype == "account" && comp == "properties") {
    if (method == "GET" || method == "HEAD") return kGetAccountInformation;
    return Fail(Code::kUnsupportedHttpVerb, "The resource doesn't support specified Http Verb.");
  }
  Level level = target.blob ? Level::kBlob : target.container ? Level::kContainer : Level::kService;
  if (level == Level::kContainer && restype != "container" && comp != "batch") {
    if (!restype.empty()) return Fail(InvalidQueryError("restype", restype));
    return Fail(MissingQueryError("restype"));
  }
  if (level == Level::kService && (comp == "properties" || comp == "stats") &&
      restype != "service") {
    return Fail(restype.empty() ? MissingQueryError("restype")
                                : InvalidQueryError("restype", restype));
  }
  if (level == Level::kService && comp.empty()) return Fail(MissingQueryError("comp"));
  if (comp == "lease" && method == "PUT" && level != Level::kService) {
    return RecognizeLease(level, headers);
  }
  if (level == Level::kBlob) {
    FB_ASSIGN_OR_RETURN(auto found, RecognizeByHeader(method, comp, headers));
    if (found) return *found;
  }
  for (const Route& route : kRoutes) {
    if (route.level == level && route.method == method && route.comp == comp) {
      return route.operation;
    }
  }
  return NoSuchOperation(level, comp);
}

Permissions ExtraPermissions(Operation operation, const RequestTarget& target, HeaderSpan headers) {
  std::uint32_t bits = 0;
  if (FindHeader(headers, "x-ms-if-tags") && operation != kGetBlobTags) bits |= Permissions::kTags;
  if (!HeaderOr(headers, "x-ms-tags").empty()) bits |= Permissions::kTags;
  if (EqualsIgnoreCase(HeaderOr(headers, "x-ms-copy-source-tag-option"), "COPY")) {
    bits |= Permissions::kTags;
  }
  if (operation == kListBlobs && IncludesTags(target.query)) bits |= Permissions::kTags;
  if (operation == kDeleteBlob) {
    if (target.query.Has("versionid")) bits |= Permissions::kDeleteVersion;
    if (EqualsIgnoreCase(target.query.Get("deletetype"), "permanent")) {
      bits |= Permissions::kPermanentDelete;
    }
  }
  return Permissions(bits);
}

}  // namespace forebay::azure
