// The Blob REST API as an http::Handler: from a request to an answer, every request logged once.
//
//   target → CORS preflight → operation → authentication and authorization → version → handler
//   (handlers.h) → common headers → RequestLog
//
// Thread safe: requests run on their connections' loops, side by side. References must outlive the
// service. No request fails with an Error: every error becomes Azure's answer for it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "async/semaphore.h"
#include "azure/version.h"
#include "engine/services.h"
#include "http/server.h"
#include "rest/blob/accounts.h"
#include "rest/blob/authenticate.h"
#include "rest/blob/copy_jobs.h"
#include "rest/blob/copy_source.h"
#include "rest/blob/request_log.h"
#include "rest/blob/sas_cache.h"
#include "rest/blob/source_fetcher.h"

namespace forebay::rest {

struct BlobServiceOptions {
  CopySourceOptions copy_sources;
  CopyJobOptions copy_jobs;
  // Large block lists in memory at a time; further ones wait. At least 8 MiB.
  std::size_t document_bytes = 64u << 20;
  std::string server_header = "Forebay-Blob/1.0";
  // Of requests that name no version, where the account's service properties set no default.
  azure::ServiceVersion default_version = azure::kDefaultVersion;
};

struct Call;

class Dialect;
struct DialectRoute;

class BlobService final : public http::Handler {
 public:
  // `observer` may be null.
  BlobService(BlobServiceOptions options, engine::Services& services,
              const AccountRegistry& accounts, SourceFetcher& fetcher, RequestObserver* observer);
  ~BlobService() override;

  Task<http::Response> Handle(OpContext context, http::Request& request) override;

  // Before the first request; null: this service speaks the Blob API alone.
  void SetDialect(const Dialect* dialect) { dialect_ = dialect; }
  CopyJobs& copy_jobs() { return *copy_jobs_; }

 private:
  Task<http::Response> Serve(Call& call, RequestLog& log);
  Task<http::Response> Preflight(Call& call);
  Task<> Admit(Call& call, const DialectRoute& route);
  Result<AuthRequest> AskToAdmit(Call& call);
  Task<> NegotiateVersion(Call& call);
  Task<> AddCors(Call& call, http::Response& response);
  void AddCommonHeaders(const Call& call, http::Response& response) const;
  void Finish(RequestLog log, http::Response& response, SteadyTime began);

  const BlobServiceOptions options_;
  engine::Services& services_;
  const AccountRegistry& accounts_;
  RequestObserver* const observer_;
  CopySources sources_;
  SasCache sas_cache_;
  const Dialect* dialect_ = nullptr;
  Semaphore documents_;
  std::unique_ptr<CopyJobs> copy_jobs_;
};

}  // namespace forebay::rest
