#include "rest/blob/authenticate.h"

#include <algorithm>

#include "azure/error_table.h"
#include "engine/get_container.h"

namespace forebay::rest {
namespace {

// From this version on Azure challenges an unauthenticated request instead of hiding the resource.
constexpr azure::ServiceVersion kChallengeVersion{2019, 12, 12};

const azure::OperationInfo& InfoOf(const AuthRequest& request) {
  return request.info != nullptr ? *request.info : azure::InfoOf(request.operation);
}

Result<Authentication> CheckSharedKey(const AccountEntry& account, const AuthRequest& request,
                                      std::string_view header) {
  FB_ASSIGN_OR_RETURN(auto authorization, azure::ParseAuthorization(header));
  if (authorization.account != account.name) {
    return Fail(
        azure::AuthenticationError("The account name in the Authorization header is not "
                                   "the account that the request addresses."));
  }
  FB_RETURN_IF_ERROR(azure::CheckRequestDate(request.headers, request.now));
  const azure::SigningInput input{request.method, request.target->raw_path, &request.target->query,
                                  request.headers, account.name};
  FB_RETURN_IF_ERROR(azure::VerifySharedKey(authorization, input, account.keys));
  Authentication out;
  out.kind = authorization.scheme == azure::SharedKeyScheme::kSharedKey ? AuthKind::kSharedKey
                                                                        : AuthKind::kSharedKeyLite;
  return out;
}

// What is checked on every request, however well the token is known.
Result<Authentication> JudgeSas(const azure::EffectiveSas& sas, azure::ServiceVersion version,
                                const AuthRequest& request) {
  FB_RETURN_IF_ERROR(azure::CheckSas(sas, request.now, request.client_ip, request.tls));
  FB_ASSIGN_OR_RETURN(auto decision, azure::AuthorizeSas(sas, InfoOf(request), request.extra));
  Authentication out;
  out.kind = sas.kind == azure::SasKind::kAccount ? AuthKind::kAccountSas : AuthKind::kServiceSas;
  out.create_only = decision.create_only;
  out.one_blob = decision.one_blob;
  out.overrides = sas.overrides;
  out.sas_version = version;
  return out;
}

Result<Authentication> FinishSas(const azure::SasToken& token, const azure::StoredPolicy* policy,
                                 const AuthRequest& request) {
  FB_ASSIGN_OR_RETURN(azure::EffectiveSas sas, azure::ResolveSas(token, policy));
  return JudgeSas(sas, token.version, request);
}

bool WritesToSecondary(const AuthRequest& request) {
  return request.target->secondary && InfoOf(request).effect != azure::Effect::kRead;
}

// Under what the request's token is kept, if at all.
std::optional<std::string> CacheKeyOf(const AccountEntry* account, const AuthRequest& request) {
  // A scope from elsewhere than the target is not part of the key.
  if (request.scope) return std::nullopt;
  if (request.cache == nullptr || account == nullptr) return std::nullopt;
  return SasCache::KeyOf(*account, *request.target);
}

// The request's token, its signature verified; null when the request has none.
Result<VerifiedSasPtr> VerifiedToken(const AccountEntry* account, const AuthRequest& request) {
  const azure::RequestTarget& target = *request.target;
  std::optional<std::string> key = CacheKeyOf(account, request);
  if (key) {
    if (auto known = request.cache->Find(*key)) return known;
  }
  FB_ASSIGN_OR_RETURN(auto token, azure::ParseSas(target.query));
  if (!token) return VerifiedSasPtr();
  if (account == nullptr) {
    return Fail(azure::AuthenticationError("The account does not exist on this server."));
  }
  azure::SasScope scope{account->name, target.container, target.blob, target.query.Get("snapshot"),
                        target.query.Get("versionid")};
  if (request.operation == azure::Operation::kListBlobs && token->resource == "d") {
    // A directory's token lists below the directory, and nowhere else.
    scope.blob = azure::BlobName(target.query.Get("prefix"));
    scope.is_prefix = true;
  }
  if (request.scope) {
    scope.blob = *request.scope;
    scope.is_prefix = false;
  }
  FB_RETURN_IF_ERROR(azure::VerifySasSignature(*token, scope, account->keys));
  auto verified = std::make_shared<VerifiedSas>();
  if (token->identifier.empty()) {
    // What does not resolve is refused each time, by the same words.
    if (auto effective = azure::ResolveSas(*token, nullptr)) {
      verified->effective = std::move(*effective);
    }
  }
  verified->token = std::move(*token);
  if (key) request.cache->Keep(std::move(*key), verified);
  return verified;
}

engine::ContainerTarget ContainerOf(const AccountEntry& account, const AuthRequest& request) {
  return {{account.name, account.hierarchical}, *request.target->container};
}

Task<Authentication> CheckSasToken(engine::Services& services, OpContext context,
                                   const AccountEntry& account, const AuthRequest& request,
                                   VerifiedSasPtr verified) {
  const azure::SasToken& token = verified->token;
  const azure::RequestTarget& target = *request.target;
  if (token.identifier.empty() || !target.container) co_return FinishSas(token, nullptr, request);
  auto container =
      co_await engine::GetContainer(services, std::move(context), ContainerOf(account, request));
  // A container that is not there has no policy either; the token is what is wrong then.
  if (!container && container.error().code() != Code::kContainerNotFound) {
    co_return Fail(std::move(container.error()));
  }
  const azure::StoredPolicy* policy = nullptr;
  if (container) {
    const auto found =
        std::ranges::find(container->policies, token.identifier, &azure::StoredPolicy::id);
    if (found != container->policies.end()) policy = &*found;
  }
  co_return FinishSas(token, policy, request);
}

// What an unauthenticated request is told when it may not do what it asks for.
Error Refusal(const AuthRequest& request, bool readable_in_public) {
  if (request.version >= kChallengeVersion) {
    return Error(Code::kNoAuthenticationInformation,
                 "Server failed to authenticate the request. Please refer to the information in "
                 "the www-authenticate header.");
  }
  if (readable_in_public) {
    return Error(Code::kResourceNotFound, "The specified resource does not exist.");
  }
  return Error(Code::kAuthorizationFailure,
               "This request is not authorized to perform this operation.");
}

Task<Authentication> CheckAnonymous(engine::Services& services, OpContext context,
                                    const AccountEntry& account, const AuthRequest& request) {
  const azure::PublicAccess needed = InfoOf(request).anonymous;
  if (needed == azure::PublicAccess::kNone || !request.target->container ||
      !request.extra.empty()) {
    co_return Fail(Refusal(request, false));
  }
  if (!account.allow_public_access) {
    co_return Fail(Code::kPublicAccessNotPermitted,
                   "Public access is not permitted on this storage account.");
  }
  auto container =
      co_await engine::GetContainer(services, std::move(context), ContainerOf(account, request));
  if (!container) {
    if (container.error().code() != Code::kContainerNotFound) {
      co_return Fail(std::move(container.error()));
    }
    co_return Fail(Refusal(request, true));
  }
  if (container->public_access < needed) co_return Fail(Refusal(request, true));
  co_return Authentication{};
}

}  // namespace

std::string_view AuthKindName(AuthKind kind) {
  switch (kind) {
    case AuthKind::kAnonymous:
      return "Anonymous";
    case AuthKind::kSharedKey:
      return "SharedKey";
    case AuthKind::kSharedKeyLite:
      return "SharedKeyLite";
    case AuthKind::kAccountSas:
      return "AccountSas";
    case AuthKind::kServiceSas:
      return "ServiceSas";
  }
  return "Anonymous";
}

std::optional<Result<Authentication>> AuthenticateKnownSas(const AccountEntry* account,
                                                           const AuthRequest& request) {
  if (WritesToSecondary(request) || azure::FindHeader(request.headers, "authorization")) return {};
  const auto key = CacheKeyOf(account, request);
  if (!key) return {};
  const VerifiedSasPtr sas = request.cache->Find(*key);
  if (sas == nullptr || !sas->effective) return {};
  return JudgeSas(*sas->effective, sas->token.version, request);
}

Task<Authentication> Authenticate(engine::Services& services, OpContext context,
                                  const AccountEntry* account, AuthRequest request) {
  const auto authorization = azure::FindHeader(request.headers, "authorization");
  if (WritesToSecondary(request)) {
    co_return Fail(Code::kInsufficientAccountPermissions,
                   "The account being accessed does not have sufficient permissions to execute "
                   "this operation: its secondary endpoint only reads.");
  }
  if (authorization) {
    if (account == nullptr) {
      co_return Fail(azure::AuthenticationError("The account does not exist on this server."));
    }
    co_return CheckSharedKey(*account, request, *authorization);
  }
  FB_CO_ASSIGN_OR_RETURN(auto verified, VerifiedToken(account, request));
  if (verified) {
    co_return co_await CheckSasToken(services, std::move(context), *account, request,
                                     std::move(verified));
  }
  if (account == nullptr) co_return Fail(Refusal(request, true));
  co_return co_await CheckAnonymous(services, std::move(context), *account, request);
}

}  // namespace forebay::rest
