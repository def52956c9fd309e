#include "azure/event_grid.h"

#include <algorithm>
#include <utility>

#include "azure/json.h"
#include "base/encoding.h"
#include "base/http_date.h"

namespace forebay::azure {
namespace {

constexpr std::string_view kValidation = "Microsoft.EventGrid.SubscriptionValidationEvent";

struct KindName {
  std::string_view name;
  BlobEventKind kind;
};

constexpr KindName kKinds[] = {
    {"Microsoft.Storage.BlobCreated", BlobEventKind::kCreated},
    {"Microsoft.Storage.BlobDeleted", BlobEventKind::kDeleted},
    {"Microsoft.Storage.BlobRenamed", BlobEventKind::kRenamed},
    {"Microsoft.Storage.BlobTierChanged", BlobEventKind::kTierChanged},
    {"Microsoft.Storage.DirectoryCreated", BlobEventKind::kDirectoryCreated},
    {"Microsoft.Storage.DirectoryDeleted", BlobEventKind::kDirectoryDeleted},
    {"Microsoft.Storage.DirectoryRenamed", BlobEventKind::kDirectoryRenamed},
    {"Microsoft.Storage.BlobExpired", BlobEventKind::kExpired},
};

Result<std::string> RequiredText(const JsonReader& at, std::string_view name) {
  FB_ASSIGN_OR_RETURN(const JsonReader member, at.Get(name));
  return member.String();
}

Result<std::string> OptionalText(const JsonReader& at, std::string_view name) {
  auto member = at.Find(name);
  if (!member) return std::string();
  return member->String();
}

// "/blobServices/default/containers/{container}/blobs/{name}"; names are not encoded here.
Result<> ReadSubject(const JsonReader& at, BlobEvent& event) {
  FB_ASSIGN_OR_RETURN(const JsonReader member, at.Get("subject"));
  FB_ASSIGN_OR_RETURN(const std::string subject, member.String());
  constexpr std::string_view kHead = "/blobServices/default/containers/";
  constexpr std::string_view kMiddle = "/blobs/";
  std::string_view rest = subject;
  const std::size_t end = rest.starts_with(kHead) ? rest.find('/', kHead.size()) : rest.npos;
  if (end == rest.npos || !rest.substr(end).starts_with(kMiddle)) {
    return member.Wrong("it is not the subject of a blob");
  }
  auto container = ParseContainerName(rest.substr(kHead.size(), end - kHead.size()));
  if (!container) return member.Wrong("it has no valid name of a container");
  auto name = ParseBlobName(rest.substr(end + kMiddle.size()));
  if (!name) return member.Wrong("it has no valid name of a blob");
  event.container = *std::move(container);
  event.name = *std::move(name);
  return {};
}

// The blob of "https://account.dfs.core.windows.net/container/name", percent-encoded.
Result<> ReadSource(const JsonReader& data, BlobEvent& event) {
  FB_ASSIGN_OR_RETURN(const JsonReader member, data.Get("sourceUrl"));
  FB_ASSIGN_OR_RETURN(const std::string url, member.String());
  const std::size_t scheme = url.find("://");
  const std::size_t path = scheme == url.npos ? url.npos : url.find('/', scheme + 3);
  const std::size_t slash = path == url.npos ? url.npos : url.find('/', path + 1);
  if (slash == url.npos) return member.Wrong("it is not the URL of a blob");
  const std::string_view encoded = std::string_view(url).substr(slash + 1);
  const auto decoded = PercentDecode(encoded.substr(0, encoded.find('?')));
  auto name = decoded ? ParseBlobName(*decoded) : Fail(Code::kInvalidUri, "");
  if (!name) return member.Wrong("it has no valid name of a blob");
  if (std::string_view(url).substr(path + 1, slash - path - 1) != event.container.view()) {
    return member.Wrong("it is in another container");
  }
  event.from = *std::move(name);
  return {};
}

std::string AccountOf(std::string_view topic) {
  constexpr std::string_view kHead = "/storageAccounts/";
  const std::size_t at = topic.find(kHead);
  if (at == topic.npos) return {};
  const std::string_view rest = topic.substr(at + kHead.size());
  return std::string(rest.substr(0, rest.find('/')));
}

Result<BlobEvent> ReadEvent(const JsonReader& at, BlobEventKind kind, bool cloud) {
  BlobEvent event;
  event.kind = kind;
  FB_RETURN_IF_ERROR(ReadSubject(at, event));
  FB_ASSIGN_OR_RETURN(const std::string topic, OptionalText(at, cloud ? "source" : "topic"));
  event.account = AccountOf(topic);
  FB_ASSIGN_OR_RETURN(const std::string time, OptionalText(at, cloud ? "time" : "eventTime"));
  event.time = ParseIso8601(time);
  FB_ASSIGN_OR_RETURN(const JsonReader data, at.Get("data"));
  FB_RETURN_IF_ERROR(data.IsObject());
  FB_ASSIGN_OR_RETURN(event.api, OptionalText(data, "api"));
  FB_ASSIGN_OR_RETURN(event.sequencer, OptionalText(data, "sequencer"));
  // Event Grid writes eTag, newer events etag.
  FB_ASSIGN_OR_RETURN(std::string etag, OptionalText(data, "eTag"));
  if (etag.empty()) {
    FB_ASSIGN_OR_RETURN(etag, OptionalText(data, "etag"));
  }
  event.etag = UnquoteETag(etag);
  if (auto length = data.Find("contentLength")) {
    FB_ASSIGN_OR_RETURN(const std::int64_t bytes, length->Integer(0, INT64_MAX));
    event.length = static_cast<std::uint64_t>(bytes);
  }
  if (kind == BlobEventKind::kRenamed || kind == BlobEventKind::kDirectoryRenamed) {
    FB_RETURN_IF_ERROR(ReadSource(data, event));
  }
  return event;
}

Result<> ReadOne(const JsonReader& at, EventBatch& batch) {
  FB_RETURN_IF_ERROR(at.IsObject());
  const bool cloud = at.Find("specversion").has_value();
  FB_ASSIGN_OR_RETURN(const std::string type, RequiredText(at, cloud ? "type" : "eventType"));
  if (EqualsIgnoreCase(type, kValidation)) {
    FB_ASSIGN_OR_RETURN(const JsonReader data, at.Get("data"));
    FB_ASSIGN_OR_RETURN(std::string code, RequiredText(data, "validationCode"));
    batch.validation_code = std::move(code);
    return {};
  }
  const auto* known = std::ranges::find(kKinds, type, &KindName::name);
  if (known == std::end(kKinds)) {
    ++batch.skipped;
    return {};
  }
  FB_ASSIGN_OR_RETURN(BlobEvent event, ReadEvent(at, known->kind, cloud));
  batch.events.push_back(std::move(event));
  return {};
}

}  // namespace

Result<EventBatch> ParseEventBatch(std::string_view body) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseJson(body, kMaxEventBodyBytes));
  const JsonReader root(json);
  EventBatch batch;
  if (json.kind == Json::Kind::kObject) {
    FB_RETURN_IF_ERROR(ReadOne(root, batch));
    return batch;
  }
  FB_ASSIGN_OR_RETURN(const auto items, root.Items());
  if (items.size() > kMaxEventsPerBody) {
    return root.Wrong("more than " + std::to_string(kMaxEventsPerBody) + " events");
  }
  for (const JsonReader& item : items) FB_RETURN_IF_ERROR(ReadOne(item, batch));
  return batch;
}

std::string ValidationAnswer(std::string_view code) {
  Json out = Json::Object();
  out.Add("validationResponse", Json::Of(code));
  return WriteJson(out);
}

Result<OwnedHeaders> AnswerWebhookOptions(HeaderSpan headers, std::string_view allowed_host) {
  const auto origin = FindHeader(headers, "WebHook-Request-Origin");
  if (!origin) {
    return Fail(Code::kMissingRequiredHeader, "The header WebHook-Request-Origin is missing.");
  }
  if (!EqualsIgnoreCase(*origin, allowed_host)) {
    return Fail(Code::kAuthorizationFailure, "Events are taken from another origin only.");
  }
  // The rate is not ours to bound: a full queue answers 503 and Event Grid comes back.
  return OwnedHeaders{{"WebHook-Allowed-Origin", std::string(allowed_host)},
                      {"WebHook-Allowed-Rate", "*"}};
}

std::partial_ordering CompareSequencers(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return std::partial_ordering::unordered;
  const std::size_t width = std::max(a.size(), b.size());
  for (std::size_t i = 0; i < width; ++i) {
    const auto digit = [&](std::string_view s) {
      const std::size_t padding = width - s.size();
      return i < padding ? '0' : s[i - padding];
    };
    if (digit(a) != digit(b)) return digit(a) <=> digit(b);
  }
  return std::partial_ordering::equivalent;
}

}  // namespace forebay::azure
