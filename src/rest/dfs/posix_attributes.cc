// The verbs that look at nodes and change what they say about themselves.
#include "azure/error_table.h"
#include "base/encoding.h"
#include "engine/get_container.h"
#include "engine/node_attributes.h"
#include "engine/node_content.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"
#include "rest/dfs/list_parameters.h"
#include "rest/dfs/posix_handlers.h"

namespace forebay::rest::dfs {
namespace {

constexpr std::uint64_t kVersion = 1;
// What a file system without a bound on inodes says: many.
constexpr std::uint64_t kInodes = 1ULL << 40;

Result<std::string> XattrName(const Call& call) {
  const auto name = call.target.query.Find("name");
  if (!name || name->empty()) return Fail(azure::MissingQueryError("name"));
  return std::string(*name);
}

}  // namespace

Task<http::Response> HandlePosixInfo(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(const auto container, co_await engine::GetContainer(
                                                   call.services, call.context, call.Container()));
  if (!container.hierarchical) {
    co_return Fail(Code::kHierarchicalNamespaceNotEnabled,
                   "Hierarchical namespace is not enabled for this account.");
  }
  azure::FieldLineWriter line;
  line.Number("version", kVersion).Text("changes", "false").Text("versions", "true");
  line.Text("copies", "true");
  if (call.services.room != nullptr) {
    FB_CO_ASSIGN_OR_RETURN(const auto space, co_await call.services.pool.Run(
                                                 [&call] { return call.services.room->Space(); }));
    line.Number("total", space.total).Number("free", space.free);
  }
  line.Number("inodes", kInodes).Number("freeinodes", kInodes);
  line.Number("boot", static_cast<std::uint64_t>(call.services.started.ticks));
  line.Number("maxblock", 4'000ULL << 20).Number("maxpieces", engine::kMaxPieces);
  line.Text("links", container.lake.mirrors() ? "false" : "true");
  line.Text("readonly", container.lake.writable() ? "false" : "true");
  http::Response response = Empty(200);
  response.headers.Add("x-ms-posix", line.Take());
  co_return response;
}

Task<http::Response> HandlePosixStat(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto target, NodeOf(call, /*writes=*/false));
  FB_CO_ASSIGN_OR_RETURN(const auto status,
                         co_await engine::StatNode(call.services, call.context, std::move(target)));
  http::Response response = WithAttributes(200, status.attributes);
  response.headers.Add("Last-Modified", azure::FormatHttpDate(status.modified));
  const azure::ETag present(status.attributes.etag);
  if (call.QueryValue("read") == "true") {
    // The body is noted with the first read.
    engine::ReadVersions& versions = *call.services.versions;
    const engine::ReadVersions::Version version{status.attributes.inode, present};
    const auto noted = versions.Noted(version, call.now);
    versions.Note(version, noted.value_or(engine::ReadVersions::Content{}), call.now);
  }
  const azure::ETag first = call.services.versions->GrownFrom({status.attributes.inode, present});
  if (first != present) response.headers.Add("x-ms-posix-grown-from", azure::QuoteETag(first));
  co_return response;
}

Task<http::Response> HandlePosixList(Call& call) {
  engine::ListNodesRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.directory, NodeOf(call, /*writes=*/false));
  request.after = std::string(call.QueryValue("after"));
  FB_CO_ASSIGN_OR_RETURN(request.max_results, MaxResultsOf(call, "maxResults"));
  FB_CO_ASSIGN_OR_RETURN(
      const auto page, co_await engine::ListNodes(call.services, call.context, std::move(request)));
  http::Response response = Empty(200);
  response.headers.Add("Content-Type", "text/plain;charset=utf-8");
  for (const azure::PosixAttributes& entry : page.entries) {
    response.text += azure::FormatPosixAttributes(entry);
    response.text += '\n';
  }
  if (page.more) response.headers.Add("x-ms-posix-more", "true");
  co_return response;
}

Task<http::Response> HandlePosixSetAttributes(Call& call) {
  engine::SetNodeRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/true));
  FB_CO_ASSIGN_OR_RETURN(request.set, ChangesOf(call));
  FB_CO_ASSIGN_OR_RETURN(request.lazy, LazyOf(call));
  if (const auto text = azure::FindHeader(call.headers(), "x-ms-acl")) {
    FB_CO_ASSIGN_OR_RETURN(request.acl, azure::ParseAcl(*text));
  }
  FB_CO_ASSIGN_OR_RETURN(const auto attributes,
                         co_await engine::SetNode(call.services, call.context, std::move(request)));
  co_return co_await WithMark(call, WithAttributes(200, attributes));
}

Task<http::Response> HandlePosixListXattrs(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto target, NodeOf(call, /*writes=*/false));
  FB_CO_ASSIGN_OR_RETURN(const auto entries, co_await engine::ListXattrs(
                                                 call.services, call.context, std::move(target)));
  http::Response response = Empty(200);
  response.headers.Add("Content-Type", "text/plain;charset=utf-8");
  for (const engine::XattrEntry& entry : entries) {
    response.text +=
        azure::FieldLineWriter().Text("name", entry.name).Number("size", entry.size).Take();
    response.text += '\n';
  }
  co_return response;
}

Task<http::Response> HandlePosixGetXattr(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto target, NodeOf(call, /*writes=*/false));
  FB_CO_ASSIGN_OR_RETURN(std::string name, XattrName(call));
  http::Response response = Empty(200);
  response.headers.Add("Content-Type", "application/octet-stream");
  FB_CO_ASSIGN_OR_RETURN(
      response.text,
      co_await engine::GetXattr(call.services, call.context, std::move(target), std::move(name)));
  co_return response;
}

Task<http::Response> HandlePosixSetXattr(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto target, NodeOf(call, /*writes=*/true));
  FB_CO_ASSIGN_OR_RETURN(std::string name, XattrName(call));
  const std::string_view text = call.QueryValue("mode");
  engine::XattrMode mode = engine::XattrMode::kSet;
  if (text == "create") {
    mode = engine::XattrMode::kCreate;
  } else if (text == "replace") {
    mode = engine::XattrMode::kReplace;
  } else if (!text.empty()) {
    co_return Fail(azure::InvalidQueryError("mode", text));
  }
  // One more than may be, so that the engine says that it is too large.
  FB_CO_ASSIGN_OR_RETURN(std::string value,
                         co_await ReadDocument(call, engine::kMaxXattrBytes + 1));
  FB_CO_ASSIGN_OR_RETURN(const bool lazy, LazyOf(call));
  FB_CO_RETURN_IF_ERROR(co_await engine::SetXattr(call.services, call.context, std::move(target),
                                                  std::move(name), std::move(value), mode, lazy));
  co_return co_await WithMark(call, Empty(200));
}

Task<http::Response> HandlePosixRemoveXattr(Call& call) {
  FB_CO_ASSIGN_OR_RETURN(auto target, NodeOf(call, /*writes=*/true));
  FB_CO_ASSIGN_OR_RETURN(std::string name, XattrName(call));
  FB_CO_ASSIGN_OR_RETURN(const bool lazy, LazyOf(call));
  FB_CO_RETURN_IF_ERROR(co_await engine::RemoveXattr(call.services, call.context, std::move(target),
                                                     std::move(name), lazy));
  co_return co_await WithMark(call, Empty(200));
}

}  // namespace forebay::rest::dfs
