#include "rest/blob/source_fetcher.h"

#include <fmt/format.h>

#include "azure/ranges.h"
#include "azure/target.h"
#include "base/encoding.h"

namespace forebay::rest {
namespace {

constexpr std::string_view kStatusElement = "CopySourceStatusCode: ";

// Tells a source that broke off from a client that did.
class SourceBody final : public BodyReader {
 public:
  explicit SourceBody(std::unique_ptr<BodyReader> inner) : inner_(std::move(inner)) {}
  std::optional<std::uint64_t> content_length() const override { return inner_->content_length(); }
  Task<std::size_t> Read(MutableByteView data) override {
    auto size = co_await inner_->Read(data);
    if (size || size.error().code() == Code::kCancelled) co_return size;
    co_return Fail(SourceError(500, "", "The copy source broke off: " + size.error().message()));
  }

 private:
  std::unique_ptr<BodyReader> inner_;
};

bool IsRedirect(unsigned status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Location against the URL that answered with it.
std::string Resolve(const azure::SourceUrl& from, std::string_view location) {
  const std::string scheme = from.https ? "https:" : "http:";
  if (location.find("://") != std::string_view::npos) return std::string(location);
  if (location.starts_with("//")) return scheme + std::string(location);
  const std::string origin = scheme + "//" + from.authority;
  if (location.starts_with('/')) return origin + std::string(location);
  std::string folder = from.target.substr(0, from.target.find('?'));
  folder.resize(folder.rfind('/') + 1);
  return origin + folder + std::string(location);
}

Result<FetchedSource> Accept(http::ClientResponse response,
                             const std::optional<FetchRequest::Range>& range) {
  if (response.status != 200 && response.status != 206) {
    return Fail(SourceError(response.status, response.headers.Get("x-ms-error-code"),
                            fmt::format("The copy source answered {}.", response.status)));
  }
  FetchedSource out;
  const auto length = response.body->content_length();
  if (!length) {
    return Fail(SourceError(400, "", "The copy source does not say how long its content is."));
  }
  out.length = *length;
  if (range) {
    const std::uint64_t span = range->last - range->first;
    const std::uint64_t wanted = span == UINT64_MAX ? span : span + 1;
    const auto got = azure::ParseContentRange(response.headers.Get("content-range"));
    const bool partial = response.status == 206 && got && got->range.offset == range->first &&
                         got->range.length == *length && *length == wanted;
    // A source without ranges answers the whole, which will do when the whole is asked for.
    const bool whole = response.status == 200 && range->first == 0 && *length == wanted;
    if (!partial && !whole) {
      return Fail(SourceError(416, "InvalidRange",
                              "The copy source did not answer the range that was asked for."));
    }
  } else if (response.status != 200) {
    return Fail(SourceError(400, "", "The copy source answered a part of its content."));
  }
  out.headers = std::move(response.headers);
  out.body = std::make_unique<SourceBody>(std::move(response.body));
  return out;
}

http::ClientOptions WithGuard(http::ClientOptions options, const AddressGuard* guard) {
  options.allow_address = nullptr;
  if (guard != nullptr) {
    options.allow_address = [guard](const std::string& ip, std::uint16_t port) {
      return guard->Allows(ip, port);
    };
  }
  return options;
}

}  // namespace

Error SourceError(unsigned status, std::string_view code, std::string message) {
  std::string detail = std::string(kStatusElement) + std::to_string(status);
  if (!code.empty() && code.size() <= 64) {
    detail += "\nCopySourceErrorCode: ";
    detail += code;
  }
  return Error(Code::kCannotVerifyCopySource, std::move(message)).WithDetail(std::move(detail));
}

std::optional<unsigned> SourceStatusOf(const Error& error) {
  if (error.code() != Code::kCannotVerifyCopySource) return std::nullopt;
  const std::string_view detail = error.detail();
  if (!detail.starts_with(kStatusElement)) return std::nullopt;
  const auto status = azure::ParseUint(
      detail.substr(kStatusElement.size(), detail.find('\n') - kStatusElement.size()));
  if (!status || *status < 100 || *status > 599) return std::nullopt;
  return static_cast<unsigned>(*status);
}

HttpSourceFetcher::HttpSourceFetcher(AddressGuard guard, const http::ClientOptions& base)
    : guard_(std::move(guard)),
      guarded_(WithGuard(base, &guard_)),
      trusted_(WithGuard(base, nullptr)) {}

Task<FetchedSource> HttpSourceFetcher::Fetch(OpContext context, FetchRequest request) {
  std::string url = std::move(request.url);
  http::Headers headers = std::move(request.headers);
  headers.Set("Accept-Encoding", "identity");
  if (request.range) {
    headers.Set("Range", fmt::format("bytes={}-{}", request.range->first, request.range->last));
  }
  std::string authority;
  bool https = false;
  for (int hop = 0; hop <= kMaxRedirects; ++hop) {
    FB_CO_ASSIGN_OR_RETURN(const azure::SourceUrl parsed, azure::ParseSourceUrl(url));
    if (hop > 0 && https && !parsed.https) {
      co_return Fail(SourceError(400, "", "The copy source redirects from https to http."));
    }
    // Credentials are for the host that the client named them for.
    if (hop > 0 && parsed.authority != authority) headers.Remove("Authorization");
    authority = parsed.authority;
    https = parsed.https;
    http::Client& client = guard_.TrustsHost(parsed.host, parsed.port) ? trusted_ : guarded_;
    http::ClientRequest get;
    get.url = url;
    get.headers = headers;
    auto response = co_await client.Send(context, std::move(get));
    if (!response) {
      if (response.error().code() == Code::kCancelled) co_return Fail(std::move(response.error()));
      co_return Fail(
          SourceError(400, "", "The copy source cannot be reached: " + response.error().message()));
    }
    if (!IsRedirect(response->status)) co_return Accept(std::move(*response), request.range);
    const std::string_view location = response->headers.Get("location");
    if (location.empty()) {
      co_return Fail(SourceError(response->status, "", "The copy source redirects to nowhere."));
    }
    url = Resolve(parsed, location);
  }
  co_return Fail(SourceError(400, "", "The copy source redirects too often."));
}

}  // namespace forebay::rest
