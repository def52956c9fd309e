// What servers that know files by path have in common: bytes through the Blob API, and no sessions.
//
// Blob REST replaces contents whole. A Commit is Put Blob where the new content is small and all
// here; else Put Block List over staged blocks, committed blocks that fit into a kept range, and
// bytes that are read and sent again. Metadata and headers of the blob are carried over.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "azure/xml_documents.h"
#include "vfs/remote.h"
#include "vfs/rest_sender.h"

namespace forebay::vfs {

class PathRemote : public Remote {
 public:
  Task<ReadAnswer> Read(OpContext context, ReadRequest request) override;
  Task<StagedBlock> StageBlock(OpContext context, FileRef file, ByteView data) override;
  Task<CommitAnswer> Commit(OpContext context, CommitRequest request) override;
  Task<std::uint64_t> SeekData(OpContext context, FileRef file, std::uint64_t offset,
                               bool data) override;

  Task<RemoteTraits> Probe(OpContext context) override;
  Task<> KeepAlive(OpContext context) override;
  Task<> End(OpContext context) override;
  Task<> Hold(OpContext context, FileRef file) override;
  Task<> Release(OpContext context, FileRef file) override;
  Task<> Lock(OpContext context, FileRef file, LockRange range,
              std::chrono::milliseconds wait) override;
  Task<std::optional<LockRange>> TestLock(OpContext context, FileRef file,
                                          LockRange range) override;
  Task<ChangesPage> Changes(OpContext context, std::string cursor) override;
  Task<StatFs> GetStatFs(OpContext context) override;

  Task<NameChange> Link(OpContext context, FileRef file, NameRef at) override;
  Task<std::string> ReadLink(OpContext context, FileRef file) override;
  Task<std::string> GetXattr(OpContext context, FileRef file, std::string name) override;
  Task<std::vector<std::string>> ListXattrs(OpContext context, FileRef file) override;
  Task<> SetXattr(OpContext context, FileRef file, std::string name, std::string value,
                  XattrMode mode) override;
  Task<> RemoveXattr(OpContext context, FileRef file, std::string name) override;

 protected:
  PathRemote(std::shared_ptr<RestSender> sender, RemoteTraits traits)
      : sender_(std::move(sender)), traits_(std::move(traits)) {}

  // The request's path: of the file system's root without a slash at its end.
  std::string UrlPath(const std::string& path) const;
  // The same, as the service calls it: with the mount's prefix, without slashes at its ends.
  std::string FullPath(const std::string& path) const;
  // Errors of paths, where servers say blob or resource.
  static Error ForPath(Error error);
  Task<RestAnswer> SendFor(OpContext context, RestCall call);
  RestSender& sender() { return *sender_; }

 private:
  struct Plan;
  Task<RestAnswer> Head(OpContext context, const FileRef& file);
  Task<RestAnswer> PutWhole(OpContext context, const CommitRequest& request, const Plan& plan);
  Task<RestAnswer> PutList(OpContext context, const CommitRequest& request, Plan& plan);
  Task<> AddKept(OpContext context, const CommitRequest& request, KeptRange range, Plan& plan);
  Task<> AddBytes(OpContext context, const CommitRequest& request, ByteView bytes, Plan& plan);
  Task<bool> IsOurs(OpContext context, const CommitRequest& request, const Plan& plan);

  const std::shared_ptr<RestSender> sender_;
  const RemoteTraits traits_;
};

}  // namespace forebay::vfs
