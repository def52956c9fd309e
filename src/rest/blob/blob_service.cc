#include "rest/blob/blob_service.h"

#include <algorithm>

#include "azure/cors.h"
#include "azure/error_table.h"
#include "azure/xml_documents.h"
#include "base/log.h"
#include "engine/get_blob.h"
#include "rest/blob/attributes.h"
#include "rest/blob/call.h"
#include "rest/blob/dialect.h"
#include "rest/blob/handlers.h"
#include "rest/blob/metered_source.h"
#include "rest/blob/responses.h"
#include "rest/blob/service_properties.h"

namespace forebay::rest {
namespace {

constexpr std::size_t kMaxClientRequestId = 1024;

std::string_view CategoryOf(azure::Effect effect) {
  switch (effect) {
    case azure::Effect::kRead:
      return "StorageRead";
    case azure::Effect::kWrite:
      return "StorageWrite";
    case azure::Effect::kDelete:
      return "StorageDelete";
  }
  return "StorageRead";
}

// Visible ASCII and not too long, or it is not echoed.
bool IsEchoable(std::string_view id) {
  return !id.empty() && id.size() <= kMaxClientRequestId &&
         std::ranges::all_of(id, [](char c) { return c >= 0x20 && c < 0x7F; });
}

// What the caller offered, also where it did not convince.
std::string_view AuthShown(const Call& call) {
  if (call.auth.kind != AuthKind::kAnonymous) return AuthKindName(call.auth.kind);
  if (const auto header = call.Header("authorization"); !header.empty()) {
    return header.starts_with("SharedKeyLite") ? "SharedKeyLite" : "SharedKey";
  }
  return call.target.query.Has("sig") ? "Sas" : "Anonymous";
}

void Describe(const Call& call, RequestLog& log) {
  const http::Request& request = call.request;
  log.started = call.now;
  log.request_id = call.context.request_id;
  log.client_request_id =
      std::string(call.Header("x-ms-client-request-id").substr(0, kMaxClientRequestId));
  log.method = request.method_text;
  log.account = call.target.account.str();
  if (call.target.container) log.container = call.target.container->str();
  if (call.target.blob) log.blob = call.target.blob->str();
  log.path = request.path;
  log.auth = AuthShown(call);
  log.user_agent = std::string(call.Header("user-agent"));
  log.client_ip = request.client_ip;
  log.tls = request.tls;
}

// Forebay has no snapshots or versions: a request that names one names nothing.
Result<> CheckNamedState(const Call& call) {
  if (!call.target.blob) return {};
  for (const std::string_view name : {"snapshot", "versionid"}) {
    const auto value = call.target.query.Find(name);
    if (!value) continue;
    if (!azure::ParseIsoTime(*value)) return Fail(azure::InvalidQueryError(name, *value));
    return Fail(Code::kBlobNotFound, "The specified blob does not exist.");
  }
  return {};
}

// Blob index tags are keyed by name, and a directory's rename would leave them behind; Azure
// refuses them on hierarchical accounts too.
Result<> RefuseTagsOnDirectories(const Call& call) {
  if (call.account == nullptr || !call.account->hierarchical) return {};
  using enum azure::Operation;
  const bool asks = call.operation == kGetBlobTags || call.operation == kSetBlobTags ||
                    call.operation == kFindBlobsByTags ||
                    call.operation == kFindBlobsByTagsInContainer;
  if (!asks && call.Header("x-ms-tags").empty()) return {};
  return Fail(Code::kHierarchicalNotSupported,
              "Blob tags are not supported for hierarchical namespace accounts.");
}

// Its code is of this one answer, and stands for nothing else inside.
http::Response PreflightRefused(const Call& call) {
  http::Response response = Empty(403);
  response.headers.Add("x-ms-error-code", std::string(azure::kPreflightFailure));
  response.headers.Add("Content-Type", "application/xml");
  response.text = azure::PreflightFailureXml(call.context.request_id, call.now);
  return response;
}

// `timeout`: the seconds that the client gives the operation. Never more than we give it. A
// download's is only checked: its body takes as long as the client reads, and the context goes
// along.
Result<> BoundTime(Call& call) {
  const auto text = call.target.query.Find("timeout");
  if (!text || text->empty()) return {};
  const auto seconds = azure::ParseUint(*text);
  if (!seconds) return Fail(azure::InvalidQueryError("timeout", *text));
  // Deadlines are the machine's time, whatever clock the service has; a day is as good as none.
  constexpr std::uint64_t kMost = 86'400;
  if (*seconds == 0 || *seconds > kMost) return {};
  if (call.operation == azure::Operation::kGetBlob) return {};
  call.context.deadline =
      std::min(call.context.deadline, Clock::System().SteadyNow() + std::chrono::seconds(*seconds));
  return {};
}

}  // namespace

BlobService::BlobService(BlobServiceOptions options, engine::Services& services,
                         const AccountRegistry& accounts, SourceFetcher& fetcher,
                         RequestObserver* observer)
    : options_(std::move(options)),
      services_(services),
      accounts_(accounts),
      observer_(observer),
      sources_(options_.copy_sources, fetcher),
      documents_(std::max(options_.document_bytes, azure::kMaxBlockListXmlBytes)),
      copy_jobs_(std::make_unique<CopyJobs>(options_.copy_jobs, services, fetcher)) {}

BlobService::~BlobService() = default;

Task<http::Response> BlobService::Handle(OpContext context, http::Request& request) {
  const SteadyTime began = services_.clock.SteadyNow();
  Call call{.services = services_,
            .sources = sources_,
            .copies = *copy_jobs_,
            .documents = documents_,
            .context = std::move(context),
            .request = request,
            .fields = {request.headers.begin(), request.headers.end()},
            .now = services_.clock.Now(),
            .accounts = accounts_.Get(),
            .account = nullptr,
            .target = {},
            .operation = azure::Operation::kCount,
            .version = {},
            .auth = {},
            .document_memory = {}};
  RequestLog log;
  log.operation = "Unknown";
  BodyReader* const body = request.body;
  MeteredReader counted(*body);
  request.body = &counted;
  auto served = co_await Serve(call, log);
  request.body = body;
  // What was read, not what was announced: a refused request may announce anything.
  log.bytes_in = counted.count();
  http::Response response;
  if (served) {
    response = std::move(*served);
  } else {
    response = call.in_dialect ? dialect_->ErrorAnswer(served.error(), call)
                               : ErrorResponse(served.error(), call.context.request_id,
                                               call.is_head(), call.now);
    log.error_detail = served.error().ToString();
  }
  if (call.account != nullptr && request.method != http::Method::kOptions &&
      request.headers.Has("origin")) {
    if (auto cors = co_await AddCors(call, response); !cors) {
      Log(LogLevel::kWarn, "cannot read CORS rules", {{"error", cors.error().ToString()}});
    }
  }
  AddCommonHeaders(call, response);
  Describe(call, log);
  Finish(std::move(log), response, began);
  co_return response;
}

Task<http::Response> BlobService::Serve(Call& call, RequestLog& log) {
  const Accounts& accounts = *call.accounts;
  auto parsed = azure::ParseTargetInto(
      call.target, call.request.target, call.Header("host"),
      [&accounts](std::string_view name) { return accounts.Has(name); },
      call.Header("x-ms-rename-source"));
  // Before anything can fail: an error is told in the words of the API that was asked.
  call.in_dialect = dialect_ != nullptr && dialect_->Claims(call);
  FB_CO_RETURN_IF_ERROR(std::move(parsed));
  call.account = accounts.Find(call.target.account.view());
  if (call.request.method == http::Method::kOptions) {
    log.operation = azure::InfoOf(azure::Operation::kBlobPreflightRequest).name;
    log.category = CategoryOf(azure::Effect::kRead);
    co_return co_await Preflight(call);
  }
  DialectRoute route;
  if (call.in_dialect) {
    FB_CO_ASSIGN_OR_RETURN(route, dialect_->Recognize(call));
    call.operation = route.info->operation;
  } else {
    FB_CO_ASSIGN_OR_RETURN(call.operation, azure::RecognizeOperation(call.request.method_text,
                                                                     call.target, call.headers()));
    route.info = &azure::InfoOf(call.operation);
    route.handler = HandlerOf(call.operation);
  }
  log.operation = route.info->name;
  log.category = CategoryOf(route.info->effect);
  FB_CO_RETURN_IF_ERROR(BoundTime(call));
  FB_CO_RETURN_IF_ERROR(co_await Admit(call, route));
  if (call.version.empty()) FB_CO_RETURN_IF_ERROR(co_await NegotiateVersion(call));
  if (!call.in_dialect) {
    FB_CO_RETURN_IF_ERROR(RefuseUnofferedHeaders(call.headers(), call.operation));
    FB_CO_RETURN_IF_ERROR(RefuseTagsOnDirectories(call));
    if (IsSupported(call.operation)) FB_CO_RETURN_IF_ERROR(CheckNamedState(call));
  }
  co_return co_await route.handler(call);
}

Task<> BlobService::Admit(Call& call, const DialectRoute& route) {
  FB_CO_ASSIGN_OR_RETURN(AuthRequest asked, AskToAdmit(call));
  if (call.in_dialect) {
    asked.info = route.info;
    asked.extra = route.extra;
    asked.scope = route.scope;
    // The cache knows tokens by the target alone.
    if (route.scope) asked.cache = nullptr;
  }
  if (auto known = AuthenticateKnownSas(call.account, asked)) {
    FB_CO_ASSIGN_OR_RETURN(call.auth, std::move(*known));
  } else {
    FB_CO_ASSIGN_OR_RETURN(
        call.auth, co_await Authenticate(services_, call.context, call.account, std::move(asked)));
  }
  co_return Result<>();
}

Result<AuthRequest> BlobService::AskToAdmit(Call& call) {
  AuthRequest request;
  request.method = call.request.method_text;
  request.target = &call.target;
  request.headers = call.headers();
  request.operation = call.operation;
  request.extra = azure::ExtraPermissions(call.operation, call.target, call.headers());
  if (const std::string_view version = call.Header("x-ms-version"); !version.empty()) {
    FB_ASSIGN_OR_RETURN(request.version, azure::ServiceVersion::Parse(version));
    call.version = request.version;
  }
  request.client_ip = call.request.client_ip;
  request.tls = call.request.tls;
  request.now = call.now;
  request.cache = &sas_cache_;
  return request;
}

// For a request without x-ms-version.
Task<> BlobService::NegotiateVersion(Call& call) {
  if (const std::string_view text = call.QueryValue("api-version"); !text.empty()) {
    FB_CO_ASSIGN_OR_RETURN(call.version, azure::ServiceVersion::Parse(text));
    co_return Result<>();
  }
  if (!call.auth.sas_version.empty()) {
    call.version = call.auth.sas_version;
    co_return Result<>();
  }
  call.version = options_.default_version;
  FB_CO_ASSIGN_OR_RETURN(
      auto properties, co_await LoadServiceProperties(services_, call.context, call.account->name));
  if (properties.default_service_version) {
    auto version = azure::ServiceVersion::Parse(*properties.default_service_version);
    if (version) call.version = *version;
  }
  co_return Result<>();
}

Task<http::Response> BlobService::Preflight(Call& call) {
  if (call.account == nullptr) {
    co_return Fail(Code::kResourceNotFound, "The specified resource does not exist.");
  }
  FB_CO_ASSIGN_OR_RETURN(
      auto properties, co_await LoadServiceProperties(services_, call.context, call.account->name));
  auto fields = azure::EvaluatePreflight(properties.cors.value_or(std::vector<azure::CorsRule>{}),
                                         call.headers());
  if (!fields && fields.error().code() == Code::kAuthorizationFailure) {
    co_return PreflightRefused(call);
  }
  if (!fields) co_return Fail(std::move(fields.error()));
  http::Response response = Empty(200);
  for (auto& [name, value] : *fields) response.headers.Add(name, value);
  co_return response;
}

// For an actual request with an Origin.
Task<> BlobService::AddCors(Call& call, http::Response& response) {
  FB_CO_ASSIGN_OR_RETURN(
      auto properties, co_await LoadServiceProperties(services_, call.context, call.account->name));
  if (!properties.cors || properties.cors->empty()) co_return Result<>();
  for (auto& [name, value] :
       azure::CorsHeaders(*properties.cors, call.request.method_text, call.headers())) {
    response.headers.Add(name, value);
  }
  co_return Result<>();
}

void BlobService::AddCommonHeaders(const Call& call, http::Response& response) const {
  http::Headers& headers = response.headers;
  if (!options_.server_header.empty()) headers.Add("Server", options_.server_header);
  headers.Add("x-ms-request-id", call.context.request_id);
  const std::string_view client_id = call.Header("x-ms-client-request-id");
  if (IsEchoable(client_id)) headers.Add("x-ms-client-request-id", std::string(client_id));
  if (!call.version.empty()) headers.Add("x-ms-version", call.version.ToString());
}

void BlobService::Finish(RequestLog log, http::Response& response, SteadyTime began) {
  if (observer_ == nullptr) return;
  log.status = response.status;
  log.version = std::string(response.headers.Get("x-ms-version"));
  if (response.status >= 300) log.error_code = std::string(response.headers.Get("x-ms-error-code"));
  log.server_latency = services_.clock.SteadyNow() - began;
  if (response.source != nullptr) {
    response.source = std::make_unique<MeteredSource>(std::move(response.source), std::move(log),
                                                      *observer_, services_.clock, began,
                                                      response.content_length.value_or(0));
    return;
  }
  log.bytes_out = response.text.size();
  log.end_to_end_latency = log.server_latency;
  observer_->Observe(log);
}

}  // namespace forebay::rest
