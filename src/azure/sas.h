// Shared access signatures: account SAS and service SAS of the Blob service, all versions.
//
// Order of use: ParseSas → VerifySasSignature (cheap, first) → the caller reads the stored policy
// when `identifier` is set → ResolveSas → CheckSas (time, address, protocol) → AuthorizeSas for the
// operation. Rules: "Create a service SAS", "Create an account SAS" of the REST reference. Pure,
// thread safe, safe on hostile input (fuzzed: sas_fuzz.cc). Signatures never appear in errors.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "azure/names.h"
#include "azure/permissions.h"
#include "azure/properties.h"
#include "azure/shared_key.h"
#include "azure/target.h"
#include "azure/version.h"
#include "base/clock.h"
#include "base/result.h"

namespace forebay::azure {

enum class SasKind : std::uint8_t { kAccount, kService, kUserDelegation };
enum class SasResource : std::uint8_t { kContainer, kDirectory, kBlob, kSnapshot, kVersion };

// A token as it came: texts are decoded but otherwise untouched, because the signature covers them.
struct SasToken {
  SasKind kind = SasKind::kService;
  ServiceVersion version;  // sv; empty before 2012-02-12
  std::string version_text;
  std::string permissions;          // sp
  std::string start;                // st
  std::string expiry;               // se
  std::string ip;                   // sip: an address or "first-last"
  std::string protocol;             // spr: "https" or "https,http"
  std::string identifier;           // si
  std::string resource;             // sr: b bs bv c d
  std::string services;             // ss (account)
  std::string resource_types;       // srt (account)
  std::string encryption_scope;     // ses
  std::string directory_depth;      // sdd
  std::string cache_control;        // rscc
  std::string content_disposition;  // rscd
  std::string content_encoding;     // rsce
  std::string content_language;     // rscl
  std::string content_type;         // rsct
  std::string signature;            // sig

  // "?"-less query text, for tests, the CLI and the lake client.
  std::string ToQuery() const;
};

// nullopt when the query has no `sig` (no SAS at all). kAuthenticationFailed for a token that is
// malformed or lacks a field ("sp is mandatory. Cannot be empty" and so on as detail).
Result<std::optional<SasToken>> ParseSas(const Query& query);

// What the token is used on; views must outlive the call. For List Blobs with a directory token
// (sr=d) pass the listing's prefix as `blob`, and set `is_prefix`: it must lie below the directory,
// its slash included, as "a/b" would list "a/bc" too.
struct SasScope {
  AccountName account;
  std::optional<ContainerName> container;
  std::optional<BlobName> blob;
  std::string_view snapshot;    // value of ?snapshot=
  std::string_view version_id;  // value of ?versionid=
  bool is_prefix = false;       // `blob` is a listing's prefix
};

// The text that the key holder signed, for the token's version.
std::string SasStringToSign(const SasToken& token, const SasScope& scope);

// kAuthenticationFailed ("Signature did not match. String to sign used was …"); user-delegation
// tokens too, with a detail that says they are not offered. Also that a service SAS covers this
// container, directory, blob, snapshot or version: kAuthorizationFailure is never given for that,
// the signature fails as with Azure.
Result<> VerifySasSignature(const SasToken& token, const SasScope& scope,
                            std::span<const SigningKey> keys);

// The token with its stored policy's fields filled in.
struct EffectiveSas {
  SasKind kind = SasKind::kService;
  Permissions permissions;
  std::optional<WallTime> start;
  WallTime expiry;
  std::string ip;
  bool https_only = false;
  bool blob_service = true;                                          // account: ss has b
  bool on_service = false, on_container = false, on_object = false;  // account: srt
  SasResource resource = SasResource::kBlob;                         // service
  std::string encryption_scope;
  HeaderOverrides overrides;  // rscc … rsct, for Get Blob and Get Blob Properties
};

// `policy` is the container's policy of that identifier; pass nullptr when the token has none or
// the container has no such policy. kAuthenticationFailed (no such policy, a field given twice or
// nowhere).
Result<EffectiveSas> ResolveSas(const SasToken& token, const StoredPolicy* policy);

// kAuthenticationFailed (not yet valid, expired), kAuthorizationProtocolMismatch,
// kAuthorizationSourceIpMismatch.
Result<> CheckSas(const EffectiveSas& sas, WallTime now, std::string_view client_ip, bool tls);

struct SasDecision {
  // True when the token lets the caller create the blob but not overwrite one (c without w): where
  // the blob exists the engine answers kUnauthorizedBlobOverwrite.
  bool create_only = false;
  // A service SAS for one blob, snapshot or version: of what lies below that name it says nothing.
  bool one_blob = false;
};
// kAuthorizationServiceMismatch, kAuthorizationResourceTypeMismatch,
// kAuthorizationPermissionMismatch.
Result<SasDecision> AuthorizeSas(const EffectiveSas& sas, Operation operation, Permissions extra);
// The same for an operation of another API that has a row of its own (the Data Lake one).
Result<SasDecision> AuthorizeSas(const EffectiveSas& sas, const OperationInfo& info,
                                 Permissions extra);

// Makes a token: fills `signature`. `token.version` empty means kNewestSasVersion.
inline constexpr ServiceVersion kNewestSasVersion{2025, 7, 5};
SasToken SignSas(SasToken token, const SasScope& scope, const SigningKey& key);

}  // namespace forebay::azure
