// Directories of a hierarchical container that were moved, on their way to the lake with all that
// is in them. Those that were deleted: tier/tree_delete.h.
//
// Over a hierarchical lake each is one request. Over a flat one it is a copy and a delete of every
// blob below the name, in pages, and the lake shows states between the two meanwhile; a page's
// records learn the new ETags before its sources go, so that a crash at any step can be gone on
// from. So it is over a hierarchical one where somebody else has put something into the directory
// that it was to be. What they have there stays: a blob of ours with the same name is noted anew,
// and meets it as any conflict when it has its turn. The order holds everything else back (a
// barrier), and what came before is stored.
//
// Thread safe; a call runs on its caller's executor.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "kv/store.h"
#include "lake/types.h"
#include "meta/records.h"
#include "tier/attachments.h"
#include "tier/tree_work.h"

namespace forebay::tier {

class OffloadTrees {
 public:
  explicit OffloadTrees(TreeWork work) : work_(std::move(work)) {}

  // Blobs in the lake below the directory, counted up to about `enough`.
  Task<std::uint64_t> CountBelow(std::string directory, std::uint64_t enough);
  // `holder`: the entry of the log. kPathConflict: a file stands in the lake where a directory is
  // to be.
  Task<> Rename(std::string from, std::string to, std::uint64_t holder);

 private:
  struct Moved {
    std::string from, to;
    std::string old_etag, new_etag{};
    bool taken = false;   // somebody else's stands there: it stays, and ours goes its own way
    std::string here{};   // then: what our blob is called here by now; empty: it is not
    bool marker = false;  // of the directory itself, in a flat lake
    bool lost = false;    // its bytes were gone from the lake before they could come here
    bool stays = false;   // nobody here knows it
  };
  using Page = std::shared_ptr<std::vector<Moved>>;
  // False where there is something in the directory that it was to be.
  Task<bool> RenameInLake(std::string from, std::string to);
  Task<> MoveEach(std::string from, std::string to, std::uint64_t holder);
  Task<> MoveDirectories(std::string from, std::string to);
  // What of them is noted together: each whose place is taken by itself.
  Task<std::vector<Page>> CopyPage(std::vector<lake::BlobState> blobs, std::string from,
                                   std::string to);
  Task<> CopyOne(lake::BlobState blob, Moved* moved);
  // Whether what stands where it was to be copied to is its copy.
  Task<> JudgeCopy(lake::BlobState blob, Moved* moved);
  // Of those whose place is taken: finds out where they are here, and brings bytes that only the
  // lake has. kServerBusy: not while they change here.
  Task<> BringTaken(Page page, std::uint64_t holder);
  // The record of that name, if it is of what the lake has under the ETag.
  Task<std::optional<meta::BlobRecord>> CopyHere(std::string name, std::string etag);
  // Where the moves of files in the log lead what is moved; empty: it is not here any more.
  Task<std::string> MovedOnTo(Moved moved, std::uint64_t holder);
  Task<> NoteMoved(Page page, std::uint64_t holder);
  // `here`: what the directory is called by now.
  Result<> NoteMarker(kv::Transaction& txn, const meta::ContainerRecord& container,
                      std::uint64_t mark, Moved moved, const std::string& here,
                      std::uint64_t holder);
  // `mark`: engine::ArrivalMark. kServerBusy: the bytes that came here have been given up again.
  Result<> NoteTaken(kv::Transaction& txn, const meta::ContainerRecord& container,
                     std::uint64_t mark, const Moved& moved, meta::BlobRecord record);
  // False where nothing is noted of it.
  static Result<bool> NoteMovedName(kv::Transaction& txn, const std::string& key,
                                    const Moved& moved);
  Task<> RemovePage(std::vector<std::pair<std::string, std::string>> doomed);
  Task<> RemoveOne(std::string name, std::string etag);
  // The first blobs of the directory, without these, and its own marker where there is one.
  Task<std::vector<lake::BlobState>> FirstPage(std::string directory, std::set<std::string> but);
  Task<> MakeParent(std::string name);

  const TreeWork work_;
};

}  // namespace forebay::tier
