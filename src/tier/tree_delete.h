// The delete of a directory, with all that was in it, on its way to the lake.
//
// It takes from the lake what was known here when the directory was deleted, and only as it was
// known: each blob on the condition of its ETag, each directory once it is empty. What somebody
// else has changed there since is asked about as any blob that was deleted here and changed there
// (tier/conflict_handler.h). What they have added stays, and so do the directories above it; change
// detection shows them here again.
//
// Run again after a crash at any step it finds what it has left. One Run for an object; it runs on
// its caller's executor and spreads requests over the worker loop.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "engine/services.h"
#include "lake/types.h"
#include "meta/lake_records.h"
#include "tier/attachments.h"
#include "tier/conflict_handler.h"
#include "tier/tree_work.h"

namespace forebay::tier {

// Of every directory that was deleted with what was in it, the names are noted
// (engine/detached_tree.h).
Task<> NoteDetached(engine::Services& services, AttachmentPtr attachment);

class TreeDelete {
 public:
  // The handler, where there is one, outlives it. `change`: the entry of the log, all before which
  // is stored.
  TreeDelete(TreeWork work, ConflictHandler* conflicts, meta::ChangeRecord change)
      : work_(std::move(work)), conflicts_(conflicts), change_(std::move(change)) {}

  Task<> Run();

 private:
  struct Doomed {
    lake::BlobState state;
    std::string expected;  // the ETag that was known
  };
  // Those of a page that were known; what was not is left, directories are kept for later.
  Task<std::vector<Doomed>> Judge(std::vector<lake::BlobState> blobs);
  Task<> Remove(std::vector<Doomed> doomed);
  Task<> RemoveOne(Doomed doomed);
  // False where there is something else than `etag` by now.
  Task<bool> RemoveAt(std::string name, std::string etag);
  // Somebody else has changed it: true where it goes all the same.
  Task<bool> Settle(lake::BlobState theirs, std::string expected);
  // The name that it would have here, if nothing is there that its own change decides about; else
  // empty.
  Task<std::string> FreeNameHere(std::string name);

  const TreeWork work_;
  ConflictHandler* const conflicts_;
  const meta::ChangeRecord change_;
  std::vector<std::string> directories_;  // and markers of some
};

}  // namespace forebay::tier
