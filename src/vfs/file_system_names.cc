// Lookup, and what makes, moves and takes away names.
#include <algorithm>
#include <chrono>

#include "base/uuid.h"
#include "vfs/file_system_impl.h"

namespace forebay::vfs {

bool FileSystem::Impl::IsHidden(const NodePtr& parent, std::string_view name) const {
  return !traits.unlinked_open_files && parent == table.root() && name.starts_with(kHiddenPrefix);
}

namespace {

// What the manual pages say of a file system that has no such thing: EPERM (link(2), symlink(2),
// mknod(2)), EINVAL of a flag (rename(2)).
Error WhereLacking(Error error, Code code) {
  if (error.code() != Code::kUnsupported) return error;
  return {code, error.message()};
}

}  // namespace

Task<Entry> FileSystem::Impl::AskForName(OpContext context, NodePtr parent, std::string name) {
  FB_CO_ASSIGN_OR_RETURN(NameRef place, table.Place(parent, name));
  const Stamp stamp = table.Begin();
  auto fresh = co_await remote.Lookup(context, std::move(place));
  if (!fresh) {
    if (!IsNotFound(fresh.error())) co_return Fail(std::move(fresh.error()));
    table.InstallAbsence(parent, name, stamp);
    Entry absent;
    absent.entry_age = options.negative_age;
    co_return absent;
  }
  const NodePtr node = table.Install(parent, name, *fresh, stamp, true);
  table.Asked(parent);
  const auto file = table.Opened(node);
  if (file != nullptr && !file->State().dirty && file->State().etag != fresh->etag) {
    // Either our own commit came after this answer, or somebody else's before it.
    const auto looked = co_await Refresh(context, node);
    if (!looked && !IsNotFound(looked.error())) {
      table.Forget(InodeTable::NumberOf(node), 1);
      co_return Fail(looked.error());
    }
  }
  co_return EntryOf(parent, name, node);
}

std::optional<Entry> FileSystem::Impl::Remembered(const NodePtr& parent, std::string_view name) {
  const auto known = table.LookUp(parent, name);
  if (!known) return std::nullopt;
  if (known->node != nullptr) return EntryOf(parent, name, known->node);
  Entry absent;
  absent.entry_age = known->left;
  return absent;
}

Task<> FileSystem::Impl::ListAhead(OpContext context, NodePtr directory, LookAhead::Page page) {
  // A server that cannot list it, as while its names come in from a lake, is asked for the name.
  constexpr std::chrono::milliseconds kPatience{500};
  context.deadline = std::min(context.deadline, std::chrono::steady_clock::now() + kPatience);
  const Stamp stamp = table.Begin();
  Result<ListPage> listed = Fail(Code::kFileGone, "The directory is gone.");
  if (auto where = table.Where(directory)) {
    listed = co_await remote.List(
        context,
        {.directory = std::move(*where), .marker = std::move(page.after), .limit = page.limit});
  }
  if (!listed) {
    table.ListingFailed(directory);
    co_return Fail(std::move(listed.error()));
  }
  // What was asked before we changed a name in it would be believed by nobody.
  if (table.ChangedSince(directory, stamp)) {
    table.ListingFailed(directory);
    co_return Result<>();
  }
  table.Listed(directory, listed->entries.size(), listed->next);
  for (const DirectoryEntry& entry : listed->entries) {
    if (IsHidden(directory, entry.name) || table.GoneSince(directory, entry.name, stamp)) continue;
    // What is open may have been committed meanwhile, which AskForName sorts out.
    const NodePtr known = table.Child(directory, entry.name);
    if (known != nullptr && table.Opened(known) != nullptr) continue;
    table.Install(directory, entry.name, entry.attributes, stamp, false);
  }
  co_return Result<>();
}

Task<Entry> FileSystem::Lookup(OpContext context, InodeNumber parent, std::string name) {
  FB_CO_ASSIGN_OR_RETURN(const NodePtr directory, impl_->table.Find(parent));
  if (impl_->IsHidden(directory, name)) co_return Entry{};
  const CachedAttributes parent_is = impl_->table.GetAttributes(directory);
  if (parent_is.known && !parent_is.attributes.IsDirectory()) {
    co_return Fail(Code::kNotADirectory, "Not a directory.");
  }
  if (auto known = impl_->Remembered(directory, name)) co_return std::move(*known);
  context = impl_->Bounded(context);
  if (auto page = impl_->table.WorthListing(directory)) {
    // If it fails, the question for the name will say whether anything is wrong.
    (void)co_await impl_->ListAhead(context, directory, std::move(*page));
    if (auto known = impl_->Remembered(directory, name)) co_return std::move(*known);
  }
  co_return co_await impl_->AskForName(context, directory, std::move(name));
}

void FileSystem::Forget(InodeNumber inode, std::uint64_t lookups) {
  impl_->table.Forget(inode, lookups);
}

Task<Entry> FileSystem::Impl::Make(OpContext context, InodeNumber parent, CreateRequest request) {
  FB_CO_RETURN_IF_ERROR(MayWrite());
  FB_CO_ASSIGN_OR_RETURN(const NodePtr directory, table.Find(parent));
  const std::string name = request.at.name;
  if (IsHidden(directory, name)) co_return Fail(Code::kPathAlreadyExists, "The name is taken.");
  FB_CO_ASSIGN_OR_RETURN(request.at, table.Place(directory, name));
  auto fresh = co_await remote.Create(Bounded(context), std::move(request));
  if (!fresh) {
    // What we believed to be absent is there, or the other way round for the directory.
    table.Distrust(directory);
    co_return Fail(WhereLacking(std::move(fresh.error()), Code::kOperationNotPermitted));
  }
  table.DirectoryChanged(directory, fresh->directory);
  const Stamp stamp = table.Begin();
  const NodePtr node = table.Install(directory, name, fresh->attributes, stamp, true);
  // What is new has none, and the kernel is about to ask.
  table.InstallXattr(node, "security.capability", std::nullopt, stamp);
  co_return EntryOf(directory, name, node);
}

namespace {

CreateRequest RequestFor(const Caller& caller, std::string name, FileKind kind,
                         std::uint32_t mode) {
  CreateRequest request;
  request.at.name = std::move(name);
  request.kind = kind;
  request.mode = mode & kModeBits;
  request.umask = caller.umask;
  request.uid = caller.uid;
  request.gid = caller.gid;
  return request;
}

}  // namespace

Task<Entry> FileSystem::MakeDirectory(OpContext context, Caller caller, InodeNumber parent,
                                      std::string name, std::uint32_t mode) {
  co_return co_await impl_->Make(context, parent,
                                 RequestFor(caller, std::move(name), FileKind::kDirectory, mode));
}

Task<Entry> FileSystem::MakeNode(OpContext context, Caller caller, InodeNumber parent,
                                 std::string name, FileKind kind, std::uint32_t mode,
                                 std::uint32_t rdev) {
  CreateRequest request = RequestFor(caller, std::move(name), kind, mode);
  request.rdev = rdev;
  co_return co_await impl_->Make(context, parent, std::move(request));
}

Task<Entry> FileSystem::MakeSymlink(OpContext context, Caller caller, InodeNumber parent,
                                    std::string name, std::string target) {
  if (target.empty() || target.size() >= kMaxPathBytes) {
    co_return Fail(target.empty() ? Code::kPathNotFound : Code::kFileNameTooLong,
                   "The target of a symbolic link has 1 to 4,095 bytes.");
  }
  CreateRequest request = RequestFor(caller, std::move(name), FileKind::kSymlink, 0777);
  request.umask = 0;
  request.target = std::move(target);
  co_return co_await impl_->Make(context, parent, std::move(request));
}

Task<Entry> FileSystem::Link(OpContext context, InodeNumber inode, InodeNumber parent,
                             std::string name) {
  FB_CO_RETURN_IF_ERROR(impl_->MayWrite());
  context = impl_->Bounded(context);
  FB_CO_ASSIGN_OR_RETURN(const NodePtr node, impl_->table.Find(inode));
  FB_CO_ASSIGN_OR_RETURN(const NodePtr directory, impl_->table.Find(parent));
  if (impl_->IsHidden(directory, name)) {
    co_return Fail(Code::kPathAlreadyExists, "The name is taken.");
  }
  FB_CO_ASSIGN_OR_RETURN(NameRef place, impl_->table.Place(directory, name));
  FB_CO_ASSIGN_OR_RETURN(FileRef where, impl_->table.Where(node));
  const Attributes before = impl_->Committed(node);
  auto fresh = co_await impl_->remote.Link(context, std::move(where), std::move(place));
  if (!fresh) {
    co_return Fail(WhereLacking(std::move(fresh.error()), Code::kOperationNotPermitted));
  }
  impl_->table.DirectoryChanged(directory, fresh->directory);
  const Attributes& now = fresh->attributes;
  impl_->Restamp(node, before, now, false);
  const NodePtr linked = impl_->table.Install(directory, name, now, impl_->table.Begin(), true);
  co_return impl_->EntryOf(directory, name, linked);
}

Task<std::string> FileSystem::ReadLink(OpContext context, InodeNumber inode) {
  FB_CO_ASSIGN_OR_RETURN(const NodePtr node, impl_->table.Find(inode));
  FB_CO_ASSIGN_OR_RETURN(FileRef where, impl_->table.Where(node));
  co_return co_await impl_->remote.ReadLink(impl_->Bounded(context), std::move(where));
}

// True: the name has been moved out of sight, and there is nothing left to remove.
Task<bool> FileSystem::Impl::KeepOpenFile(OpContext context, NodePtr parent, std::string name) {
  const NodePtr node = table.Child(parent, name);
  if (node == nullptr || table.Opened(node) == nullptr) co_return false;
  if (traits.unlinked_open_files) {
    FB_CO_ASSIGN_OR_RETURN(FileRef where, table.Where(node));
    FB_CO_RETURN_IF_ERROR(co_await remote.Hold(context, std::move(where)));
    table.MarkHeld(node);
    co_return false;
  }
  // Flat accounts cannot move a name: readers get an error, as of a file that another mount
  // removed.
  if (!traits.hierarchical) co_return false;
  RenameRequest request;
  FB_CO_ASSIGN_OR_RETURN(request.from, table.Place(parent, name));
  const std::string hidden = std::string(kHiddenPrefix) + NewUuid();
  FB_CO_ASSIGN_OR_RETURN(request.to, table.Place(table.root(), hidden));
  FB_CO_RETURN_IF_ERROR(co_await remote.Rename(context, std::move(request)));
  table.Renamed(parent, name, table.root(), hidden, false);
  table.MarkHeld(node);
  co_return true;
}

Task<> FileSystem::Unlink(OpContext context, InodeNumber parent, std::string name) {
  FB_CO_RETURN_IF_ERROR(impl_->MayWrite());
  context = impl_->Bounded(context);
  FB_CO_ASSIGN_OR_RETURN(const NodePtr directory, impl_->table.Find(parent));
  FB_CO_ASSIGN_OR_RETURN(NameRef place, impl_->table.Place(directory, name));
  FB_CO_ASSIGN_OR_RETURN(const bool moved, co_await impl_->KeepOpenFile(context, directory, name));
  if (moved) co_return Result<>();
  auto removed = co_await impl_->remote.Remove(context, std::move(place), false);
  if (!removed) {
    impl_->table.Distrust(directory);
    co_return Fail(std::move(removed.error()));
  }
  impl_->table.Removed(directory, name, *removed);
  co_return Result<>();
}

Task<> FileSystem::RemoveDirectory(OpContext context, InodeNumber parent, std::string name) {
  FB_CO_RETURN_IF_ERROR(impl_->MayWrite());
  FB_CO_ASSIGN_OR_RETURN(const NodePtr directory, impl_->table.Find(parent));
  FB_CO_ASSIGN_OR_RETURN(NameRef place, impl_->table.Place(directory, name));
  auto removed = co_await impl_->remote.Remove(impl_->Bounded(context), std::move(place), true);
  if (!removed) {
    impl_->table.Distrust(directory);
    co_return Fail(std::move(removed.error()));
  }
  impl_->table.Removed(directory, name, *removed);
  co_return Result<>();
}

Task<> FileSystem::Rename(OpContext context, InodeNumber parent, std::string name,
                          InodeNumber new_parent, std::string new_name, RenameMode mode) {
  FB_CO_RETURN_IF_ERROR(impl_->MayWrite());
  context = impl_->Bounded(context);
  InodeTable& table = impl_->table;
  FB_CO_ASSIGN_OR_RETURN(const NodePtr from, table.Find(parent));
  FB_CO_ASSIGN_OR_RETURN(const NodePtr to, table.Find(new_parent));
  if (impl_->IsHidden(to, new_name)) {
    co_return Fail(Code::kPathAlreadyExists, "The name is taken.");
  }
  if (mode != RenameMode::kReplace && !impl_->traits.rename_flags) {
    co_return Fail(Code::kInvalidInput, "The server knows no flags of renameat2.");
  }
  RenameRequest request;
  request.mode = mode;
  FB_CO_ASSIGN_OR_RETURN(request.from, table.Place(from, name));
  FB_CO_ASSIGN_OR_RETURN(request.to, table.Place(to, new_name));
  const NodePtr moved = table.Child(from, name);
  const NodePtr target = table.Child(to, new_name);
  const bool same = moved != nullptr && moved == target;
  // Only a server that keeps it for us: anything else would leave a moment without the name.
  if (mode == RenameMode::kReplace && !same && impl_->traits.unlinked_open_files) {
    FB_CO_RETURN_IF_ERROR(co_await impl_->KeepOpenFile(context, to, new_name));
  }
  const Attributes before = moved == nullptr ? Attributes() : impl_->Committed(moved);
  auto fresh = co_await impl_->remote.Rename(context, std::move(request));
  if (!fresh) {
    table.Distrust(from);
    table.Distrust(to);
    if (mode == RenameMode::kReplace) co_return Fail(std::move(fresh.error()));
    co_return Fail(WhereLacking(std::move(fresh.error()), Code::kInvalidInput));
  }
  // Two names of one file: rename(2) does nothing.
  if (same) co_return Result<>();
  table.Renamed(from, name, to, new_name, mode == RenameMode::kExchange, fresh->directory);
  if (moved != nullptr) impl_->Restamp(moved, before, fresh->attributes, false);
  co_return Result<>();
}

}  // namespace forebay::vfs
