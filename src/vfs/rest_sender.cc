#include "vfs/rest_sender.h"

#include <algorithm>

#include "async/sleep.h"
#include "azure/error_table.h"
#include "base/http_date.h"
#include "base/uuid.h"

namespace forebay::vfs {
namespace {

constexpr std::string_view kVersion = "2025-07-05";
constexpr std::size_t kMaxErrorBody = 64_KiB;
constexpr std::chrono::milliseconds kFirstPause{20};
constexpr std::chrono::milliseconds kLongestPause{2000};
// A server that breaks on a request will break on it again; one that is away comes back.
constexpr unsigned kTriesOfFailures = 6;

http::ClientOptions ClientOptionsOf(const RestSenderOptions& options) {
  http::ClientOptions out;
  out.max_idle_connections = options.connections;
  out.connect_timeout = std::chrono::ceil<std::chrono::seconds>(options.connect_timeout);
  out.stall_timeout = std::chrono::ceil<std::chrono::seconds>(options.stall_timeout);
  out.ca_file = options.ca_file;
  return out;
}

// Several spans as one body.
class SpansSource final : public BodySource {
 public:
  explicit SpansSource(const std::vector<ByteView>& spans) : spans_(spans) {}
  Task<std::optional<BodyPiece>> Next(bool /*allow_file*/) override {
    while (next_ < spans_.size() && spans_[next_].empty()) ++next_;
    if (next_ == spans_.size()) co_return std::nullopt;
    BodyPiece piece;
    piece.memory = spans_[next_++];
    co_return piece;
  }

 private:
  const std::vector<ByteView>& spans_;
  std::size_t next_ = 0;
};

bool IsAway(Code code) {
  return code == Code::kNetwork || code == Code::kConnectionClosed || code == Code::kBadHttp;
}

// A refusal that was given before anything was done.
bool SurelyNotDone(unsigned status) {
  return status == 503 || status == 429 || (status >= 300 && status < 500 && status != 408);
}

Task<std::size_t> ReadInto(BodyReader& body, MutableByteView into) {
  std::size_t done = 0;
  while (done < into.size()) {
    FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await body.Read(into.subspan(done)));
    if (got == 0) co_return done;
    done += got;
  }
  std::byte more{};
  FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await body.Read({&more, 1}));
  if (got > 0) co_return Fail(Code::kBadHttp, "The server sent more than was asked for.");
  co_return done;
}

}  // namespace

RestSender::RestSender(RestSenderOptions options)
    : options_(std::move(options)),
      client_(ClientOptionsOf(options_)),
      made_(Clock::System().SteadyNow()) {}

Task<std::string> RestSender::SourceQuery(OpContext context, std::string name) {
  if (options_.credential->description() != "SAS") co_return std::string();
  FB_CO_ASSIGN_OR_RETURN(
      const lake::Credential::SourceAccess access,
      co_await options_.credential->AuthorizeSource(std::move(context), std::move(name)));
  co_return "?" + access.query;
}

Task<http::ClientRequest> RestSender::Prepare(const OpContext& context, const RestCall& call,
                                              const std::string& request_id) {
  lake::LakeRequest request{.method = http::MethodName(call.method),
                            .path = call.path,
                            .query = call.query,
                            .headers = call.headers};
  std::uint64_t length = 0;
  for (const ByteView part : call.body) length += part.size();
  const bool sends = call.method == http::Method::kPut || call.method == http::Method::kPatch ||
                     call.method == http::Method::kPost;
  if (sends) request.headers.emplace_back("Content-Length", std::to_string(length));
  request.headers.emplace_back("x-ms-version", kVersion);
  request.headers.emplace_back("x-ms-date", FormatHttpDate(options_.clock->Now()));
  request.headers.emplace_back("x-ms-client-request-id", request_id);
  FB_CO_RETURN_IF_ERROR(co_await options_.credential->Authorize(context, request));
  http::ClientRequest out;
  out.method = call.method;
  const lake::LakeEndpoint& endpoint = options_.endpoint;
  out.url = (call.dfs ? endpoint.dfs_origin : endpoint.origin) + request.path;
  if (request.query.size() > 0) out.url += "?" + request.query.ToString();
  out.headers.Add("User-Agent", "forebay-mount");
  for (const auto& [name, value] : request.headers) out.headers.Add(name, value);
  co_return out;
}

Error RestSender::Explain(const RestCall& call, const http::ClientResponse& response) const {
  std::string_view name = response.headers.Get("x-ms-error-code");
  const Code code = azure::CodeFromWire(response.status, name);
  std::string message(azure::WireErrorOf(code).message);
  message += " (";
  message += http::MethodName(call.method);
  message += ", status " + std::to_string(response.status);
  if (!name.empty()) message += " " + std::string(name.substr(0, 64));
  const std::string_view id = response.headers.Get("x-ms-request-id");
  if (!id.empty()) message += ", request " + std::string(id.substr(0, 64));
  Error out(code, message + ")");
  if (const auto seconds = azure::ParseUint(response.headers.Get("Retry-After"))) {
    return std::move(out).WithRetryAfter(
        std::chrono::seconds(std::min<std::uint64_t>(*seconds, 60)));
  }
  return out;
}

Task<RestAnswer> RestSender::SendOnce(const OpContext& context, const RestCall& call,
                                      const std::string& request_id, Try& state) {
  FB_CO_ASSIGN_OR_RETURN(http::ClientRequest request, co_await Prepare(context, call, request_id));
  SpansSource source(call.body);
  if (call.body.size() == 1) {
    request.body = call.body.front();
  } else if (!call.body.empty()) {
    request.source = &source;
    for (const ByteView part : call.body) request.source_length += part.size();
  }
  // Reads may go out again by themselves on a connection that turns out to be stale.
  const bool reads = call.method == http::Method::kGet || call.method == http::Method::kHead;
  if (!reads) request.sent = &state.sent;
  FB_CO_ASSIGN_OR_RETURN(http::ClientResponse response,
                         co_await client_.Send(context, std::move(request)));
  state.status = response.status;
  reached_ = true;
  if (response.status < 200 || response.status >= 300) {
    Error error = Explain(call, response);
    // Read, so that the connection can be used again.
    (void)co_await http::ReadAll(*response.body, kMaxErrorBody);
    co_return Fail(std::move(error));
  }
  // A body that breaks off is as if nothing had come.
  state.status = 0;
  RestAnswer answer;
  answer.status = response.status;
  answer.headers = std::move(response.headers);
  if (call.into) {
    FB_CO_ASSIGN_OR_RETURN(answer.bytes, co_await ReadInto(*response.body, *call.into));
  } else {
    FB_CO_ASSIGN_OR_RETURN(answer.text, co_await http::ReadAll(*response.body, call.text_limit));
  }
  co_return answer;
}

Task<> RestSender::BeforeAgain(const OpContext& context, Error error, Try& state) {
  const auto stopped = context.Check();
  if (!stopped) {
    if (stopped.error().code() == Code::kCancelled) co_return stopped;
    co_return Fail(Code::kDeadlineExceeded,
                   "The server did not answer in time: " + error.message());
  }
  Code code = error.code();
  // Not ours, so it is the connection that stalled.
  if (code == Code::kDeadlineExceeded) code = Code::kNetwork;
  const bool broken = state.status >= 500 && state.status != 503;
  if (state.status != 0 && !broken && state.status != 503 && state.status != 429) {
    const bool denied = state.status == 401 || state.status == 403;
    if (denied && !std::exchange(state.refreshed, true) && options_.credential->Refresh()) {
      co_return Result<>();
    }
    co_return Fail(std::move(error));
  }
  if (state.status == 0 && !IsAway(code)) co_return Fail(std::move(error));
  if (state.status == 507 || state.status == 501) co_return Fail(std::move(error));
  if (broken && state.number >= kTriesOfFailures) co_return Fail(std::move(error));
  if (!reached_ && options_.reach_timeout.count() > 0 &&
      Clock::System().SteadyNow() - made_ >= options_.reach_timeout) {
    co_return Fail(Code::kNetwork, "Cannot reach " + options_.endpoint.origin + ": " +
                                       error.message() +
                                       " Is the server running, and is the address right?");
  }
  // A pooled connection that the server has closed meanwhile costs no pause.
  if (state.number == 1 && code == Code::kConnectionClosed) co_return Result<>();
  auto pause = kFirstPause * (1u << std::min(state.number, 7u));
  pause = std::max(std::min(pause, kLongestPause), error.retry_after());
  const auto slept = co_await SleepFor(pause, context);
  if (slept) co_return slept;
  if (slept.error().code() == Code::kCancelled) co_return slept;
  co_return Fail(Code::kDeadlineExceeded, "The server is not there: " + error.message());
}

Task<RestAnswer> RestSender::Send(OpContext context, RestCall call) {
  const std::string request_id = context.request_id.empty() ? NewUuid() : context.request_id;
  Try state;
  for (;;) {
    state.sent = false;
    state.status = 0;
    ++state.number;
    auto answer = co_await SendOnce(context, call, request_id, state);
    if (answer) co_return answer;
    if (call.repeated != nullptr && state.sent && !SurelyNotDone(state.status)) {
      *call.repeated = true;
    }
    FB_CO_RETURN_IF_ERROR(co_await BeforeAgain(context, std::move(answer.error()), state));
  }
}

}  // namespace forebay::vfs
