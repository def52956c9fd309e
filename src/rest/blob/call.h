// One request on its way through the service: what it is, who asks, and what to answer with.
//
// Lives in the frame of BlobService::Handle; handlers take it by reference. One thread at a time.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "async/context.h"
#include "async/semaphore.h"
#include "async/task.h"
#include "azure/conditions.h"
#include "azure/permissions.h"
#include "azure/target.h"
#include "azure/version.h"
#include "engine/services.h"
#include "engine/target.h"
#include "http/message.h"
#include "rest/blob/accounts.h"
#include "rest/blob/authenticate.h"

namespace forebay::rest {

class CopySources;
class CopyJobs;

struct Call {
  engine::Services& services;
  CopySources& sources;
  CopyJobs& copies;
  Semaphore& documents;  // bytes of large XML documents in requests, all together
  OpContext context;
  http::Request& request;
  std::vector<azure::HeaderField> fields;  // the request's headers, as views
  WallTime now;

  AccountsPtr accounts;
  const AccountEntry* account = nullptr;
  azure::RequestTarget target;
  azure::Operation operation = azure::Operation::kGetBlob;
  azure::ServiceVersion version;
  Authentication auth;
  bool in_dialect = false;  // a request of another API on this endpoint (rest/blob/dialect.h)
  Permit document_memory;   // held for this request's document, until the request is over

  azure::HeaderSpan headers() const { return fields; }
  std::string_view Header(std::string_view name) const { return request.headers.Get(name); }
  std::string_view QueryValue(std::string_view name) const { return target.query.Get(name); }
  // All values of a parameter that takes a list, as "?include=a&include=b" and "?include=a,b" mean
  // the same.
  std::string QueryList(std::string_view name) const;
  bool is_head() const { return request.method == http::Method::kHead; }

  engine::Account EngineAccount() const { return {account->name, account->hierarchical}; }
  engine::ContainerTarget Container() const { return {EngineAccount(), *target.container}; }
  engine::BlobTarget Blob() const { return {EngineAccount(), *target.container, *target.blob}; }

  // "http://127.0.0.1:10000/devstoreaccount1/" or "http://account.blob.host/", as the client
  // addressed us.
  std::string ServiceEndpoint() const;
};

// The conditions of a write: parsed, and a combination that is allowed.
Result<azure::Conditions> WriteConditions(const Call& call);

// Those of a write that makes a blob or replaces one. For a caller who may create but not overwrite
// (create_only), "the blob must not exist" is added.
Result<azure::Conditions> CreateConditions(const Call& call);

// What a failed write means to such a caller: the blob that is there may not be overwritten.
Error OverwriteError(const Call& call, Error error);

// `blockid`: kMissingRequiredQueryParameter, kInvalidQueryParameterValue for what is no base64,
// kInvalidBlockId for the base64 of too many bytes, or of none.
Result<azure::BlockId> BlockIdFrom(const Call& call);

// `maxresults`: 1 to 5,000, larger ones are cut; absent 5,000. kOutOfRangeQueryParameterValue,
// kInvalidQueryParameterValue.
Result<std::size_t> MaxResults(const Call& call);

}  // namespace forebay::rest
