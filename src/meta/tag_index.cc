#include "meta/tag_index.h"

#include "meta/keys.h"

namespace forebay::meta {

void IndexTags(kv::Transaction& txn, ContainerId container, std::string_view name,
               const azure::Tags& tags) {
  for (const auto& [key, value] : tags) txn.Put(keys::Tag(container, key, value, name), {});
}

void UnindexTags(kv::Transaction& txn, ContainerId container, std::string_view name,
                 const azure::Tags& tags) {
  for (const auto& [key, value] : tags) txn.Erase(keys::Tag(container, key, value, name));
}

void ReindexTags(kv::Transaction& txn, ContainerId container, std::string_view name,
                 const azure::Tags& before, const azure::Tags& after) {
  for (const auto& [key, value] : before) {
    const auto it = after.find(key);
    if (it == after.end() || it->second != value) {
      txn.Erase(keys::Tag(container, key, value, name));
    }
  }
  for (const auto& [key, value] : after) {
    const auto it = before.find(key);
    if (it == before.end() || it->second != value) {
      txn.Put(keys::Tag(container, key, value, name), {});
    }
  }
}

}  // namespace forebay::meta
