#include "engine/residency.h"

#include <algorithm>

#include "meta/keys.h"

namespace forebay::engine {

std::string_view ResidencyName(Residency residency) {
  switch (residency) {
    case Residency::kLocal:
      return "local";
    case Residency::kBoth:
      return "both";
    case Residency::kLake:
      return "lake";
    case Residency::kPartial:
      return "partial";
  }
  return "local";
}

Result<Resident> ResidentOf(const kv::Reader& reader, const meta::BlobRecord& record) {
  if (!record.body.in_lake) {
    const bool same =
        record.lake && !record.lake->etag.empty() && record.lake->body == record.body.id;
    return Resident{same ? Residency::kBoth : Residency::kLocal, record.length};
  }
  FB_ASSIGN_OR_RETURN(auto counter, reader.Get(meta::keys::ResidentBytes(record.body.id)));
  const std::int64_t count = std::max<std::int64_t>(kv::CounterValue(counter), 0);
  const std::uint64_t bytes = std::min(static_cast<std::uint64_t>(count), record.length);
  if (bytes == 0) return Resident{Residency::kLake, 0};
  return Resident{bytes < record.length ? Residency::kPartial : Residency::kBoth, bytes};
}

bool LakeHolds(const meta::BlobRecord& record) {
  return record.lake && !record.lake->etag.empty() && record.lake->unsent == 0 &&
         record.lake->name.empty() && record.body.id.value() != 0 &&
         record.lake->body == record.body.id;
}

}  // namespace forebay::engine
