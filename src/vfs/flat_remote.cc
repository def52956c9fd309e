#include "vfs/flat_remote.h"

#include <algorithm>
#include <map>

#include "azure/error_table.h"
#include "vfs/adls_words.h"

namespace forebay::vfs {
namespace {

bool IsFolderMarker(const azure::Metadata& metadata) {
  return std::ranges::any_of(metadata, [](const auto& field) {
    return field.first == "hdi_isfolder" && field.second == "true";
  });
}

Attributes DirectoryAttributes() {
  Attributes out;
  out.kind = FileKind::kDirectory;
  out.mode = 0755;
  return out;
}

Attributes AttributesOf(const azure::ListedBlob& blob) {
  if (IsFolderMarker(blob.metadata)) return DirectoryAttributes();
  Attributes out;
  out.mode = 0644;
  out.size = out.allocated = blob.properties.length;
  out.mtime = out.ctime = out.atime = FileTime{blob.properties.last_modified.ticks * 100};
  out.btime = FileTime{blob.properties.created.ticks * 100};
  out.etag = blob.properties.etag;
  return out;
}

// The last component of a name below `directory`, if a kernel takes it as one.
std::string NameBelow(std::string_view name, const std::string& directory) {
  const std::size_t skip = directory.empty() ? 0 : directory.size() + 1;
  if (name.size() <= skip) return {};
  name.remove_prefix(skip);
  if (name.ends_with('/')) name.remove_suffix(1);
  const bool good = !name.empty() && !name.contains('/') && name != "." && name != ".." &&
                    name.size() <= kMaxNameBytes && !name.contains('\0');
  return good ? std::string(name) : std::string();
}

}  // namespace

RemoteTraits FlatRemote::Traits(std::string description) {
  RemoteTraits traits;
  traits.description = std::move(description);
  traits.hierarchical = false;
  return traits;
}

FlatRemote::FlatRemote(std::shared_ptr<RestSender> sender, std::string description)
    : PathRemote(std::move(sender), Traits(std::move(description))) {}

Task<azure::ListBlobsAnswer> FlatRemote::ListBelow(OpContext context, const std::string& directory,
                                                   const std::string& marker, std::size_t limit) {
  RestCall call;
  call.path = sender().endpoint().ContainerPath();
  call.query.Add("restype", "container");
  call.query.Add("comp", "list");
  call.query.Add("delimiter", "/");
  call.query.Add("include", "metadata");
  if (!directory.empty()) call.query.Add("prefix", directory + "/");
  if (!marker.empty()) call.query.Add("marker", marker);
  call.query.Add("maxresults", std::to_string(std::clamp<std::size_t>(limit, 1, 5000)));
  call.text_limit = azure::kMaxListAnswerBytes;
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await SendFor(context, std::move(call)));
  co_return azure::ParseListBlobsAnswer(answer.text);
}

Task<Attributes> FlatRemote::Stat(OpContext context, FileRef file) {
  const std::string full = FullPath(file.path);
  if (full.empty()) co_return DirectoryAttributes();
  RestCall call;
  call.method = http::Method::kHead;
  call.path = UrlPath(file.path);
  const auto answer = co_await SendFor(context, std::move(call));
  if (answer) co_return AttributesFromHeaders(answer->headers);
  if (answer.error().code() != Code::kPathNotFound) co_return Fail(answer.error());
  FB_CO_ASSIGN_OR_RETURN(const azure::ListBlobsAnswer below,
                         co_await ListBelow(context, full, {}, 1));
  if (below.blobs.empty() && below.prefixes.empty()) co_return Fail(answer.error());
  co_return DirectoryAttributes();
}

Task<Attributes> FlatRemote::Lookup(OpContext context, NameRef at) {
  co_return co_await Stat(context, FileRef{at.Path(), {}});
}

Task<ListPage> FlatRemote::List(OpContext context, ListRequest request) {
  const std::string directory = FullPath(request.directory.path);
  FB_CO_ASSIGN_OR_RETURN(const azure::ListBlobsAnswer list,
                         co_await ListBelow(context, directory, request.marker, request.limit));
  // A blob and a prefix of one name: the directory, whose files could not be reached otherwise.
  std::map<std::string, Attributes> entries;
  for (const azure::ListedBlob& blob : list.blobs) {
    if (!blob.snapshot.empty() || blob.deleted || blob.uncommitted) continue;
    std::string name = NameBelow(blob.name.view(), directory);
    if (!name.empty()) entries.emplace(std::move(name), AttributesOf(blob));
  }
  for (const std::string& prefix : list.prefixes) {
    std::string name = NameBelow(prefix, directory);
    if (!name.empty()) entries.insert_or_assign(std::move(name), DirectoryAttributes());
  }
  ListPage page;
  for (auto& [name, attributes] : entries) page.entries.push_back({name, 0, attributes});
  page.next = list.next_marker;
  co_return page;
}

Task<NameChange> FlatRemote::Create(OpContext context, CreateRequest request) {
  const bool directory = request.kind == FileKind::kDirectory;
  if (!directory && request.kind != FileKind::kFile) {
    co_return Fail(Code::kUnsupported, "The server has files only.");
  }
  const FileRef place{request.at.Path(), {}};
  // A prefix alone is no blob that If-None-Match could see.
  const auto there = co_await Stat(context, place);
  if (there) co_return Fail(Code::kPathAlreadyExists, request.at.name + " exists.");
  if (there.error().code() != Code::kPathNotFound) co_return Fail(there.error());
  bool repeated = false;
  RestCall call;
  call.method = http::Method::kPut;
  call.path = UrlPath(place.path);
  call.headers.emplace_back("x-ms-blob-type", "BlockBlob");
  call.headers.emplace_back("If-None-Match", "*");
  if (directory) call.headers.emplace_back("x-ms-meta-hdi_isfolder", "true");
  call.repeated = &repeated;
  auto answer = co_await SendFor(context, std::move(call));
  if (!answer && !(repeated && answer.error().code() == Code::kPathAlreadyExists)) {
    co_return Fail(std::move(answer.error()));
  }
  co_return co_await Stat(context, place);
}

Task<std::optional<FileTime>> FlatRemote::Remove(OpContext context, NameRef at, bool directory) {
  const FileRef place{at.Path(), {}};
  FB_CO_ASSIGN_OR_RETURN(const Attributes now, co_await Stat(context, place));
  if (directory && !now.IsDirectory()) co_return Fail(Code::kNotADirectory, "Not a directory.");
  if (!directory && now.IsDirectory()) co_return Fail(Code::kIsADirectory, "A directory.");
  if (directory) {
    FB_CO_ASSIGN_OR_RETURN(const azure::ListBlobsAnswer below,
                           co_await ListBelow(context, FullPath(place.path), {}, 1));
    if (!below.blobs.empty() || !below.prefixes.empty()) {
      co_return Fail(Code::kDirectoryNotEmpty, "Not empty.");
    }
  }
  bool repeated = false;
  RestCall call;
  call.method = http::Method::kDelete;
  call.path = UrlPath(place.path);
  call.repeated = &repeated;
  auto answer = co_await SendFor(context, std::move(call));
  if (!answer && !(repeated && answer.error().code() == Code::kPathNotFound)) {
    co_return Fail(std::move(answer.error()));
  }
  co_return std::nullopt;
}

Task<NameChange> FlatRemote::Rename(OpContext, RenameRequest) {
  co_return Fail(Code::kUnsupported, "Names of a flat account cannot be moved.");
}

Task<Attributes> FlatRemote::SetAttributes(OpContext context, FileRef file,
                                           AttributeChanges changes) {
  const bool now_only = !changes.mode && !changes.uid && !changes.gid && !changes.atime &&
                        !changes.mtime && !changes.mtime_now;
  if (!now_only) co_return Fail(Code::kUnsupported, "A flat account keeps no attributes of files.");
  co_return co_await Stat(context, file);
}

}  // namespace forebay::vfs
