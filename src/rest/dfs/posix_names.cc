// The verbs on names (create, link, remove, rename), and what all verbs have in common.
#include "azure/error_table.h"
#include "base/encoding.h"
#include "engine/lazy.h"
#include "engine/node_names.h"
#include "rest/blob/request_body.h"
#include "rest/blob/responses.h"
#include "rest/dfs/operations.h"
#include "rest/dfs/posix_handlers.h"
#include "rest/dfs/properties.h"

namespace forebay::rest::dfs {
namespace {

constexpr std::size_t kMaxTokenBytes = 64;

std::string Trimmed(std::string_view path) {
  while (path.starts_with('/')) path.remove_prefix(1);
  while (path.ends_with('/')) path.remove_suffix(1);
  return std::string(path);
}

Result<std::string> TokenOf(const Call& call) {
  const std::string_view token = call.Header("x-ms-posix-token");
  if (token.size() <= kMaxTokenBytes) return std::string(token);
  return Fail(azure::InvalidHeaderError("x-ms-posix-token", token));
}

http::Response Done(const engine::NodeChange& done, unsigned status) {
  http::Response response = WithAttributes(done.repeated ? 200 : status, done.attributes);
  if (done.changed != 0) response.headers.Add("x-ms-posix-changed", std::to_string(done.changed));
  return response;
}

// A flag that is true unless the query says otherwise.
Result<bool> FlagUnless(const Call& call, std::string_view name) {
  if (!call.target.query.Has(name)) return true;
  return QueryFlag(call, name);
}

}  // namespace

Result<std::optional<std::uint64_t>> QueryNumber(const Call& call, std::string_view name) {
  const auto text = call.target.query.Find(name);
  if (!text) return std::optional<std::uint64_t>();
  const auto value = azure::ParseUint(*text);
  if (!value) return Fail(azure::InvalidQueryError(name, *text));
  return value;
}

Result<std::uint64_t> RequireNumber(const Call& call, std::string_view name) {
  FB_ASSIGN_OR_RETURN(const auto value, QueryNumber(call, name));
  if (!value) return Fail(azure::MissingQueryError(name));
  return *value;
}

Result<engine::NodeTarget> NodeOf(const Call& call, bool writes) {
  engine::NodeTarget target;
  target.container = call.Container();
  if (call.target.blob && !NamesRoot(call.target)) target.path = Trimmed(call.target.blob->view());
  FB_ASSIGN_OR_RETURN(const auto inode, QueryNumber(call, "inode"));
  FB_ASSIGN_OR_RETURN(const auto directory, QueryNumber(call, "dir"));
  FB_ASSIGN_OR_RETURN(const auto expected, QueryNumber(call, "ifino"));
  target.inode = meta::InodeId(inode.value_or(0));
  target.directory = meta::InodeId(directory.value_or(0));
  target.expected = meta::InodeId(expected.value_or(0));
  if (writes) {
    FB_ASSIGN_OR_RETURN(target.conditions, WriteConditions(call));
  } else {
    FB_ASSIGN_OR_RETURN(target.conditions, azure::ConditionsFrom(call.headers()));
  }
  return target;
}

Result<bool> LazyOf(const Call& call) {
  const std::string_view text = call.Header("x-ms-posix-lazy");
  if (text.empty()) return false;
  const auto lazy = azure::ParseBool(text);
  if (!lazy) return Fail(azure::InvalidHeaderError("x-ms-posix-lazy", text));
  return *lazy;
}

Task<http::Response> WithMark(Call& call, http::Response response) {
  FB_CO_ASSIGN_OR_RETURN(const bool lazy, LazyOf(call));
  if (lazy) {
    FB_CO_ASSIGN_OR_RETURN(const engine::LazyMark mark,
                           co_await engine::MarkNow(call.services, call.context));
    response.headers.Add("x-ms-posix-mark", engine::FormatLazyMark(mark));
  }
  co_return response;
}

Result<azure::PosixChanges> ChangesOf(const Call& call) {
  return azure::ParsePosixChanges(call.Header("x-ms-posix-set"));
}

http::Response WithAttributes(unsigned status, const azure::PosixAttributes& attributes) {
  http::Response response = Empty(status);
  response.headers.Add("x-ms-posix", azure::FormatPosixAttributes(attributes));
  if (!attributes.etag.empty()) {
    response.headers.Add("ETag", azure::QuoteETag(azure::ETag(attributes.etag)));
  }
  return response;
}

Task<http::Response> HandlePosixCreate(Call& call) {
  engine::CreateNodeRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/true));
  FB_CO_ASSIGN_OR_RETURN(request.set, ChangesOf(call));
  FB_CO_ASSIGN_OR_RETURN(request.token, TokenOf(call));
  FB_CO_ASSIGN_OR_RETURN(request.lazy, LazyOf(call));
  if (const auto text = azure::FindHeader(call.headers(), "x-ms-umask")) {
    FB_CO_ASSIGN_OR_RETURN(request.umask, azure::ParseUmask(*text));
  }
  FB_CO_ASSIGN_OR_RETURN(request.exclusive, FlagUnless(call, "exclusive"));
  FB_CO_ASSIGN_OR_RETURN(request.truncate, QueryFlag(call, "truncate"));
  // Whoever may create and not write may not empty what is there.
  if (call.auth.create_only) request.exclusive = true;
  FB_CO_ASSIGN_OR_RETURN(const auto session, QueryNumber(call, "hold"));
  request.session = session.value_or(0);
  std::optional<RequestBody> body;
  if (call.request.body->content_length().value_or(1) > 0 &&
      call.request.headers.Has("content-length")) {
    FB_CO_ASSIGN_OR_RETURN(body, OpenBody(call, engine::kMaxCreateBytes));
    request.body = body->reader;
  }
  FB_CO_ASSIGN_OR_RETURN(const auto done, co_await engine::CreateNode(call.services, call.context,
                                                                      std::move(request)));
  co_return co_await WithMark(call, Done(done, done.created ? 201 : 200));
}

Task<http::Response> HandlePosixLink(Call& call) {
  engine::LinkNodeRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/true));
  FB_CO_ASSIGN_OR_RETURN(request.token, TokenOf(call));
  FB_CO_ASSIGN_OR_RETURN(request.lazy, LazyOf(call));
  FB_CO_ASSIGN_OR_RETURN(const std::uint64_t from, RequireNumber(call, "from"));
  request.from = meta::InodeId(from);
  request.from_path = Trimmed(call.QueryValue("frompath"));
  FB_CO_ASSIGN_OR_RETURN(
      const auto done, co_await engine::LinkNode(call.services, call.context, std::move(request)));
  co_return co_await WithMark(call, Done(done, 201));
}

Task<http::Response> HandlePosixRemove(Call& call) {
  engine::RemoveNodeRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/true));
  FB_CO_ASSIGN_OR_RETURN(request.token, TokenOf(call));
  FB_CO_ASSIGN_OR_RETURN(request.lazy, LazyOf(call));
  const std::string_view kind = call.QueryValue("kind");
  if (kind != "file" && kind != "dir") {
    co_return Fail(kind.empty() ? azure::MissingQueryError("kind")
                                : azure::InvalidQueryError("kind", kind));
  }
  request.directory = kind == "dir";
  FB_CO_ASSIGN_OR_RETURN(const auto done, co_await engine::RemoveNode(call.services, call.context,
                                                                      std::move(request)));
  co_return co_await WithMark(call, Done(done, 200));
}

Task<http::Response> HandlePosixRename(Call& call) {
  engine::RenameNodeRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.target, NodeOf(call, /*writes=*/true));
  FB_CO_ASSIGN_OR_RETURN(request.token, TokenOf(call));
  FB_CO_ASSIGN_OR_RETURN(request.lazy, LazyOf(call));
  const auto text = azure::FindHeader(call.headers(), "x-ms-posix-from");
  if (!text) co_return Fail(azure::MissingHeaderError("x-ms-posix-from"));
  FB_CO_ASSIGN_OR_RETURN(const azure::FieldLine from, azure::FieldLine::Parse(*text));
  FB_CO_ASSIGN_OR_RETURN(const auto directory, from.Number("dir"));
  request.source.container = call.Container();
  request.source.path = Trimmed(from.Has("path") ? from.Get("path") : from.Get("name"));
  request.source.directory = meta::InodeId(directory.value_or(0));
  FB_CO_ASSIGN_OR_RETURN(request.source.conditions, azure::SourceConditionsFrom(call.headers()));
  const std::string_view flags = call.QueryValue("flags");
  if (flags == "noreplace") {
    request.mode = engine::RenameMode::kNoReplace;
  } else if (flags == "exchange") {
    request.mode = engine::RenameMode::kExchange;
  } else if (!flags.empty()) {
    co_return Fail(azure::InvalidQueryError("flags", flags));
  }
  FB_CO_ASSIGN_OR_RETURN(const auto done, co_await engine::RenameNode(call.services, call.context,
                                                                      std::move(request)));
  co_return co_await WithMark(call, Done(done, 200));
}

}  // namespace forebay::rest::dfs
