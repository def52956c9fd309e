// Who decides when a change of ours meets something in the lake that we did not put there.
//
// The offload asks once the lake has said no and the change was not found to be ours
// (lake/recognize.h). Until a decision comes, the change and whatever must follow it wait; nothing
// is written over. Decide runs on the tier's threads, several at a time for different names.
//
// What a decision writes (the record as it shall be, a conflict record, an event) it writes in
// `commit`: the offload runs it in the transaction that takes the decision, so both happen or none
// does. After a crash before that transaction the same conflict is asked about again.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "async/context.h"
#include "async/task.h"
#include "kv/store.h"
#include "lake/types.h"
#include "meta/lake_records.h"
#include "tier/attachments.h"
#include "tier/offload_dropped.h"

namespace forebay::tier {

struct Conflict {
  AttachmentPtr attachment;
  std::string name;           // here and there
  meta::ChangeRecord change;  // ours; its blob is the record as it became (kDelete: as it was)
  bool content = false;       // the change writes bytes, and so can stand by itself
  lake::ETag expected;        // what the lake was believed to have; empty: nothing
  std::optional<lake::BlobState> theirs;  // what it has; nullopt: nothing
  Error error;                            // what the lake said
};

struct ConflictDecision {
  enum class Action : std::uint8_t {
    // Not decided, or not possible now: asked again after a while.
    kWait,
    // Ours goes up, on the condition that the lake still has `theirs`.
    kOurs,
    // None of our changes of this name travels: all that are in the change log when `commit` runs
    // leave it. `commit` makes the record (and tombstone) of the name what it shall be from then
    // on; to keep ours as well it puts it under another name with engine::NoteChange, which then
    // travels as any change does.
    kTheirs,
  };
  Action action = Action::kWait;
  std::string why;  // kWait: for people
  // May run more than once; writes at most a hundred keys. `dropped`: what leaves the log with the
  // decision; none where ours goes up. kConditionNotMet: what is here is not what was decided
  // about; it is asked again. Null: nothing to write.
  std::function<Result<>(kv::Transaction&, const DroppedChanges& dropped)> commit;
};

class ConflictHandler {
 public:
  virtual ~ConflictHandler() = default;
  virtual Task<ConflictDecision> Decide(OpContext context, Conflict conflict) = 0;
};

}  // namespace forebay::tier
