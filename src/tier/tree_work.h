// What works on whole directories of a lake has at hand (tier/offload_trees.h, tier/tree_delete.h).
//
// A value of references, which outlive it.
#pragma once

#include <chrono>

#include "engine/services.h"
#include "lake/types.h"
#include "tier/attachments.h"
#include "tier/offload_lease.h"
#include "tier/offload_options.h"
#include "tier/worker_loop.h"

namespace forebay::tier {

struct TreeWork {
  engine::Services& services;
  WorkerLoop& loop;
  const AttachmentPtr attachment;
  const OffloadOptions& options;
  const OffloadLease& lease;

  lake::ObjectLake& lake() const { return *attachment->lake; }
  bool lake_hierarchical() const { return attachment->record.lake_hierarchical; }
  // For one request to it.
  lake::LakeCall Call() const {
    lake::LakeCall call;
    call.context.deadline = std::chrono::steady_clock::now() + options.request_time;
    call.context.cancel = loop.token();
    call.cause = lake::Cause::kOffload;
    return call;
  }
};

}  // namespace forebay::tier
