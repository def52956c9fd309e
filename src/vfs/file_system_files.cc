// Open files: from open(2) to the last close, and what happens to bytes between. The bytes
// themselves are OpenFile's.
#include <fcntl.h>

#include <algorithm>
#include <vector>

#include "base/log.h"
#include "vfs/file_system_impl.h"

namespace forebay::vfs {
namespace {

constexpr std::size_t kCopyStep = 1_MiB;
// Less than this is copied as bytes: they travel with the next commit, and a copy by reference is
// a commit of its own.
constexpr std::size_t kShareAtLeast = 1_MiB;

}  // namespace

Result<std::shared_ptr<FileHandle>> FileSystem::Impl::FileOf(HandleId handle) {
  std::lock_guard lock(mutex);
  const auto found = handles.find(handle);
  if (found == handles.end()) return Fail(Code::kBadFileHandle, "The handle is not open.");
  return found->second;
}

Task<std::shared_ptr<OpenFile>> FileSystem::Impl::Acquire(OpContext context, NodePtr node) {
  for (;;) {
    OpenFileRequest request;
    request.attributes = Shown(node).attributes;
    // The table outlives every open file; the node is kept by its opening.
    request.where = [&known = table, weak = std::weak_ptr<Node>(node)]() -> Result<FileRef> {
      const NodePtr alive = weak.lock();
      if (alive == nullptr) return Fail(Code::kFileGone, "The file is no longer known.");
      return known.Where(alive);
    };
    InodeTable::Opening opening = table.Open(node, [&] { return files.Make(std::move(request)); });
    if (opening.file != nullptr) co_return opening.file;
    FB_CO_RETURN_IF_ERROR(co_await opening.closing->Wait(context));
  }
}

Task<OpenAnswer> FileSystem::Impl::OpenNode(OpContext context, NodePtr node, int flags, bool fresh,
                                            bool unprivileged) {
  const bool reads = (flags & O_ACCMODE) == O_RDONLY && (flags & O_TRUNC) == 0;
  if (!fresh) FB_CO_RETURN_IF_ERROR(co_await Refresh(context, node, reads));
  // The newer version is another inode; a kernel that is told ESTALE looks the name up once more.
  if (table.Behind(node)) {
    co_return Fail(Code::kFileGone, "Somebody has an older version of the file open.");
  }
  const CachedAttributes shown = Shown(node);
  if (shown.attributes.IsDirectory()) co_return Fail(Code::kIsADirectory, "A directory.");
  FB_CO_ASSIGN_OR_RETURN(const auto file, co_await Acquire(context, node));
  if (!reads) file->Follow();
  if ((flags & O_TRUNC) != 0) {
    Result<> cut;
    if (unprivileged && !fresh) cut = co_await DropSetuid(context, node);
    if (cut && file->State().size > 0) {
      cut = co_await file->Truncate(context, 0);
    } else if (cut && !fresh && traits.set_times) {
      // open(2): its times change though nothing is cut off. `> stamp` is for that.
      AttributeChanges times;
      times.mtime_now = true;
      cut = co_await Change(context, node, times);
    }
    if (!cut) {
      FB_CO_RETURN_IF_ERROR(co_await LetGo(context, node));
      co_return Fail(std::move(cut.error()));
    }
  }
  OpenAnswer answer;
  const ETag etag = file->State().etag;
  answer.keep_cache = table.ExchangePages(node, etag) && (flags & O_TRUNC) == 0;
  if (answer.keep_cache) file->AssumeRead();
  auto handle = std::make_shared<FileHandle>();
  handle->node = std::move(node);
  handle->file = file;
  handle->flags = flags;
  handle->told = losses.Open();
  std::lock_guard lock(mutex);
  answer.handle = HandleId(next_handle++);
  handles.emplace(answer.handle, std::move(handle));
  co_return answer;
}

Task<OpenAnswer> FileSystem::Open(OpContext context, InodeNumber inode, int flags,
                                  bool unprivileged) {
  const bool writes = (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0;
  if (writes) FB_CO_RETURN_IF_ERROR(impl_->MayWrite());
  FB_CO_ASSIGN_OR_RETURN(NodePtr node, impl_->table.Find(inode));
  co_return co_await impl_->OpenNode(impl_->Bounded(context), std::move(node), flags, false,
                                     unprivileged);
}

Task<FileSystem::Created> FileSystem::Create(OpContext context, Caller caller, InodeNumber parent,
                                             std::string name, std::uint32_t mode, int flags) {
  context = impl_->Bounded(context);
  CreateRequest request;
  request.at.name = name;
  request.mode = mode & kModeBits;
  request.umask = caller.umask;
  request.uid = caller.uid;
  request.gid = caller.gid;
  auto made = co_await impl_->Make(context, parent, std::move(request));
  const bool created = made.has_value();
  if (!made) {
    // Somebody else was faster; without O_EXCL it is their file that is opened.
    const bool join = made.error().code() == Code::kPathAlreadyExists && (flags & O_EXCL) == 0;
    if (!join) co_return Fail(std::move(made.error()));
    made = co_await Lookup(context, parent, name);
    if (!made) co_return Fail(std::move(made.error()));
    if (!made->Exists()) co_return Fail(Code::kPathNotFound, name + " came and went.");
  }
  Created out;
  out.entry = *made;
  const InodeNumber inode = out.entry.attributes.inode;
  auto node = impl_->table.Find(inode);
  if (!node) co_return Fail(std::move(node.error()));
  auto open = co_await impl_->OpenNode(context, std::move(*node), flags, created,
                                       /*unprivileged=*/caller.uid != 0);
  if (!open) {
    impl_->table.Forget(inode, 1);
    co_return Fail(std::move(open.error()));
  }
  out.open = *open;
  co_return out;
}

Task<std::size_t> FileSystem::Read(OpContext context, HandleId handle, std::uint64_t offset,
                                   MutableByteView into) {
  FB_CO_ASSIGN_OR_RETURN(const auto open, impl_->FileOf(handle));
  const ETag before = open->file->State().etag;
  auto bytes = co_await open->file->Read(impl_->Bounded(context), offset, into, open->Direct());
  // Read from a newer version than the open found: the length that the kernel knows is not its.
  KernelCaches* const kernel = impl_->caches.load();
  if (kernel != nullptr && open->file->State().etag != before) {
    kernel->ForgetAttributes(InodeTable::NumberOf(open->node), false);
  }
  co_return bytes;
}

Task<> FileSystem::Write(OpContext context, HandleId handle, std::uint64_t offset, ByteView data,
                         bool unprivileged) {
  FB_CO_ASSIGN_OR_RETURN(const auto open, impl_->FileOf(handle));
  if (!open->Writes()) co_return Fail(Code::kBadFileHandle, "The handle is open for reading.");
  if (unprivileged) {
    FB_CO_RETURN_IF_ERROR(co_await impl_->DropSetuid(impl_->Bounded(context), open->node));
  }
  const bool append = (open->flags & O_APPEND) != 0;
  if (!append && offset + data.size() > impl_->traits.max_file_bytes) {
    co_return Fail(Code::kFileTooLarge, "The file would be too large.");
  }
  co_return co_await open->file->Write(impl_->Bounded(context),
                                       append ? WriteAt::kEnd : WriteAt::kOffset, offset, data,
                                       open->Direct());
}

Task<> FileSystem::Flush(OpContext context, HandleId handle, LockOwner owner) {
  FB_CO_ASSIGN_OR_RETURN(const auto open, impl_->FileOf(handle));
  context = impl_->Bounded(context);
  Result<> done;
  if (open->Writes()) done = co_await open->file->Flush(context);
  if (open->Writes() && done) done = impl_->TellLosses(open->told);
  impl_->Adopt(open->node, *open->file);
  {
    std::lock_guard lock(impl_->mutex);
    open->lockers.erase(owner);
  }
  // close(2) drops the record locks whatever became of the bytes.
  const auto unlocked = co_await impl_->DropLocks(context, open->node, owner, false);
  if (done) done = unlocked;
  co_return done;
}

Task<> FileSystem::Sync(OpContext context, HandleId handle, bool /*data_only*/) {
  FB_CO_ASSIGN_OR_RETURN(const auto open, impl_->FileOf(handle));
  auto done = co_await open->file->Sync(impl_->Bounded(context));
  impl_->Adopt(open->node, *open->file);
  // The file's name, mode and owner as well, and what was done before.
  if (done) done = co_await impl_->SyncChanges(impl_->Bounded(context), open->told);
  co_return done;
}

// A file that was kept for its handles alone goes with the last of them.
Task<> FileSystem::Impl::DropOpenFile(OpContext context, NodePtr node) {
  if (!table.UnmarkHeld(node)) co_return Result<>();
  auto where = table.Where(node);
  if (!where) co_return Result<>();
  if (traits.unlinked_open_files) co_return co_await remote.Release(context, std::move(*where));
  const NodePtr root = table.root();
  const std::string name = where->path;
  FB_CO_ASSIGN_OR_RETURN(NameRef place, table.Place(root, name));
  auto removed = co_await remote.Remove(context, std::move(place), false);
  table.Removed(root, name);
  FB_CO_RETURN_IF_ERROR(removed);
  co_return Result<>();
}

Task<> FileSystem::Impl::LetGo(OpContext context, NodePtr node) {
  const auto last = table.Close(node);
  if (last == nullptr) co_return Result<>();
  auto closed = co_await last->Close(context);
  if (closed) {
    Adopt(node, *last);
    // The kernel's pages were written through here.
    table.ExchangePages(node, last->State().etag);
  } else {
    table.Changed(node, nullptr);
  }
  const auto dropped = co_await DropOpenFile(context, node);
  table.Closed(node);
  if (closed && !dropped && !IsNotFound(dropped.error())) closed = dropped;
  co_return closed;
}

Task<> FileSystem::Release(OpContext context, HandleId handle,
                           std::optional<LockOwner> flock_owner) {
  std::shared_ptr<FileHandle> open;
  std::set<LockOwner> lockers;
  {
    std::lock_guard lock(impl_->mutex);
    const auto found = impl_->handles.find(handle);
    if (found == impl_->handles.end()) co_return Fail(Code::kBadFileHandle, "Not open.");
    open = std::move(found->second);
    impl_->handles.erase(found);
    lockers = std::exchange(open->lockers, {});
  }
  context = impl_->Bounded(context);
  Result<> done;
  if (flock_owner) done = co_await impl_->DropLocks(context, open->node, *flock_owner, true);
  for (const LockOwner owner : lockers) {
    const auto dropped = co_await impl_->DropLocks(context, open->node, owner, false);
    if (done) done = dropped;
  }
  const auto gone = co_await impl_->LetGo(context, open->node);
  if (!gone) {
    Log(LogLevel::kWarn, "A file could not be closed as it should",
        {{"error", gone.error().ToString()}});
    done = gone;
  }
  co_return done;
}

Task<> FileSystem::Allocate(OpContext context, HandleId handle, int mode, std::uint64_t offset,
                            std::uint64_t length) {
  FB_CO_ASSIGN_OR_RETURN(const auto open, impl_->FileOf(handle));
  if (!open->Writes()) co_return Fail(Code::kBadFileHandle, "The handle is open for reading.");
  if (length > impl_->traits.max_file_bytes || offset > impl_->traits.max_file_bytes - length) {
    co_return Fail(Code::kFileTooLarge, "The file would be too large.");
  }
  co_return co_await open->file->Allocate(impl_->Bounded(context), mode, offset, length);
}

Task<std::uint64_t> FileSystem::Seek(OpContext context, HandleId handle, std::uint64_t offset,
                                     bool data) {
  FB_CO_ASSIGN_OR_RETURN(const auto open, impl_->FileOf(handle));
  co_return co_await open->file->Seek(impl_->Bounded(context), offset, data);
}

Task<std::size_t> FileSystem::Impl::ShareRange(OpContext context,
                                               std::shared_ptr<FileHandle> source,
                                               std::uint64_t from_offset,
                                               std::shared_ptr<FileHandle> target,
                                               std::uint64_t to_offset, std::size_t length) {
  if (!traits.copies || length < kShareAtLeast) co_return std::size_t{0};
  source->file->AssumeRead();
  // What is not committed is not flushed for this: others would see a half of what is being
  // written.
  const OpenFileState state = source->file->State();
  if (state.dirty || from_offset >= state.size) co_return std::size_t{0};
  length = std::min<std::uint64_t>(length, state.size - from_offset);
  if (length < kShareAtLeast) co_return std::size_t{0};
  auto where = table.Where(source->node);
  if (!where) co_return std::size_t{0};
  CopiedRange range{std::move(*where), state.etag, from_offset, length};
  const bool whole = from_offset == 0 && to_offset == 0 && length == state.size;
  FB_CO_ASSIGN_OR_RETURN(const bool done, co_await target->file->CopyFrom(context, std::move(range),
                                                                          to_offset, whole));
  if (!done) co_return std::size_t{0};
  Adopt(target->node, *target->file);
  co_return length;
}

Task<std::size_t> FileSystem::CopyRange(OpContext context, HandleId from, std::uint64_t from_offset,
                                        HandleId to, std::uint64_t to_offset, std::size_t length) {
  FB_CO_ASSIGN_OR_RETURN(const auto source, impl_->FileOf(from));
  FB_CO_ASSIGN_OR_RETURN(const auto target, impl_->FileOf(to));
  if (!target->Writes()) co_return Fail(Code::kBadFileHandle, "The handle is open for reading.");
  if (source->node == target->node && from_offset < to_offset + length &&
      to_offset < from_offset + length) {
    co_return Fail(Code::kInvalidInput, "The ranges overlap.");
  }
  context = impl_->Bounded(context);
  FB_CO_ASSIGN_OR_RETURN(std::size_t done, co_await impl_->ShareRange(context, source, from_offset,
                                                                      target, to_offset, length));
  if (done > 0) co_return done;
  std::vector<std::byte> buffer(std::min(length, kCopyStep));
  while (done < length) {
    const MutableByteView step =
        MutableByteView(buffer).first(std::min(buffer.size(), length - done));
    FB_CO_ASSIGN_OR_RETURN(const std::size_t got,
                           co_await source->file->Read(context, from_offset + done, step, false));
    if (got == 0) break;
    auto written = co_await target->file->Write(context, WriteAt::kOffset, to_offset + done,
                                                step.first(got), false);
    if (!written) {
      if (done > 0) break;
      co_return Fail(std::move(written.error()));
    }
    done += got;
  }
  co_return done;
}

}  // namespace forebay::vfs
