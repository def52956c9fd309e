// One request of a mount to its server: signed, sent over pooled connections, and sent again while
// the server is away.
//
// Thread safe; a call runs on its caller's executor. A call waits for a server that does not
// answer, or says it is busy, until its deadline (kDeadlineExceeded, with the last reason) or its
// cancellation. Other refusals are errors at once, in the words of base/error.h; no secret shows.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "azure/target.h"
#include "azure/wire.h"
#include "http/client.h"
#include "lake/credential.h"
#include "lake/endpoint.h"

namespace forebay::vfs {

struct RestCall {
  http::Method method = http::Method::kGet;
  std::string path;  // encoded, with the container
  azure::Query query{};
  azure::OwnedHeaders headers{};
  std::vector<ByteView> body{};  // one after the other; stays until the call returns
  bool dfs = false;              // the Data Lake endpoint, where a host serves only one
  // A successful body is read into this, and must fit; else it is in RestAnswer::text.
  std::optional<MutableByteView> into{};
  std::size_t text_limit = 1u << 20;
  // Set when an earlier try of the same call may have been done without our hearing of it: then
  // "exists already" and the like may be our own work.
  bool* repeated = nullptr;
};

struct RestAnswer {
  unsigned status = 0;
  http::Headers headers;
  std::string text;
  std::size_t bytes = 0;  // of `into`
  std::string_view Get(std::string_view name) const { return headers.Get(name); }
};

struct RestSenderOptions {
  lake::LakeEndpoint endpoint;
  std::unique_ptr<lake::Credential> credential;
  std::size_t connections = 256;  // kept open; there may be more for a moment
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds stall_timeout{60'000};
  // As long as the server has never answered, it is waited for so long at most, whatever a call's
  // deadline is: kNetwork then. Zero: as at any other time.
  std::chrono::milliseconds reach_timeout{0};
  std::string ca_file{};
  Clock* clock = &Clock::System();
};

class RestSender {
 public:
  explicit RestSender(RestSenderOptions options);
  const lake::LakeEndpoint& endpoint() const { return options_.endpoint; }

  // What x-ms-rename-source has to carry behind the path: a SAS, question mark and all, where we
  // have no better proof; else nothing.
  Task<std::string> SourceQuery(OpContext context, std::string name);
  // Success for 2xx.
  Task<RestAnswer> Send(OpContext context, RestCall call);

 private:
  struct Try {
    bool sent = false;    // this try may have reached the server
    unsigned status = 0;  // what it answered; zero: nothing
    unsigned number = 0;  // tries so far
    bool refreshed = false;
  };
  Task<RestAnswer> SendOnce(const OpContext& context, const RestCall& call,
                            const std::string& request_id, Try& state);
  Task<http::ClientRequest> Prepare(const OpContext& context, const RestCall& call,
                                    const std::string& request_id);
  Error Explain(const RestCall& call, const http::ClientResponse& response) const;
  // Waits before another try; the error, when there is to be none.
  Task<> BeforeAgain(const OpContext& context, Error error, Try& state);

  RestSenderOptions options_;
  http::Client client_;
  const SteadyTime made_;
  std::atomic<bool> reached_{false};  // it has answered something
};

}  // namespace forebay::vfs
