#include "rest/blob/container_headers.h"

#include "azure/error_table.h"
#include "base/encoding.h"
#include "rest/blob/responses.h"

namespace forebay::rest {

Result<azure::PublicAccess> PublicAccessFrom(const Call& call) {
  const auto text = azure::FindHeader(call.headers(), "x-ms-blob-public-access");
  if (!text || text->empty()) return azure::PublicAccess::kNone;
  azure::PublicAccess access = azure::PublicAccess::kNone;
  if (EqualsIgnoreCase(*text, "container")) {
    access = azure::PublicAccess::kContainer;
  } else if (EqualsIgnoreCase(*text, "blob")) {
    access = azure::PublicAccess::kBlob;
  } else {
    return Fail(azure::InvalidHeaderError("x-ms-blob-public-access", *text));
  }
  if (!call.account->allow_public_access) {
    return Fail(Code::kPublicAccessNotPermitted,
                "Public access is not permitted on this storage account.");
  }
  return access;
}

void AddPublicAccess(http::Response& response, azure::PublicAccess access) {
  if (access == azure::PublicAccess::kNone) return;
  response.headers.Add("x-ms-blob-public-access",
                       access == azure::PublicAccess::kContainer ? "container" : "blob");
}

void AddContainerTimes(http::Response& response, const meta::ContainerRecord& record) {
  AddChanged(response, {azure::MakeETag(record.etag.value()), record.modified});
}

Result<> CheckContainerLease(const Call& call, const meta::ContainerRecord& record) {
  FB_ASSIGN_OR_RETURN(const azure::Conditions conditions, azure::ConditionsFrom(call.headers()));
  return meta::CheckLeaseIfGiven(record.lease, conditions.lease_id, meta::LeasedThing::kContainer,
                                 call.now);
}

}  // namespace forebay::rest
