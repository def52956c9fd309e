#include "azure/target.h"

#include <fmt/format.h>

#include <algorithm>

#include "azure/wire.h"
#include "base/encoding.h"

namespace forebay::azure {
namespace {

constexpr std::string_view kSecondarySuffix = "-secondary";
constexpr std::size_t kMaxSourceUrlBytes = 2 * 1024 + 4 * kMaxBlobNameLength * 3;

// Decodes one side of a query parameter, where '+' is a space.
std::optional<std::string> DecodeQueryText(std::string_view raw) {
  // Nearly all of it is plain: one pass without branches tells.
  bool plain = true;
  for (const char c : raw) plain &= c != '%' && c != '+';
  if (plain) return std::string(raw);
  std::string spaced(raw);
  std::ranges::replace(spaced, '+', ' ');
  return PercentDecode(spaced);
}

std::string_view WithoutPort(std::string_view host) {
  if (host.starts_with('[')) {
    auto end = host.find(']');
    return end == std::string_view::npos ? host : host.substr(0, end + 1);
  }
  return host.substr(0, host.find(':'));
}

bool IsIpOrLocalhost(std::string_view host) {
  if (host.empty() || host.front() == '[' || EqualsIgnoreCase(host, "localhost")) return true;
  return std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
}

struct HostStyle {
  std::string account;  // lower case, may carry -secondary
  Endpoint endpoint;
};

// account.blob.… or account.dfs.…
std::optional<HostStyle> HostStyleOf(std::string_view host) {
  auto dot = host.find('.');
  if (dot == std::string_view::npos || dot == 0) return std::nullopt;
  std::string_view rest = host.substr(dot + 1);
  std::string service = ToLowerAscii(rest.substr(0, rest.find('.')));
  if (service != "blob" && service != "dfs") return std::nullopt;
  return HostStyle{ToLowerAscii(host.substr(0, dot)),
                   service == "dfs" ? Endpoint::kDfs : Endpoint::kBlob};
}

std::string_view WithoutSecondary(std::string_view account) {
  if (account.ends_with(kSecondarySuffix)) account.remove_suffix(kSecondarySuffix.size());
  return account;
}

std::unexpected<Error> BadUri() { return Fail(Code::kInvalidUri, "The request URI is invalid."); }

// The path's first segment, still encoded; `path` becomes what follows its slash.
std::string_view TakeSegment(std::string_view& path) {
  auto slash = path.find('/');
  std::string_view segment = path.substr(0, slash);
  path = slash == std::string_view::npos ? std::string_view() : path.substr(slash + 1);
  return segment;
}

// Whether a path of one segment means the container of that name rather than a blob in $root.
bool NamesContainer(const Query& query) {
  if (EqualsIgnoreCase(query.Get("restype"), "container") || query.Has("resource") ||
      query.Has("posix")) {
    return true;
  }
  std::string_view comp = query.Get("comp");
  if (EqualsIgnoreCase(comp, "list") || EqualsIgnoreCase(comp, "batch") ||
      EqualsIgnoreCase(comp, "blobs")) {
    return true;
  }
  return EqualsIgnoreCase(query.Get("restype"), "account") || query.Has("recursive") ||
         query.Has("action");
}

// What is left of the path after the account.
Result<> ParseContainerAndBlob(std::string_view path, RequestTarget& out) {
  if (path.empty()) return {};
  bool one_segment = path.find('/') == std::string_view::npos;
  std::string_view first = TakeSegment(path);
  auto decoded = PercentDecode(first);
  if (!decoded) return BadUri();
  if (one_segment && decoded->find('/') == std::string::npos && !NamesContainer(out.query) &&
      *decoded != kRootContainer) {
    FB_ASSIGN_OR_RETURN(out.blob, ParseBlobName(*decoded));
    out.container = ContainerName(kRootContainer);
    out.implicit_root = true;
    return {};
  }
  FB_ASSIGN_OR_RETURN(out.container, ParseContainerName(*decoded));
  if (path.empty()) return {};
  auto name = PercentDecode(path);
  if (!name) return BadUri();
  FB_ASSIGN_OR_RETURN(out.blob, ParseBlobName(*name));
  return {};
}

// Cuts http://host of a target in absolute form; the host there wins over the Host header.
Result<> TakeAuthority(std::string_view& target, std::string_view& host) {
  if (target.starts_with('/')) return {};
  auto scheme = target.find("://");
  std::string name = ToLowerAscii(target.substr(0, std::min<std::size_t>(scheme, 8)));
  if (scheme == std::string_view::npos || (name != "http" && name != "https")) {
    return Fail(Code::kRequestUrlFailedToParse, "The url in the request could not be parsed.");
  }
  target.remove_prefix(scheme + 3);
  auto end = target.find_first_of("/?");
  host = target.substr(0, end);
  target = end == std::string_view::npos ? std::string_view() : target.substr(end);
  return {};
}

}  // namespace

Result<Query> Query::Parse(std::string_view raw) {
  Query query;
  if (!raw.empty()) {
    query.parameters_.reserve(1 + static_cast<std::size_t>(std::ranges::count(raw, '&')));
  }
  while (!raw.empty()) {
    auto end = raw.find('&');
    std::string_view part = raw.substr(0, end);
    raw = end == std::string_view::npos ? std::string_view() : raw.substr(end + 1);
    if (part.empty()) continue;
    auto equals = part.find('=');
    auto name = DecodeQueryText(part.substr(0, equals));
    auto value =
        equals == std::string_view::npos ? std::string() : DecodeQueryText(part.substr(equals + 1));
    if (!name || !value) return BadUri();
    if (!IsValidUtf8(*name) || !IsValidUtf8(*value)) {
      return Fail(Code::kInvalidQueryParameterValue,
                  "Value for one of the query parameters specified in the request URI is invalid.");
    }
    query.parameters_.emplace_back(std::move(*name), std::move(*value));
  }
  return query;
}

std::optional<std::string_view> Query::Find(std::string_view name) const {
  for (const auto& [key, value] : parameters_) {
    if (key.size() == name.size() && EqualsIgnoreCase(key, name)) return value;
  }
  return std::nullopt;
}

void Query::Add(std::string name, std::string value) {
  parameters_.emplace_back(std::move(name), std::move(value));
}

std::string Query::ToString() const {
  std::string out;
  for (const auto& [name, value] : parameters_) {
    if (!out.empty()) out += '&';
    out += PercentEncode(name);
    out += '=';
    out += PercentEncode(value);
  }
  return out;
}

Result<RequestTarget> ParseTarget(std::string_view target, std::string_view host,
                                  const std::function<bool(std::string_view)>& knows_account,
                                  std::string_view rename_source) {
  RequestTarget out;
  FB_RETURN_IF_ERROR(ParseTargetInto(out, target, host, knows_account, rename_source));
  return out;
}

Result<> ParseTargetInto(RequestTarget& out, std::string_view target, std::string_view host,
                         const std::function<bool(std::string_view)>& knows_account,
                         std::string_view rename_source) {
  FB_RETURN_IF_ERROR(TakeAuthority(target, host));
  target = target.substr(0, target.find('#'));
  auto mark = target.find('?');
  out.raw_path = std::string(target.substr(0, mark));
  if (out.raw_path.empty()) out.raw_path = "/";
  if (mark != std::string_view::npos) out.raw_query = std::string(target.substr(mark + 1));
  FB_ASSIGN_OR_RETURN(out.query, Query::Parse(out.raw_query));

  std::string_view path = std::string_view(out.raw_path).substr(1);
  std::string_view name = WithoutPort(TrimSpace(host));
  std::optional<HostStyle> style;
  if (!IsIpOrLocalhost(name)) style = HostStyleOf(name);
  if (style && !knows_account(WithoutSecondary(style->account))) {
    // A server may itself be called something.blob.example: then a known account leads the path.
    std::string_view rest = path;
    auto first = PercentDecode(TakeSegment(rest));
    if (first && knows_account(WithoutSecondary(*first))) style.reset();
  }
  std::string account;
  if (style) {
    account = std::move(style->account);
    out.endpoint = style->endpoint;
  } else {
    out.path_style = true;
    const std::string_view whole = path;
    auto segment = PercentDecode(TakeSegment(path));
    if (!segment) return BadUri();
    account = std::move(*segment);
    if (!rename_source.empty() && !knows_account(WithoutSecondary(account))) {
      if (rename_source.starts_with('/')) rename_source.remove_prefix(1);
      const std::string_view named = TakeSegment(rename_source);
      if (knows_account(named)) {
        account = named;
        path = whole;
      }
    }
  }
  out.secondary = account.ends_with(kSecondarySuffix);
  if (account.empty()) return BadUri();
  FB_ASSIGN_OR_RETURN(out.account, ParseAccountName(WithoutSecondary(account)));
  return ParseContainerAndBlob(path, out);
}

bool LooksLikeDfs(const RequestTarget& target, bool has_rename_source) {
  return has_rename_source || target.endpoint == Endpoint::kDfs || target.query.Has("resource") ||
         target.query.Has("action") || target.query.Has("recursive") ||
         target.query.Has("continuation") || target.query.Has("posix");
}

Result<SourceUrl> ParseSourceUrl(std::string_view url) {
  auto bad = [] {
    return Fail(Code::kInvalidSourceBlobUrl,
                "The source URL is not an absolute http or https URL of a blob.");
  };
  if (url.size() > kMaxSourceUrlBytes) return bad();
  // What would end a header or a request line must never reach one.
  if (std::ranges::any_of(
          url, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 127; })) {
    return bad();
  }
  SourceUrl out;
  std::string scheme = ToLowerAscii(url.substr(0, 8));
  if (scheme.starts_with("https://")) {
    out.https = true;
    url.remove_prefix(8);
  } else if (scheme.starts_with("http://")) {
    url.remove_prefix(7);
  } else {
    return bad();
  }
  auto end = url.find_first_of("/?#");
  std::string_view authority = url.substr(0, end);
  std::string_view rest = end == std::string_view::npos ? std::string_view() : url.substr(end);
  if (authority.empty() || authority.find_first_of("@\\%") != std::string_view::npos ||
      rest.find('#') != std::string_view::npos) {
    return bad();
  }
  out.authority = std::string(authority);
  std::string_view host = WithoutPort(authority);
  std::string_view port = authority.substr(host.size());
  out.port = out.https ? 443 : 80;
  if (!port.empty()) {
    auto number = port.front() == ':' ? ParseUint(port.substr(1)) : std::nullopt;
    if (!number || *number == 0 || *number > 65535) return bad();
    out.port = static_cast<std::uint16_t>(*number);
  }
  if (host.starts_with('[')) {
    if (!host.ends_with(']')) return bad();
    host = host.substr(1, host.size() - 2);
  }
  if (host.empty()) return bad();
  out.host = ToLowerAscii(host);
  out.target = rest.starts_with('/') ? std::string(rest) : "/" + std::string(rest);
  return out;
}

}  // namespace forebay::azure
