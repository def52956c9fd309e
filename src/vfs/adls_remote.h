// A hierarchical account without Forebay's extensions: paths through the Data Lake API.
#pragma once

#include "vfs/path_remote.h"

namespace forebay::vfs {

class AdlsRemote final : public PathRemote {
 public:
  AdlsRemote(std::shared_ptr<RestSender> sender, std::string description);
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
  Task<> Touch(OpContext context, const FileRef& file);
};

}  // namespace forebay::vfs
