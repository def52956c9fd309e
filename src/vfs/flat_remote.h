// A flat account: blobs whose names have slashes, shown as directories. Read-mostly.
//
// A directory is there when something is below it, or as the marker blob that Azure's own tools
// make
// (`hdi_isfolder`). Files are created, replaced and removed; names cannot be moved (kUnsupported),
// modes and times are not kept.
#pragma once

#include "azure/answers.h"
#include "vfs/path_remote.h"

namespace forebay::vfs {

class FlatRemote final : public PathRemote {
 public:
  FlatRemote(std::shared_ptr<RestSender> sender, std::string description);
  static RemoteTraits Traits(std::string description);

  Task<Attributes> Stat(OpContext context, FileRef file) override;
  Task<Attributes> Lookup(OpContext context, NameRef at) override;
  Task<ListPage> List(OpContext context, ListRequest request) override;
  Task<NameChange> Create(OpContext context, CreateRequest request) override;
  Task<std::optional<FileTime>> Remove(OpContext context, NameRef at, bool directory) override;
  Task<NameChange> Rename(OpContext context, RenameRequest request) override;
  Task<Attributes> SetAttributes(OpContext context, FileRef file,
                                 AttributeChanges changes) override;

 private:
  Task<azure::ListBlobsAnswer> ListBelow(OpContext context, const std::string& directory,
                                         const std::string& marker, std::size_t limit);
};

}  // namespace forebay::vfs
