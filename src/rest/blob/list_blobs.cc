// List Blobs, flat and by hierarchy.
#include "engine/list_blobs.h"

#include "azure/error_table.h"
#include "azure/marker.h"
#include "azure/xml_list.h"
#include "base/encoding.h"
#include "engine/path_access.h"
#include "rest/blob/attach_trail.h"
#include "rest/blob/attributes.h"
#include "rest/blob/handlers.h"
#include "rest/blob/responses.h"

namespace forebay::rest {
namespace {

std::optional<std::string> Echo(const Call& call, std::string_view name) {
  const auto value = call.target.query.Find(name);
  if (!value || value->empty()) return std::nullopt;
  return std::string(*value);
}

azure::ListEcho EchoOf(const Call& call, std::size_t max_results) {
  azure::ListEcho echo;
  echo.service_endpoint = call.ServiceEndpoint();
  echo.container = call.target.container->str();
  echo.prefix = Echo(call, "prefix");
  echo.marker = Echo(call, "marker");
  echo.delimiter = Echo(call, "delimiter");
  echo.start_from = Echo(call, "startfrom");
  echo.default_tier = call.account->default_tier;
  if (!call.QueryValue("maxresults").empty()) echo.max_results = max_results;
  return echo;
}

azure::ListedBlob Shown(engine::ListedBlob&& item, const azure::ListBlobsInclude& include,
                        bool hierarchical, WallTime now) {
  azure::ListedBlob out;
  out.name = azure::BlobName(std::move(item.name));
  out.uncommitted = item.uncommitted;
  if (!item.record) return out;
  meta::BlobRecord& record = *item.record;
  out.properties = engine::PropertiesOf(record, hierarchical, now);
  if (include.permissions && hierarchical) out.access = engine::AccessOf(record);
  if (include.metadata) {
    out.metadata = std::move(record.metadata);
    if (record.directory && !IsFolder(out.metadata)) {
      out.metadata.emplace_back("hdi_isfolder", "true");
    }
  }
  if (include.tags) out.tags = std::move(record.tags);
  if (!include.copy) out.properties.copy = {};
  if (item.resident) {
    out.residency = engine::ResidencyName(item.resident->residency);
    out.resident_bytes = item.resident->bytes;
  }
  return out;
}

void AddItem(azure::ListBlobsWriter& writer, engine::ListedBlob&& item,
             const azure::ListBlobsInclude& include, bool hierarchical, WallTime now) {
  if (!item.is_prefix) {
    writer.AddBlob(Shown(std::move(item), include, hierarchical, now));
    return;
  }
  if (item.record) {
    const azure::BlobProperties properties = engine::PropertiesOf(*item.record, hierarchical, now);
    const azure::AccessControl access = engine::AccessOf(*item.record);
    writer.AddPrefix(item.name, &properties, include.permissions ? &access : nullptr);
  } else {
    writer.AddPrefix(item.name);
  }
}

// `showonly`: one kind of what a hierarchical account lists.
enum class Kind : std::uint8_t { kAll, kFiles, kDirectories, kDeleted };

Result<Kind> KindOf(const Call& call) {
  const std::string_view text = call.QueryValue("showonly");
  if (text.empty()) return Kind::kAll;
  if (!call.account->hierarchical) return Fail(azure::InvalidQueryError("showonly", text));
  if (EqualsIgnoreCase(text, "files")) return Kind::kFiles;
  if (EqualsIgnoreCase(text, "directories")) return Kind::kDirectories;
  if (EqualsIgnoreCase(text, "deleted")) return Kind::kDeleted;
  return Fail(azure::InvalidQueryError("showonly", text));
}

// What the reference says does not go together.
Result<> CheckCombination(const Call& call, const azure::ListBlobsInclude& include, Kind kind) {
  const bool delimited = !call.QueryValue("delimiter").empty();
  if ((include.snapshots && delimited) || (include.deleted && kind == Kind::kDeleted)) {
    return Fail(azure::InvalidQueryError("include", call.QueryList("include")));
  }
  return {};
}

// A page with other kinds in it becomes shorter; its marker leads on.
void Keep(engine::ListBlobsResult& page, Kind kind) {
  if (kind == Kind::kAll) return;
  if (kind == Kind::kDeleted) {
    // There is no soft delete, so nothing that it left.
    page.items.clear();
    page.next.clear();
    return;
  }
  std::erase_if(page.items, [kind](const engine::ListedBlob& item) {
    const bool directory = item.is_prefix || (item.record && item.record->directory);
    return directory != (kind == Kind::kDirectories);
  });
}

Result<std::string> PageXml(engine::ListBlobsResult page, const azure::ListEcho& echo,
                            const azure::ListBlobsInclude& include, const std::string& scope,
                            WallTime now) {
  azure::ListBlobsWriter writer(echo, include);
  for (engine::ListedBlob& item : page.items) {
    AddItem(writer, std::move(item), include, page.hierarchical, now);
  }
  return writer.Finish(page.next.empty() ? std::string() : azure::EncodeMarker(scope, page.next));
}

}  // namespace

Task<http::Response> HandleListBlobs(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto led_back, co_await AnswerAttachTrail(call));
  if (led_back) co_return std::move(*led_back);
  FB_CO_ASSIGN_OR_RETURN(const auto include,
                         azure::ParseListBlobsInclude(call.QueryList("include")));
  FB_CO_ASSIGN_OR_RETURN(const Kind kind, KindOf(call));
  FB_CO_RETURN_IF_ERROR(CheckCombination(call, include, kind));
  engine::ListBlobsRequest request;
  request.target = call.Container();
  FB_CO_ASSIGN_OR_RETURN(request.max_results, MaxResults(call));
  request.prefix = std::string(call.QueryValue("prefix"));
  request.delimiter = std::string(call.QueryValue("delimiter"));
  request.include_uncommitted = include.uncommitted;
  request.include_residency = include.residency;
  request.start = std::string(call.QueryValue("startfrom"));
  const std::string scope =
      "blobs/" + request.target.container.str() + '\0' + request.prefix + '\0' + request.delimiter;
  if (const std::string_view marker = call.QueryValue("marker"); !marker.empty()) {
    FB_CO_ASSIGN_OR_RETURN(request.start, azure::DecodeMarker(scope, marker));
  }
  const azure::ListEcho echo = EchoOf(call, request.max_results);
  FB_CO_ASSIGN_OR_RETURN(
      auto page, co_await engine::ListBlobs(call.services, call.context, std::move(request)));
  Keep(page, kind);
  // A full page is megabytes of XML: no work for an event loop that others wait for.
  constexpr std::size_t kShort = 64;
  if (page.items.size() <= kShort) {
    FB_CO_ASSIGN_OR_RETURN(std::string xml,
                           PageXml(std::move(page), echo, include, scope, call.now));
    co_return Xml(std::move(xml));
  }
  auto write = [&page, &echo, &include, &scope, now = call.now] {
    return PageXml(std::move(page), echo, include, scope, now);
  };
  FB_CO_ASSIGN_OR_RETURN(std::string xml, co_await call.services.pool.Run(write));
  co_return Xml(std::move(xml));
}

}  // namespace forebay::rest
