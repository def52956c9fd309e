#include "rest/blob/copy_source.h"

#include <algorithm>
#include <array>

#include "azure/error_table.h"
#include "base/encoding.h"
#include "http/interface_addresses.h"
#include "rest/blob/request_body.h"

namespace forebay::rest {
namespace {

// "account.blob.host" → "blob.host"; empty when there is no dot.
std::string_view BehindFirstLabel(std::string_view host) {
  const std::size_t dot = host.find('.');
  return dot == std::string_view::npos ? std::string_view() : host.substr(dot + 1);
}

std::string_view FirstLabel(std::string_view host) { return host.substr(0, host.find('.')); }

// The port of a Host header; the scheme's where it names none.
std::uint64_t PortOf(std::string_view host, bool tls) {
  const std::size_t colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) {
    if (const auto port = azure::ParseUint(host.substr(colon + 1))) return *port;
  }
  return tls ? 443 : 80;
}

// Tags of the source take a permission of their own, whether they are copied or asked about.
azure::Permissions TagsOfSource(azure::HeaderSpan headers) {
  const bool copies =
      EqualsIgnoreCase(azure::HeaderOr(headers, "x-ms-copy-source-tag-option"), "COPY");
  const bool asks = azure::FindHeader(headers, "x-ms-source-if-tags").has_value();
  return copies || asks ? azure::Permissions::kTags : 0;
}

Error NotReadable(const Error& error) {
  const azure::WireError& wire = azure::WireErrorOf(error.code());
  return SourceError(wire.status, wire.name, std::string(wire.message));
}

}  // namespace

Result<std::string> CopySources::UrlOf(const Call& call) const {
  const auto url = azure::FindHeader(call.headers(), "x-ms-copy-source");
  if (!url || url->empty()) return Fail(azure::MissingHeaderError("x-ms-copy-source"));
  FB_RETURN_IF_ERROR(azure::ParseSourceUrl(*url));
  return std::string(*url);
}

bool CopySources::IsOwn(const Call& call, const azure::SourceUrl& url) const {
  // The name by which the client reaches us is ours; so is a sibling account under host style.
  const std::string_view host = call.Header("host");
  if (EqualsIgnoreCase(url.authority, host)) return true;
  if (!call.target.path_style && call.accounts->Has(FirstLabel(url.host)) &&
      EqualsIgnoreCase(BehindFirstLabel(url.authority), BehindFirstLabel(host))) {
    return true;
  }
  for (const IpBytes& address : http::AddressesOf(url.host)) {
    if (options_.is_own && options_.is_own(address, url.port)) return true;
  }
  // An account of the same name may live at Azure: only on the port that we were reached by is the
  // domain ours.
  if (url.port != PortOf(host, call.request.tls)) return false;
  return std::ranges::any_of(options_.domains, [&](const std::string& domain) {
    return call.accounts->Has(FirstLabel(url.host)) &&
           EqualsIgnoreCase(BehindFirstLabel(url.host), domain);
  });
}

std::optional<azure::RequestTarget> CopySources::OwnTarget(const Call& call,
                                                           const azure::SourceUrl& url) const {
  if (!IsOwn(call, url)) return std::nullopt;
  const Accounts& accounts = *call.accounts;
  auto target = azure::ParseTarget(
      url.target, url.authority, [&accounts](std::string_view name) { return accounts.Has(name); });
  if (!target) return std::nullopt;
  return std::move(*target);
}

Task<std::optional<LocalSource>> CopySources::FindLocal(Call& call, const std::string& url) const {
  FB_CO_ASSIGN_OR_RETURN(const azure::SourceUrl parsed, azure::ParseSourceUrl(url));
  const auto target = OwnTarget(call, parsed);
  if (!target) co_return std::optional<LocalSource>();
  const AccountEntry* account = call.accounts->Find(target->account.view());
  if (account == nullptr || !target->container || !target->blob || target->query.Has("snapshot") ||
      target->query.Has("versionid")) {
    co_return Fail(SourceError(404, "BlobNotFound", "The specified blob does not exist."));
  }
  const bool same_key =
      account == call.account && !target->query.Has("sig") &&
      (call.auth.kind == AuthKind::kSharedKey || call.auth.kind == AuthKind::kSharedKeyLite);
  if (!same_key) {
    AuthRequest read;
    read.method = "GET";
    read.target = &*target;
    read.operation = azure::Operation::kGetBlob;
    read.extra = TagsOfSource(call.headers());
    read.client_ip = call.request.client_ip;
    read.tls = call.request.tls;
    read.now = call.now;
    auto allowed = co_await Authenticate(call.services, call.context, account, read);
    if (!allowed) co_return Fail(NotReadable(allowed.error()));
  }
  engine::GetBlobRequest head;
  head.target = {{account->name, account->hierarchical}, *target->container, *target->blob};
  head.want_body = false;
  LocalSource source{head.target, {}};
  auto blob = co_await engine::GetBlob(call.services, call.context, std::move(head));
  if (!blob) {
    const bool is_gone = blob.error().code() == Code::kContainerNotFound;
    co_return Fail(is_gone ? NotReadable(blob.error()) : LocalCopyError(std::move(blob.error())));
  }
  source.record = std::move(blob->record);
  co_return std::optional<LocalSource>(std::move(source));
}

Task<FetchedSource> CopySources::Fetch(Call& call, const std::string& url,
                                       std::optional<FetchRequest::Range> range) const {
  FetchRequest request{.url = url, .range = range, .headers = {}};
  FB_CO_ASSIGN_OR_RETURN(request.headers, SourceHeaders(call.headers()));
  auto fetched = co_await fetcher_.Fetch(call.context, std::move(request));
  if (fetched) {
    // The source may have used up the time that the client gave.
    FB_CO_RETURN_IF_ERROR(call.context.Check());
    co_return fetched;
  }
  const auto status = SourceStatusOf(fetched.error());
  if (status == 412 || status == 304) {
    co_return Fail(Code::kSourceConditionNotMet,
                   "The source condition specified using HTTP conditional header(s) is not met.");
  }
  co_return fetched;
}

std::string CopySourceShown(std::string_view url) {
  return std::string(url.substr(0, url.find('?')));
}

Result<> CheckNoBody(const Call& call) {
  const std::uint64_t length = call.request.body->content_length().value_or(0);
  if (length == 0) return {};
  return Fail(azure::InvalidHeaderError("Content-Length", std::to_string(length)));
}

Result<http::Headers> SourceHeaders(azure::HeaderSpan headers) {
  static constexpr auto kConditions = std::to_array<std::pair<std::string_view, std::string_view>>({
      {"x-ms-source-if-match", "If-Match"},
      {"x-ms-source-if-none-match", "If-None-Match"},
      {"x-ms-source-if-modified-since", "If-Modified-Since"},
      {"x-ms-source-if-unmodified-since", "If-Unmodified-Since"},
      {"x-ms-source-if-tags", "x-ms-if-tags"},
  });
  FB_RETURN_IF_ERROR(azure::SourceConditionsFrom(headers));
  http::Headers out;
  for (const auto& [name, plain] : kConditions) {
    if (const auto value = azure::FindHeader(headers, name)) {
      out.Add(std::string(plain), std::string(*value));
    }
  }
  if (const auto value = azure::FindHeader(headers, "x-ms-copy-source-authorization")) {
    out.Add("Authorization", std::string(*value));
    out.Add("x-ms-version", std::string(azure::HeaderOr(headers, "x-ms-version", "2023-11-03")));
  }
  return out;
}

Result<engine::ExpectedChecksums> SourceChecksums(azure::HeaderSpan headers) {
  return ChecksumsFrom(headers, "x-ms-source-content-md5", "x-ms-source-content-crc64");
}

Error LocalCopyError(Error error) {
  if (error.code() == Code::kBlobNotFound) return NotReadable(error);
  return error;
}

}  // namespace forebay::rest
