// What the guard of deletes must not forget over a restart, as it is stored (key
// meta::keys::DeleteGuard). Format: docs/formats/tier-records.md. Pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "kv/store.h"
#include "meta/ids.h"
#include "tier/delete_guard.h"

namespace forebay::tier {

std::string Encode(const DeleteGuard::Saved& saved);
Result<DeleteGuard::Saved> DecodeGuard(std::string_view in);
// nullopt where nothing was stored.
Result<std::optional<DeleteGuard::Saved>> LoadGuard(const kv::Reader& reader,
                                                    meta::ContainerId container);

}  // namespace forebay::tier
