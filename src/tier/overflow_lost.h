// What becomes of a blob of a container that is ours (attach mode `capacity`; ADR 0114) when the
// lake says that the object with its bytes is not what it was: the blob stays, a read of it fails,
// and an event says so once. Nothing is looked up by name, and nothing is taken over.
//
// kCorruption: the lake has lost it, or somebody else replaced it. kBlobArchived: somebody archived
// it there. Success: it is there as it was, or the blob has changed here; look again. Else the
// lake's errors.
#pragma once

#include <string>

#include "async/context.h"
#include "async/task.h"
#include "engine/services.h"
#include "tier/attachments.h"

namespace forebay::tier {

Task<> CheckObject(engine::Services& services, OpContext context, AttachmentPtr attachment,
                   std::string name, std::string object, std::string etag);

}  // namespace forebay::tier
