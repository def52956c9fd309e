// Takes one blob, file or empty directory out of the namespace with all that hangs on it. A
// transaction that does so makes room (kv/store.h).
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"
#include "engine/services.h"
#include "kv/store.h"
#include "meta/records.h"

namespace forebay::engine {

// In a transaction; `record` is what is there. kDirectoryNotEmpty.
Result<> RemoveRecord(Services& services, kv::Transaction& txn,
                      const meta::ContainerRecord& container, std::string_view name,
                      const meta::BlobRecord& record, WallTime now);

}  // namespace forebay::engine
