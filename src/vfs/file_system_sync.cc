// Durability of what is not content: names, modes, owners, extended attributes. The server keeps
// their order and acknowledges them early; fsync, of whatever file or directory, waits for all.
#include "async/sleep.h"
#include "base/log.h"
#include "vfs/file_system_impl.h"

namespace forebay::vfs {
namespace {

constexpr std::chrono::seconds kSyncBehind{1};

}  // namespace

Result<> FileSystem::Impl::TellLosses(Losses::Told& told) {
  if (!losses.Tell(told)) return {};
  return Fail(Code::kChangesLost,
              "The server crashed, and changes that it had acknowledged are lost.");
}

Task<> FileSystem::Impl::SyncServer(OpContext context) {
  auto done = co_await remote.SyncChanges(std::move(context));
  if (done || done.error().code() != Code::kChangesLost) co_return done;
  Log(LogLevel::kError, "The server crashed and has lost changes that nobody had synced",
      {{"error", done.error().ToString()}});
  losses.Note();
  // Whatever we know may be of what is gone.
  table.DistrustAll();
  co_return Result<>();
}

Task<> FileSystem::Impl::SyncChanges(OpContext context, Losses::Told& told) {
  FB_CO_RETURN_IF_ERROR(co_await SyncServer(std::move(context)));
  co_return TellLosses(told);
}

Task<> FileSystem::Impl::SyncBehind(OpContext context) {
  for (;;) {
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(kSyncBehind, context));
    (void)co_await SyncServer(context);  // who needs it asks, and is told
  }
}

Task<> FileSystem::SyncDirectory(OpContext context, HandleId handle) {
  std::shared_ptr<DirectoryReader> reader;
  {
    std::lock_guard lock(impl_->mutex);
    const auto found = impl_->directories.find(handle);
    if (found == impl_->directories.end()) co_return Fail(Code::kBadFileHandle, "Not open.");
    reader = found->second;
  }
  co_return co_await impl_->SyncChanges(impl_->Bounded(context), reader->told);
}

}  // namespace forebay::vfs
