// What leaves the change log when a name is decided for the lake's side, and what of it has to be
// noted anew: a move that leaves the log with its old name still has to bring its bytes to the new
// one, and what was moved away still has to go.
//
// Functions of a log that is being read, and of the transaction that takes the decision. Names are
// those that blobs have here now (a directory above them may have moved since an entry was
// written).
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "kv/store.h"
#include "tier/attachments.h"
#include "tier/offload_log.h"
#include "tier/pending_trees.h"

namespace forebay::tier {

struct DroppedChanges {
  std::string name;                      // that was decided about
  std::vector<LoggedChangePtr> changes;  // ascending
  // Names between which files were moved, the decided one among them: all that was noted about
  // them later is among the changes.
  std::set<std::string> reached;
  // The moves among the changes, in their order. An empty `from` went with its directory.
  struct Move {
    std::string from, to;
  };
  std::vector<Move> moves;

  bool HasHolder(std::uint64_t holder) const;
  // Where what is `name` now was before these moves: there the lake has its bytes once the changes
  // that stay in the log were done. `name` itself: none of them brought it.
  std::string SourceOf(std::string name) const;
};

// Collects what a decision about `name` takes out of the log: its changes, the moves that touch it,
// and the later changes of the names that they lead to.
class DropScan {
 public:
  // `own`: of the work that met the conflict; they go, whatever they touch. See StartAnew.
  DropScan(std::string name, std::set<ChangeNumber> own, PendingTrees trees);

  // Ascending. Those that are neither done nor of a whole directory.
  void See(const LoggedChangePtr& change);
  // Changes that travel as one with any that were taken, and were not taken themselves.
  std::set<ChangeNumber> LeftBehind(const std::vector<ChangeWork>& waiting) const;
  // All is to be seen again from the front of the log: these go as well, whatever they touch, and
  // so does what they lead to.
  void StartAnew(const std::set<ChangeNumber>& with);
  // Once all were seen. A copy of one that has seen some says what those are.
  DroppedChanges Finish();
  // They have left the log before the decision.
  void Forget(const std::vector<LoggedChangePtr>& changes);
  std::size_t size() const { return out_.changes.size(); }

 private:
  bool Touches(const meta::ChangeRecord& change) const;

  std::set<ChangeNumber> own_;
  const PendingTrees trees_;
  DroppedChanges out_;
};

// Changes of the decided name that a later write or delete of the same name among them stands for,
// whatever is decided; never those of `own`, nor what a piece of `waiting` work cannot do without.
std::vector<LoggedChangePtr> SupersededOf(const DroppedChanges& dropped,
                                          const std::vector<ChangeWork>& waiting,
                                          const std::set<ChangeNumber>& own);

// Names of blobs that only the lake has, in a directory that is deleted behind these changes: its
// delete would take the bytes along that they were moved to save. They have to come here first.
Result<std::vector<std::string>> OrphansOf(const kv::Reader& reader,
                                           const meta::ContainerRecord& container,
                                           const DroppedChanges& dropped);
// The bytes of a blob that only the lake has come here, unless they are gone there as well.
Task<> BringBytes(engine::Services& services, OpContext context, AttachmentPtr attachment,
                  std::string name);

// In the transaction of the decision. First, before what was decided is written: kServerBusy where
// one of the names has a change that is not among them, and what stands to be looked at again.
struct NamesBefore {
  std::uint64_t mark = 0;           // engine::ArrivalMark
  std::vector<std::string> unsent;  // names whose newest change is among the dropped ones
};
Result<NamesBefore> LookBeforeDrop(const kv::Reader& reader, const meta::ContainerRecord& container,
                                   const DroppedChanges& dropped);
// What was said of blobs leaves the log with these, too: it is said again of one that moves again,
// whose record is about to be put under the name.
Result<> SayAgain(engine::Services& services, kv::Transaction& txn,
                  const meta::ContainerRecord& container, const DroppedChanges& dropped,
                  std::uint64_t mark, const std::string& name, meta::BlobRecord& record);
// Then, behind it: gives up what the changes held, makes them done, and notes anew what has to
// travel still.
Result<> StoreDropped(engine::Services& services, kv::Transaction& txn,
                      const meta::ContainerRecord& container, const DroppedChanges& dropped,
                      const NamesBefore& before, WallTime now);

}  // namespace forebay::tier
