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

// Makes a directory of a hierarchical lake where there is none. kPathConflict: a file stands there.
struct MadeDirectory {
  std::string etag;
  bool was_there = false;  // as whoever made it left it
};
Task<MadeDirectory> EnsureDirectory(lake::ObjectLake& lake, lake::LakeCall call, std::string name,
                                    lake::Metadata metadata);

// Takes a directory of the lake away, or the marker of one, unless something is in it, or a file
// that somebody else has put there.
Task<> RemoveDirectory(AttachmentPtr attachment, lake::LakeCall call, std::string name);
// Some of them, the deepest first.
Task<> RemoveDirectories(TreeWork work, std::vector<std::string> directories);

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
    bool taken = false;  // somebody else's stands there: it stays, and ours goes its own way
    std::string here{};  // then: what our blob is called here by now
    bool stays = false;  // nobody here knows it
  };
  using Page = std::shared_ptr<std::vector<Moved>>;
  // False where there is something in the directory that it was to be.
  Task<bool> RenameInLake(std::string from, std::string to);
  Task<> MoveEach(std::string from, std::string to, std::uint64_t holder);
  Task<> MoveDirectories(std::string from, std::string to);
  Task<Page> CopyPage(std::vector<lake::BlobState> blobs, std::string from, std::string to);
  Task<> CopyOne(lake::BlobState blob, Moved* moved);
  // Whether what stands where it was to be copied to is its copy.
  Task<> JudgeCopy(lake::BlobState blob, Moved* moved);
  // Of those whose place is taken: finds out where they are here, and brings bytes that only the
  // lake has.
  Task<> BringTaken(Page page, std::uint64_t holder);
  // Where the moves of files in the log lead from this name.
  Task<std::string> MovedOnTo(std::string name);
  Task<> NoteMoved(Page page, std::uint64_t holder);
  // `mark`: engine::ArrivalMark.
  Result<> NoteTaken(kv::Transaction& txn, const meta::ContainerRecord& container,
                     std::uint64_t mark, const std::string& name, meta::BlobRecord record);
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
