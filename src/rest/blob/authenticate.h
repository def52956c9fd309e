// Who asks, and whether they may: SharedKey, SharedKeyLite, account SAS, service SAS with stored
// access policies, and anonymous reads of public containers.
//
// Credentials are checked before anything is read, except the container's record where a stored
// policy or public access needs it. What an operation asks for is the table of azure/permissions.h.
// Thread safe: functions only.
#pragma once

#include <optional>
#include <string_view>

#include "async/context.h"
#include "async/task.h"
#include "azure/permissions.h"
#include "azure/sas.h"
#include "azure/target.h"
#include "azure/version.h"
#include "azure/wire.h"
#include "engine/services.h"
#include "rest/blob/accounts.h"
#include "rest/blob/sas_cache.h"

namespace forebay::rest {

enum class AuthKind : std::uint8_t {
  kAnonymous,
  kSharedKey,
  kSharedKeyLite,
  kAccountSas,
  kServiceSas
};
std::string_view AuthKindName(AuthKind kind);

struct Authentication {
  AuthKind kind = AuthKind::kAnonymous;
  // The caller may create the blob but not overwrite one (a SAS with c and without w).
  bool create_only = false;
  // A SAS for one blob, which is no word on what lies below that name (azure::SasDecision).
  bool one_blob = false;
  // rscc … rsct of the SAS.
  azure::HeaderOverrides overrides;
  // The `sv` of the SAS, which names the version of a request without x-ms-version.
  azure::ServiceVersion sas_version;
};

// Everything that a decision depends on; a copy source's URL is one of these too. Views and
// pointers must outlive the call.
struct AuthRequest {
  std::string_view method;
  const azure::RequestTarget* target = nullptr;
  azure::HeaderSpan headers;
  azure::Operation operation = azure::Operation::kGetBlob;
  // Of another API's operation (rest/blob/dialect.h); null: InfoOf(operation).
  const azure::OperationInfo* info = nullptr;
  // What a directory's SAS must cover where the target names only the container.
  std::optional<azure::BlobName> scope;
  azure::Permissions extra;       // needed besides the operation's (azure::ExtraPermissions)
  azure::ServiceVersion version;  // x-ms-version; empty when the request names none
  std::string_view client_ip;
  bool tls = false;
  WallTime now;
  SasCache* cache = nullptr;  // may be null: then every token is parsed and verified anew
};

// The same decision without a wait, where one is possible: a SAS that was verified before and names
// no stored policy. nullopt: ask Authenticate.
std::optional<Result<Authentication>> AuthenticateKnownSas(const AccountEntry* account,
                                                           const AuthRequest& request);

// Errors: those of azure/shared_key.h and azure/sas.h; kNoAuthenticationInformation (401),
// kResourceNotFound (404), kPublicAccessNotPermitted (409) and kAuthorizationFailure for requests
// without credentials; kInsufficientAccountPermissions for writes to the secondary endpoint.
// `account` null: nobody knows the account.
Task<Authentication> Authenticate(engine::Services& services, OpContext context,
                                  const AccountEntry* account, AuthRequest request);

}  // namespace forebay::rest
