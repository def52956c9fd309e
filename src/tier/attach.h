// Attach and detach: a container begins, and ceases, to stand in front of a container of a lake.
//
// Attach asks the lake who it is before anything changes here. Only an empty container can be
// attached read-only or read-write: whose content wins must not be a guess. One whose lake is but
// room for bodies (`capacity`) may hold what it likes, and is given a prefix of its own there, with
// a random name. Detach takes out what has no bytes here, keeps the rest, and is resumable: it is
// run again after a crash. From a lake that is room it does not take out anything: kBusy while
// bodies lie there (tier/overflow_drain.h brings them back).
#pragma once

#include <functional>
#include <string>

#include "async/context.h"
#include "engine/services.h"
#include "engine/target.h"
#include "lake/endpoint.h"
#include "meta/lake_records.h"
#include "tier/attach_trails.h"
#include "tier/attachments.h"

namespace forebay::tier {

struct AttachRequest {
  engine::ContainerTarget target;
  // Makes the container where there is none, in the step that attaches it: what is refused leaves
  // none behind.
  bool create = false;
  meta::LakeMode mode = meta::LakeMode::kReadOnly;
  std::string endpoint;
  // Where the secret is kept, never the secret: "sas:@/path", "key:@/path", "managed-identity",
  // "managed-identity:CLIENT_ID", "workload-identity", "anonymous".
  std::string credential;
  std::string prefix = {};  // only this part of the lake
  meta::Ordering ordering = meta::Ordering::kCommit;
  meta::Acknowledge acknowledge = meta::Acknowledge::kLocal;
  meta::ConflictPolicy conflicts = meta::ConflictPolicy::kKeepBoth;
};

// True where an endpoint's host is this server itself, on one of its listeners. May block: it may
// resolve a name.
using IsOwnEndpoint = std::function<bool(const lake::LakeEndpoint&)>;

// kContainerNotFound, kResourceAlreadyExists (attached already, or not empty), kInvalidInput (a
// secret instead of a reference; an endpoint that leads back to the container itself, at once or by
// way of other lakes, or where that cannot be told (tier/attach_trails.h); a lake that is but room
// on this server itself, by what `is_own` says; acknowledging in one), and whatever the lake
// answers when it is asked who it is.
Task<AttachmentPtr> Attach(engine::Services& services, OpContext context, Attachments& attachments,
                           AttachTrails& trails, AttachRequest request, IsOwnEndpoint is_own = {});

enum class DetachHow : std::uint8_t {
  kDrain,  // kBusy while changes have not travelled
  kDrop,   // they stay here, and the lake never hears of them; nor of what is to be deleted there
};

// kResourceNotFound when nothing is attached.
Task<> Detach(engine::Services& services, OpContext context, Attachments& attachments,
              engine::ContainerTarget target, DetachHow how = DetachHow::kDrain);

}  // namespace forebay::tier
