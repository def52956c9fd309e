// Carries out what is decided about conflicts (tier/conflict.h): the offload's ConflictHandler, and
// what an operator asks for afterwards.
//
// A decision's writes (the record as it becomes, ours under its conflict name, the conflict and its
// event) happen in the transaction in which the offload takes the decision. Each of them looks
// again at what is here: where it has changed since the decision, the transaction fails with
// kConditionNotMet, and the offload asks anew.
//
// Thread safe; the services outlive it.
#pragma once

#include <memory>
#include <string>

#include "engine/services.h"
#include "tier/attachments.h"
#include "tier/conflict.h"
#include "tier/conflict_handler.h"

namespace forebay::tier {

class ConflictSettler final : public ConflictHandler {
 public:
  // `host` is part of conflict names: which Forebay kept it.
  ConflictSettler(engine::Services& services, std::string host)
      : services_(services), host_(std::move(host)) {}

  Task<ConflictDecision> Decide(OpContext context, Conflict conflict) override;

 private:
  engine::Services& services_;
  const std::string host_;
};

// The name of this machine, fit for a conflict name.
std::string ConflictHost();

// --- For operators. kResourceNotFound: there is no such conflict (any more).
Task<ConflictPage> Conflicts(engine::Services& services, OpContext context,
                             meta::ContainerId container, std::uint64_t after, std::size_t max);
// It is not listed any more; nothing else changes.
Task<> DismissConflict(engine::Services& services, OpContext context, AttachmentPtr attachment,
                       std::uint64_t id);
// Of one whose two sides were kept: ours is put back under its name, or thrown away, and the
// conflict is off the list. Both are ordinary writes here, which travel. kUnsupported: there is
// only one side left.
enum class ConflictChoice : std::uint8_t { kOurs, kTheirs };
Task<> ResolveConflict(engine::Services& services, OpContext context, AttachmentPtr attachment,
                       std::uint64_t id, ConflictChoice choice);

}  // namespace forebay::tier
