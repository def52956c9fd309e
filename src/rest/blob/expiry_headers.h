// x-ms-expiry-option and x-ms-expiry-time: when a file of a hierarchical account expires.
#pragma once

#include "azure/wire.h"
#include "base/result.h"
#include "engine/create_path.h"

namespace forebay::rest {

// `kNever` when there is no such header. kInvalidHeaderValue, kMissingRequiredHeader.
Result<engine::ExpiryRequest> ExpiryFrom(azure::HeaderSpan headers);

}  // namespace forebay::rest
