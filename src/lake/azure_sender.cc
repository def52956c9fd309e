#include "lake/azure_sender.h"

#include <algorithm>

#include "async/sleep.h"
#include "azure/wire.h"
#include "base/checksum.h"
#include "base/encoding.h"
#include "base/http_date.h"
#include "base/uuid.h"
#include "lake/upload.h"

namespace forebay::lake {

namespace {

constexpr std::string_view kVersion = "2025-07-05";
constexpr std::size_t kMaxErrorBody = 64_KiB;
// Bodies in memory up to this go out in one piece with the head.
constexpr std::size_t kOnePiece = 8_MiB;

// The first line of what the lake says; the others repeat the request's id and time.
std::string FirstLine(std::string_view text) {
  return std::string(text.substr(0, std::min(text.find_first_of("\r\n"), std::size_t{256})));
}

std::chrono::milliseconds RetryAfterOf(const LakeAnswer& answer, WallTime now) {
  if (const auto ms = azure::ParseUint(answer.Get("x-ms-retry-after-ms"))) {
    return std::chrono::milliseconds(std::min<std::uint64_t>(*ms, 3'600'000));
  }
  const std::string_view text = answer.Get("Retry-After");
  if (const auto seconds = azure::ParseUint(text)) {
    return std::chrono::seconds(std::min<std::uint64_t>(*seconds, 3600));
  }
  const auto date = ParseHttpDate(text);
  if (!date || *date <= now) return std::chrono::milliseconds(0);
  return std::chrono::milliseconds((*date).millis() - now.millis());
}

bool IsChecksum(std::string_view header) {
  return EqualsIgnoreCase(header, "x-ms-content-crc64") ||
         EqualsIgnoreCase(header, "x-ms-range-get-content-crc64");
}

// A refusal that was given before anything was done.
bool SurelyNotDone(unsigned status) {
  return status == 503 || status == 429 || (status >= 300 && status < 500 && status != 408);
}

}  // namespace

std::string_view LakeAnswer::Get(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (EqualsIgnoreCase(key, name)) return azure::TrimSpace(value);
  }
  return {};
}

std::vector<azure::HeaderField> LakeAnswer::Fields() const {
  return {headers.begin(), headers.end()};
}

// What tries of one request share.
struct AzureSender::Try {
  std::string request_id;
  unsigned number = 0;       // tries so far
  bool sent = false;         // this try may have reached the lake
  unsigned status = 0;       // what it answered; 0: nothing
  bool lost = false;         // some try may have been done without our hearing of it
  bool refreshed = false;    // the credential
  bool unsupported = false;  // the lake does not know a part of the request
  bool checksums = false;    // this try had or asked for some
  std::unique_ptr<UploadSource> upload{};
};

Task<http::ClientRequest> AzureSender::Prepare(const LakeCall& call, const LakeSpec& spec,
                                               Try& state) {
  LakeRequest request{.method = http::MethodName(spec.method),
                      .path = spec.path,
                      .query = spec.query,
                      .headers = spec.headers};
  const bool checksums = checksums_.load(std::memory_order_relaxed);
  state.checksums = checksums;
  if (!checksums) {
    std::erase_if(request.headers, [](const auto& header) { return IsChecksum(header.first); });
  }
  http::ClientRequest out;
  out.method = spec.method;
  out.sent = &state.sent;
  std::uint64_t length = spec.text.size();
  if (!spec.text.empty()) out.body = AsBytes(spec.text);
  if (spec.content != nullptr) {
    length = spec.content->length();
    const ByteView memory = spec.content->memory();
    const bool whole = memory.size() == length && length <= kOnePiece && !link_.up.limited();
    if (whole) {
      out.body = memory;
    } else {
      FB_CO_ASSIGN_OR_RETURN(auto source, co_await spec.content->Open());
      state.upload = std::make_unique<UploadSource>(std::move(source), link_.up, accounting_, call);
      out.source = state.upload.get();
      out.source_length = length;
    }
    const bool summed = std::ranges::any_of(
        request.headers, [](const auto& h) { return EqualsIgnoreCase(h.first, "Content-MD5"); });
    if (checksums && !memory.empty() && memory.size() == length && !summed) {
      request.headers.emplace_back("x-ms-content-crc64", azure::FormatCrc64(Crc64(memory)));
    }
  }
  const bool has_body = spec.method == http::Method::kPut || spec.method == http::Method::kPatch;
  if (has_body) request.headers.emplace_back("Content-Length", std::to_string(length));
  request.headers.emplace_back("x-ms-version", kVersion);
  request.headers.emplace_back("x-ms-date", FormatHttpDate(clock_.Now()));
  request.headers.emplace_back("x-ms-client-request-id", state.request_id);
  FB_CO_RETURN_IF_ERROR(co_await credential_.Authorize(call.context, request));
  out.url = (spec.dfs ? endpoint_.dfs_origin : endpoint_.origin) + request.path;
  if (request.query.size() > 0) out.url += "?" + request.query.ToString();
  out.headers.Add("User-Agent", "forebay");
  for (const auto& [name, value] : request.headers) out.headers.Add(name, value);
  co_return out;
}

Error AzureSender::Explain(const LakeSpec& spec, const LakeAnswer& answer,
                           std::string_view body) const {
  const azure::ParsedErrorBody parsed = azure::ParseErrorXml(body);
  std::string name(answer.Get("x-ms-error-code"));
  if (name.empty()) name = parsed.code;
  Code code = azure::CodeFromWire(answer.status, name);
  if (name == "FeatureNotSupported" || name == "APINotImplemented") code = Code::kUnsupported;
  // Blocks for a file that was not made of any (by Path Create, or over SFTP).
  if (name.starts_with("BlobOperationNotSupported")) code = Code::kInvalidBlobType;
  // A source that is not there is reported as one that cannot be verified.
  if (code == Code::kCannotVerifyCopySource && answer.status == 404) code = Code::kBlobNotFound;
  std::string why = FirstLine(parsed.message);
  if (why.empty()) why = azure::WireErrorOf(code).message;
  const auto date = ParseHttpDate(answer.Get("Date"));
  if (date && Classify(Error(code, "")) == Failure::kForbidden) {
    if (const auto seen = credential_.WhyRefused(code, clock_.Now(), *date)) {
      code = seen->code();
      why = seen->message();
    }
  }
  std::string message = why + " (" + std::string(LakeOperationName(spec.operation)) + ", status " +
                        std::to_string(answer.status);
  if (!name.empty()) message += " " + FirstLine(name);
  const std::string_view id = answer.Get("x-ms-request-id");
  if (!id.empty()) message += ", request " + FirstLine(id);
  return Error(code, message + ")").WithRetryAfter(RetryAfterOf(answer, clock_.Now()));
}

Task<LakeAnswer> AzureSender::Refused(const LakeSpec& spec, http::ClientResponse response,
                                      Try& state) {
  LakeAnswer answer;
  answer.status = response.status;
  for (const auto [name, value] : response.headers) answer.headers.emplace_back(name, value);
  // The answer counts even where its text does not come through.
  const auto body = co_await http::ReadAll(*response.body, kMaxErrorBody);
  if (spec.gone_is_success && state.lost && answer.status == 404) {
    const Code code = Explain(spec, answer, body ? *body : "").code();
    if (Classify(Error(code, "")) == Failure::kNotFound) co_return answer;
  }
  Error error = Explain(spec, answer, body ? std::string_view(*body) : std::string_view());
  state.unsupported = error.code() == Code::kUnsupported;
  co_return Fail(std::move(error));
}

Result<> AzureSender::CheckSent(const Try& state, const LakeAnswer& answer) const {
  const std::string_view text = answer.Get("x-ms-content-crc64");
  if (state.upload == nullptr || text.empty()) return {};
  const auto theirs = azure::ParseCrc64(text);
  if (theirs && *theirs == state.upload->crc64()) return {};
  return Fail(Code::kCrc64Mismatch, "The lake received other bytes than were sent.");
}

Task<LakeAnswer> AzureSender::SendOnce(const LakeCall& call, const LakeSpec& spec, Try& state) {
  FB_CO_ASSIGN_OR_RETURN(http::ClientRequest request, co_await Prepare(call, spec, state));
  accounting_.CountRequest(spec.operation, call.cause);
  if (spec.content != nullptr && request.source == nullptr) {
    accounting_.CountUp(call.cause, request.body.size());
  }
  FB_CO_ASSIGN_OR_RETURN(http::ClientResponse response,
                         co_await client_.Send(call.context, std::move(request)));
  heard_ = std::chrono::steady_clock::now().time_since_epoch().count();
  if (response.status < 200 || response.status >= 300) {
    state.status = response.status;
    co_return co_await Refused(spec, std::move(response), state);
  }
  LakeAnswer answer;
  answer.status = response.status;
  for (const auto [name, value] : response.headers) answer.headers.emplace_back(name, value);
  if (spec.stream) {
    answer.body = std::move(response.body);
  } else {
    FB_CO_ASSIGN_OR_RETURN(answer.text, co_await http::ReadAll(*response.body, spec.answer_limit));
  }
  state.status = answer.status;
  FB_CO_RETURN_IF_ERROR(CheckSent(state, answer));
  co_return answer;
}

std::optional<std::chrono::milliseconds> AzureSender::Pause(const LakeCall& call,
                                                            const LakeSpec& spec,
                                                            const Error& error, const Try& state) {
  const Failure failure = Classify(error);
  const bool again =
      IsTransient(failure) || (failure == Failure::kCorrupt && spec.repeat != Repeat::kOnce &&
                               spec.repeat != Repeat::kTelling);
  if (!again || state.number >= retry_.tries || (state.lost && spec.repeat == Repeat::kOnce)) {
    return std::nullopt;
  }
  auto pause = retry_.first_pause;
  for (unsigned i = 1; i < state.number && pause < retry_.longest_pause; ++i) pause *= 3;
  pause = std::min(pause, retry_.longest_pause);
  pause -=
      std::chrono::milliseconds(RandomU64() % static_cast<std::uint64_t>(pause.count() / 2 + 1));
  if (error.retry_after() > retry_.longest_retry_after) return std::nullopt;
  pause = std::max(pause, error.retry_after());
  const SteadyTime now = std::chrono::steady_clock::now();
  if (call.context.deadline - now <= pause) return std::nullopt;
  return pause;
}

Task<LakeAnswer> AzureSender::Run(LakeCall call, LakeSpec spec) {
  Try state;
  state.request_id = call.context.request_id.empty() ? NewUuid() : call.context.request_id;
  Permit slot;
  if (spec.content != nullptr) {
    FB_CO_ASSIGN_OR_RETURN(slot, co_await link_.up_slots.Acquire(1, call.context));
  }
  for (;;) {
    state.sent = false;
    state.status = 0;
    state.upload.reset();
    ++state.number;
    auto answer = co_await SendOnce(call, spec, state);
    if (answer) co_return answer;
    Error error = std::move(answer.error());
    const auto stopped = call.context.Check();
    if (stopped && error.code() == Code::kDeadlineExceeded) {
      error = Error(Code::kNetwork, endpoint_.origin + " does not answer in time.");
    }
    accounting_.CountFailure(Classify(error));
    if (std::exchange(state.unsupported, false)) {
      // Others may have found out while this one was under way.
      checksums_ = false;
      if (state.checksums) continue;
    } else if (spec.repeat != Repeat::kRead && state.sent && !SurelyNotDone(state.status)) {
      state.lost = true;
    }
    const bool denied = Classify(error) == Failure::kForbidden && state.status != 0;
    if (denied && !state.refreshed && credential_.Refresh()) {
      state.refreshed = true;
      accounting_.CountRetry();
      continue;
    }
    const auto pause = stopped ? Pause(call, spec, error, state) : std::nullopt;
    if (pause && co_await SleepFor(*pause, call.context)) {
      accounting_.CountRetry();
      continue;
    }
    const bool tells = spec.repeat == Repeat::kRead || spec.repeat == Repeat::kHarmless;
    if (!state.lost || tells) co_return Fail(std::move(error));
    co_return Fail(
        Error(Code::kUnknownOutcome,
              "The write may have happened; its answer was lost. Last: " + error.message())
            .WithRetryAfter(error.retry_after()));
  }
}

}  // namespace forebay::lake
