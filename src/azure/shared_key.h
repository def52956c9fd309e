// SharedKey and SharedKeyLite: strings to sign, signatures, verification.
//
// Rule: "Authorize with Shared Key" of the REST reference. Pure, thread safe; nothing here logs.
// Keys never appear in errors.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "azure/names.h"
#include "azure/target.h"
#include "azure/wire.h"
#include "base/clock.h"
#include "base/result.h"

namespace forebay::azure {

// An account key, ready to sign. Copies share the key. Thread safe.
class SigningKey {
 public:
  // The base64 that Azure hands out, decoded leniently as its clients do. kInvalidConfig when
  // nothing remains.
  static Result<SigningKey> FromBase64(std::string_view base64);
  // The base64 of HMAC-SHA256 over `text`.
  std::string Sign(std::string_view text) const;
  // Constant time in the signature.
  bool Verify(std::string_view text, std::string_view signature) const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

// A constant-time comparison of texts; lengths may leak.
bool ConstantTimeEquals(std::string_view a, std::string_view b);

enum class SharedKeyScheme : std::uint8_t { kSharedKey, kSharedKeyLite };

struct AuthorizationHeader {
  SharedKeyScheme scheme;
  AccountName account;
  std::string signature;
};
// "SharedKey account:signature". kInvalidAuthenticationInfo for another form; a Bearer token gives
// kAuthenticationFailed (not offered).
Result<AuthorizationHeader> ParseAuthorization(std::string_view value);

struct SigningInput {
  std::string_view method;    // "GET"
  std::string_view raw_path;  // encoded, as on the wire; path style keeps its account segment
  const Query* query = nullptr;
  HeaderSpan headers;
  AccountName account;
};

// What the client may have signed, likeliest first. More than one where clients differ: header
// names sorted by bytes or as .NET's culture does, and the pre-2009-09-19 form when no version is
// named.
std::vector<std::string> StringsToSign(SharedKeyScheme scheme, const SigningInput& input);

// Checks the signature with any of the account's keys. kAuthenticationFailed with the string we
// signed as detail, as Azure answers it.
Result<> VerifySharedKey(const AuthorizationHeader& authorization, const SigningInput& input,
                         std::span<const SigningKey> keys);

// x-ms-date, or Date, within 15 minutes of `now`. kAuthenticationFailed (too old, malformed,
// missing).
Result<> CheckRequestDate(HeaderSpan headers, WallTime now);

// The value of an Authorization header for a request we send (x-ms-date must be among the headers).
std::string SignRequest(const SigningInput& input, const SigningKey& key);

}  // namespace forebay::azure
