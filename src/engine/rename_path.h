// Rename of a file or a whole directory: atomic, and O(1) however much a directory holds.
//
// The path keeps its ETag, Last-Modified, access control and lease. A file at the target is
// replaced, its lease is broken by that; a directory there must be empty. On flat accounts single
// blobs can be renamed. Copies that are pending below a directory move along with it. Errors:
// kContainerNotFound, kSourcePathNotFound, kSourceConditionNotMet, kConditionNotMet,
// kBlobAlreadyExists (If-None-Match: *), kPendingCopyOperation (into the file itself, at either
// end), kRenameDestinationParentPathNotFound, kInvalidRenameSourcePath (into itself),
// kInvalidSourceOrDestinationResourceType, kDirectoryNotEmpty, kUnsupported (a directory to another
// file system, or on a flat account), kAuthorizationFailure (a directory, with
// `file_only`), those of a lease on the source.
#pragma once

#include <optional>

#include "async/context.h"
#include "azure/conditions.h"
#include "engine/services.h"
#include "engine/target.h"

namespace forebay::engine {

struct RenamePathRequest {
  BlobTarget source;
  BlobTarget target;
  azure::Conditions source_conditions;
  azure::Conditions conditions;
  std::optional<azure::Metadata> metadata;  // replaces the path's
  bool file_only = false;                   // the caller has no say over what lies below a path
};

// ETag and Last-Modified of the path, which are what they were.
Task<Changed> RenamePath(Services& services, OpContext context, RenamePathRequest request);

}  // namespace forebay::engine
