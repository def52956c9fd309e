// Attributes, extended attributes.
#include <fcntl.h>

#include "vfs/file_system_impl.h"

namespace forebay::vfs {
namespace {

constexpr std::string_view kAccessAcl = "system.posix_acl_access";
constexpr std::string_view kDefaultAcl = "system.posix_acl_default";

// How long the kernel may believe them.
std::chrono::milliseconds AgeOf(const CachedAttributes& shown) {
  return shown.dirty ? std::chrono::milliseconds(0) : shown.left;
}

}  // namespace

void FileSystem::Impl::Adopt(const NodePtr& node, const OpenFile& file) {
  const OpenFileState state = file.State();
  if (state.dirty || state.etag.empty()) return;
  if (table.GetAttributes(node).attributes.etag != state.etag) table.ContentChanged(node, state);
}

Attributes FileSystem::Impl::Committed(const NodePtr& node) {
  const auto file = table.Opened(node);
  if (file != nullptr) Adopt(node, *file);
  return table.GetAttributes(node).attributes;
}

CachedAttributes FileSystem::Impl::Shown(const NodePtr& node) {
  const auto file = table.Opened(node);
  if (file != nullptr) Adopt(node, *file);
  CachedAttributes out = table.GetAttributes(node);
  if (file != nullptr) {
    const OpenFileState state = file->State();
    out.dirty = state.dirty;
    if (state.dirty) {
      out.attributes.size = state.size;
      out.attributes.allocated = std::max(out.attributes.allocated, state.size);
      if (state.mtime) out.attributes.mtime = out.attributes.ctime = *state.mtime;
    }
  }
  // With numbers the server counts names, some of which we may not have seen.
  if (out.unlinked && !traits.stable_ids) out.attributes.nlink = 0;
  if (!traits.owners) {
    out.attributes.uid = options.default_uid;
    out.attributes.gid = options.default_gid;
  }
  if (!traits.modes) {
    out.attributes.mode =
        out.attributes.IsDirectory() ? options.default_directory_mode : options.default_file_mode;
  }
  return out;
}

Task<> FileSystem::Impl::Refresh(OpContext context, NodePtr node, bool to_read) {
  for (int attempt = 0; attempt < 4; ++attempt) {
    const auto file = table.Opened(node);
    const ETag before = file == nullptr ? ETag() : file->State().etag;
    const Stamp stamp = table.Begin();
    FB_CO_ASSIGN_OR_RETURN(FileRef where, table.Where(node));
    auto fresh = to_read ? co_await remote.StatToRead(context, std::move(where))
                         : co_await remote.Stat(context, std::move(where));
    if (!fresh) {
      if (IsNotFound(fresh.error())) table.Distrust(node);
      co_return Fail(std::move(fresh.error()));
    }
    // An answer that crossed a commit of our own tells of the time before it.
    if (file != nullptr && file->State().etag != before) continue;
    if (!table.InstallAttributes(node, *fresh, stamp)) continue;
    if (file != nullptr) file->Revalidate(*fresh, before);
    break;
  }
  co_return Result<>();
}

void FileSystem::Impl::Restamp(const NodePtr& node, const Attributes& before,
                               const Attributes& fresh, bool times_set) {
  const auto file = table.Opened(node);
  const bool same_content = before.size == fresh.size && (times_set || before.mtime == fresh.mtime);
  if (file != nullptr) {
    if (same_content) {
      file->Restamp(before.etag, fresh);
    } else {
      file->Revalidate(fresh, before.etag);
    }
  }
  if (same_content) table.RestampPages(node, before.etag, fresh.etag);
  table.Changed(node, &fresh);
}

Entry FileSystem::Impl::EntryOf(const NodePtr& parent, std::string_view name, const NodePtr& node) {
  const CachedAttributes shown = Shown(node);
  return {shown.attributes, AgeOf(shown), table.EntryLeft(parent, name)};
}

Task<AttributesAnswer> FileSystem::GetAttributes(OpContext context, InodeNumber inode) {
  FB_CO_ASSIGN_OR_RETURN(const NodePtr node, impl_->table.Find(inode));
  CachedAttributes shown = impl_->Shown(node);
  // A file without a name is ours alone: nobody else can change it, and without numbers nobody can
  // be asked for it.
  const bool old = shown.left.count() == 0 || (shown.unlinked && shown.attributes.IsDirectory());
  const bool ask = old && !(shown.unlinked && !impl_->traits.stable_ids);
  if (ask) {
    const auto asked = co_await impl_->Refresh(impl_->Bounded(context), node);
    if (!asked) {
      // A directory may be open, or where somebody works, without our knowing.
      const bool held = shown.attributes.IsDirectory() || impl_->table.Opened(node) != nullptr;
      if (!shown.known || !shown.unlinked || !held) co_return Fail(asked.error());
    }
    shown = impl_->Shown(node);
    if (!asked && IsNotFound(asked.error())) shown.attributes.nlink = 0;
  }
  co_return AttributesAnswer{shown.attributes, AgeOf(shown)};
}

Task<> FileSystem::Impl::SetSize(OpContext context, NodePtr node, std::uint64_t size,
                                 std::optional<HandleId> handle) {
  if (size > traits.max_file_bytes) co_return Fail(Code::kFileTooLarge, "The file is too large.");
  if (handle) {
    FB_CO_ASSIGN_OR_RETURN(const auto open, FileOf(*handle));
    co_return co_await open->file->Truncate(context, size);
  }
  // By name: whoever looks from elsewhere sees it when the call is over.
  FB_CO_ASSIGN_OR_RETURN(const auto file, co_await Acquire(context, node));
  file->Follow();
  auto done = co_await file->Truncate(context, size);
  if (done) done = co_await file->Flush(context);
  const auto closed = co_await LetGo(context, node);
  if (done) done = closed;
  co_return done;
}

Task<> FileSystem::Impl::Change(OpContext context, NodePtr node, AttributeChanges changes) {
  const auto file = table.Opened(node);
  // Else the upload that is still to come would overwrite the time, and meet another ETag.
  if (file != nullptr && file->State().dirty) {
    FB_CO_RETURN_IF_ERROR(co_await file->Flush(context));
  }
  const Attributes before = Committed(node);
  FB_CO_ASSIGN_OR_RETURN(FileRef where, table.Where(node));
  FB_CO_ASSIGN_OR_RETURN(const Attributes fresh,
                         co_await remote.SetAttributes(context, std::move(where), changes));
  Restamp(node, before, fresh, changes.mtime || changes.mtime_now);
  if (changes.mode) table.ForgetXattrs(node);  // an ACL is the mode's other half
  co_return Result<>();
}

Task<> FileSystem::Impl::DropSetuid(OpContext context, NodePtr node) {
  constexpr std::uint32_t kSetuid = 04000, kSetgid = 02000, kGroupRuns = 00010;
  const std::uint32_t mode = Shown(node).attributes.mode;
  std::uint32_t kept = mode & ~kSetuid;
  // Without the group's x it has nothing to do with running the file.
  if ((mode & kGroupRuns) != 0) kept &= ~kSetgid;
  if (kept == mode) co_return Result<>();
  AttributeChanges changes;
  changes.mode = kept;
  FB_CO_RETURN_IF_ERROR(co_await Change(std::move(context), node, changes));
  if (KernelCaches* const kernel = caches.load()) {
    kernel->ForgetAttributes(InodeTable::NumberOf(node), false);
  }
  co_return Result<>();
}

Task<AttributesAnswer> FileSystem::SetAttributes(OpContext context, InodeNumber inode,
                                                 AttributeChanges changes,
                                                 std::optional<HandleId> handle) {
  FB_CO_RETURN_IF_ERROR(impl_->MayWrite());
  context = impl_->Bounded(context);
  FB_CO_ASSIGN_OR_RETURN(const NodePtr node, impl_->table.Find(inode));
  if (!handle && impl_->table.Behind(node)) {
    co_return Fail(Code::kFileGone, "The name stands for a newer version.");
  }
  if (changes.size) {
    FB_CO_RETURN_IF_ERROR(co_await impl_->SetSize(context, node, *changes.size, handle));
    // The truncation has set it already.
    if (changes.mtime_now) changes.mtime_now = false;
    changes.size.reset();
  }
  if (!changes.Empty()) FB_CO_RETURN_IF_ERROR(co_await impl_->Change(context, node, changes));
  CachedAttributes shown = impl_->Shown(node);
  if (shown.left.count() == 0 && impl_->table.Where(node)) {
    FB_CO_RETURN_IF_ERROR(co_await impl_->Refresh(context, node));
    shown = impl_->Shown(node);
  }
  co_return AttributesAnswer{shown.attributes, AgeOf(shown)};
}

bool FileSystem::Impl::KnownToLack(const NodePtr& node, std::string_view xattr) const {
  const CachedAttributes known = table.GetAttributes(node);
  if (!known.known || known.left.count() == 0) return false;
  const Attributes& of = known.attributes;
  if (xattr.empty()) {
    return !of.may_have_xattrs && !of.may_have_access_acl && !of.may_have_default_acl;
  }
  if (xattr == kAccessAcl) return !of.may_have_access_acl;
  if (xattr == kDefaultAcl) return !of.may_have_default_acl;
  // What a program asks for by name is asked for: another mount may have set it just now. The
  // kernel asks for the others on its own account, before every write and for every `ls -l`.
  return xattr.starts_with("security.") && !of.may_have_xattrs;
}

Task<std::string> FileSystem::GetXattr(OpContext context, InodeNumber inode, std::string name) {
  if (!impl_->traits.xattrs) {
    co_return Fail(Code::kUnsupported, "The server keeps no extended attributes.");
  }
  FB_CO_ASSIGN_OR_RETURN(const NodePtr node, impl_->table.Find(inode));
  if (impl_->KnownToLack(node, name)) {
    co_return Fail(Code::kAttributeNotFound, "There is no such attribute.");
  }
  if (const auto known = impl_->table.GetXattr(node, name)) {
    if (known->value) co_return *known->value;
    co_return Fail(Code::kAttributeNotFound, "There is no such attribute.");
  }
  FB_CO_ASSIGN_OR_RETURN(FileRef where, impl_->table.Where(node));
  const Stamp stamp = impl_->table.Begin();
  auto value = co_await impl_->remote.GetXattr(impl_->Bounded(context), std::move(where), name);
  if (value) {
    impl_->table.InstallXattr(node, name, *value, stamp);
  } else if (value.error().code() == Code::kAttributeNotFound) {
    impl_->table.InstallXattr(node, name, std::nullopt, stamp);
  }
  co_return value;
}

Task<std::vector<std::string>> FileSystem::ListXattrs(OpContext context, InodeNumber inode) {
  if (!impl_->traits.xattrs) {
    co_return Fail(Code::kUnsupported, "The server keeps no extended attributes.");
  }
  FB_CO_ASSIGN_OR_RETURN(const NodePtr node, impl_->table.Find(inode));
  if (impl_->KnownToLack(node, {})) co_return std::vector<std::string>();
  FB_CO_ASSIGN_OR_RETURN(FileRef where, impl_->table.Where(node));
  co_return co_await impl_->remote.ListXattrs(impl_->Bounded(context), std::move(where));
}

Task<> FileSystem::SetXattr(OpContext context, InodeNumber inode, std::string name,
                            std::string value, RemoteNames::XattrMode mode) {
  FB_CO_RETURN_IF_ERROR(impl_->MayWrite());
  if (!impl_->traits.xattrs) {
    co_return Fail(Code::kUnsupported, "The server keeps no extended attributes.");
  }
  context = impl_->Bounded(context);
  FB_CO_ASSIGN_OR_RETURN(const NodePtr node, impl_->table.Find(inode));
  const Attributes before = impl_->Committed(node);
  FB_CO_ASSIGN_OR_RETURN(FileRef where, impl_->table.Where(node));
  FB_CO_RETURN_IF_ERROR(
      co_await impl_->remote.SetXattr(context, where, std::move(name), std::move(value), mode));
  impl_->table.Changed(node, nullptr);
  impl_->table.ForgetXattrs(node);
  // An ACL changes the mode, and everything the ETag: whoever has the file open must know it.
  FB_CO_ASSIGN_OR_RETURN(const Attributes fresh, co_await impl_->remote.Stat(context, where));
  impl_->Restamp(node, before, fresh, false);
  co_return Result<>();
}

Task<> FileSystem::RemoveXattr(OpContext context, InodeNumber inode, std::string name) {
  FB_CO_RETURN_IF_ERROR(impl_->MayWrite());
  if (!impl_->traits.xattrs) {
    co_return Fail(Code::kUnsupported, "The server keeps no extended attributes.");
  }
  context = impl_->Bounded(context);
  FB_CO_ASSIGN_OR_RETURN(const NodePtr node, impl_->table.Find(inode));
  const Attributes before = impl_->Committed(node);
  FB_CO_ASSIGN_OR_RETURN(FileRef where, impl_->table.Where(node));
  FB_CO_RETURN_IF_ERROR(co_await impl_->remote.RemoveXattr(context, where, std::move(name)));
  impl_->table.Changed(node, nullptr);
  impl_->table.ForgetXattrs(node);
  FB_CO_ASSIGN_OR_RETURN(const Attributes fresh, co_await impl_->remote.Stat(context, where));
  impl_->Restamp(node, before, fresh, false);
  co_return Result<>();
}

}  // namespace forebay::vfs
