#include "rest/dfs/dfs_dialect.h"

#include <fmt/format.h>

#include "azure/error_table.h"
#include "rest/blob/responses.h"
#include "rest/dfs/json.h"
#include "rest/dfs/operations.h"

namespace forebay::rest::dfs {
namespace {

struct Renamed {
  Code code;
  std::string_view name;
  std::string_view message;
};

// What this API calls by another name than the Blob API.
constexpr auto kRenamed = std::to_array<Renamed>({
    {Code::kContainerNotFound, "FilesystemNotFound", "The specified filesystem does not exist."},
    {Code::kContainerAlreadyExists, "FilesystemAlreadyExists",
     "The specified filesystem already exists."},
    {Code::kContainerBeingDeleted, "FilesystemBeingDeleted",
     "The specified filesystem is being deleted."},
    {Code::kBlobNotFound, "PathNotFound", "The specified path does not exist."},
    {Code::kBlobAlreadyExists, "PathAlreadyExists", "The specified path already exists."},
    {Code::kUnauthorizedBlobOverwrite, "UnauthorizedBlobOverwrite",
     "This request is not authorized to perform blob overwrites."},
    {Code::kDirectoryNotEmpty, "DirectoryNotEmpty",
     "The recursive query parameter value must be true to delete a non-empty directory."},
});

// Our own sentence where a client made a mistake; never what went on inside.
std::string_view MessageOf(const Error& error, const azure::WireError& wire) {
  const auto number = static_cast<unsigned>(error.code());
  return number >= 130 && !error.message().empty() ? std::string_view(error.message())
                                                   : wire.message;
}

}  // namespace

bool DfsDialect::Claims(const Call& call) const {
  return IsDfsRequest(call.request.method_text, call.target, call.headers());
}

Result<DialectRoute> DfsDialect::Recognize(const Call& call) const {
  return RecognizeDfs(call.request.method_text, call.target, call.headers());
}

http::Response DfsDialect::ErrorAnswer(const Error& error, const Call& call) const {
  http::Response response =
      rest::ErrorResponse(error, call.context.request_id, call.is_head(), call.now);
  const azure::WireError& wire = azure::WireErrorOf(error.code());
  std::string_view name = wire.name;
  std::string_view message = MessageOf(error, wire);
  for (const Renamed& entry : kRenamed) {
    if (entry.code == error.code()) {
      name = entry.name;
      message = entry.message;
    }
  }
  response.headers.Set("x-ms-error-code", std::string(name));
  if (response.text.empty()) return response;
  std::string inner;
  JsonObject(inner)
      .Text("code", name)
      .Text("message", fmt::format("{}\nRequestId:{}\nTime:{}", message, call.context.request_id,
                                   azure::FormatTicks(call.now)))
      .Close();
  response.text.clear();
  JsonObject(response.text).Raw("error", inner).Close();
  response.headers.Set("Content-Type", "application/json;charset=utf-8");
  return response;
}

}  // namespace forebay::rest::dfs
