#include "vfs/adls_remote.h"

#include "base/encoding.h"
#include "vfs/adls_words.h"

namespace forebay::vfs {

RemoteTraits AdlsRemote::Traits(std::string description) {
  RemoteTraits traits;
  traits.description = std::move(description);
  traits.modes = true;
  return traits;
}

AdlsRemote::AdlsRemote(std::shared_ptr<RestSender> sender, std::string description)
    : PathRemote(std::move(sender), Traits(std::move(description))) {}

Task<Attributes> AdlsRemote::Stat(OpContext context, FileRef file) {
  RestCall call;
  call.method = http::Method::kHead;
  call.dfs = true;
  call.path = UrlPath(file.path);
  if (FullPath(file.path).empty()) call.path += "/";
  call.query.Add("action", "getStatus");
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await SendFor(context, std::move(call)));
  auto attributes = AttributesFromHeaders(answer.headers);
  if (attributes && FullPath(file.path).empty()) attributes->kind = FileKind::kDirectory;
  co_return attributes;
}

Task<Attributes> AdlsRemote::Lookup(OpContext context, NameRef at) {
  co_return co_await Stat(context, FileRef{at.Path(), {}});
}

Task<ListPage> AdlsRemote::List(OpContext context, ListRequest request) {
  const std::string directory = FullPath(request.directory.path);
  RestCall call;
  call.dfs = true;
  call.path = sender().endpoint().ContainerPath();
  call.query.Add("resource", "filesystem");
  call.query.Add("recursive", "false");
  if (!directory.empty()) call.query.Add("directory", directory);
  call.query.Add("maxResults", std::to_string(std::min<std::size_t>(request.limit, 5000)));
  if (!request.marker.empty()) call.query.Add("continuation", request.marker);
  call.text_limit = 64u << 20;
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await SendFor(context, std::move(call)));
  ListPage page;
  FB_CO_ASSIGN_OR_RETURN(page.entries, EntriesFromJson(answer.text, directory));
  page.next = answer.Get("x-ms-continuation");
  co_return page;
}

Task<NameChange> AdlsRemote::Create(OpContext context, CreateRequest request) {
  const bool directory = request.kind == FileKind::kDirectory;
  if (!directory && request.kind != FileKind::kFile) {
    co_return Fail(Code::kUnsupported, "The server has files and directories only.");
  }
  bool repeated = false;
  RestCall call;
  call.method = http::Method::kPut;
  call.dfs = true;
  call.path = UrlPath(request.at.Path());
  call.query.Add("resource", directory ? "directory" : "file");
  call.headers.emplace_back("If-None-Match", "*");
  call.headers.emplace_back("x-ms-permissions", PermissionsFromMode(request.mode));
  call.headers.emplace_back("x-ms-umask", PermissionsFromMode(request.umask & 0777));
  call.repeated = &repeated;
  const auto begin = std::chrono::system_clock::now();
  auto answer = co_await SendFor(context, std::move(call));
  if (answer) co_return co_await Lookup(context, request.at);
  const Code code = answer.error().code();
  const bool there = code == Code::kPathAlreadyExists || code == Code::kConditionNotMet ||
                     code == Code::kPathConflict;
  if (!there) co_return Fail(std::move(answer.error()));
  if (repeated) {
    // A try whose answer was lost has made it, if it was made just now and is empty as we make
    // them.
    FB_CO_ASSIGN_OR_RETURN(const Attributes now, co_await Lookup(context, request.at));
    const FileTime since{std::chrono::duration_cast<std::chrono::nanoseconds>(
                             (begin - std::chrono::minutes(1)).time_since_epoch())
                             .count()};
    if (now.kind == request.kind && now.size == 0 && now.btime >= since) co_return now;
  }
  co_return Fail(Code::kPathAlreadyExists, request.at.name + " exists.");
}

Task<std::optional<FileTime>> AdlsRemote::Remove(OpContext context, NameRef at, bool directory) {
  FB_CO_ASSIGN_OR_RETURN(const Attributes now, co_await Lookup(context, at));
  if (directory && !now.IsDirectory()) co_return Fail(Code::kNotADirectory, "Not a directory.");
  if (!directory && now.IsDirectory()) co_return Fail(Code::kIsADirectory, "A directory.");
  bool repeated = false;
  RestCall call;
  call.method = http::Method::kDelete;
  call.dfs = true;
  call.path = UrlPath(at.Path());
  call.query.Add("recursive", "false");
  call.repeated = &repeated;
  auto answer = co_await SendFor(context, std::move(call));
  if (!answer && repeated && answer.error().code() == Code::kPathNotFound) co_return std::nullopt;
  if (!answer) co_return Fail(std::move(answer.error()));
  co_return std::nullopt;
}

Task<NameChange> AdlsRemote::Rename(OpContext context, RenameRequest request) {
  if (request.mode != RenameMode::kReplace) {
    co_return Fail(Code::kUnsupported, "The server renames without flags only.");
  }
  const FileRef from{request.from.Path(), {}};
  const FileRef to{request.to.Path(), {}};
  if (to.path.starts_with(from.path + "/")) {
    co_return Fail(Code::kInvalidRenameSourcePath, "A directory cannot be moved into itself.");
  }
  // rename(2) tells the kinds apart, ADLS does not.
  FB_CO_ASSIGN_OR_RETURN(const Attributes moving, co_await Stat(context, from));
  const auto there = co_await Stat(context, to);
  if (there && there->IsDirectory() && !moving.IsDirectory()) {
    co_return Fail(Code::kIsADirectory, "A directory.");
  }
  if (there && !there->IsDirectory() && moving.IsDirectory()) {
    co_return Fail(Code::kNotADirectory, "Not a directory.");
  }
  if (there && there->IsDirectory()) {
    ListRequest look{to, {}, 1};
    FB_CO_ASSIGN_OR_RETURN(const ListPage page, co_await List(context, look));
    if (!page.entries.empty()) co_return Fail(Code::kDirectoryNotEmpty, "Not empty.");
    // Some services would move the source into it.
    FB_CO_RETURN_IF_ERROR(co_await Remove(context, request.to, true));
  }
  bool repeated = false;
  RestCall call;
  call.method = http::Method::kPut;
  call.dfs = true;
  call.path = UrlPath(to.path);
  call.query.Add("mode", "legacy");
  FB_CO_ASSIGN_OR_RETURN(const std::string proof,
                         co_await sender().SourceQuery(context, FullPath(from.path)));
  call.headers.emplace_back(
      "x-ms-rename-source",
      "/" + sender().endpoint().container + "/" + PercentEncode(FullPath(from.path), "/") + proof);
  call.repeated = &repeated;
  const auto answer = co_await SendFor(context, std::move(call));
  // After a try that was done the source is gone.
  const bool done = answer || (repeated && answer.error().code() == Code::kPathNotFound);
  if (!done) co_return Fail(answer.error());
  co_return co_await Stat(context, to);
}

// Writes the path's own properties again, which is what moves its time.
Task<> AdlsRemote::Touch(OpContext context, const FileRef& file) {
  RestCall look;
  look.method = http::Method::kHead;
  look.dfs = true;
  look.path = UrlPath(file.path);
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer now, co_await SendFor(context, std::move(look)));
  RestCall call;
  call.method = http::Method::kPatch;
  call.dfs = true;
  call.path = UrlPath(file.path);
  call.query.Add("action", "setProperties");
  call.headers.emplace_back("x-ms-properties", now.Get("x-ms-properties"));
  call.headers.emplace_back("If-Match", now.Get("ETag"));
  FB_CO_RETURN_IF_ERROR(co_await SendFor(context, std::move(call)));
  co_return Result<>();
}

Task<Attributes> AdlsRemote::SetAttributes(OpContext context, FileRef file,
                                           AttributeChanges changes) {
  if (changes.uid || changes.gid) {
    co_return Fail(Code::kUnsupported, "The server keeps no numeric owners.");
  }
  if (changes.atime || changes.mtime) {
    co_return Fail(Code::kUnsupported, "The server sets its times itself.");
  }
  if (changes.mode) {
    RestCall call;
    call.method = http::Method::kPatch;
    call.dfs = true;
    call.path = UrlPath(file.path);
    if (FullPath(file.path).empty()) call.path += "/";
    call.query.Add("action", "setAccessControl");
    call.headers.emplace_back("x-ms-permissions", PermissionsFromMode(*changes.mode));
    FB_CO_RETURN_IF_ERROR(co_await SendFor(context, std::move(call)));
  }
  if (changes.mtime_now) FB_CO_RETURN_IF_ERROR(co_await Touch(context, file));
  co_return co_await Stat(context, file);
}

}  // namespace forebay::vfs
