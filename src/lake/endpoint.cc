#include "lake/endpoint.h"

#include <algorithm>

#include "azure/names.h"
#include "base/encoding.h"

namespace forebay::lake {
namespace {

std::unexpected<Error> Bad(std::string_view why) {
  return Fail(Code::kInvalidConfig, "The lake's endpoint is not usable: " + std::string(why) + ".");
}

std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('[')) return authority.substr(0, authority.find(']') + 1);
  return authority.substr(0, authority.find(':'));
}

bool IsAddressOrLocal(std::string_view host) {
  return host.starts_with('[') || host == "localhost" || !host.contains('.') ||
         std::ranges::all_of(host, [](char c) { return c == '.' || (c >= '0' && c <= '9'); });
}

// "acct" of "acct.blob.…" and "acct.dfs.…"; empty for other hosts.
std::string_view AccountOf(std::string_view host) {
  const std::size_t dot = host.find('.');
  if (dot == std::string_view::npos) return {};
  const std::string_view rest = host.substr(dot + 1);
  return rest.starts_with("blob.") || rest.starts_with("dfs.") ? host.substr(0, dot)
                                                               : std::string_view();
}

std::string WithService(std::string origin, std::string_view from, std::string_view to) {
  const std::size_t at = origin.find(from);
  if (at != std::string::npos) origin.replace(at, from.size(), to);
  return origin;
}

std::string_view TakeSegment(std::string_view& path) {
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view out = path.substr(0, end);
  path.remove_prefix(std::min(end + 1, path.size()));
  return out;
}

}  // namespace

std::string LakeEndpoint::ContainerPath() const {
  return (path_style ? "/" + account : std::string()) + "/" + container;
}
std::string LakeEndpoint::BlobPath(std::string_view name) const {
  return ContainerPath() + "/" + PercentEncode(prefix + std::string(name), "/");
}
std::string LakeEndpoint::Description() const {
  return origin + ContainerPath() + "/" + PercentEncode(prefix, "/");
}

Result<LakeEndpoint> ParseLakeEndpoint(const std::string& url, const EndpointHints& hints) {
  if (url.contains('?') || url.contains('#')) {
    return Bad("it has a query; a SAS is given as the credential");
  }
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return Bad("it does not begin with https:// or http://");
  const std::string scheme_name = ToLowerAscii(url.substr(0, scheme));
  if (scheme_name != "https" && scheme_name != "http")
    return Bad("its scheme is not https or http");
  std::string_view rest = std::string_view(url).substr(scheme + 3);
  const std::string authority = ToLowerAscii(TakeSegment(rest));
  if (authority.empty() || authority.contains('@')) return Bad("it has no host, or names a user");
  const std::string_view host = HostOf(authority);

  LakeEndpoint out;
  out.path_style = hints.path_style.value_or(IsAddressOrLocal(host));
  if (out.path_style) {
    out.account = TakeSegment(rest);
  } else {
    out.account = hints.account.value_or(std::string(AccountOf(host)));
    if (out.account.empty()) return Bad("its host does not name the account; say which it is");
  }
  if (!azure::ParseAccountName(out.account)) return Bad("the account's name cannot be one");
  const std::string origin = scheme_name + "://" + authority;
  out.origin = out.path_style ? origin : WithService(origin, ".dfs.", ".blob.");
  out.dfs_origin = out.path_style ? origin : WithService(origin, ".blob.", ".dfs.");
  out.container = TakeSegment(rest);
  if (!azure::ParseContainerName(out.container)) return Bad("it names no container");
  const auto prefix = PercentDecode(rest);
  if (!prefix || !IsValidUtf8(*prefix)) return Bad("its prefix is not well encoded");
  out.prefix = *prefix;
  if (!out.prefix.empty() && !out.prefix.ends_with('/')) out.prefix += '/';
  return out;
}

}  // namespace forebay::lake
