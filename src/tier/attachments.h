// Which containers stand in front of which lake: the attachments of this process, by container.
//
// Thread safe. An attachment and its lake live as long as somebody holds the handle; one that was
// detached meanwhile says so.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "kv/store.h"
#include "lake/object_lake.h"
#include "meta/ids.h"
#include "meta/lake_records.h"
#include "tier/guarded_lake.h"
#include "tier/overflow_owner.h"

namespace forebay::tier {

struct Attachment {
  meta::ContainerId container;
  meta::AttachRecord record;
  std::shared_ptr<GuardedLake> lake;
  std::unique_ptr<OverflowOwner> owner;  // where the lake is room for bodies; else null
  std::atomic<bool> detached{false};
};
using AttachmentPtr = std::shared_ptr<Attachment>;

// Makes the client of a lake (which gets its circuit breaker in front) from what an attachment
// says: the credential is read from where it is kept. No request is sent.
using LakeFactory =
    std::function<Result<std::shared_ptr<lake::ObjectLake>>(const meta::AttachRecord&)>;

class Attachments {
 public:
  // `us`: who this server is, to others on the same lake.
  explicit Attachments(LakeFactory factory, OverflowIdentity us = {})
      : factory_(std::move(factory)), us_(std::move(us)) {}

  // The attachments that the store knows; blocks. A lake whose client cannot be made (a credential
  // file that is gone) is logged and left out: its containers answer kOffline.
  Result<> Load(const kv::Reader& reader);
  Result<AttachmentPtr> Make(meta::ContainerId container, const meta::AttachRecord& record) const;
  void Add(AttachmentPtr attachment);
  void Remove(meta::ContainerId container);
  // kOffline when there is none.
  Result<AttachmentPtr> Find(meta::ContainerId container) const;
  std::vector<AttachmentPtr> All() const;

 private:
  const LakeFactory factory_;
  const OverflowIdentity us_;
  mutable std::mutex mutex_;
  std::unordered_map<meta::ContainerId, AttachmentPtr> attachments_;
};

}  // namespace forebay::tier
