#include "tier/pins.h"

#include <algorithm>

#include "meta/keys.h"

namespace forebay::tier {

Result<PinSet> PinSet::Of(const meta::PinsRecord& record) {
  PinSet set;
  for (const meta::PinEntry& pin : record.pins) {
    FB_ASSIGN_OR_RETURN(Glob glob, Glob::Parse(pin.pattern));
    set.globs_.push_back(std::move(glob));
  }
  return set;
}

const std::string* PinSet::Matching(std::string_view name) const {
  for (const Glob& glob : globs_) {
    if (name.starts_with(glob.literal_prefix()) && glob.Matches(name)) return &glob.pattern();
  }
  return nullptr;
}

Result<PinSetPtr> PinCache::Of(const kv::Reader& reader, meta::ContainerId container) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(meta::keys::Pins(container)));
  const std::string record = stored.value_or("");
  {
    std::lock_guard lock(mutex_);
    const auto it = entries_.find(container);
    if (it != entries_.end() && it->second.record == record) return it->second.set;
  }
  meta::PinsRecord pins;
  if (stored) {
    FB_ASSIGN_OR_RETURN(pins, meta::DecodePins(record));
  }
  FB_ASSIGN_OR_RETURN(PinSet compiled, PinSet::Of(pins));
  auto set = std::make_shared<const PinSet>(std::move(compiled));
  std::lock_guard lock(mutex_);
  entries_[container] = {record, set};
  return set;
}

Result<meta::PinsRecord> LoadPins(const kv::Reader& reader, meta::ContainerId container) {
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(meta::keys::Pins(container)));
  if (!stored) return meta::PinsRecord();
  return meta::DecodePins(*stored);
}

Result<> AddPin(kv::Transaction& txn, meta::ContainerId container, const meta::PinEntry& pin) {
  FB_RETURN_IF_ERROR(Glob::Parse(pin.pattern));
  FB_ASSIGN_OR_RETURN(meta::PinsRecord record, LoadPins(txn, container));
  const auto there = std::ranges::find(record.pins, pin.pattern, &meta::PinEntry::pattern);
  if (there != record.pins.end()) {
    there->hydrate = there->hydrate || pin.hydrate;
  } else if (record.pins.size() == meta::kMaxPins) {
    return Fail(Code::kLimitExceeded, "A container can have " + std::to_string(meta::kMaxPins) +
                                          " pins; use patterns that match more.");
  } else {
    record.pins.push_back(pin);
  }
  std::string encoded = meta::Encode(record);
  if (encoded.size() > kv::kMaxValueBytes) {
    return Fail(Code::kLimitExceeded, "The patterns of the container's pins are too long.");
  }
  txn.Put(meta::keys::Pins(container), encoded);
  return {};
}

Result<> RemovePin(kv::Transaction& txn, meta::ContainerId container, std::string_view pattern) {
  FB_ASSIGN_OR_RETURN(meta::PinsRecord record, LoadPins(txn, container));
  const auto erased = std::erase_if(
      record.pins, [pattern](const meta::PinEntry& pin) { return pin.pattern == pattern; });
  if (erased == 0) return Fail(Code::kResourceNotFound, "That pattern is not pinned.");
  if (record.pins.empty()) {
    txn.Erase(meta::keys::Pins(container));
  } else {
    txn.Put(meta::keys::Pins(container), meta::Encode(record));
  }
  return {};
}

}  // namespace forebay::tier
