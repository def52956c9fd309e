// What a copy's source URL names: a blob of this server, or something elsewhere.
//
// The URL of a blob of this server is authorized like a read of it (a SAS in its query, public
// access, or the request's own SharedKey on the same account) and is never fetched over the
// network. Thread safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "azure/ranges.h"
#include "azure/target.h"
#include "base/ip_address.h"
#include "engine/get_blob.h"
#include "engine/put_blob.h"
#include "rest/blob/call.h"
#include "rest/blob/source_fetcher.h"

namespace forebay::rest {

struct CopySourceOptions {
  // Whether a connection from this machine to the address and port ends at a listener of this
  // server. Does not wait. Unset: it is known by the names that clients use only.
  std::function<bool(const IpBytes& address, std::uint16_t port)> is_own = {};
  // Host-style domains: "blob.example.com" serves "account.blob.example.com", on the port that the
  // request itself came to.
  std::vector<std::string> domains = {};
};

// A blob of this server that the caller may read, and its record as it was when that was decided.
struct LocalSource {
  engine::BlobTarget target;
  meta::BlobRecord record;
};

class CopySources {
 public:
  CopySources(CopySourceOptions options, SourceFetcher& fetcher)
      : options_(std::move(options)), fetcher_(fetcher) {}

  // The URL of x-ms-copy-source, checked. kMissingRequiredHeader, kInvalidSourceBlobUrl;
  // kInvalidHeaderValue above 2 KiB.
  Result<std::string> UrlOf(const Call& call) const;

  // nullopt when the URL is none of this server's. kCannotVerifyCopySource with the reason's status
  // when it is, but may not be read or is not there.
  Task<std::optional<LocalSource>> FindLocal(Call& call, const std::string& url) const;

  // A source elsewhere, with the request's source conditions and x-ms-copy-source-authorization.
  Task<FetchedSource> Fetch(Call& call, const std::string& url,
                            std::optional<FetchRequest::Range> range) const;

  SourceFetcher& fetcher() const { return fetcher_; }

 private:
  // The URL as a target of this server; nullopt when it leads elsewhere.
  std::optional<azure::RequestTarget> OwnTarget(const Call& call,
                                                const azure::SourceUrl& url) const;
  bool IsOwn(const Call& call, const azure::SourceUrl& url) const;

  const CopySourceOptions options_;
  SourceFetcher& fetcher_;
};

// How a copied blob names its source for ever: the URL without its query, which may be a SAS.
std::string CopySourceShown(std::string_view url);

// Put Blob and Put Block From URL take no bytes of their own: kInvalidHeaderValue (Content-Length).
Result<> CheckNoBody(const Call& call);

// The headers that a source elsewhere is asked with: source conditions and authorization.
Result<http::Headers> SourceHeaders(azure::HeaderSpan headers);

// x-ms-source-content-md5 or x-ms-source-content-crc64; the errors of ChecksumsFrom.
Result<engine::ExpectedChecksums> SourceChecksums(azure::HeaderSpan headers);

// An engine error of a copy whose source is here: a blob that is not there can only be the source,
// which becomes kCannotVerifyCopySource.
Error LocalCopyError(Error error);

}  // namespace forebay::rest
