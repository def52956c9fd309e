// Fetches a copy source from another server, with the guard of address_guard.h on every connection
// and every redirect.
//
// Thread safe. What cannot be fetched is kCannotVerifyCopySource with what the source answered
// (SourceError); the message never holds the URL's query, which may be a SAS.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "async/byte_stream.h"
#include "async/context.h"
#include "async/task.h"
#include "azure/wire.h"
#include "http/client.h"
#include "rest/blob/address_guard.h"

namespace forebay::rest {

struct FetchRequest {
  std::string url;
  struct Range {
    std::uint64_t first = 0;
    std::uint64_t last = 0;  // inclusive
  };
  std::optional<Range> range;
  // Request headers: If-Match …, Authorization (dropped when a redirect leaves the host).
  http::Headers headers;
};

// A source that answered 200 or 206. The body's errors are kCannotVerifyCopySource too, so that a
// source that breaks off is never taken for a client that does.
struct FetchedSource {
  http::Headers headers;
  std::uint64_t length = 0;  // of the body
  std::unique_ptr<BodyReader> body;
};

class SourceFetcher {
 public:
  virtual ~SourceFetcher() = default;
  virtual Task<FetchedSource> Fetch(OpContext context, FetchRequest request) = 0;
};

class HttpSourceFetcher final : public SourceFetcher {
 public:
  // `base` holds time-outs and certificates; its allow_address is replaced by the guard's.
  HttpSourceFetcher(AddressGuard guard, const http::ClientOptions& base);
  Task<FetchedSource> Fetch(OpContext context, FetchRequest request) override;

  static constexpr int kMaxRedirects = 5;

 private:
  const AddressGuard guard_;
  http::Client guarded_;
  http::Client trusted_;  // for hosts that the operator listed by name
};

// kCannotVerifyCopySource that carries the source's status and error code to the client.
Error SourceError(unsigned status, std::string_view code, std::string message);
// The status that SourceError put into an error; nullopt for other errors.
std::optional<unsigned> SourceStatusOf(const Error& error);

}  // namespace forebay::rest
