#include "azure/cors.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "azure/error_table.h"
#include "azure/xml_write.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

constexpr std::array<std::string_view, 8> kMethods = {"DELETE", "GET",     "HEAD", "MERGE",
                                                      "POST",   "OPTIONS", "PUT",  "PATCH"};
constexpr std::size_t kMaxOrigins = 64;
constexpr std::size_t kMaxHeaders = 64;
constexpr std::size_t kMaxItemBytes = 256;

template <class F>
bool AnyItem(std::string_view list, F&& matches) {
  while (!list.empty()) {
    auto comma = list.find(',');
    if (matches(TrimSpace(list.substr(0, comma)))) return true;
    list = comma == std::string_view::npos ? std::string_view() : list.substr(comma + 1);
  }
  return false;
}

// "*", or a scheme and host, or "https://*.example.com".
bool OriginMatches(std::string_view allowed, std::string_view origin) {
  if (allowed == "*" || allowed == origin) return true;
  auto star = allowed.find("://*.");
  if (star == std::string_view::npos) return false;
  std::string_view scheme = allowed.substr(0, star + 3);
  std::string_view suffix = allowed.substr(star + 4);  // ".example.com"
  return origin.starts_with(scheme) && origin.size() > scheme.size() + suffix.size() &&
         origin.ends_with(suffix);
}

bool AllowsOrigin(const CorsRule& rule, std::string_view origin) {
  return AnyItem(rule.allowed_origins, [&](auto item) { return OriginMatches(item, origin); });
}

bool AllowsMethod(const CorsRule& rule, std::string_view method) {
  return AnyItem(rule.allowed_methods, [&](auto item) { return EqualsIgnoreCase(item, method); });
}

// A literal header, or a prefix such as x-ms-meta-*.
bool AllowsHeader(const CorsRule& rule, std::string_view header) {
  return AnyItem(rule.allowed_headers, [&](std::string_view item) {
    if (!item.ends_with('*')) return EqualsIgnoreCase(item, header);
    item.remove_suffix(1);
    return header.size() >= item.size() && EqualsIgnoreCase(header.substr(0, item.size()), item);
  });
}

bool AllowsAnyone(const CorsRule& rule) {
  return AnyItem(rule.allowed_origins, [](auto item) { return item == "*"; });
}

}  // namespace

Result<> ValidateCorsRule(const CorsRule& rule) {
  auto bad = [](std::string_view node) {
    return Fail(Error(Code::kInvalidXmlNodeValue,
                      "The value for one of the XML nodes is not in the correct format.")
                    .WithDetail(fmt::format("XmlNodeName: {}", node)));
  };
  auto check = [](std::string_view list, std::size_t most) {
    std::size_t count = 0;
    bool broken = AnyItem(list, [&](std::string_view item) {
      return ++count > most || item.empty() || item.size() > kMaxItemBytes;
    });
    return !broken;
  };
  if (rule.allowed_origins.empty() || !check(rule.allowed_origins, kMaxOrigins)) {
    return bad("AllowedOrigins");
  }
  bool unknown = AnyItem(rule.allowed_methods, [](std::string_view item) {
    return std::ranges::find(kMethods, item) == kMethods.end();
  });
  if (rule.allowed_methods.empty() || unknown) return bad("AllowedMethods");
  if (!check(rule.allowed_headers, kMaxHeaders)) return bad("AllowedHeaders");
  if (!check(rule.exposed_headers, kMaxHeaders)) return bad("ExposedHeaders");
  return {};
}

Result<OwnedHeaders> EvaluatePreflight(const std::vector<CorsRule>& rules, HeaderSpan headers) {
  std::string_view origin = HeaderOr(headers, "Origin");
  if (origin.empty()) return Fail(InvalidHeaderError("Origin", origin));
  std::string_view method = HeaderOr(headers, "Access-Control-Request-Method");
  if (std::ranges::find(kMethods, method) == kMethods.end()) {
    return Fail(InvalidHeaderError("Access-Control-Request-Method", method));
  }
  std::string_view wanted = HeaderOr(headers, "Access-Control-Request-Headers");
  for (const CorsRule& rule : rules) {
    bool refused = AnyItem(wanted, [&](auto header) { return !AllowsHeader(rule, header); });
    if (!AllowsOrigin(rule, origin) || !AllowsMethod(rule, method) || refused) continue;
    OwnedHeaders out;
    out.emplace_back("Access-Control-Allow-Origin", AllowsAnyone(rule) ? "*" : std::string(origin));
    out.emplace_back("Access-Control-Allow-Methods", method);
    if (!wanted.empty()) out.emplace_back("Access-Control-Allow-Headers", wanted);
    out.emplace_back("Access-Control-Max-Age", std::to_string(rule.max_age_s));
    if (!AllowsAnyone(rule)) {
      out.emplace_back("Access-Control-Allow-Credentials", "true");
      out.emplace_back("Vary", "Origin");
    }
    return out;
  }
  return Fail(Code::kAuthorizationFailure,
              "CORS not enabled or no matching rule found for this request.");
}

std::string PreflightFailureXml(std::string_view request_id, WallTime now) {
  XmlBuilder xml;
  xml.Open("Error")
      .Element("Code", kPreflightFailure)
      .Element("Message",
               fmt::format("CORS not enabled or no matching rule found for this request.\n"
                           "RequestId:{}\nTime:{}",
                           request_id, FormatTicks(now)))
      .Element("MessageDetails", "No CORS rules matches this request")
      .Close("Error");
  return xml.Take();
}

OwnedHeaders CorsHeaders(const std::vector<CorsRule>& rules, std::string_view method,
                         HeaderSpan headers) {
  OwnedHeaders out;
  if (rules.empty()) return out;
  std::string_view origin = HeaderOr(headers, "Origin");
  bool anyone = false;
  if (!origin.empty()) {
    for (const CorsRule& rule : rules) {
      if (!AllowsOrigin(rule, origin) || !AllowsMethod(rule, method)) continue;
      anyone = AllowsAnyone(rule);
      out.emplace_back("Access-Control-Allow-Origin", anyone ? "*" : std::string(origin));
      if (!rule.exposed_headers.empty()) {
        out.emplace_back("Access-Control-Expose-Headers", rule.exposed_headers);
      }
      if (!anyone) out.emplace_back("Access-Control-Allow-Credentials", "true");
      break;
    }
  }
  // A cache must not give one origin's answer to another.
  bool specific = std::ranges::any_of(rules, [](const CorsRule& r) { return !AllowsAnyone(r); });
  if (!anyone && specific && (method == "GET" || method == "HEAD")) {
    out.emplace_back("Vary", "Origin");
  }
  return out;
}

}  // namespace forebay::azure
