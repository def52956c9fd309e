// One request to a lake and its answer: authorized, accounted, tried again where that is safe, and
// failures told in this process's words.
//
// Internal to the Azure client (azure_blob_lake.h). Thread safe; a call runs on its caller's
// executor. What may be repeated is ObjectLake's rule (object_lake.h); Repeat says which case a
// request is.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "azure/error_table.h"
#include "http/client.h"
#include "lake/accounting.h"
#include "lake/credential.h"
#include "lake/endpoint.h"
#include "lake/limits.h"
#include "lake/types.h"

namespace forebay::lake {

struct RetryPolicy {
  unsigned tries = 6;
  std::chrono::milliseconds first_pause{50};  // then three times as long, less up to a half
  std::chrono::milliseconds longest_pause{8000};
  // A Retry-After beyond this is the caller's to wait for.
  std::chrono::milliseconds longest_retry_after{30'000};
};

enum class Repeat : std::uint8_t {
  kRead,      // changes nothing
  kHarmless,  // changes something that a repetition changes to the same, and nobody sees in between
  kTelling,   // may be repeated, and only success of the repetition tells that all is well
  kOnce,      // not after it may have happened
};

struct LakeSpec {
  LakeOperation operation = LakeOperation::kHead;
  Repeat repeat = Repeat::kRead;
  http::Method method = http::Method::kGet;
  bool dfs = false;  // the Data Lake endpoint
  std::string path{};
  azure::Query query{};
  azure::OwnedHeaders headers{};
  std::shared_ptr<Content> content{};  // counted and limited as upload
  std::string text{};                  // or a small body of our own making
  bool stream = false;                 // leave the body to the caller
  std::size_t answer_limit = 1u << 20;
  // After a lost answer, 404 means that the first try has done it.
  bool gone_is_success = false;
};

struct LakeAnswer {
  unsigned status = 0;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string text;                  // the body, unless it streams
  std::unique_ptr<BodyReader> body;  // with `stream`

  std::string_view Get(std::string_view name) const;
  // Views into `headers`.
  std::vector<azure::HeaderField> Fields() const;
};

class AzureSender {
 public:
  // All outlive the sender.
  AzureSender(http::Client& client, const LakeEndpoint& endpoint, Credential& credential,
              LinkShare& link, Accounting& accounting, RetryPolicy retry, Clock& clock)
      : client_(client),
        endpoint_(endpoint),
        credential_(credential),
        link_(link),
        accounting_(accounting),
        retry_(retry),
        clock_(clock) {}

  // Success for 2xx. See ObjectLake for errors.
  Task<LakeAnswer> Run(LakeCall call, LakeSpec spec);
  const LakeEndpoint& endpoint() const { return endpoint_; }
  Credential& credential() { return credential_; }
  // When the head of an answer last came in; the epoch: never.
  SteadyTime last_heard() const { return SteadyTime(SteadyTime::duration(heard_)); }

 private:
  struct Try;
  Task<LakeAnswer> SendOnce(const LakeCall& call, const LakeSpec& spec, Try& state);
  Task<http::ClientRequest> Prepare(const LakeCall& call, const LakeSpec& spec, Try& state);
  Task<LakeAnswer> Refused(const LakeSpec& spec, http::ClientResponse response, Try& state);
  Result<> CheckSent(const Try& state, const LakeAnswer& answer) const;
  Error Explain(const LakeSpec& spec, const LakeAnswer& answer, std::string_view body) const;
  // The pause before another try; nullopt when there must not be one.
  std::optional<std::chrono::milliseconds> Pause(const LakeCall& call, const LakeSpec& spec,
                                                 const Error& error, const Try& state);

  http::Client& client_;
  const LakeEndpoint& endpoint_;
  Credential& credential_;
  LinkShare& link_;
  Accounting& accounting_;
  const RetryPolicy retry_;
  Clock& clock_;
  // Cleared for good when the lake refuses requests for knowing no CRC-64 (Azurite does).
  std::atomic<bool> checksums_{true};
  std::atomic<SteadyTime::rep> heard_{0};
};

}  // namespace forebay::lake
