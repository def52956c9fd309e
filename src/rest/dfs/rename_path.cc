// Path Create with x-ms-rename-source: moves a file or a directory.
#include "engine/rename_path.h"

#include "azure/error_table.h"
#include "base/encoding.h"
#include "engine/get_container.h"
#include "rest/blob/authenticate.h"
#include "rest/blob/responses.h"
#include "rest/dfs/handlers.h"
#include "rest/dfs/operations.h"
#include "rest/dfs/properties.h"

namespace forebay::rest::dfs {
namespace {

std::unexpected<Error> BadSource() {
  return Fail(Code::kInvalidSourceUri, "The source URI is invalid.");
}

// Whether clients that put the account in front of a path-style URL did so here. A file system may
// bear the account's name too; where there is one, the path is taken by the letter.
Task<bool> StartsWithAccount(const Call& call, std::string_view path) {
  const std::string account = call.target.account.str() + "/";
  if (!call.target.path_style || !path.starts_with(account) ||
      path.find('/', account.size()) == std::string_view::npos) {
    co_return false;
  }
  auto container = azure::ParseContainerName(call.target.account.view());
  if (!container) co_return true;
  auto found = co_await engine::GetContainer(call.services, call.context,
                                             {call.EngineAccount(), std::move(*container)});
  if (found) co_return false;
  if (found.error().code() == Code::kContainerNotFound) co_return true;
  co_return Fail(std::move(found.error()));
}

// "/filesystem/path?sas", percent-encoded; an account in front of it where the URL has one too.
Task<azure::RequestTarget> SourceOf(const Call& call) {
  std::string_view text = call.Header("x-ms-rename-source");
  const auto mark = text.find('?');
  azure::RequestTarget source;
  source.account = call.target.account;
  if (mark != std::string_view::npos) {
    source.raw_query = std::string(text.substr(mark + 1));
    FB_CO_ASSIGN_OR_RETURN(source.query, azure::Query::Parse(source.raw_query));
  }
  source.raw_path = std::string(text.substr(0, mark));
  auto decoded = PercentDecode(source.raw_path);
  if (!decoded) co_return BadSource();
  std::string_view path = *decoded;
  if (path.starts_with('/')) path.remove_prefix(1);
  FB_CO_ASSIGN_OR_RETURN(const bool with_account, co_await StartsWithAccount(call, path));
  if (with_account) path.remove_prefix(call.target.account.view().size() + 1);
  const auto slash = path.find('/');
  if (slash == std::string_view::npos || slash + 1 == path.size()) co_return BadSource();
  auto container = azure::ParseContainerName(path.substr(0, slash));
  auto name = azure::ParseBlobName(path.substr(slash + 1));
  if (!container || !name) co_return BadSource();
  source.container = std::move(*container);
  source.blob = std::move(*name);
  co_return source;
}

bool BySas(const Call& call) {
  return call.auth.kind == AuthKind::kAccountSas || call.auth.kind == AuthKind::kServiceSas;
}

// A SAS must let its holder take the source away; the header may bring a token of its own.
Task<Authentication> AdmitSource(Call& call, const azure::RequestTarget& source) {
  using P = azure::Permissions;
  static constexpr azure::OperationInfo kTakeAway{azure::Operation::kDeleteBlob,
                                                  "RenamePath",
                                                  "PUT",
                                                  azure::Level::kBlob,
                                                  azure::Effect::kWrite,
                                                  P::kMove | P::kDelete,
                                                  P::kMove | P::kDelete,
                                                  azure::PublicAccess::kNone};
  azure::RequestTarget target = source;
  if (!target.query.Has("sig")) target.query = call.target.query;
  AuthRequest request;
  request.method = call.request.method_text;
  request.target = &target;
  request.info = &kTakeAway;
  request.operation = kTakeAway.operation;
  request.version = call.version;
  request.client_ip = call.request.client_ip;
  request.tls = call.request.tls;
  request.now = call.now;
  co_return co_await Authenticate(call.services, call.context, call.account, std::move(request));
}

}  // namespace

Task<http::Response> HandleRenamePath(Call& call) {
  if (!PathOf(call)) {
    co_return Fail(Code::kInvalidRenameSourcePath, "Nothing is moved onto the root directory.");
  }
  // Both do the same here; the word is checked all the same.
  const std::string_view mode = call.QueryValue("mode");
  if (!mode.empty() && mode != "posix" && mode != "legacy") {
    co_return Fail(azure::InvalidQueryError("mode", mode));
  }
  FB_CO_ASSIGN_OR_RETURN(const azure::RequestTarget source, co_await SourceOf(call));
  engine::RenamePathRequest request;
  if (BySas(call)) {
    FB_CO_ASSIGN_OR_RETURN(const Authentication admitted, co_await AdmitSource(call, source));
    // A directory takes along what is in it, on both ends.
    request.file_only = call.auth.one_blob || admitted.one_blob;
  }
  request.source = {call.EngineAccount(), *source.container, *source.blob};
  request.target = call.Blob();
  FB_CO_ASSIGN_OR_RETURN(request.conditions, CreateConditions(call));
  FB_CO_ASSIGN_OR_RETURN(request.source_conditions, azure::SourceConditionsFrom(call.headers()));
  FB_CO_ASSIGN_OR_RETURN(request.metadata, PropertiesFrom(call.headers()));
  auto changed = co_await engine::RenamePath(call.services, call.context, std::move(request));
  if (!changed) co_return Fail(OverwriteError(call, std::move(changed.error())));
  http::Response response = Written(201, *changed);
  co_return response;
}

}  // namespace forebay::rest::dfs
