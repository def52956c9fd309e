#include "tier/attachments.h"

#include "base/codec.h"
#include "base/log.h"
#include "base/uuid.h"
#include "meta/keys.h"

namespace forebay::tier {

Result<> Attachments::Load(const kv::Reader& reader) {
  const std::string prefix = meta::keys::Attachments();
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid(); it->Next()) {
    const auto container = meta::keys::ContainerOfAttachmentKey(it->key());
    if (!container) continue;
    FB_ASSIGN_OR_RETURN(const meta::AttachRecord record, meta::DecodeAttach(it->value()));
    auto made = Make(*container, record);
    if (!made) {
      Log(LogLevel::kError, "the lake of a container cannot be used",
          {{"container", record.container}, {"error", made.error().ToString()}});
      continue;
    }
    Add(std::move(*made));
  }
  return it->status();
}

Result<AttachmentPtr> Attachments::Make(meta::ContainerId container,
                                        const meta::AttachRecord& record) const {
  auto attachment = std::make_shared<Attachment>();
  attachment->container = container;
  attachment->record = record;
  FB_ASSIGN_OR_RETURN(auto lake, factory_(record));
  attachment->lake =
      std::make_shared<GuardedLake>(std::move(lake), CircuitBreakerOptions(), RandomU64());
  if (record.mode == meta::LakeMode::kCapacity) {
    attachment->owner = std::make_unique<OverflowOwner>(attachment->lake, us_,
                                                        record.account + "/" + record.container);
  }
  return attachment;
}

void Attachments::Add(AttachmentPtr attachment) {
  std::lock_guard lock(mutex_);
  attachments_[attachment->container] = std::move(attachment);
}

void Attachments::Remove(meta::ContainerId container) {
  std::lock_guard lock(mutex_);
  const auto it = attachments_.find(container);
  if (it == attachments_.end()) return;
  it->second->detached = true;
  attachments_.erase(it);
}

Result<AttachmentPtr> Attachments::Find(meta::ContainerId container) const {
  std::lock_guard lock(mutex_);
  const auto it = attachments_.find(container);
  if (it != attachments_.end()) return it->second;
  return Fail(Code::kOffline, "The container's lake is not served by this process.");
}

std::vector<AttachmentPtr> Attachments::All() const {
  std::lock_guard lock(mutex_);
  std::vector<AttachmentPtr> all;
  for (const auto& [container, attachment] : attachments_) all.push_back(attachment);
  return all;
}

}  // namespace forebay::tier
