#include "vfs/path_remote.h"

#include <algorithm>

#include "azure/answers.h"
#include "azure/properties.h"
#include "azure/ranges.h"
#include "base/checksum.h"
#include "base/encoding.h"
#include "base/http_date.h"
#include "base/uuid.h"
#include "vfs/adls_words.h"

namespace forebay::vfs {
namespace {

// New contents up to this, all at hand, go up in one request.
constexpr std::uint64_t kWholeBytes = 8_MiB;
constexpr std::uint64_t kCopyBytes = 8_MiB;
constexpr std::size_t kIdBytes = 16;  // of our block ids

const std::vector<std::byte>& Zeros() {
  static const std::vector<std::byte> zeros(kCopyBytes);
  return zeros;
}

std::unexpected<Error> No(const char* what) {
  return Fail(Code::kUnsupported, std::string("The server has no ") + what + ".");
}

std::string NewBlockId() {
  std::string hex = NewUuid();
  std::erase(hex, '-');
  return hex.substr(0, kIdBytes);
}

// What Put Blob and Put Block List would drop.
azure::OwnedHeaders Carried(const RestAnswer& head) {
  static constexpr std::pair<std::string_view, std::string_view> kHeaders[] = {
      {"Content-Type", "x-ms-blob-content-type"},
      {"Content-Encoding", "x-ms-blob-content-encoding"},
      {"Content-Language", "x-ms-blob-content-language"},
      {"Content-Disposition", "x-ms-blob-content-disposition"},
      {"Cache-Control", "x-ms-blob-cache-control"}};
  azure::OwnedHeaders out;
  for (const auto& [from, to] : kHeaders) {
    if (const auto value = head.headers.Find(from)) out.emplace_back(to, *value);
  }
  for (const auto [name, value] : head.headers) {
    if (name.size() > 10 && EqualsIgnoreCase(name.substr(0, 10), "x-ms-meta-")) {
      out.emplace_back(ToLowerAscii(name), value);
    }
  }
  return out;
}

}  // namespace

struct PathRemote::Plan {
  azure::OwnedHeaders carried;
  ETag base;               // what must still be there; empty: anything
  std::uint64_t size = 0;  // of the new content
  std::vector<azure::BlockListEntry> entries;
  std::optional<std::vector<azure::ListedBlock>> committed;
};

std::string PathRemote::FullPath(const std::string& path) const {
  std::string full = sender_->endpoint().prefix + path;
  if (full.ends_with('/')) full.pop_back();
  return full;
}

std::string PathRemote::UrlPath(const std::string& path) const {
  const std::string full = FullPath(path);
  std::string out = sender_->endpoint().ContainerPath();
  if (!full.empty()) out += "/" + PercentEncode(full, "/");
  return out;
}

Error PathRemote::ForPath(Error error) {
  switch (error.code()) {
    case Code::kBlobNotFound:
    case Code::kResourceNotFound:
    case Code::kSourcePathNotFound:
    case Code::kRenameDestinationParentPathNotFound:
      return Error(Code::kPathNotFound, error.message());
    case Code::kBlobAlreadyExists:
    case Code::kResourceAlreadyExists:
      return Error(Code::kPathAlreadyExists, error.message());
    default:
      return error;
  }
}

Task<RestAnswer> PathRemote::SendFor(OpContext context, RestCall call) {
  auto answer = co_await sender_->Send(std::move(context), std::move(call));
  if (!answer) co_return Fail(ForPath(std::move(answer.error())));
  co_return answer;
}

Task<RestAnswer> PathRemote::Head(OpContext context, const FileRef& file) {
  RestCall call;
  call.method = http::Method::kHead;
  call.path = UrlPath(file.path);
  co_return co_await SendFor(context, std::move(call));
}

Task<ReadAnswer> PathRemote::Read(OpContext context, ReadRequest request) {
  if (request.into.empty()) co_return Fail(Code::kInvalidInput, "Nothing is asked for.");
  RestCall call;
  call.path = UrlPath(request.file.path);
  const std::uint64_t last = request.offset + request.into.size() - 1;
  call.headers.emplace_back("x-ms-range",
                            "bytes=" + std::to_string(request.offset) + "-" + std::to_string(last));
  if (!request.etag.empty()) call.headers.emplace_back("If-Match", azure::QuoteETag(request.etag));
  call.into = request.into;
  auto answer = co_await SendFor(context, std::move(call));
  ReadAnswer out;
  if (!answer) {
    if (answer.error().code() != Code::kInvalidRange) co_return Fail(std::move(answer.error()));
    FB_CO_ASSIGN_OR_RETURN(const RestAnswer head, co_await Head(context, request.file));
    FB_CO_ASSIGN_OR_RETURN(const Attributes now, AttributesFromHeaders(head.headers));
    if (!request.etag.empty() && now.etag != request.etag) {
      co_return Fail(Code::kConditionNotMet, "The file was changed.");
    }
    if (now.size > request.offset) co_return Fail(Code::kConditionNotMet, "The file has grown.");
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

Task<StagedBlock> PathRemote::StageBlock(OpContext context, FileRef file, ByteView data) {
  StagedBlock block{NewBlockId(), data.size()};
  RestCall call;
  call.method = http::Method::kPut;
  call.path = UrlPath(file.path);
  call.query.Add("comp", "block");
  call.query.Add("blockid", azure::FormatBlockId(azure::BlockId(block.id)));
  call.headers.emplace_back("x-ms-content-crc64", azure::FormatCrc64(Crc64(data)));
  call.body.push_back(data);
  FB_CO_RETURN_IF_ERROR(co_await SendFor(context, std::move(call)));
  co_return block;
}

Task<> PathRemote::AddBytes(OpContext context, const CommitRequest& request, ByteView bytes,
                            Plan& plan) {
  while (!bytes.empty()) {
    const ByteView step = bytes.first(std::min<std::size_t>(bytes.size(), traits_.max_block_bytes));
    FB_CO_ASSIGN_OR_RETURN(StagedBlock block, co_await StageBlock(context, request.file, step));
    plan.entries.push_back({azure::BlockId(std::move(block.id)), azure::BlockSource::kLatest});
    bytes = bytes.subspan(step.size());
  }
  co_return Result<>();
}

Task<> PathRemote::AddKept(OpContext context, const CommitRequest& request, KeptRange range,
                           Plan& plan) {
  if (!plan.committed) {
    RestCall call;
    call.path = UrlPath(request.file.path);
    call.query.Add("comp", "blocklist");
    call.query.Add("blocklisttype", "committed");
    call.text_limit = azure::kMaxBlockListAnswerBytes;
    FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await SendFor(context, std::move(call)));
    FB_CO_ASSIGN_OR_RETURN(azure::BlockListAnswer list, azure::ParseBlockListAnswer(answer.text));
    // All ids of a blob have one length; blocks that others made may have another.
    const bool ours = std::ranges::all_of(
        list.committed, [](const auto& block) { return block.id.size() == kIdBytes; });
    plan.committed = ours ? std::move(list.committed) : std::vector<azure::ListedBlock>();
  }
  std::vector<std::byte> buffer;
  for (KeptPart& part : CoverRange(*plan.committed, range, kCopyBytes)) {
    if (!part.block.empty()) {
      plan.entries.push_back(
          {azure::BlockId(std::move(part.block)), azure::BlockSource::kCommitted});
      continue;
    }
    buffer.resize(part.length);
    ReadRequest read{request.file, plan.base, part.offset, buffer};
    FB_CO_ASSIGN_OR_RETURN(const ReadAnswer got, co_await Read(context, read));
    if (got.bytes != part.length) co_return Fail(Code::kInvalidRange, "The range is not there.");
    FB_CO_RETURN_IF_ERROR(co_await AddBytes(context, request, buffer, plan));
  }
  co_return Result<>();
}

// All bytes are in the request, and few.
Task<RestAnswer> PathRemote::PutWhole(OpContext context, const CommitRequest& request,
                                      const Plan& plan) {
  bool repeated = false;
  RestCall call;
  call.method = http::Method::kPut;
  call.path = UrlPath(request.file.path);
  call.headers = plan.carried;
  call.headers.emplace_back("x-ms-blob-type", "BlockBlob");
  call.headers.emplace_back("If-Match", plan.base.empty() ? "*" : azure::QuoteETag(plan.base));
  for (const CommitPiece& piece : request.pieces) {
    if (const auto* zeros = std::get_if<ZeroRange>(&piece)) {
      call.body.push_back(ByteView(Zeros()).first(zeros->length));
    } else {
      call.body.push_back(std::get<InlineData>(piece).data);
    }
  }
  call.repeated = &repeated;
  auto answer = co_await SendFor(context, std::move(call));
  if (answer || !repeated || answer.error().code() != Code::kConditionNotMet) co_return answer;
  FB_CO_ASSIGN_OR_RETURN(const bool ours, co_await IsOurs(context, request, plan));
  if (!ours) co_return answer;
  co_return co_await Head(context, request.file);
}

Task<RestAnswer> PathRemote::PutList(OpContext context, const CommitRequest& request, Plan& plan) {
  for (const CommitPiece& piece : request.pieces) {
    if (const auto* kept = std::get_if<KeptRange>(&piece)) {
      FB_CO_RETURN_IF_ERROR(co_await AddKept(context, request, *kept, plan));
    } else if (const auto* staged = std::get_if<StagedBlock>(&piece)) {
      plan.entries.push_back({azure::BlockId(staged->id), azure::BlockSource::kLatest});
    } else if (const auto* zeros = std::get_if<ZeroRange>(&piece)) {
      for (std::uint64_t left = zeros->length; left > 0;) {
        const std::uint64_t step = std::min<std::uint64_t>(left, Zeros().size());
        FB_CO_RETURN_IF_ERROR(
            co_await AddBytes(context, request, ByteView(Zeros()).first(step), plan));
        left -= step;
      }
    } else {
      FB_CO_RETURN_IF_ERROR(
          co_await AddBytes(context, request, std::get<InlineData>(piece).data, plan));
    }
  }
  if (plan.entries.size() > azure::kMaxBlocks) {
    co_return Fail(Code::kFileTooLarge, "The file would have too many blocks.");
  }
  bool repeated = false;
  const std::string xml = azure::BlockListXml(plan.entries);
  RestCall call;
  call.method = http::Method::kPut;
  call.path = UrlPath(request.file.path);
  call.query.Add("comp", "blocklist");
  call.headers = plan.carried;
  call.headers.emplace_back("If-Match", plan.base.empty() ? "*" : azure::QuoteETag(plan.base));
  call.body.push_back(AsBytes(xml));
  call.repeated = &repeated;
  auto answer = co_await SendFor(context, std::move(call));
  // After a try that was done its blocks are no longer staged, and its base no longer there.
  const bool doubtful = !answer && repeated &&
                        (answer.error().code() == Code::kConditionNotMet ||
                         answer.error().code() == Code::kInvalidBlockList);
  if (!doubtful) co_return answer;
  FB_CO_ASSIGN_OR_RETURN(const bool ours, co_await IsOurs(context, request, plan));
  if (!ours) co_return answer;
  co_return co_await Head(context, request.file);
}

// Whether what is there now is what an earlier try has put: the same blocks, whose ids are nobody
// else's, or the same bytes.
Task<bool> PathRemote::IsOurs(OpContext context, const CommitRequest& request, const Plan& plan) {
  if (!plan.entries.empty()) {
    RestCall call;
    call.path = UrlPath(request.file.path);
    call.query.Add("comp", "blocklist");
    call.query.Add("blocklisttype", "committed");
    call.text_limit = azure::kMaxBlockListAnswerBytes;
    FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await SendFor(context, std::move(call)));
    FB_CO_ASSIGN_OR_RETURN(const azure::BlockListAnswer list,
                           azure::ParseBlockListAnswer(answer.text));
    co_return std::ranges::equal(list.committed, plan.entries, {}, &azure::ListedBlock::id,
                                 &azure::BlockListEntry::id);
  }
  std::vector<std::byte> there(plan.size + 1);
  ReadRequest read{request.file, {}, 0, there};
  FB_CO_ASSIGN_OR_RETURN(const ReadAnswer got, co_await Read(context, read));
  if (got.bytes != plan.size) co_return false;
  std::size_t at = 0;
  for (const CommitPiece& piece : request.pieces) {
    const auto* zeros = std::get_if<ZeroRange>(&piece);
    const ByteView part = zeros != nullptr ? ByteView(Zeros()).first(zeros->length)
                                           : std::get<InlineData>(piece).data;
    if (!std::ranges::equal(part, ByteView(there).subspan(at, part.size()))) co_return false;
    at += part.size();
  }
  co_return true;
}

Task<CommitAnswer> PathRemote::Commit(OpContext context, CommitRequest request) {
  Plan plan;
  bool at_hand = true;
  for (const CommitPiece& piece : request.pieces) {
    if (const auto* kept = std::get_if<KeptRange>(&piece)) {
      plan.size += kept->length;
      at_hand = false;
    } else if (std::holds_alternative<CopiedRange>(piece)) {
      co_return No("copies by reference");
    } else if (const auto* staged = std::get_if<StagedBlock>(&piece)) {
      plan.size += staged->length;
      at_hand = false;
    } else if (const auto* zeros = std::get_if<ZeroRange>(&piece)) {
      plan.size += zeros->length;
    } else {
      plan.size += std::get<InlineData>(piece).data.size();
    }
  }
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer head, co_await Head(context, request.file));
  if (!request.base.empty() && azure::UnquoteETag(head.Get("ETag")) != request.base) {
    co_return Fail(Code::kConditionNotMet, "The file was changed.");
  }
  plan.base = request.base;
  plan.carried = Carried(head);
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, at_hand&& plan.size <= kWholeBytes
                                                      ? co_await PutWhole(context, request, plan)
                                                      : co_await PutList(context, request, plan));
  CommitAnswer out;
  out.etag = azure::UnquoteETag(answer.Get("ETag"));
  out.size = plan.size;
  if (const auto time = ParseHttpDate(answer.Get("Last-Modified"))) {
    out.mtime.ns = time->ticks * 100;
  }
  co_return out;
}

Task<std::uint64_t> PathRemote::SeekData(OpContext, FileRef, std::uint64_t, bool) {
  co_return No("holes");
}
Task<RemoteTraits> PathRemote::Probe(OpContext /*context*/) { co_return traits_; }
Task<> PathRemote::KeepAlive(OpContext) { co_return No("sessions"); }
Task<> PathRemote::End(OpContext) { co_return Result<>(); }
Task<> PathRemote::Hold(OpContext, FileRef) { co_return No("open files"); }
Task<> PathRemote::Release(OpContext, FileRef) { co_return No("open files"); }
Task<> PathRemote::Lock(OpContext, FileRef, LockRange, std::chrono::milliseconds) {
  co_return No("locks");
}
Task<std::optional<LockRange>> PathRemote::TestLock(OpContext, FileRef, LockRange) {
  co_return No("locks");
}
Task<ChangesPage> PathRemote::Changes(OpContext, std::string) { co_return No("feed of changes"); }
Task<StatFs> PathRemote::GetStatFs(OpContext) { co_return No("figures of its room"); }
Task<NameChange> PathRemote::Link(OpContext, FileRef, NameRef) { co_return No("hard links"); }
Task<std::string> PathRemote::ReadLink(OpContext, FileRef) { co_return No("symbolic links"); }
Task<std::string> PathRemote::GetXattr(OpContext, FileRef, std::string) {
  co_return No("extended attributes");
}
Task<std::vector<std::string>> PathRemote::ListXattrs(OpContext, FileRef) {
  co_return No("extended attributes");
}
Task<> PathRemote::SetXattr(OpContext, FileRef, std::string, std::string, XattrMode) {
  co_return No("extended attributes");
}
Task<> PathRemote::RemoveXattr(OpContext, FileRef, std::string) {
  co_return No("extended attributes");
}

}  // namespace forebay::vfs
