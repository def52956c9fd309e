// What the operations share, and the mount's own life.
#include "vfs/file_system.h"

#include <fcntl.h>

#include <boost/asio/this_coro.hpp>

#include "async/sleep.h"
#include "async/task_group.h"
#include "base/log.h"
#include "vfs/file_system_impl.h"

namespace forebay::vfs {
namespace {

constexpr std::chrono::seconds kKeepAlive{10};
constexpr std::chrono::seconds kLongPoll{25};
// Open files whose versions are kept by asking for them now and then.
constexpr std::size_t kMostTouched = 2'000;
constexpr std::chrono::seconds kOwnEcho{2};

InodeTableOptions TableOptions(const RemoteTraits& traits, const FileSystemOptions& options) {
  InodeTableOptions out;
  out.stable_ids = traits.stable_ids;
  out.attribute_age = options.attribute_age;
  out.entry_age = options.entry_age;
  out.negative_age = options.negative_age;
  out.max_idle = options.max_cached_entries;
  return out;
}

}  // namespace

bool IsNotFound(const Error& error) {
  switch (error.code()) {
    case Code::kPathNotFound:
    case Code::kBlobNotFound:
    case Code::kResourceNotFound:
    case Code::kFileGone:
      return true;
    default:
      return false;
  }
}

bool FileHandle::Writes() const { return (flags & O_ACCMODE) != O_RDONLY; }
bool FileHandle::Direct() const { return (flags & O_DIRECT) != 0; }

FileSystem::Impl::Impl(Remote& server, RemoteTraits server_traits, OpenFileMaker& maker,
                       FileSystemOptions opts)
    : remote(server),
      traits(std::move(server_traits)),
      files(maker),
      options(opts),
      table(TableOptions(traits, opts)) {}

OpContext FileSystem::Impl::Bounded(OpContext context) const {
  if (options.timeout.count() > 0) {
    context.deadline =
        std::min(context.deadline, std::chrono::steady_clock::now() + options.timeout);
  }
  return context;
}

Result<> FileSystem::Impl::MayWrite() const {
  if (!options.read_only && !traits.read_only) return {};
  return Fail(Code::kReadOnlyFileSystem, "The file system is mounted read-only.");
}

FileSystem::FileSystem(Remote& remote, RemoteTraits traits, OpenFileMaker& files,
                       FileSystemOptions options)
    : impl_(std::make_unique<Impl>(remote, std::move(traits), files, options)) {}
FileSystem::~FileSystem() = default;

const RemoteTraits& FileSystem::traits() const { return impl_->traits; }
void FileSystem::SetKernelCaches(KernelCaches* caches) { impl_->caches = caches; }

FileSystem::Counts FileSystem::counts() const {
  std::lock_guard lock(impl_->mutex);
  return {impl_->table.size(), impl_->handles.size(), impl_->directories.size()};
}

Task<StatFs> FileSystem::GetStatFs(OpContext context) {
  auto room = co_await impl_->remote.GetStatFs(impl_->Bounded(context));
  if (room || room.error().code() != Code::kUnsupported) co_return room;
  // Azure has no end; df and installers want figures that are large and not absurd.
  co_return StatFs{1ull << 50, 1ull << 50, 1ull << 32, 1ull << 32};
}

Task<> FileSystem::Run(OpContext context) {
  TaskGroup group(co_await boost::asio::this_coro::executor);
  group.Spawn(impl_->KeepSession(context));
  group.Spawn(impl_->SyncBehind(context));
  if (impl_->traits.changes) group.Spawn(impl_->FollowChanges(context));
  auto ended = co_await group.Join();
  if (!ended && ended.error().code() == Code::kCancelled) co_return Result<>();
  co_return ended;
}

Task<> FileSystem::Impl::TouchVersions(OpContext context) {
  std::size_t left = kMostTouched;
  for (const NodePtr& node : table.OpenNodes()) {
    const auto file = table.Opened(node);
    if (file == nullptr || left-- == 0) continue;
    OpContext call = context;
    call.deadline = std::chrono::steady_clock::now() + kKeepAlive;
    (void)co_await file->Touch(call);  // a version that is gone is told to its reader
    FB_CO_RETURN_IF_ERROR(context.Check());
  }
  co_return Result<>();
}

Task<> FileSystem::Impl::KeepSession(OpContext context) {
  for (unsigned round = 1;; ++round) {
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(kKeepAlive, context));
    if (traits.keeps_versions && round % 2 == 0) {
      FB_CO_RETURN_IF_ERROR(co_await TouchVersions(context));
    }
    FB_CO_RETURN_IF_ERROR(co_await SettleDoubts(context));
    OpContext renewal = context;
    renewal.deadline = std::chrono::steady_clock::now() + kKeepAlive;
    const auto kept = co_await remote.KeepAlive(renewal);
    if (kept || kept.error().code() == Code::kUnsupported) continue;
    if (kept.error().code() == Code::kSessionExpired) {
      Log(LogLevel::kWarn, "The mount's session had run out; taking locks and open files again");
      FB_CO_RETURN_IF_ERROR(co_await TakeEverythingAgain(context));
    }
  }
}

Task<> FileSystem::Impl::FollowChanges(OpContext context) {
  std::string cursor;
  for (;;) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    OpContext poll = context;
    poll.deadline = std::chrono::steady_clock::now() + kLongPoll;
    auto page = co_await remote.Changes(poll, cursor);
    if (!page) {
      if (page.error().code() == Code::kUnsupported) co_return Result<>();
      // What happened meanwhile is not known: nothing is to be believed.
      table.DistrustAll();
      cursor.clear();
      FB_CO_RETURN_IF_ERROR(co_await SleepFor(std::chrono::seconds(1), context));
      continue;
    }
    cursor = page->next;
    if (page->lost) table.DistrustAll();
    for (const FileRef& file : page->changed) {
      const NodePtr node = table.FindById(file.id);
      // Our own changes come back too. What others do at the same moment is seen when the
      // attributes have aged, as it would be without this feed.
      if (node == nullptr || table.ChangedHere(node, kOwnEcho)) continue;
      const CachedAttributes known = Shown(node);
      OpContext look = context;
      look.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
      table.Distrust(node);
      const auto seen = co_await Refresh(look, node);
      const CachedAttributes now = Shown(node);
      const bool content = !seen || now.attributes.etag != known.attributes.etag;
      KernelCaches* const kernel = caches.load();
      if (kernel != nullptr && (content || known.attributes.IsDirectory())) {
        kernel->ForgetAttributes(InodeTable::NumberOf(node), content);
      }
    }
  }
}

Task<> FileSystem::Shutdown(OpContext context) {
  context = impl_->Bounded(context);
  Result<> first;
  for (const NodePtr& node : impl_->table.OpenNodes()) {
    const auto file = impl_->table.Opened(node);
    if (file == nullptr) continue;
    auto flushed = co_await file->Sync(context);
    if (!flushed && first) first = std::move(flushed);
  }
  Losses::Told told = impl_->losses.Open();
  auto synced = co_await impl_->SyncChanges(context, told);
  if (!synced && first) first = std::move(synced);
  const auto ended = co_await impl_->remote.End(context);
  if (!ended && ended.error().code() != Code::kUnsupported && first) first = ended;
  co_return first;
}

}  // namespace forebay::vfs
