// Directories of a hierarchical container that were moved, on their way to the lake with all that
// is in them. Those that were deleted: tier/tree_delete.h.
//
// Over a hierarchical lake each is one request. Over a flat one it is a copy and a delete of every
// blob below the name, in pages, and the lake shows states between the two meanwhile; a page's
// records learn the new ETags before its sources go, so that a crash at any step can be gone on
// from. The order holds everything else back (a barrier), and what came before is stored.
//
// Thread safe; a call runs on its caller's executor.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/services.h"
#include "lake/types.h"
#include "tier/attachments.h"
#include "tier/offload_lease.h"
#include "tier/offload_options.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

// Makes a directory of a hierarchical lake where there is none. kPathConflict: a file stands there.
struct MadeDirectory {
  std::string etag;
  bool was_there = false;  // as whoever made it left it
};
Task<MadeDirectory> EnsureDirectory(lake::ObjectLake& lake, lake::LakeCall call, std::string name,
                                  lake::Metadata metadata);

class OffloadTrees {
 public:
  // All outlive it.
  OffloadTrees(engine::Services& services, WorkerLoop& loop, AttachmentPtr attachment,
               const OffloadOptions& options, const OffloadLease& lease)
      : services_(services),
        loop_(loop),
        attachment_(std::move(attachment)),
        options_(options),
        lease_(lease) {}

  // Blobs in the lake below the directory, counted up to about `enough`.
  Task<std::uint64_t> CountBelow(std::string directory, std::uint64_t enough);
  // `holder`: the entry of the log.
  Task<> Rename(std::string from, std::string to, std::uint64_t holder);

 private:
  struct Moved {
    std::string from, to;
    std::string old_etag, new_etag;
  };
  Task<> RenameInLake(std::string from, std::string to);
  Task<> RenameFlat(std::string from, std::string to, std::uint64_t holder);
  Task<std::vector<Moved>> CopyPage(std::vector<lake::BlobState> blobs, std::string from,
                                    std::string to);
  Task<> CopyOne(lake::BlobState blob, Moved* moved);
  Task<> NoteMoved(std::vector<Moved> moved, std::uint64_t holder);
  static Result<> NoteMovedName(kv::Transaction& txn, const std::string& key, const Moved& moved);
  Task<> RemovePage(std::vector<std::pair<std::string, std::string>> doomed);
  Task<> RemoveOne(std::string name, std::string etag);
  // The first blobs of the directory, and its own marker where there is one.
  Task<std::vector<lake::BlobState>> FirstPage(std::string directory);
  Task<> MakeParent(std::string name);
  lake::LakeCall Call() const;
  lake::ObjectLake& lake() { return *attachment_->lake; }

  engine::Services& services_;
  WorkerLoop& loop_;
  const AttachmentPtr attachment_;
  const OffloadOptions& options_;
  const OffloadLease& lease_;
};

}  // namespace forebay::tier
