// Reading directories.
#include "vfs/file_system_impl.h"

namespace forebay::vfs {

Task<HandleId> FileSystem::OpenDirectory(OpContext /*context*/, InodeNumber inode) {
  FB_CO_ASSIGN_OR_RETURN(NodePtr node, impl_->table.Find(inode));
  if (!impl_->Shown(node).attributes.IsDirectory()) {
    co_return Fail(Code::kNotADirectory, "Not a directory.");
  }
  auto reader = std::make_shared<DirectoryReader>(std::move(node), impl_->options.list_page);
  reader->told = impl_->losses.Open();
  std::lock_guard lock(impl_->mutex);
  const HandleId handle(impl_->next_handle++);
  impl_->directories.emplace(handle, std::move(reader));
  co_return handle;
}

void FileSystem::ReleaseDirectory(HandleId handle) {
  std::lock_guard lock(impl_->mutex);
  impl_->directories.erase(handle);
}

Task<> FileSystem::ReadDirectory(OpContext context, HandleId handle, std::uint64_t cursor,
                                 bool plus, DirectorySink& sink) {
  std::shared_ptr<DirectoryReader> reader;
  {
    std::lock_guard lock(impl_->mutex);
    const auto found = impl_->directories.find(handle);
    if (found == impl_->directories.end()) co_return Fail(Code::kBadFileHandle, "Not open.");
    reader = found->second;
  }
  context = impl_->Bounded(context);
  FB_CO_ASSIGN_OR_RETURN(const Permit turn, co_await reader->Enter(context));
  InodeTable& table = impl_->table;
  const NodePtr& directory = reader->node();
  if (cursor == 0) reader->Rewind();
  for (; cursor < DirectoryReader::kFirst; ++cursor) {
    DirectoryEntry dot;
    dot.name = cursor == 0 ? "." : "..";
    dot.cursor = cursor + 1;
    dot.attributes.kind = FileKind::kDirectory;
    dot.attributes.inode =
        cursor == 0 ? InodeTable::NumberOf(directory) : table.ParentOf(directory);
    if (!sink.Add(dot, Entry{})) co_return Result<>();
  }
  for (;; ++cursor) {
    FB_CO_ASSIGN_OR_RETURN(const DirectoryReader::Item item,
                           co_await reader->At(context, impl_->remote, table, cursor));
    if (item.entry == nullptr) co_return Result<>();
    cursor = item.position;
    const std::string& name = item.entry->name;
    // What we have removed since the page was listed would come to life again.
    if (impl_->IsHidden(directory, name) || table.GoneSince(directory, name, item.stamp)) continue;
    const NodePtr node = table.Install(directory, name, item.entry->attributes, item.stamp, plus);
    const Entry answer = impl_->EntryOf(directory, name, node);
    DirectoryEntry entry{name, cursor + 1, answer.attributes};
    if (!sink.Add(entry, answer)) {
      if (plus) table.Forget(InodeTable::NumberOf(node), 1);
      co_return Result<>();
    }
  }
}

}  // namespace forebay::vfs
