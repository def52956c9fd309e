#include "engine/sweep_backlog.h"

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

Result<std::uint64_t> Count(const kv::Reader& reader, const std::string& prefix,
                            std::uint64_t limit) {
  std::uint64_t count = 0;
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid() && count < limit; it->Next()) ++count;
  FB_RETURN_IF_ERROR(it->status());
  return count;
}

}  // namespace

Result<SweepBacklog> CountSweepBacklog(const kv::Store& store, std::uint64_t limit) {
  SweepBacklog backlog;
  auto reader = store.GetSnapshot();
  FB_ASSIGN_OR_RETURN(backlog.bodies, Count(*reader, meta::keys::GarbageBodies(), limit));
  FB_ASSIGN_OR_RETURN(backlog.containers, Count(*reader, meta::keys::GarbageContainers(), limit));
  FB_ASSIGN_OR_RETURN(backlog.uncommitted_blobs, Count(*reader, meta::keys::AllStagings(), limit));
  return backlog;
}

}  // namespace forebay::engine
