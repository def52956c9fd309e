// For tests: a Remote that passes every call on to another one. What a test wants to count, refuse
// or hold up it overrides.
//
// Thread safe as what is inside, which outlives it.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "vfs/remote.h"

namespace forebay::vfs {

class ForwardingRemote : public Remote {
 public:
  explicit ForwardingRemote(Remote& inside) : inside_(inside) {}

  Task<Attributes> Stat(OpContext context, FileRef file) override {
    return inside_.Stat(std::move(context), std::move(file));
  }
  Task<Attributes> StatToRead(OpContext context, FileRef file) override {
    return inside_.StatToRead(std::move(context), std::move(file));
  }
  Task<Attributes> Lookup(OpContext context, NameRef at) override {
    return inside_.Lookup(std::move(context), std::move(at));
  }
  Task<ListPage> List(OpContext context, ListRequest request) override {
    return inside_.List(std::move(context), std::move(request));
  }
  Task<NameChange> Create(OpContext context, CreateRequest request) override {
    return inside_.Create(std::move(context), std::move(request));
  }
  Task<NameChange> Link(OpContext context, FileRef file, NameRef at) override {
    return inside_.Link(std::move(context), std::move(file), std::move(at));
  }
  Task<std::string> ReadLink(OpContext context, FileRef file) override {
    return inside_.ReadLink(std::move(context), std::move(file));
  }
  Task<std::optional<FileTime>> Remove(OpContext context, NameRef at, bool directory) override {
    return inside_.Remove(std::move(context), std::move(at), directory);
  }
  Task<NameChange> Rename(OpContext context, RenameRequest request) override {
    return inside_.Rename(std::move(context), std::move(request));
  }
  Task<Attributes> SetAttributes(OpContext context, FileRef file,
                                 AttributeChanges changes) override {
    return inside_.SetAttributes(std::move(context), std::move(file), changes);
  }
  Task<std::string> GetXattr(OpContext context, FileRef file, std::string name) override {
    return inside_.GetXattr(std::move(context), std::move(file), std::move(name));
  }
  Task<std::vector<std::string>> ListXattrs(OpContext context, FileRef file) override {
    return inside_.ListXattrs(std::move(context), std::move(file));
  }
  Task<> SetXattr(OpContext context, FileRef file, std::string name, std::string value,
                  XattrMode mode) override {
    return inside_.SetXattr(std::move(context), std::move(file), std::move(name), std::move(value),
                            mode);
  }
  Task<> RemoveXattr(OpContext context, FileRef file, std::string name) override {
    return inside_.RemoveXattr(std::move(context), std::move(file), std::move(name));
  }
  Task<> SyncChanges(OpContext context) override { return inside_.SyncChanges(std::move(context)); }

  Task<ReadAnswer> Read(OpContext context, ReadRequest request) override {
    return inside_.Read(std::move(context), std::move(request));
  }
  Task<> WantVersion(OpContext context, FileRef file, ETag etag) override {
    return inside_.WantVersion(std::move(context), std::move(file), std::move(etag));
  }
  Task<StagedBlock> StageBlock(OpContext context, FileRef file, ByteView data) override {
    return inside_.StageBlock(std::move(context), std::move(file), data);
  }
  Task<CommitAnswer> Commit(OpContext context, CommitRequest request) override {
    return inside_.Commit(std::move(context), std::move(request));
  }
  Task<std::uint64_t> SeekData(OpContext context, FileRef file, std::uint64_t offset,
                               bool data) override {
    return inside_.SeekData(std::move(context), std::move(file), offset, data);
  }

  Task<RemoteTraits> Probe(OpContext context) override { return inside_.Probe(std::move(context)); }
  Task<> KeepAlive(OpContext context) override { return inside_.KeepAlive(std::move(context)); }
  Task<> End(OpContext context) override { return inside_.End(std::move(context)); }
  Task<> Hold(OpContext context, FileRef file) override {
    return inside_.Hold(std::move(context), std::move(file));
  }
  Task<> Release(OpContext context, FileRef file) override {
    return inside_.Release(std::move(context), std::move(file));
  }
  Task<> Lock(OpContext context, FileRef file, LockRange range,
              std::chrono::milliseconds wait) override {
    return inside_.Lock(std::move(context), std::move(file), range, wait);
  }
  Task<std::optional<LockRange>> TestLock(OpContext context, FileRef file,
                                          LockRange range) override {
    return inside_.TestLock(std::move(context), std::move(file), range);
  }
  Task<ChangesPage> Changes(OpContext context, std::string cursor) override {
    return inside_.Changes(std::move(context), std::move(cursor));
  }
  Task<StatFs> GetStatFs(OpContext context) override {
    return inside_.GetStatFs(std::move(context));
  }

 private:
  Remote& inside_;
};

}  // namespace forebay::vfs
