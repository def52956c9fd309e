// What the container operations share: public access, the container's own headers, and the lease
// that a read may name.
#pragma once

#include "azure/permissions.h"
#include "http/message.h"
#include "meta/records.h"
#include "rest/blob/call.h"

namespace forebay::rest {

// x-ms-blob-public-access: "container", "blob", or absent. kInvalidHeaderValue;
// kPublicAccessNotPermitted where the account does not allow it.
Result<azure::PublicAccess> PublicAccessFrom(const Call& call);
void AddPublicAccess(http::Response& response, azure::PublicAccess access);

// ETag, Last-Modified of the record.
void AddContainerTimes(http::Response& response, const meta::ContainerRecord& record);

// A read that names a lease holds only while the container has it:
// kLeaseNotPresentWithContainerOperation, kLeaseIdMismatchWithContainerOperation, kLeaseLost.
Result<> CheckContainerLease(const Call& call, const meta::ContainerRecord& record);

}  // namespace forebay::rest
