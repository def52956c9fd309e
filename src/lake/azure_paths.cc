// What the client does on the Data Lake (DFS) endpoint of hierarchical lakes.
#include "base/encoding.h"
#include "lake/azure_blob_lake.h"
#include "lake/azure_headers.h"

namespace forebay::lake {
namespace {

// A flat account answers DFS requests of this kind with an error that says so.
Error ForFlatLakes(Error error) {
  switch (error.code()) {
    case Code::kHierarchicalNamespaceNotEnabled:
    case Code::kUnsupportedHttpVerb:
    case Code::kUnsupported:
      return Error(Code::kUnsupported, "The lake is not hierarchical: " + error.message());
    default:
      return error;
  }
}

}  // namespace

Task<> AzureBlobLake::RequireHierarchy(LakeCall call) {
  if (layout_ == Known::kNothing) FB_CO_RETURN_IF_ERROR(co_await Probe(std::move(call), {}));
  if (layout_ == Known::kFlat) co_return Fail(Code::kUnsupported, "The lake is not hierarchical.");
  co_return Result<>();
}

Task<> AzureBlobLake::DeleteTree(LakeCall call, DeleteRequest request) {
  FB_CO_RETURN_IF_ERROR(co_await RequireHierarchy(call));
  std::string continuation;
  for (bool first = true;; first = false) {
    LakeSpec spec =
        Spec(LakeOperation::kDelete, Repeat::kTelling, http::Method::kDelete, request.name);
    spec.dfs = true;
    spec.gone_is_success = true;
    spec.query.Add("recursive", "true");
    if (!continuation.empty()) spec.query.Add("continuation", continuation);
    if (first) AddConditions(spec.headers, request.conditions);
    auto answer = co_await sender_.Run(call, std::move(spec));
    if (!answer) co_return Fail(ForFlatLakes(std::move(answer.error())));
    continuation = answer->Get("x-ms-continuation");
    if (continuation.empty()) co_return Result<>();
  }
}

Task<WriteAnswer> AzureBlobLake::Rename(LakeCall call, RenameRequest request) {
  FB_CO_RETURN_IF_ERROR(co_await RequireHierarchy(call));
  std::string continuation;
  for (bool first = true;; first = false) {
    LakeSpec spec =
        Spec(LakeOperation::kRename, Repeat::kTelling, http::Method::kPut, request.destination);
    spec.dfs = true;
    spec.query.Add("mode", "legacy");
    if (!continuation.empty()) spec.query.Add("continuation", continuation);
    std::string source = endpoint_.BlobPath(request.source.view());
    FB_CO_ASSIGN_OR_RETURN(const Credential::SourceAccess access,
                           co_await credential_->AuthorizeSource(
                               call.context, endpoint_.prefix + request.source.str()));
    // Within one account only a SAS has to be repeated for the source.
    if (credential_->description() == "SAS") source += "?" + access.query;
    spec.headers.emplace_back("x-ms-rename-source", std::move(source));
    if (first) {
      if (!request.source_match.empty()) {
        spec.headers.emplace_back("x-ms-source-if-match", azure::QuoteETag(request.source_match));
      }
      AddConditions(spec.headers, request.conditions);
    }
    auto answer = co_await sender_.Run(call, std::move(spec));
    if (!answer) co_return Fail(ForFlatLakes(std::move(answer.error())));
    continuation = answer->Get("x-ms-continuation");
    if (continuation.empty()) co_return WriteAnswerOf(*answer);
  }
}

Task<WriteAnswer> AzureBlobLake::MakeDirectory(LakeCall call, MakeDirectoryRequest request) {
  FB_CO_RETURN_IF_ERROR(co_await RequireHierarchy(call));
  LakeSpec spec =
      Spec(LakeOperation::kMakeDirectory, Repeat::kTelling, http::Method::kPut, request.name);
  spec.dfs = true;
  spec.query.Add("resource", "directory");
  std::string properties;
  for (const auto& [name, value] : request.metadata) {
    if (!properties.empty()) properties += ',';
    properties += name + "=" + Base64Encode(AsBytes(value));
  }
  if (!properties.empty()) spec.headers.emplace_back("x-ms-properties", std::move(properties));
  AddConditions(spec.headers, request.conditions);
  auto answer = co_await sender_.Run(call, std::move(spec));
  if (!answer) co_return Fail(ForFlatLakes(std::move(answer.error())));
  co_return WriteAnswerOf(*answer);
}

Task<AccessControl> AzureBlobLake::GetAcl(LakeCall call, BlobName name) {
  FB_CO_RETURN_IF_ERROR(co_await RequireHierarchy(call));
  LakeSpec spec = Spec(LakeOperation::kGetAcl, Repeat::kRead, http::Method::kHead, name);
  spec.dfs = true;
  spec.query.Add("action", "getAccessControl");
  auto answer = co_await sender_.Run(call, std::move(spec));
  if (!answer) co_return Fail(ForFlatLakes(std::move(answer.error())));
  AccessControl out;
  out.owner = answer->Get("x-ms-owner");
  out.group = answer->Get("x-ms-group");
  out.permissions = answer->Get("x-ms-permissions");
  out.acl = answer->Get("x-ms-acl");
  co_return out;
}

Task<> AzureBlobLake::SetAcl(LakeCall call, SetAclRequest request) {
  FB_CO_RETURN_IF_ERROR(co_await RequireHierarchy(call));
  LakeSpec spec =
      Spec(LakeOperation::kSetAcl, Repeat::kTelling, http::Method::kPatch, request.name);
  spec.dfs = true;
  spec.query.Add("action", "setAccessControl");
  const auto add = [&spec](const char* header, const std::string& value) {
    if (!value.empty()) spec.headers.emplace_back(header, value);
  };
  add("x-ms-owner", request.control.owner);
  add("x-ms-group", request.control.group);
  add("x-ms-permissions", request.control.permissions);
  add("x-ms-acl", request.control.acl);
  AddConditions(spec.headers, request.conditions);
  auto answer = co_await sender_.Run(call, std::move(spec));
  if (!answer) co_return Fail(ForFlatLakes(std::move(answer.error())));
  co_return Result<>();
}

}  // namespace forebay::lake
