// The engine's operations on plain maps, for the model test: what each means, with nothing of how
// it is done. Errors are Codes, in the order in which the engine looks for them. One thread.
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "azure/names.h"
#include "azure/properties.h"
#include "engine/put_block_list.h"
#include "meta/path.h"

namespace forebay::engine {

struct ModelBlob {
  std::string bytes;
  azure::Metadata metadata;
  azure::Tags tags;
  std::string content_type;
  azure::AccessTier tier = azure::AccessTier::kHot;
  std::vector<std::pair<std::string, std::string>> blocks;  // committed: id and bytes
  azure::ETag etag;
  bool directory = false;
};

// The conditions that the walk uses, as what they mean.
enum class ModelCondition : std::uint8_t { kNone, kIsCurrent, kIsStale, kIsAbsent, kIsNotCurrent };

class ModelContainer {
 public:
  using Less = std::function<bool(std::string_view, std::string_view)>;
  using Failure = std::optional<Code>;  // nullopt: success

  explicit ModelContainer(bool hierarchical)
      : hierarchical_(hierarchical), blobs_(Order(hierarchical)), staged_(Order(hierarchical)) {}

  const ModelBlob* Find(const std::string& name) const {
    const auto it = blobs_.find(name);
    return it == blobs_.end() ? nullptr : &it->second;
  }
  ModelBlob* Find(const std::string& name) {
    const auto it = blobs_.find(name);
    return it == blobs_.end() ? nullptr : &it->second;
  }

  Failure CheckWrite(const std::string& name, ModelCondition condition) const {
    const bool exists = Find(name) != nullptr;
    switch (condition) {
      case ModelCondition::kNone:
        return std::nullopt;
      case ModelCondition::kIsCurrent:  // If-Match: the ETag there is, or anything when there is
                                        // none
        return exists ? Failure() : Code::kConditionNotMet;
      case ModelCondition::kIsStale:
        return Code::kConditionNotMet;
      case ModelCondition::kIsAbsent:
        return exists ? Failure(Code::kBlobAlreadyExists) : std::nullopt;
      case ModelCondition::kIsNotCurrent:
        return exists ? Failure(Code::kConditionNotMet) : std::nullopt;
    }
    return std::nullopt;
  }

  // What is in Archive is not written over.
  Failure CheckArchive(const std::string& name) const {
    const ModelBlob* there = Find(name);
    const bool archived = there != nullptr && there->tier == azure::AccessTier::kArchive;
    return archived ? Failure(Code::kBlobArchived) : std::nullopt;
  }

  Failure Put(const std::string& name, ModelBlob blob, ModelCondition condition,
              bool keep_tier = true) {
    if (const Failure failure = CheckWrite(name, condition)) return failure;
    if (const Failure failure = CheckArchive(name)) return failure;
    if (const ModelBlob* there = Find(name); there && keep_tier) blob.tier = there->tier;
    return Replace(name, std::move(blob));
  }

  Failure Stage(const std::string& name, const std::string& id, std::string bytes) {
    if (const ModelBlob* there = Find(name); there && there->directory) return Code::kPathConflict;
    if (const Failure failure = CheckArchive(name)) return failure;
    staged_[name][id] = std::move(bytes);
    return std::nullopt;
  }

  Failure Commit(const std::string& name, const std::vector<BlockListEntry>& list, ModelBlob blob,
                 ModelCondition condition) {
    if (const Failure failure = CheckWrite(name, condition)) return failure;
    if (const Failure failure = CheckArchive(name)) return failure;
    if (const ModelBlob* there = Find(name)) blob.tier = there->tier;
    for (const BlockListEntry& entry : list) {
      const std::string* bytes = BlockOf(name, entry);
      if (bytes == nullptr) return Code::kInvalidBlockList;
      blob.bytes += *bytes;
      blob.blocks.emplace_back(entry.id.str(), *bytes);
    }
    return Replace(name, std::move(blob));
  }

  Failure Delete(const std::string& name, ModelCondition condition) {
    const ModelBlob* there = Find(name);
    if (there == nullptr) return Code::kBlobNotFound;
    if (const Failure failure = CheckWrite(name, condition)) return failure;
    if (there->directory && std::ranges::any_of(blobs_, [&](const auto& entry) {
          return entry.first.starts_with(name + "/");
        })) {
      return Code::kDirectoryNotEmpty;
    }
    blobs_.erase(name);
    staged_.erase(name);
    return std::nullopt;
  }

  // What List Blobs shows: prefixes in angle brackets, uncommitted blobs with a question mark.
  std::vector<std::string> List(const std::string& prefix, const std::string& delimiter,
                                bool include_uncommitted) const {
    std::map<std::string, bool, Less> names(Order(hierarchical_));  // value: there is a record
    for (const auto& [name, blob] : blobs_) names[name] = true;
    if (include_uncommitted) {
      for (const auto& [name, blocks] : staged_) names.try_emplace(name, false);
    }
    std::vector<std::string> out;
    for (const auto& [name, committed] : names) {
      if (!name.starts_with(prefix)) continue;
      std::string item = name + (committed ? "" : "?");
      if (!delimiter.empty()) {
        const std::size_t at = name.find(delimiter, prefix.size());
        const ModelBlob* blob = Find(name);
        if (at != std::string::npos) {
          item = "<" + name.substr(0, at + delimiter.size()) + ">";
        } else if (blob && blob->directory) {
          item = "<" + name + "/>";
        }
      }
      if (out.empty() || out.back() != item) out.push_back(std::move(item));
    }
    return out;
  }

  const std::map<std::string, std::string>* Staged(const std::string& name) const {
    const auto it = staged_.find(name);
    return it == staged_.end() ? nullptr : &it->second;
  }
  std::vector<std::string> WithTag(const std::string& key, const std::string& value) const {
    std::vector<std::string> names;
    for (const auto& [name, blob] : blobs_) {
      const auto tag = blob.tags.find(key);
      if (tag != blob.tags.end() && tag->second == value) names.push_back(name);
    }
    std::ranges::sort(names);
    return names;
  }
  std::vector<std::string> Names() const {
    std::vector<std::string> names;
    for (const auto& [name, blob] : blobs_) names.push_back(name);
    return names;
  }

 private:
  static Less Order(bool hierarchical) {
    if (hierarchical) return meta::PathLess();
    return std::less<std::string_view>();
  }

  Failure Replace(const std::string& name, ModelBlob blob) {
    if (const ModelBlob* there = Find(name); there && there->directory) return Code::kPathConflict;
    if (hierarchical_) {
      std::vector<std::string> parents;
      for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
        parents.push_back(name.substr(0, at));
      }
      for (const std::string& parent : parents) {
        if (const ModelBlob* there = Find(parent); there && !there->directory) {
          return Code::kPathConflict;
        }
      }
      ModelBlob directory;
      directory.directory = true;
      directory.etag = blob.etag;
      for (const std::string& parent : parents) blobs_.try_emplace(parent, directory);
    }
    blobs_[name] = std::move(blob);
    staged_.erase(name);
    return std::nullopt;
  }

  const std::string* BlockOf(const std::string& name, const BlockListEntry& entry) const {
    if (entry.source != BlockSource::kCommitted) {
      if (const auto it = staged_.find(name); it != staged_.end()) {
        if (const auto block = it->second.find(entry.id.str()); block != it->second.end()) {
          return &block->second;
        }
      }
    }
    if (entry.source != BlockSource::kUncommitted) {
      if (const ModelBlob* there = Find(name)) {
        for (const auto& [id, bytes] : there->blocks) {
          if (id == entry.id.str()) return &bytes;
        }
      }
    }
    return nullptr;
  }

  bool hierarchical_;
  std::map<std::string, ModelBlob, Less> blobs_;
  std::map<std::string, std::map<std::string, std::string>, Less> staged_;
};

}  // namespace forebay::engine
