#include "azure/sas.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "azure/error_table.h"
#include "base/encoding.h"
#include "base/ip_address.h"

namespace forebay::azure {
namespace {

constexpr ServiceVersion kHasVersion{2012, 2, 12};
constexpr ServiceVersion kHasOverrides{2013, 8, 15};
constexpr ServiceVersion kHasServicePrefix{2015, 2, 21};
constexpr ServiceVersion kHasIpAndProtocol{2015, 4, 5};
constexpr ServiceVersion kHasResource{2018, 11, 9};
constexpr ServiceVersion kHasDirectory{2020, 2, 10};
constexpr ServiceVersion kHasEncryptionScope{2020, 12, 6};

struct Field {
  std::string_view name;
  std::string SasToken::* member;
};
// In the order in which Azure's own tools print them.
constexpr auto kFields = std::to_array<Field>({
    {"sv", &SasToken::version_text},
    {"ss", &SasToken::services},
    {"srt", &SasToken::resource_types},
    {"spr", &SasToken::protocol},
    {"st", &SasToken::start},
    {"se", &SasToken::expiry},
    {"sip", &SasToken::ip},
    {"si", &SasToken::identifier},
    {"sr", &SasToken::resource},
    {"sdd", &SasToken::directory_depth},
    {"sp", &SasToken::permissions},
    {"ses", &SasToken::encryption_scope},
    {"rscc", &SasToken::cache_control},
    {"rscd", &SasToken::content_disposition},
    {"rsce", &SasToken::content_encoding},
    {"rscl", &SasToken::content_language},
    {"rsct", &SasToken::content_type},
    {"sig", &SasToken::signature},
});

std::unexpected<Error> Refuse(std::string detail) {
  return Fail(AuthenticationError(std::move(detail)));
}

std::optional<SasResource> ResourceOf(std::string_view text) {
  if (text == "b") return SasResource::kBlob;
  if (text == "bs") return SasResource::kSnapshot;
  if (text == "bv") return SasResource::kVersion;
  if (text == "c") return SasResource::kContainer;
  if (text == "d") return SasResource::kDirectory;
  return std::nullopt;
}

// The first `depth` segments of a name, empty when it has fewer.
std::string_view FirstSegments(std::string_view name, std::uint64_t depth) {
  std::size_t end = 0;
  for (std::uint64_t i = 0; i < depth; ++i) {
    if (end > name.size()) return {};
    auto slash = name.find('/', end);
    end = slash == std::string_view::npos ? name.size() + 1 : slash + 1;
  }
  return name.substr(0, end == 0 ? 0 : end - 1);
}

// "/blob/account/container[/blob]", decoded, as far as the token's resource goes.
std::string CanonicalName(const SasToken& token, const SasScope& scope) {
  std::string out = token.version >= kHasServicePrefix ? "/blob/" : "/";
  out += scope.account.view();
  out += '/';
  if (scope.container) out += scope.container->view();
  auto resource = ResourceOf(token.resource);
  if (!scope.blob || resource == SasResource::kContainer) return out;
  if (resource == SasResource::kDirectory) {
    std::uint64_t depth = ParseUint(token.directory_depth).value_or(0);
    std::string_view directory = FirstSegments(scope.blob->view(), depth);
    if (directory.empty()) return out;  // depth 0: the root, signed as the container
    out += '/';
    out += directory;
    return out;
  }
  out += '/';
  out += scope.blob->view();
  return out;
}

std::string AccountStringToSign(const SasToken& token, const SasScope& scope) {
  std::string out =
      fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n", scope.account.view(), token.permissions,
                  token.services, token.resource_types, token.start, token.expiry, token.ip,
                  token.protocol, token.version_text);
  if (token.version >= kHasEncryptionScope) out += token.encryption_scope + "\n";
  return out;
}

std::string_view SignedTime(const SasToken& token, const SasScope& scope) {
  switch (ResourceOf(token.resource).value_or(SasResource::kBlob)) {
    case SasResource::kSnapshot:
      return scope.snapshot;
    case SasResource::kVersion:
      return scope.version_id;
    default:
      return {};
  }
}

std::string ServiceStringToSign(const SasToken& token, const SasScope& scope) {
  std::string out = fmt::format("{}\n{}\n{}\n{}\n{}", token.permissions, token.start, token.expiry,
                                CanonicalName(token, scope), token.identifier);
  auto line = [&out](std::string_view text) {
    out += '\n';
    out += text;
  };
  if (token.version >= kHasIpAndProtocol) {
    line(token.ip);
    line(token.protocol);
  }
  if (token.version >= kHasVersion) line(token.version_text);
  if (token.version >= kHasResource) {
    line(token.resource);
    line(SignedTime(token, scope));
  }
  if (token.version >= kHasEncryptionScope) line(token.encryption_scope);
  if (token.version >= kHasOverrides) {
    line(token.cache_control);
    line(token.content_disposition);
    line(token.content_encoding);
    line(token.content_language);
    line(token.content_type);
  }
  return out;
}

// Whether a valid service token is for what the request names; the signature alone cannot tell a
// snapshot from its blob.
bool Covers(const SasToken& token, const SasScope& scope) {
  if (!scope.container) return false;
  switch (*ResourceOf(token.resource)) {
    case SasResource::kContainer:
      return true;
    case SasResource::kDirectory: {
      std::uint64_t depth = ParseUint(token.directory_depth).value_or(0);
      if (depth == 0) return true;
      if (!scope.blob) return false;
      std::string_view directory = FirstSegments(scope.blob->view(), depth);
      return !directory.empty() && (!scope.is_prefix || directory.size() < scope.blob->size());
    }
    case SasResource::kBlob:
      return scope.blob &&
             (token.version < kHasResource || (scope.snapshot.empty() && scope.version_id.empty()));
    case SasResource::kSnapshot:
      return scope.blob && !scope.snapshot.empty();
    case SasResource::kVersion:
      return scope.blob && !scope.version_id.empty();
  }
  return false;
}

Result<> CheckAccountFields(const SasToken& token) {
  if (token.version < kHasIpAndProtocol) return Refuse("sv is invalid for an account SAS");
  if (token.permissions.empty()) return Refuse("sp is mandatory. Cannot be empty");
  if (token.expiry.empty()) return Refuse("se is mandatory. Cannot be empty");
  if (token.services.empty()) return Refuse("ss is mandatory. Cannot be empty");
  if (token.resource_types.empty()) return Refuse("srt is mandatory. Cannot be empty");
  if (token.services.find_first_not_of("bqtf") != std::string::npos) {
    return Refuse("ss has a service that does not exist");
  }
  if (token.resource_types.find_first_not_of("sco") != std::string::npos) {
    return Refuse("srt has a resource type that does not exist");
  }
  if (!token.identifier.empty()) return Refuse("si is not taken by an account SAS");
  return {};
}

Result<> CheckServiceFields(const SasToken& token) {
  auto resource = ResourceOf(token.resource);
  if (!resource) return Refuse("sr is mandatory and one of b, bs, bv, c, d");
  bool newer = *resource == SasResource::kSnapshot || *resource == SasResource::kVersion;
  if (newer && token.version < kHasResource) return Refuse("sr is not taken by this sv");
  if (*resource == SasResource::kDirectory &&
      (token.version < kHasDirectory || !ParseUint(token.directory_depth) ||
       *ParseUint(token.directory_depth) > kMaxBlobNameSegments)) {
    return Refuse("sr=d needs sv 2020-02-10 or later, and sdd");
  }
  if (token.identifier.empty()) {
    if (token.permissions.empty()) return Refuse("sp is mandatory. Cannot be empty");
    if (token.expiry.empty()) return Refuse("se is mandatory. Cannot be empty");
  } else if (token.identifier.size() > 64) {
    return Refuse("si is longer than 64 characters");
  }
  return {};
}

Result<> CheckCommonFields(const SasToken& token) {
  // The fields are signed a line each: none may hold a line's end and so shift the others.
  for (const Field& field : kFields) {
    const std::string& value = token.*field.member;
    if (std::ranges::any_of(value, [](char c) { return c == '\n' || c == '\r' || c == '\0'; })) {
      return Refuse(fmt::format("{} has a control character", field.name));
    }
  }
  if (!token.permissions.empty() && !Permissions::Parse(token.permissions)) {
    return Refuse("sp has a letter that is no permission");
  }
  if (!token.start.empty() && !ParseIsoTime(token.start)) return Refuse("st is not a UTC time");
  if (!token.expiry.empty() && !ParseIsoTime(token.expiry)) return Refuse("se is not a UTC time");
  if (!token.protocol.empty() && token.protocol != "https" && token.protocol != "https,http" &&
      token.protocol != "http,https") {
    return Refuse("spr is neither https nor https,http");
  }
  return {};
}

bool NamesOneBlob(const EffectiveSas& sas) {
  return sas.kind != SasKind::kAccount && sas.resource != SasResource::kContainer &&
         sas.resource != SasResource::kDirectory;
}

bool InRange(std::string_view range, std::string_view client) {
  auto dash = range.find('-');
  auto first = ParseIp(range.substr(0, dash));
  auto last = dash == std::string_view::npos ? first : ParseIp(range.substr(dash + 1));
  auto address = ParseIp(client);
  return first && last && address && *first <= *address && *address <= *last;
}

}  // namespace

std::string SasToken::ToQuery() const {
  std::string out;
  for (const Field& field : kFields) {
    const std::string& value = this->*field.member;
    if (value.empty()) continue;
    if (!out.empty()) out += '&';
    out += field.name;
    out += '=';
    out += PercentEncode(value);
  }
  return out;
}

Result<std::optional<SasToken>> ParseSas(const Query& query) {
  using Found = std::optional<SasToken>;
  if (!query.Has("sig")) return Found();
  SasToken token;
  for (const Field& field : kFields) {
    bool seen = false;
    for (const auto& [name, value] : query) {
      if (!EqualsIgnoreCase(name, field.name)) continue;
      if (seen) return Refuse(fmt::format("{} is given more than once", field.name));
      seen = true;
      token.*field.member = value;
    }
  }
  // A '+' that the client forgot to encode arrives as a space; base64 has none.
  std::ranges::replace(token.signature, ' ', '+');
  if (token.signature.empty()) return Refuse("sig is mandatory. Cannot be empty");
  if (!token.version_text.empty()) {
    auto version = ServiceVersion::Parse(token.version_text);
    if (!version) return Refuse("sv is not a service version");
    token.version = *version;
  }
  FB_RETURN_IF_ERROR(CheckCommonFields(token));
  if (query.Has("skoid") || query.Has("sktid")) {
    token.kind = SasKind::kUserDelegation;
  } else if (query.Has("ss") || query.Has("srt")) {
    token.kind = SasKind::kAccount;
    FB_RETURN_IF_ERROR(CheckAccountFields(token));
  } else {
    FB_RETURN_IF_ERROR(CheckServiceFields(token));
  }
  return Found(std::move(token));
}

std::string SasStringToSign(const SasToken& token, const SasScope& scope) {
  return token.kind == SasKind::kAccount ? AccountStringToSign(token, scope)
                                         : ServiceStringToSign(token, scope);
}

Result<> VerifySasSignature(const SasToken& token, const SasScope& scope,
                            std::span<const SigningKey> keys) {
  if (token.kind == SasKind::kUserDelegation) {
    return Refuse(
        "User delegation SAS is not offered here: there is no Entra ID behind this account. Use an "
        "account key to sign.");
  }
  std::string text = SasStringToSign(token, scope);
  bool matches = std::ranges::any_of(
      keys, [&](const SigningKey& key) { return key.Verify(text, token.signature); });
  if (!matches || (token.kind == SasKind::kService && !Covers(token, scope))) {
    return Refuse("Signature did not match. String to sign used was " + text);
  }
  return {};
}

Result<EffectiveSas> ResolveSas(const SasToken& token, const StoredPolicy* policy) {
  EffectiveSas out;
  out.kind = token.kind;
  std::string permissions = token.permissions;
  std::optional<WallTime> expiry = ParseIsoTime(token.expiry);
  out.start = ParseIsoTime(token.start);
  if (!token.identifier.empty()) {
    if (policy == nullptr || policy->id != token.identifier) {
      return Refuse("The signed identifier names no access policy of the container.");
    }
    bool twice = (policy->start && out.start) || (policy->expiry && expiry) ||
                 (!policy->permissions.empty() && !permissions.empty());
    if (twice)
      return Refuse(
          "Access policy fields can be associated with signature or SAS identifier but not both");
    if (policy->start) out.start = policy->start;
    if (policy->expiry) expiry = policy->expiry;
    if (permissions.empty()) permissions = policy->permissions;
  }
  if (!expiry) return Refuse("se is mandatory. Cannot be empty");
  if (permissions.empty()) return Refuse("sp is mandatory. Cannot be empty");
  auto parsed = Permissions::Parse(permissions);
  if (!parsed) return Refuse("sp has a letter that is no permission");
  out.permissions = *parsed;
  out.expiry = *expiry;
  out.ip = token.ip;
  out.https_only = token.protocol == "https";
  out.encryption_scope = token.encryption_scope;
  if (token.kind == SasKind::kAccount) {
    auto has = [](const std::string& text, char c) { return text.find(c) != std::string::npos; };
    out.blob_service = has(token.services, 'b');
    out.on_service = has(token.resource_types, 's');
    out.on_container = has(token.resource_types, 'c');
    out.on_object = has(token.resource_types, 'o');
  } else {
    out.resource = ResourceOf(token.resource).value_or(SasResource::kBlob);
  }
  // Fields that the token's version does not sign have no effect.
  if (token.kind == SasKind::kService && token.version >= kHasOverrides) {
    out.overrides = {token.cache_control, token.content_disposition, token.content_encoding,
                     token.content_language, token.content_type};
  }
  if (token.kind == SasKind::kService && token.version < kHasIpAndProtocol) {
    out.ip.clear();
    out.https_only = false;
  }
  return out;
}

Result<> CheckSas(const EffectiveSas& sas, WallTime now, std::string_view client_ip, bool tls) {
  if (sas.start && now < *sas.start) {
    return Refuse(fmt::format(
        "Signature not valid in the specified time frame: Start [{}] - Expiry [{}] - Current [{}]",
        FormatHttpDate(*sas.start), FormatHttpDate(sas.expiry), FormatHttpDate(now)));
  }
  if (now > sas.expiry) {
    return Refuse(
        fmt::format("Signature not valid in the specified time frame: Expiry [{}] - Current [{}]",
                    FormatHttpDate(sas.expiry), FormatHttpDate(now)));
  }
  if (sas.https_only && !tls) {
    return Fail(Code::kAuthorizationProtocolMismatch,
                "This request is not authorized to perform this operation using this protocol.");
  }
  if (!sas.ip.empty() && !InRange(sas.ip, client_ip)) {
    return Fail(Code::kAuthorizationSourceIpMismatch,
                "This request is not authorized to perform this operation using this source IP.");
  }
  return {};
}

Result<SasDecision> AuthorizeSas(const EffectiveSas& sas, Operation operation, Permissions extra) {
  return AuthorizeSas(sas, InfoOf(operation), extra);
}

Result<SasDecision> AuthorizeSas(const EffectiveSas& sas, const OperationInfo& info,
                                 Permissions extra) {
  const Operation operation = info.operation;
  const bool account = sas.kind == SasKind::kAccount;
  if (account) {
    if (!sas.blob_service) {
      return Fail(Code::kAuthorizationServiceMismatch,
                  "This request is not authorized to perform this operation using this service.");
    }
    bool type = info.level == Level::kService     ? sas.on_service
                : info.level == Level::kContainer ? sas.on_container
                                                  : sas.on_object;
    // These are taken on any level, or read objects through the service's URL.
    bool any_level = operation == Operation::kGetAccountInformation ||
                     operation == Operation::kBlobPreflightRequest ||
                     operation == Operation::kBlobBatch || operation == Operation::kContainerBatch;
    bool objects = operation == Operation::kFindBlobsByTags && sas.on_object;
    if (!type && !any_level && !objects) {
      return Fail(
          Code::kAuthorizationResourceTypeMismatch,
          "This request is not authorized to perform this operation using this resource type.");
    }
  } else if (info.level == Level::kContainer && sas.resource != SasResource::kContainer &&
             !(sas.resource == SasResource::kDirectory && operation == Operation::kListBlobs)) {
    return Fail(Code::kAuthorizationFailure,
                "This request is not authorized to perform this operation.");
  } else if (info.level == Level::kTree && NamesOneBlob(sas)) {
    return Fail(Code::kAuthorizationFailure,
                "This request is not authorized to perform this operation.");
  }
  Permissions any = account ? info.account_sas : info.service_sas;
  if (any.empty()) {
    return Fail(Code::kAuthorizationFailure,
                "This request is not authorized to perform this operation.");
  }
  // Deleting a version takes x alone, not d.
  bool allowed = sas.permissions.HasAny(any.bits());
  if (operation == Operation::kDeleteBlob && extra.Has(Permissions::kDeleteVersion)) allowed = true;
  if (!allowed || !sas.permissions.Has(extra.bits())) {
    return Fail(Code::kAuthorizationPermissionMismatch,
                "This request is not authorized to perform this operation using this permission.");
  }
  SasDecision decision;
  decision.one_blob = NamesOneBlob(sas);
  // Who may add to what is there needs no right to create it.
  const bool may_add = any.Has(Permissions::kAdd) && sas.permissions.Has(Permissions::kAdd);
  decision.create_only =
      info.level == Level::kBlob && any.Has(Permissions::kCreate | Permissions::kWrite) &&
      !sas.permissions.Has(Permissions::kWrite) && !may_add &&
      operation != Operation::kSnapshotBlob && operation != Operation::kPutBlock &&
      operation != Operation::kPutBlockFromUrl;
  return decision;
}

SasToken SignSas(SasToken token, const SasScope& scope, const SigningKey& key) {
  if (token.version.empty() && token.version_text.empty()) {
    token.version = kNewestSasVersion;
  }
  if (token.version_text.empty()) token.version_text = token.version.ToString();
  token.signature = key.Sign(SasStringToSign(token, scope));
  return token;
}

}  // namespace forebay::azure
