// Lease operations as headers have them: Lease Blob, Lease Container and the Data Lake API's Lease
// Path differ only in the method.
#pragma once

#include "engine/lease.h"
#include "http/message.h"
#include "rest/blob/call.h"

namespace forebay::rest {

// x-ms-lease-action, -duration, -id, -break-period and x-ms-proposed-lease-id. An acquire without a
// proposed id gets one. kMissingRequiredHeader, kInvalidHeaderValue.
Result<engine::LeaseRequest> LeaseFrom(const Call& call);
http::Response LeaseAnswer(engine::LeaseAction action, const engine::LeaseResult& result);

// A GUID in any of the forms that .NET takes.
bool IsLeaseId(std::string_view text);
// 15 to 60 seconds, or -1. kInvalidHeaderValue.
Result<std::int32_t> LeaseSeconds(std::string_view text);

// x-ms-lease-status, -state and, while leased, -duration.
void AddLeaseHeaders(http::Response& response, const meta::ResourceLease& lease, WallTime now);

}  // namespace forebay::rest
