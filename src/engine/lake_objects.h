// Bodies of a container that is ours and whose lake is but room (meta::LakeMode::kCapacity; ADR
// 0114): each lies there as one object that is named by its id.
//
// An object is written once and has one owner, its body: copies of a blob whose body is the lake's
// go through bytes. So it lives as long as that body does. The transaction in which the sweeper
// takes the last of a body apart, which no reader and no record stands in the way of by then, puts
// the object on the list of those to be deleted, and tier/overflow_keeper.h deletes it there.
//
// Functions of a reader or a transaction. Format: docs/formats/tier-records.md.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kv/store.h"
#include "meta/ids.h"

namespace forebay::engine {

// Its name in the lake, below the attachment's prefix.
std::string LakeObjectName(meta::BodyId body);
// nullopt: no object of ours has such a name.
std::optional<meta::BodyId> BodyOfLakeObject(std::string_view name);

// The body, which is the lake's from this transaction on, lies there.
void OwnLakeObject(kv::Transaction& txn, meta::ContainerId container, meta::BodyId body,
                   std::uint64_t length);
Result<bool> IsLakeObjectOwned(const kv::Reader& reader, meta::BodyId body);
// The body is gone: its object, if it has one, is to be deleted.
Result<> ReleaseLakeObject(kv::Transaction& txn, meta::BodyId body);
// Something of that name may be in the lake and is to be deleted. Nothing happens where a body owns
// it.
Result<> DoomLakeObject(kv::Transaction& txn, meta::ContainerId container, meta::BodyId body);
// The lake does not have it any more: what is here of the body is all there is.
Result<bool> IsLakeObjectLost(const kv::Reader& reader, meta::BodyId body);
// True for whoever says it first of a body.
Result<bool> MarkLakeObjectLost(kv::Transaction& txn, meta::BodyId body);

// Those to be deleted, in their order, at most `max` from the one behind `after` on (none: from the
// first).
Result<std::vector<meta::BodyId>> DoomedLakeObjects(const kv::Reader& reader,
                                                    meta::ContainerId container, std::size_t max,
                                                    meta::BodyId after = {});
Result<bool> IsLakeObjectDoomed(const kv::Reader& reader, meta::ContainerId container,
                                meta::BodyId body);

struct LakeObjectCounts {
  std::uint64_t objects = 0;  // that a body owns
  std::uint64_t bytes = 0;
};
Result<LakeObjectCounts> CountLakeObjects(const kv::Reader& reader, meta::ContainerId container);

}  // namespace forebay::engine
