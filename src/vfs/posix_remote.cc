// Names, attributes and content.
#include "vfs/posix_remote.h"

#include <algorithm>

#include "azure/properties.h"
#include "azure/ranges.h"
#include "base/checksum.h"
#include "base/encoding.h"
#include "base/uuid.h"

namespace forebay::vfs {
namespace {

constexpr std::size_t kMaxListBytes = 32u << 20;
constexpr std::size_t kMaxXattrList = 1u << 20;

FileTime Now() {
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(
              std::chrono::system_clock::now().time_since_epoch())
              .count()};
}

std::string NewBlockId() {
  std::string hex = NewUuid();
  std::erase(hex, '-');
  return hex;
}

// What a change of a name made of its directories.
std::optional<FileTime> DirectoryTime(const RestAnswer& answer) {
  const auto time = azure::ParseUint(answer.Get("x-ms-posix-changed"));
  if (!time || *time > INT64_MAX) return std::nullopt;
  return FileTime{static_cast<std::int64_t>(*time)};
}

}  // namespace

PosixRemote::PosixRemote(std::shared_ptr<RestSender> sender, Options options, ServerInfo info)
    : sender_(std::move(sender)),
      options_(std::move(options)),
      info_(info),
      writer_(NewBlockId()) {}

std::string PosixRemote::PathOf(const std::string& path) const {
  std::string full = sender_->endpoint().prefix + path;
  if (full.ends_with('/')) full.pop_back();
  std::string out = sender_->endpoint().ContainerPath();
  if (!full.empty()) out += "/" + PercentEncode(full, "/");
  return out;
}

RestCall PosixRemote::ForContainer(http::Method method, const char* verb) const {
  RestCall call;
  call.method = method;
  call.dfs = true;
  call.path = sender_->endpoint().ContainerPath();
  call.query.Add("posix", verb);
  return call;
}

RestCall PosixRemote::For(http::Method method, const char* verb, const FileRef& file) const {
  RestCall call = ForContainer(method, verb);
  const RemoteId id = file.id == RemoteId() && file.path.empty() ? root_ : file.id;
  if (id == RemoteId()) {
    call.path = PathOf(file.path);
    return call;
  }
  call.query.Add("inode", std::to_string(id.value()));
  // Where it was lately: a file that no mount has made or held has no other place to be found by.
  constexpr std::size_t kLongestHint = 1000;
  if (!file.path.empty() && file.path.size() <= kLongestHint) call.path = PathOf(file.path);
  return call;
}

RestCall PosixRemote::ForName(http::Method method, const char* verb, const NameRef& at) const {
  RestCall call = ForContainer(method, verb);
  const RemoteId id = at.parent.id == RemoteId() && at.parent.path.empty() ? root_ : at.parent.id;
  if (id != RemoteId()) {
    call.path += "/" + PercentEncode(at.name);
    call.query.Add("dir", std::to_string(id.value()));
  } else {
    call.path = PathOf(at.Path());
  }
  return call;
}

Task<RestAnswer> PosixRemote::Send(OpContext context, RestCall call) {
  co_return co_await sender_->Send(std::move(context), std::move(call));
}

Task<Attributes> PosixRemote::SendForAttributes(OpContext context, RestCall call) {
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await Send(context, std::move(call)));
  FB_CO_ASSIGN_OR_RETURN(Attributes out, AttributesFromLine(answer.Get("x-ms-posix")));
  out.grown_from = azure::UnquoteETag(answer.Get("x-ms-posix-grown-from"));
  co_return out;
}

Task<RestAnswer> PosixRemote::SendLazily(OpContext context, RestCall call) {
  call.headers.emplace_back("x-ms-posix-lazy", "true");
  auto answer = co_await Send(std::move(context), std::move(call));
  if (answer) marks_.Note(answer->Get("x-ms-posix-mark"));
  co_return answer;
}

Task<NameChange> PosixRemote::ChangeName(OpContext context, RestCall call) {
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await SendLazily(context, std::move(call)));
  NameChange change;
  FB_CO_ASSIGN_OR_RETURN(change.attributes, AttributesFromLine(answer.Get("x-ms-posix")));
  change.directory = DirectoryTime(answer);
  co_return change;
}

Task<> PosixRemote::SyncChanges(OpContext context) {
  const LazyMarks::Pending pending = marks_.Get();
  if (pending.empty()) co_return Result<>();
  RestCall call = ForContainer(http::Method::kPost, "sync");
  call.headers.emplace_back("x-ms-posix-mark", LazyMarks::ToLine(pending));
  auto done = co_await Send(std::move(context), std::move(call));
  // Lost is as final as durable: who has heard of it need not hear of it again.
  if (done || done.error().code() == Code::kChangesLost) marks_.Settle(pending);
  if (!done) co_return Fail(std::move(done.error()));
  co_return Result<>();
}

Task<Attributes> PosixRemote::Stat(OpContext context, FileRef file) {
  RestCall call = For(http::Method::kHead, "stat", file);
  if (file.id == RemoteId()) call.query.Add("track", "true");
  co_return co_await SendForAttributes(context, std::move(call));
}

Task<Attributes> PosixRemote::StatToRead(OpContext context, FileRef file) {
  RestCall call = For(http::Method::kHead, "stat", file);
  if (file.id == RemoteId()) call.query.Add("track", "true");
  if (info_.versions) call.query.Add("read", "true");
  co_return co_await SendForAttributes(context, std::move(call));
}

Task<Attributes> PosixRemote::Lookup(OpContext context, NameRef at) {
  RestCall call = ForName(http::Method::kHead, "stat", at);
  call.query.Add("track", "true");
  co_return co_await SendForAttributes(context, std::move(call));
}

Task<ListPage> PosixRemote::List(OpContext context, ListRequest request) {
  RestCall call = For(http::Method::kGet, "list", request.directory);
  call.query.Add("maxResults", std::to_string(std::clamp<std::size_t>(request.limit, 1, 5000)));
  if (!request.marker.empty()) call.query.Add("after", request.marker);
  call.text_limit = kMaxListBytes;
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await Send(context, std::move(call)));
  ListPage page;
  FB_CO_ASSIGN_OR_RETURN(page.entries, EntriesFromLines(answer.text));
  if (answer.Get("x-ms-posix-more") == "true" && !page.entries.empty()) {
    page.next = page.entries.back().name;
  }
  co_return page;
}

Task<NameChange> PosixRemote::Create(OpContext context, CreateRequest request) {
  RestCall call = ForName(http::Method::kPut, "create", request.at);
  call.headers.emplace_back("x-ms-posix-set", SetLine(request));
  std::string umask(4, '0');
  for (int i = 3; i >= 0; --i, request.umask >>= 3) {
    umask[static_cast<std::size_t>(i)] = static_cast<char>('0' + (request.umask & 7));
  }
  call.headers.emplace_back("x-ms-umask", umask);
  call.headers.emplace_back("x-ms-posix-token", NewUuid());
  co_return co_await ChangeName(context, std::move(call));
}

Task<NameChange> PosixRemote::Link(OpContext context, FileRef file, NameRef at) {
  if (file.id == RemoteId()) {
    FB_CO_ASSIGN_OR_RETURN(const Attributes now, co_await Stat(context, file));
    file.id = now.id;
  }
  RestCall call = ForName(http::Method::kPut, "link", at);
  call.query.Add("from", std::to_string(file.id.value()));
  if (!file.path.empty()) {
    call.query.Add("frompath", sender_->endpoint().prefix + file.path);
  }
  call.headers.emplace_back("x-ms-posix-token", NewUuid());
  co_return co_await ChangeName(context, std::move(call));
}

Task<std::string> PosixRemote::ReadLink(OpContext context, FileRef file) {
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer,
                         co_await Send(context, For(http::Method::kHead, "stat", file)));
  const std::string_view line = answer.Get("x-ms-posix");
  FB_CO_ASSIGN_OR_RETURN(const Attributes link, AttributesFromLine(line));
  if (link.kind != FileKind::kSymlink) {
    co_return Fail(Code::kInvalidInput, "Not a symbolic link.");
  }
  const auto fields = azure::FieldLine::Parse(line);
  if (fields->Has("target")) co_return std::string(fields->Get("target"));
  // Only a lake has it: to be read like any content.
  std::string target(std::min<std::uint64_t>(link.size, kMaxPathBytes), '\0');
  if (target.empty()) co_return Fail(Code::kBadHttp, "A symbolic link without a target.");
  FB_CO_ASSIGN_OR_RETURN(
      const ReadAnswer read,
      co_await Read(context, {.file = std::move(file),
                              .etag = link.etag,
                              .offset = 0,
                              .into = std::as_writable_bytes(std::span(target))}));
  target.resize(read.bytes);
  co_return target;
}

Task<std::optional<FileTime>> PosixRemote::Remove(OpContext context, NameRef at, bool directory) {
  RestCall call = ForName(http::Method::kDelete, "remove", at);
  call.query.Add("kind", directory ? "dir" : "file");
  call.headers.emplace_back("x-ms-posix-token", NewUuid());
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await SendLazily(context, std::move(call)));
  co_return DirectoryTime(answer);
}

Task<NameChange> PosixRemote::Rename(OpContext context, RenameRequest request) {
  RestCall call = ForName(http::Method::kPut, "rename", request.to);
  if (request.mode == RenameMode::kNoReplace) call.query.Add("flags", "noreplace");
  if (request.mode == RenameMode::kExchange) call.query.Add("flags", "exchange");
  azure::FieldLineWriter from;
  const FileRef& parent = request.from.parent;
  const RemoteId id = parent.id == RemoteId() && parent.path.empty() ? root_ : parent.id;
  if (id != RemoteId()) {
    from.Number("dir", id.value()).Text("name", request.from.name);
  } else {
    from.Text("path", sender_->endpoint().prefix + request.from.Path());
  }
  call.headers.emplace_back("x-ms-posix-from", from.Take());
  call.headers.emplace_back("x-ms-posix-token", NewUuid());
  co_return co_await ChangeName(context, std::move(call));
}

Task<Attributes> PosixRemote::SetAttributes(OpContext context, FileRef file,
                                            AttributeChanges changes) {
  RestCall call = For(http::Method::kPost, "setattr", file);
  call.headers.emplace_back("x-ms-posix-set", SetLine(changes));
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await SendLazily(context, std::move(call)));
  co_return AttributesFromLine(answer.Get("x-ms-posix"));
}

Task<std::string> PosixRemote::GetXattr(OpContext context, FileRef file, std::string name) {
  RestCall call = For(http::Method::kGet, "xattr", file);
  call.query.Add("name", std::move(name));
  FB_CO_ASSIGN_OR_RETURN(RestAnswer answer, co_await Send(context, std::move(call)));
  co_return std::move(answer.text);
}

Task<std::vector<std::string>> PosixRemote::ListXattrs(OpContext context, FileRef file) {
  RestCall call = For(http::Method::kGet, "xattrs", file);
  call.text_limit = kMaxXattrList;
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await Send(context, std::move(call)));
  std::vector<std::string> names;
  std::string_view left = answer.text;
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    const auto fields = azure::FieldLine::Parse(left.substr(0, end));
    if (!fields) co_return Fail(Code::kBadHttp, "The server's answer is malformed.");
    if (fields->Has("name")) names.emplace_back(fields->Get("name"));
    left.remove_prefix(std::min(end + 1, left.size()));
  }
  co_return names;
}

Task<> PosixRemote::SetXattr(OpContext context, FileRef file, std::string name, std::string value,
                             XattrMode mode) {
  bool repeated = false;
  RestCall call = For(http::Method::kPut, "xattr", file);
  call.query.Add("name", name);
  if (mode == XattrMode::kCreate) call.query.Add("mode", "create");
  if (mode == XattrMode::kReplace) call.query.Add("mode", "replace");
  call.body.push_back(AsBytes(value));
  call.repeated = &repeated;
  auto answer = co_await SendLazily(context, std::move(call));
  if (answer) co_return Result<>();
  // An earlier try has created it, if it is what we wanted it to be.
  if (repeated && answer.error().code() == Code::kResourceAlreadyExists) {
    const auto there = co_await GetXattr(context, std::move(file), std::move(name));
    if (there && *there == value) co_return Result<>();
  }
  co_return Fail(std::move(answer.error()));
}

Task<> PosixRemote::RemoveXattr(OpContext context, FileRef file, std::string name) {
  bool repeated = false;
  RestCall call = For(http::Method::kDelete, "xattr", file);
  call.query.Add("name", std::move(name));
  call.repeated = &repeated;
  auto answer = co_await SendLazily(context, std::move(call));
  if (answer || (repeated && answer.error().code() == Code::kAttributeNotFound)) {
    co_return Result<>();
  }
  co_return Fail(std::move(answer.error()));
}

Task<> PosixRemote::AskLayout(OpContext context, const ReadRequest& request) {
  const std::uint64_t begin = request.offset / LocalFiles::kWindow * LocalFiles::kWindow;
  RestCall call = For(http::Method::kGet, "layout", request.file);
  call.headers.emplace_back("x-ms-range", "bytes=" + std::to_string(begin) + "-" +
                                              std::to_string(begin + LocalFiles::kWindow - 1));
  call.headers.emplace_back("If-Match", azure::QuoteETag(request.etag));
  const SteadyTime asked = Clock::System().SteadyNow();
  auto answer = co_await Send(context, std::move(call));
  if (!answer) {
    const Code code = answer.error().code();
    // Another machine, or a server that does not know the verb.
    if (code == Code::kUnsupported || code == Code::kInvalidQueryParameterValue) local_.TurnOff();
    local_.Failed(request.file.id, request.etag, begin, asked);
    co_return Fail(std::move(answer.error()));
  }
  FB_CO_ASSIGN_OR_RETURN(const Attributes now, AttributesFromLine(answer->Get("x-ms-posix")));
  FB_CO_ASSIGN_OR_RETURN(const auto pieces, LayoutFromLines(answer->text));
  local_.Learn(request.file.id, request.etag, now.size, begin, pieces, asked);
  co_return Result<>();
}

Task<ReadAnswer> PosixRemote::Read(OpContext context, ReadRequest request) {
  if (request.into.empty()) co_return Fail(Code::kInvalidInput, "Nothing is asked for.");
  const auto here = [&] {
    return local_.Read(request.file.id, request.etag, request.offset, request.into);
  };
  auto size = here();
  if (!size &&
      local_.ShouldAsk(request.file.id, request.etag, request.offset, request.into.size())) {
    // A version that is no longer the file's may still be kept for readers: `read` knows.
    if (co_await AskLayout(context, request)) size = here();
  }
  if (size) {
    co_return ReadAnswer{.bytes = request.into.size(), .etag = request.etag, .file_size = *size};
  }
  co_return co_await ReadThere(std::move(context), std::move(request));
}

Task<> PosixRemote::WantVersion(OpContext context, FileRef file, ETag etag) {
  // Not by Read: a version that is read from this machine's disks is wanted as well.
  std::byte first{};
  FB_CO_RETURN_IF_ERROR(co_await ReadThere(
      std::move(context),
      {.file = std::move(file), .etag = std::move(etag), .offset = 0, .into = {&first, 1}}));
  co_return Result<>();
}

Task<ReadAnswer> PosixRemote::ReadThere(OpContext context, ReadRequest request) {
  RestCall call = For(http::Method::kGet, "read", request.file);
  call.headers.emplace_back("x-ms-range",
                            "bytes=" + std::to_string(request.offset) + "-" +
                                std::to_string(request.offset + request.into.size() - 1));
  if (!request.etag.empty()) call.headers.emplace_back("If-Match", azure::QuoteETag(request.etag));
  call.into = request.into;
  const auto answer = co_await Send(context, std::move(call));
  ReadAnswer out;
  if (!answer) {
    if (answer.error().code() != Code::kInvalidRange) co_return Fail(answer.error());
    // At or behind the end: where that is, the attributes say.
    FB_CO_ASSIGN_OR_RETURN(const Attributes now, co_await Stat(context, request.file));
    if (!request.etag.empty() && now.etag != request.etag) {
      co_return Fail(Code::kConditionNotMet, "The file was changed.");
    }
    out.etag = now.etag;
    out.file_size = now.size;
    co_return out;
  }
  out.etag = azure::UnquoteETag(answer->Get("ETag"));
  out.bytes = answer->bytes;
  const auto range = azure::ParseContentRange(answer->Get("Content-Range"));
  if (!range || !range->total || range->range.offset != request.offset ||
      range->range.length != out.bytes) {
    co_return Fail(Code::kBadHttp, "The server sent another range than was asked for.");
  }
  out.file_size = *range->total;
  co_return out;
}

Task<StagedBlock> PosixRemote::StageBlock(OpContext context, FileRef file, ByteView data) {
  StagedBlock block{NewBlockId(), data.size()};
  RestCall call = For(http::Method::kPut, "stage", file);
  call.query.Add("writer", writer_);
  call.query.Add("block", azure::FormatBlockId(azure::BlockId(block.id)));
  call.headers.emplace_back("x-ms-content-crc64", azure::FormatCrc64(Crc64(data)));
  call.body.push_back(data);
  FB_CO_RETURN_IF_ERROR(co_await Send(context, std::move(call)));
  co_return block;
}

Task<CommitAnswer> PosixRemote::Commit(OpContext context, CommitRequest request) {
  CommitBody body = BodyOf(request, sender_->endpoint().prefix);
  AttributeChanges set;
  // Ours in any case: a commit whose answer was lost is known again by it.
  set.mtime = request.mtime ? *request.mtime : Now();
  bool repeated = false;
  RestCall call = For(http::Method::kPost, "commit", request.file);
  call.query.Add("writer", writer_);
  call.headers.emplace_back("x-ms-posix-plan", std::to_string(body.plan.size()));
  call.headers.emplace_back("x-ms-posix-set", SetLine(set));
  if (!request.base.empty()) call.headers.emplace_back("If-Match", azure::QuoteETag(request.base));
  call.body.push_back(AsBytes(body.plan));
  call.body.insert(call.body.end(), body.data.begin(), body.data.end());
  call.repeated = &repeated;
  const LazyMarks::Pending pending = marks_.Get();
  const auto answer = co_await Send(context, std::move(call));
  Result<Attributes> attributes =
      answer ? AttributesFromLine(answer->Get("x-ms-posix")) : Fail(answer.error());
  // The log keeps the order: what it acknowledged before the commit is as durable as that.
  if (answer) marks_.SettleStart(pending, answer->Get("x-ms-posix-boot"));
  if (!attributes) {
    const Code code = attributes.error().code();
    const bool doubtful =
        repeated && (code == Code::kConditionNotMet || code == Code::kInvalidBlockList);
    if (!doubtful) co_return Fail(std::move(attributes.error()));
    // A commit is seen before it is durable, and this one's answer said neither.
    FB_CO_RETURN_IF_ERROR(co_await Send(context, ForContainer(http::Method::kPost, "sync")));
    auto now = co_await Stat(context, request.file);
    if (!now || now->mtime != *set.mtime || now->size != body.size) {
      co_return Fail(std::move(attributes.error()));
    }
    attributes = std::move(now);
  }
  co_return CommitAnswer{attributes->etag, attributes->size, attributes->mtime};
}

Task<std::uint64_t> PosixRemote::SeekData(OpContext context, FileRef file, std::uint64_t offset,
                                          bool data) {
  RestCall call = For(http::Method::kHead, "seek", file);
  call.query.Add("offset", std::to_string(offset));
  call.query.Add("what", data ? "data" : "hole");
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await Send(context, std::move(call)));
  const auto fields = azure::FieldLine::Parse(answer.Get("x-ms-posix"));
  if (!fields) co_return Fail(Code::kBadHttp, "The server's answer is malformed.");
  FB_CO_ASSIGN_OR_RETURN(const auto found, fields->Number("offset"));
  if (!found || *found < offset)
    co_return Fail(Code::kBadHttp, "The server's answer is malformed.");
  co_return *found;
}

}  // namespace forebay::vfs
