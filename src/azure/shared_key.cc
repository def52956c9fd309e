#include "azure/shared_key.h"

#include <fmt/format.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include <algorithm>
#include <array>
#include <tuple>

#include "azure/error_table.h"
#include "azure/version.h"
#include "base/encoding.h"
#include "base/log.h"

namespace forebay::azure {
namespace {

using SignedHeaders = std::vector<std::pair<std::string, std::string>>;

constexpr ServiceVersion kModernForm{2009, 9, 19};
constexpr ServiceVersion kEmptyForZeroLength{2015, 2, 21};
constexpr ServiceVersion kEmptyHeadersSigned{2016, 5, 31};
constexpr std::chrono::minutes kMaxSkew{15};

// Weight of a character in the first pass of the culture order: hyphens count only for ties,
// punctuation comes before digits, digits before letters. No two characters weigh the same.
int CultureWeight(char c) {
  if (c >= 'a' && c <= 'z') return 400 + c;
  if (c >= '0' && c <= '9') return 300 + c;
  if (c == '_') return 1;
  return 2 + static_cast<unsigned char>(c);
}

// Lower-case header names as .NET's invariant culture orders them.
bool CultureLess(std::string_view a, std::string_view b) {
  std::size_t i = 0;
  std::size_t j = 0;
  while (true) {
    while (i < a.size() && a[i] == '-') ++i;
    while (j < b.size() && b[j] == '-') ++j;
    if (i == a.size() || j == b.size()) break;
    int left = CultureWeight(a[i++]);
    int right = CultureWeight(b[j++]);
    if (left != right) return left < right;
  }
  if ((i == a.size()) != (j == b.size())) return i == a.size();
  // Equal but for hyphens: the name whose hyphen comes first is the greater one.
  auto [x, y] = std::ranges::mismatch(a, b);
  if (x == a.end() || y == b.end()) return a.size() < b.size();
  return *x != '-';
}

// All x-ms-* fields, lower case and in order of bytes, several of one name joined as they arrived.
SignedHeaders CollectHeaders(const SigningInput& input, bool keep_empty) {
  struct Field {
    std::string name;
    std::size_t arrival;
    std::string_view value;
  };
  std::vector<Field> fields;
  for (const auto& [name, value] : input.headers) {
    if (name.size() < 5 || !EqualsIgnoreCase(name.substr(0, 5), "x-ms-")) continue;
    std::string_view trimmed = TrimSpace(value);
    if (trimmed.empty() && !keep_empty) continue;
    fields.push_back({ToLowerAscii(name), fields.size(), trimmed});
  }
  std::ranges::sort(fields, {}, [](const Field& f) { return std::tie(f.name, f.arrival); });
  SignedHeaders out;
  for (Field& field : fields) {
    if (!out.empty() && out.back().first == field.name) {
      out.back().second += ',';
      out.back().second += field.value;
    } else {
      out.emplace_back(std::move(field.name), field.value);
    }
  }
  return out;
}

std::string JoinHeaders(const SignedHeaders& headers) {
  std::string out;
  for (const auto& [name, value] : headers) {
    out += name;
    out += ':';
    out += value;
    out += '\n';
  }
  return out;
}

// "/account/path" and every parameter on a line of its own.
std::string CanonicalResource(const SigningInput& input) {
  std::string out = "/" + input.account.str();
  out += input.raw_path;
  if (input.query == nullptr) return out;
  std::vector<Query::Parameter> parameters(input.query->begin(), input.query->end());
  for (auto& [name, value] : parameters) name = ToLowerAscii(name);
  std::ranges::sort(parameters);
  const std::string* last = nullptr;
  for (const auto& [name, value] : parameters) {
    if (last != nullptr && *last == name) {
      out += ',';
    } else {
      out += '\n';
      out += name;
      out += ':';
    }
    out += value;
    last = &name;
  }
  return out;
}

// Before 2009-09-19, and always for SharedKeyLite: the path and `comp` alone.
std::string CanonicalResourceLite(const SigningInput& input) {
  std::string out = "/" + input.account.str();
  out += input.raw_path;
  if (auto comp = input.query == nullptr ? std::nullopt : input.query->Find("comp")) {
    out += "?comp=";
    out += *comp;
  }
  return out;
}

std::string_view DateLine(const SigningInput& input) {
  if (FindHeader(input.headers, "x-ms-date")) return {};
  return HeaderOr(input.headers, "Date");
}

std::string LitePrefix(const SigningInput& input) {
  return fmt::format("{}\n{}\n{}\n{}\n", input.method, HeaderOr(input.headers, "Content-MD5"),
                     HeaderOr(input.headers, "Content-Type"), DateLine(input));
}

// `swapped`: some releases of the JavaScript client sign Content-Language before Content-Encoding.
std::string FullPrefix(const SigningInput& input, bool empty_for_zero, bool swapped) {
  const HeaderSpan headers = input.headers;
  std::string_view encoding = HeaderOr(headers, "Content-Encoding");
  std::string_view language = HeaderOr(headers, "Content-Language");
  if (swapped) std::swap(encoding, language);
  std::string_view length = HeaderOr(headers, "Content-Length");
  if (empty_for_zero && length == "0") length = {};
  return fmt::format("{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n", input.method, encoding,
                     language, length, HeaderOr(headers, "Content-MD5"),
                     HeaderOr(headers, "Content-Type"), DateLine(input),
                     HeaderOr(headers, "If-Modified-Since"), HeaderOr(headers, "If-Match"),
                     HeaderOr(headers, "If-None-Match"), HeaderOr(headers, "If-Unmodified-Since"),
                     HeaderOr(headers, "Range"));
}

ServiceVersion VersionOf(const SigningInput& input) {
  auto text = FindHeader(input.headers, "x-ms-version");
  if (!text) return {};
  auto version = ServiceVersion::Parse(*text);
  return version ? *version : kNewestVersion;
}

}  // namespace

struct SigningKey::State {
  // A context that has taken the key; signing duplicates it, which any thread may do.
  EVP_MAC_CTX* context = nullptr;
  ~State() { EVP_MAC_CTX_free(context); }
};

Result<SigningKey> SigningKey::FromBase64(std::string_view base64) {
  std::string raw = Base64DecodeLenient(base64);
  if (raw.empty()) return Fail(Code::kInvalidConfig, "An account key is not base64.");
  auto state = std::make_shared<State>();
  EVP_MAC* mac = EVP_MAC_fetch(nullptr, "HMAC", nullptr);
  state->context = mac == nullptr ? nullptr : EVP_MAC_CTX_new(mac);
  EVP_MAC_free(mac);
  char digest[] = "SHA256";
  std::array<OSSL_PARAM, 2> parameters = {
      OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest, 0),
      OSSL_PARAM_construct_end()};
  bool ok = state->context != nullptr &&
            EVP_MAC_init(state->context, reinterpret_cast<const unsigned char*>(raw.data()),
                         raw.size(), parameters.data()) == 1;
  OPENSSL_cleanse(raw.data(), raw.size());
  if (!ok) return Fail(Code::kInternal, "HMAC-SHA256 is not available.");
  SigningKey key;
  key.state_ = std::move(state);
  return key;
}

std::string SigningKey::Sign(std::string_view text) const {
  std::array<unsigned char, 32> digest{};
  std::size_t length = 0;
  EVP_MAC_CTX* context = state_ == nullptr ? nullptr : EVP_MAC_CTX_dup(state_->context);
  bool ok = context != nullptr &&
            EVP_MAC_update(context, reinterpret_cast<const unsigned char*>(text.data()),
                           text.size()) == 1 &&
            EVP_MAC_final(context, digest.data(), &length, digest.size()) == 1 &&
            length == digest.size();
  EVP_MAC_CTX_free(context);
  if (!ok) Panic("HMAC-SHA256 failed; out of memory, or a key that was never set");
  return Base64Encode(std::as_bytes(std::span(digest)));
}

bool SigningKey::Verify(std::string_view text, std::string_view signature) const {
  return ConstantTimeEquals(Sign(text), signature);
}

bool ConstantTimeEquals(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<AuthorizationHeader> ParseAuthorization(std::string_view value) {
  auto bad = [] {
    return Fail(Code::kInvalidAuthenticationInfo,
                "Authentication information is not given in the correct format. Check the value of "
                "Authorization header.");
  };
  value = TrimSpace(value);
  auto space = value.find(' ');
  if (space == std::string_view::npos) return bad();
  std::string_view scheme = value.substr(0, space);
  std::string_view rest = TrimSpace(value.substr(space + 1));
  AuthorizationHeader out{SharedKeyScheme::kSharedKey, AccountName(), {}};
  if (EqualsIgnoreCase(scheme, "Bearer")) {
    return Fail(
        AuthenticationError("Bearer tokens are not offered here. Use an account key or a SAS."));
  }
  if (EqualsIgnoreCase(scheme, "SharedKeyLite")) {
    out.scheme = SharedKeyScheme::kSharedKeyLite;
  } else if (!EqualsIgnoreCase(scheme, "SharedKey")) {
    return bad();
  }
  auto colon = rest.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == rest.size()) return bad();
  out.account = AccountName(rest.substr(0, colon));
  out.signature = std::string(rest.substr(colon + 1));
  return out;
}

std::vector<std::string> StringsToSign(SharedKeyScheme scheme, const SigningInput& input) {
  ServiceVersion version = VersionOf(input);
  bool modern = version.empty() || version >= kModernForm;
  bool empty_for_zero = version.empty() || version >= kEmptyForZeroLength;
  SignedHeaders by_bytes = CollectHeaders(input, version.empty() || version >= kEmptyHeadersSigned);
  SignedHeaders by_culture = by_bytes;
  std::ranges::sort(by_culture, CultureLess, &SignedHeaders::value_type::first);
  std::vector<std::string> headers = {JoinHeaders(by_bytes)};
  if (by_culture != by_bytes) headers.push_back(JoinHeaders(by_culture));

  std::vector<std::string> out;
  if (scheme == SharedKeyScheme::kSharedKey && modern) {
    std::string resource = CanonicalResource(input);
    std::string prefix = FullPrefix(input, empty_for_zero, false);
    for (const auto& text : headers) out.push_back(prefix + text + resource);
    std::string swapped = FullPrefix(input, empty_for_zero, true);
    if (swapped != prefix) {
      for (const auto& text : headers) out.push_back(swapped + text + resource);
    }
  }
  if (scheme == SharedKeyScheme::kSharedKeyLite || version.empty() || !modern) {
    std::string prefix = LitePrefix(input);
    std::string resource = CanonicalResourceLite(input);
    for (const auto& text : headers) out.push_back(prefix + text + resource);
  }
  return out;
}

Result<> VerifySharedKey(const AuthorizationHeader& authorization, const SigningInput& input,
                         std::span<const SigningKey> keys) {
  if (authorization.account != input.account) {
    return Fail(AuthenticationError(
        fmt::format("The account of the Authorization header is not the account of the URL.")));
  }
  std::vector<std::string> texts = StringsToSign(authorization.scheme, input);
  for (const std::string& text : texts) {
    for (const SigningKey& key : keys) {
      if (key.Verify(text, authorization.signature)) return {};
    }
  }
  return Fail(AuthenticationError(fmt::format(
      "The MAC signature found in the HTTP request '{}' is not the same as any computed signature. "
      "Server used following string to sign: '{}'.",
      authorization.signature.substr(0, 128), texts.front())));
}

Result<> CheckRequestDate(HeaderSpan headers, WallTime now) {
  auto text = FindHeader(headers, "x-ms-date");
  if (!text) text = FindHeader(headers, "Date");
  if (!text) {
    return Fail(AuthenticationError("The request has neither an x-ms-date nor a Date header."));
  }
  auto date = ParseHttpDate(*text);
  if (!date) {
    return Fail(AuthenticationError(
        fmt::format("Request date header is not in RFC 1123 form: '{}'", text->substr(0, 64))));
  }
  if (*date < now - kMaxSkew) {
    return Fail(AuthenticationError(fmt::format("Request date header too old: '{}'", *text)));
  }
  if (*date > now + kMaxSkew) {
    return Fail(AuthenticationError(
        fmt::format("Request date header is too far in the future: '{}'", *text)));
  }
  return {};
}

std::string SignRequest(const SigningInput& input, const SigningKey& key) {
  std::string text = StringsToSign(SharedKeyScheme::kSharedKey, input).front();
  return fmt::format("SharedKey {}:{}", input.account.view(), key.Sign(text));
}

}  // namespace forebay::azure
