// The session: what the server is, the lease, open files without names, locks, changes.
#include <algorithm>

#include "azure/wire.h"
#include "vfs/posix_remote.h"

namespace forebay::vfs {
namespace {

// The longest wait of one request, below what servers and proxies cut off.
constexpr std::chrono::seconds kLongestWait{25};

std::string SecondsLeft(const OpContext& context, std::chrono::milliseconds wait) {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
      context.deadline == SteadyTime::max() ? SteadyTime::duration(kLongestWait)
                                            : context.deadline - std::chrono::steady_clock::now());
  const auto most = std::min({wait, left, std::chrono::milliseconds(kLongestWait)});
  return std::to_string(
      std::max<std::int64_t>(std::chrono::duration_cast<std::chrono::seconds>(most).count(), 0));
}

}  // namespace

Task<std::unique_ptr<Remote>> PosixRemote::Open(OpContext context,
                                                std::shared_ptr<RestSender> sender,
                                                Options options) {
  FB_CO_ASSIGN_OR_RETURN(const ServerInfo info, InfoFromLine(options.info));
  options.read_only = options.read_only || info.read_only;
  std::unique_ptr<PosixRemote> remote(new PosixRemote(std::move(sender), std::move(options), info));
  RestCall call = remote->ForContainer(http::Method::kHead, "stat");
  call.path = remote->PathOf({});
  call.query.Add("track", "true");
  FB_CO_ASSIGN_OR_RETURN(const Attributes root,
                         co_await remote->SendForAttributes(context, std::move(call)));
  if (!root.IsDirectory()) co_return Fail(Code::kNotADirectory, "The URL names no directory.");
  remote->root_ = root.id;
  if (!remote->options_.read_only) FB_CO_RETURN_IF_ERROR(co_await remote->OpenSession(context));
  co_return remote;
}

Task<RemoteTraits> PosixRemote::Probe(OpContext /*context*/) {
  RemoteTraits traits;
  traits.description = options_.description;
  traits.read_only = options_.read_only;
  traits.stable_ids = traits.modes = traits.owners = traits.set_times = true;
  traits.symlinks = traits.special_files = traits.xattrs = true;
  traits.hard_links = info_.links;
  traits.rename_flags = traits.partial_commits = true;
  // Both hang on a session, which a mount that only reads does not have.
  traits.unlinked_open_files = traits.locks = !options_.read_only;
  traits.changes = info_.changes;
  traits.keeps_versions = info_.versions;
  traits.copies = info_.copies;
  traits.max_block_bytes = info_.max_block;
  traits.max_pieces = static_cast<std::size_t>(info_.max_pieces);
  co_return traits;
}

std::string PosixRemote::session() const {
  std::lock_guard lock(mutex_);
  return session_;
}

Task<> PosixRemote::OpenSession(OpContext context) {
  RestCall call = ForContainer(http::Method::kPost, "session");
  call.query.Add("ttl", std::to_string(options_.ttl.count()));
  if (!options_.owner.empty()) call.headers.emplace_back("x-ms-posix-owner", options_.owner);
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await Send(context, std::move(call)));
  const auto fields = azure::FieldLine::Parse(answer.Get("x-ms-posix"));
  if (!fields || fields->Get("session").empty()) {
    co_return Fail(Code::kBadHttp, "The server opened no session.");
  }
  std::lock_guard lock(mutex_);
  session_ = fields->Get("session");
  co_return Result<>();
}

Task<RestAnswer> PosixRemote::SendInSession(OpContext context, RestCall call) {
  RestCall again = call;
  const std::string id = session();
  if (id.empty()) co_return Fail(Code::kUnsupported, "The mount has no session.");
  call.query.Add("session", id);
  auto answer = co_await Send(context, std::move(call));
  if (answer || answer.error().code() != Code::kSessionExpired) co_return answer;
  if (session() == id) {
    FB_CO_RETURN_IF_ERROR(co_await OpenSession(context));
    std::lock_guard lock(mutex_);
    lost_ = true;
  }
  again.query.Add("session", session());
  co_return co_await Send(context, std::move(again));
}

Task<> PosixRemote::KeepAlive(OpContext context) {
  const std::string id = session();
  if (id.empty()) co_return Fail(Code::kUnsupported, "The mount has no session.");
  FB_CO_RETURN_IF_ERROR(
      co_await SendInSession(context, ForContainer(http::Method::kPut, "session")));
  std::lock_guard lock(mutex_);
  if (std::exchange(lost_, false)) {
    co_return Fail(Code::kSessionExpired, "The session had run out; another is open.");
  }
  co_return Result<>();
}

Task<> PosixRemote::End(OpContext context) {
  std::string id;
  {
    std::lock_guard lock(mutex_);
    id = std::exchange(session_, {});
  }
  if (id.empty()) co_return Result<>();
  RestCall call = ForContainer(http::Method::kDelete, "session");
  call.query.Add("session", id);
  auto ended = co_await Send(context, std::move(call));
  if (!ended && ended.error().code() != Code::kSessionExpired) {
    co_return Fail(std::move(ended.error()));
  }
  co_return Result<>();
}

Task<> PosixRemote::Hold(OpContext context, FileRef file) {
  FB_CO_RETURN_IF_ERROR(co_await SendInSession(context, For(http::Method::kPut, "hold", file)));
  co_return Result<>();
}

Task<> PosixRemote::Release(OpContext context, FileRef file) {
  FB_CO_RETURN_IF_ERROR(co_await SendInSession(context, For(http::Method::kDelete, "hold", file)));
  co_return Result<>();
}

RestCall PosixRemote::LockCall(http::Method method, const FileRef& file,
                               const LockRange& range) const {
  RestCall call = For(method, "lock", file);
  call.query.Add("owner", std::to_string(range.owner.value()));
  call.query.Add("kind", range.kind == LockKind::kUnlock   ? "unlock"
                         : range.kind == LockKind::kShared ? "shared"
                                                           : "exclusive");
  call.query.Add("family", range.whole_file ? "flock" : "posix");
  call.query.Add("start", std::to_string(range.whole_file ? 0 : range.offset));
  call.query.Add("length", std::to_string(range.whole_file ? 0 : range.length));
  if (range.pid != 0) call.query.Add("pid", std::to_string(range.pid));
  return call;
}

Task<> PosixRemote::Lock(OpContext context, FileRef file, LockRange range,
                         std::chrono::milliseconds wait) {
  RestCall call = LockCall(http::Method::kPost, file, range);
  const std::string seconds = SecondsLeft(context, wait);
  if (seconds != "0") call.query.Add("wait", seconds);
  FB_CO_RETURN_IF_ERROR(co_await SendInSession(context, std::move(call)));
  co_return Result<>();
}

Task<std::optional<LockRange>> PosixRemote::TestLock(OpContext context, FileRef file,
                                                     LockRange range) {
  FB_CO_ASSIGN_OR_RETURN(
      const RestAnswer answer,
      co_await SendInSession(context, LockCall(http::Method::kGet, file, range)));
  co_return LockFromLine(answer.Get("x-ms-posix"));
}

Task<ChangesPage> PosixRemote::Changes(OpContext context, std::string cursor) {
  RestCall call = ForContainer(http::Method::kGet, "changes");
  if (!cursor.empty()) {
    call.query.Add("cursor", cursor);
    // The answer is to be here before the caller's patience ends.
    call.query.Add("wait", SecondsLeft(context, std::chrono::seconds(20)));
  }
  call.text_limit = 16u << 20;
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer, co_await Send(context, std::move(call)));
  const auto fields = azure::FieldLine::Parse(answer.Get("x-ms-posix"));
  if (!fields) co_return Fail(Code::kBadHttp, "The server's answer is malformed.");
  ChangesPage page;
  FB_CO_ASSIGN_OR_RETURN(page.changed, ChangesFromLines(answer.text));
  page.next = fields->Get("cursor");
  page.lost = fields->Get("lost") == "true";
  co_return page;
}

Task<StatFs> PosixRemote::GetStatFs(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(const RestAnswer answer,
                         co_await Send(context, ForContainer(http::Method::kGet, "info")));
  FB_CO_ASSIGN_OR_RETURN(const ServerInfo info, InfoFromLine(answer.Get("x-ms-posix")));
  co_return info.room;
}

}  // namespace forebay::vfs
