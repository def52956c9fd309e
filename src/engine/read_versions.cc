#include "engine/read_versions.h"

#include <list>
#include <mutex>
#include <unordered_map>

#include "engine/get_blob.h"

namespace forebay::engine {
namespace {

std::string KeyOf(const ReadVersions::Version& version) {
  return std::to_string(version.inode) + " " + version.etag.str();
}

// A map that forgets: what was not touched while another `most / 2` things were is dropped.
template <class Key, class Value>
class Recent {
 public:
  explicit Recent(std::size_t most) : half_(most / 2) {}

  Value& Touch(const Key& key) {
    if (auto found = young_.find(key); found != young_.end()) return found->second;
    if (young_.size() >= half_) {
      old_ = std::move(young_);
      young_.clear();
    }
    Value value{};
    if (auto found = old_.find(key); found != old_.end()) {
      value = std::move(found->second);
      old_.erase(found);
    }
    return young_.emplace(key, std::move(value)).first->second;
  }
  const Value* Find(const Key& key) const {
    for (const auto* map : {&young_, &old_}) {
      if (auto found = map->find(key); found != map->end()) return &found->second;
    }
    return nullptr;
  }

 private:
  const std::size_t half_;
  std::unordered_map<Key, Value> young_, old_;
};

struct NotedVersion {
  ReadVersions::Content content;
  WallTime read;
};

// The versions from `first` to `last` are each the beginning of the next.
struct Chain {
  azure::ETag first;
  azure::ETag last;
};

}  // namespace

struct ReadVersions::Impl {
  struct Held {
    std::string key;
    std::shared_ptr<const HeldVersion> version;
    WallTime read;
  };
  using List = std::list<Held>;  // what was read last in front

  mutable std::mutex mutex;
  Recent<std::string, NotedVersion> noted{kMostNoted};
  Recent<std::uint64_t, Chain> chains{kMostNoted};
  List held;
  std::unordered_map<std::string, List::iterator> by_key;

  // Takes the oldest out; what it holds is let go by the caller, without the mutex.
  std::shared_ptr<const HeldVersion> DropLast() {
    auto version = std::move(held.back().version);
    by_key.erase(held.back().key);
    held.pop_back();
    return version;
  }
};

ReadVersions::ReadVersions() : impl_(std::make_unique<Impl>()) {}
ReadVersions::~ReadVersions() = default;

void ReadVersions::Note(const Version& version, Content content, WallTime now) {
  const std::string key = KeyOf(version);
  std::lock_guard lock(impl_->mutex);
  impl_->noted.Touch(key) = {content, now};
}

std::optional<ReadVersions::Content> ReadVersions::Noted(const Version& version,
                                                         WallTime now) const {
  const std::string key = KeyOf(version);
  std::lock_guard lock(impl_->mutex);
  const NotedVersion* noted = impl_->noted.Find(key);
  if (noted == nullptr || noted->read + kLately < now) return std::nullopt;
  return noted->content;
}

void ReadVersions::Hold(const Version& version, std::shared_ptr<const HeldVersion> held,
                        WallTime now) {
  const std::string key = KeyOf(version);
  std::shared_ptr<const HeldVersion> dropped;
  std::lock_guard lock(impl_->mutex);
  if (impl_->by_key.contains(key)) return;
  if (impl_->held.size() >= kMostHeld) dropped = impl_->DropLast();
  impl_->held.push_front({key, std::move(held), now});
  impl_->by_key[key] = impl_->held.begin();
}

std::shared_ptr<const HeldVersion> ReadVersions::Find(const Version& version, WallTime now) {
  const std::string key = KeyOf(version);
  std::lock_guard lock(impl_->mutex);
  const auto found = impl_->by_key.find(key);
  if (found == impl_->by_key.end()) return nullptr;
  found->second->read = now;
  impl_->held.splice(impl_->held.begin(), impl_->held, found->second);
  return found->second->version;
}

void ReadVersions::Expire(WallTime now) {
  std::list<std::shared_ptr<const HeldVersion>> dropped;  // ends after the lock
  std::lock_guard lock(impl_->mutex);
  while (!impl_->held.empty() && impl_->held.back().read + kLately < now) {
    dropped.push_back(impl_->DropLast());
  }
}

std::size_t ReadVersions::held() const {
  std::lock_guard lock(impl_->mutex);
  return impl_->held.size();
}

void ReadVersions::Grew(const Version& from, const azure::ETag& to) {
  std::lock_guard lock(impl_->mutex);
  Chain& chain = impl_->chains.Touch(from.inode);
  if (chain.last != from.etag) chain.first = from.etag;
  chain.last = to;
}

azure::ETag ReadVersions::GrownFrom(const Version& version) const {
  std::lock_guard lock(impl_->mutex);
  const Chain* chain = impl_->chains.Find(version.inode);
  return chain != nullptr && chain->last == version.etag ? chain->first : version.etag;
}

}  // namespace forebay::engine
