// A lake in memory, for tests: ETags, conditions, staged blocks that expire, leases, the archive,
// slow copies, tags, and hierarchical lakes with directories, renames and access control.
//
// Thread safe. Does at once what a lake does; time comes from the clock that it is given. Errors
// are those of ObjectLake. What a test needs beside the interface (look in, change behind
// everybody's back, be told of each request) is in the second half of the class.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/clock.h"
#include "lake/accounting.h"
#include "lake/object_lake.h"

namespace forebay::lake {

struct MemoryLakeOptions {
  bool hierarchical = false;
  Clock* clock = &Clock::System();
  std::chrono::seconds block_expiry = std::chrono::days(7);
  std::chrono::seconds rehydration{15 * 3600};  // a tenth of it with high priority
  std::chrono::seconds copy_takes{0};           // asynchronous copies are pending that long
  std::uint64_t largest_put = UINT64_MAX;       // Put takes no more
  Accounting* accounting = nullptr;             // outlives the lake
  // As a lake that is a Forebay, which says where it leads; null: one of Azure's.
  std::function<Task<std::string>(azure::AttachTrail)> leads_back = {};
};

namespace internal {
class MemoryState;
}

class MemoryLake final : public ObjectLake {
 public:
  explicit MemoryLake(MemoryLakeOptions options = {});
  ~MemoryLake() override;

  std::string description() const override { return "memory:lake/"; }
  Task<LakeTraits> Probe(LakeCall call, ProbeRequest request) override;
  Task<BlobState> Head(LakeCall call, HeadRequest request) override;
  Task<ListPage> List(LakeCall call, ListRequest request) override;
  Task<GetAnswer> Get(LakeCall call, GetRequest request) override;
  Task<BlockLists> GetBlockList(LakeCall call, BlobName name) override;
  Task<WriteAnswer> Put(LakeCall call, PutRequest request) override;
  Task<> PutBlock(LakeCall call, PutBlockRequest request) override;
  Task<WriteAnswer> CommitBlocks(LakeCall call, CommitRequest request) override;
  Task<CopyAnswer> Copy(LakeCall call, CopyRequest request) override;
  Task<UpdateAnswer> Update(LakeCall call, UpdateRequest request) override;
  Task<> Delete(LakeCall call, DeleteRequest request) override;
  Task<WriteAnswer> Rename(LakeCall call, RenameRequest request) override;
  Task<WriteAnswer> MakeDirectory(LakeCall call, MakeDirectoryRequest request) override;
  Task<AccessControl> GetAcl(LakeCall call, BlobName name) override;
  Task<> SetAcl(LakeCall call, SetAclRequest request) override;

  // --- For tests.
  // The bytes of a blob, whatever its tier; nullopt when there is none.
  std::optional<std::string> Bytes(const std::string& name) const;
  std::optional<BlobState> State(const std::string& name) const;
  std::vector<std::string> Names() const;
  // What somebody else does to the lake: no conditions, nothing is counted.
  void Plant(const std::string& name, std::string bytes, Metadata metadata = {});
  // The same by Path Create and Append: such a file takes no blocks until Put has replaced it.
  void PlantPath(const std::string& name, std::string bytes);
  void Remove(const std::string& name);
  void SetLease(const std::string& name, std::string lease_id);  // empty: ends it
  void SetContainerMissing(bool missing);
  // Called after each request, on its thread and without a lock, with what it was.
  void OnRequest(std::function<void(LakeOperation, const std::string& name)> hook);

 private:
  // What begins and ends each call: counts, and asks whether it may go on.
  Result<> Begin(const LakeCall& call, LakeOperation operation);
  void End(LakeOperation operation, const BlobName& name);

  Accounting* const accounting_;
  const std::function<Task<std::string>(azure::AttachTrail)> leads_back_;
  std::unique_ptr<internal::MemoryState> state_;
  std::mutex hook_mutex_;
  std::function<void(LakeOperation, const std::string&)> hook_;
};

}  // namespace forebay::lake
