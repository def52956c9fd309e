// What a MemoryLake holds, and what each request does to it. Synchronous; every public method
// locks.
//
// Internal to lake/memory_lake.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "lake/memory_lake.h"

namespace forebay::lake::internal {

class MemoryState {
 public:
  using Data = std::shared_ptr<const std::string>;

  explicit MemoryState(MemoryLakeOptions options) : options_(options) {}

  struct Opened {
    BlobState state;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    Data data;
  };

  Result<LakeTraits> Probe();
  Result<BlobState> Head(const HeadRequest& request);
  Result<ListPage> List(const ListRequest& request);
  Result<Opened> Open(const GetRequest& request);
  Result<BlockLists> GetBlockList(const BlobName& name);
  Result<WriteAnswer> Put(PutRequest request, std::string bytes);
  Result<> PutBlock(const PutBlockRequest& request, std::string bytes);
  Result<WriteAnswer> Commit(CommitRequest request);
  Result<CopyAnswer> Copy(const CopyRequest& request);
  Result<UpdateAnswer> Update(const UpdateRequest& request);
  Result<> Delete(const DeleteRequest& request);
  Result<WriteAnswer> Rename(const RenameRequest& request);
  Result<WriteAnswer> MakeDirectory(const MakeDirectoryRequest& request);
  Result<AccessControl> GetAcl(const BlobName& name);
  Result<> SetAcl(const SetAclRequest& request);

  std::optional<std::string> Bytes(const std::string& name);
  std::optional<BlobState> State(const std::string& name);
  std::vector<std::string> Names();
  void Plant(const std::string& name, std::string bytes, Metadata metadata, bool of_path = false);
  void Remove(const std::string& name);
  void SetLease(const std::string& name, std::string lease_id);
  void SetMissing(bool missing);

 private:
  struct Block {
    BlockId id;
    Data data;
    WallTime staged;  // of uncommitted ones
  };
  // A pending copy: it takes effect at `due`.
  struct Pending {
    WallTime due;
    Data data;
    std::vector<Block> blocks;
  };
  struct Blob {
    BlobProperties properties;
    Metadata metadata;
    Tags tags;
    bool directory = false;
    bool of_path = false;  // made by Path Create
    Data data = std::make_shared<const std::string>();
    std::vector<Block> blocks;
    std::string lease_id;
    AccessControl control;
    WallTime rehydrated;  // when rehydrating_to is reached
    std::optional<Pending> copy;
  };
  // Of one name: the blob, and what is staged for it.
  struct Slot {
    std::optional<Blob> blob;
    std::vector<Block> staged;
  };
  using Slots = std::map<std::string, Slot>;

  // All with mutex_ held.
  std::string KeyOf(std::string_view name) const;
  std::string NameOf(std::string_view key) const;
  WallTime Now() const { return options_.clock->Now(); }
  Result<> CheckContainer() const;
  Blob* Find(const BlobName& name);
  Result<Blob*> Existing(const BlobName& name);
  void Settle(Blob& blob);
  void ExpireBlocks(Slot& slot);
  void Drop(const std::string& key);
  WriteAnswer Touch(Blob& blob);
  Result<WriteAnswer> Replace(const BlobName& name, Blob next, const LakeConditions& conditions);
  Result<> CheckPath(const BlobName& name, bool directory);
  void MakeParents(const BlobName& name);
  Blob NewDirectory();
  bool HasChildren(const std::string& key) const;
  Result<bool> ApplyTier(Blob& blob, const SetTier& change);
  BlobState Describe(const std::string& key, const Blob& blob, bool tags) const;
  Result<std::vector<Block>> Assemble(Slot& slot, const CommitRequest& request);

  const MemoryLakeOptions options_;
  std::mutex mutex_;
  // By key: the name; in hierarchical lakes with '/' as the smallest character, which is the order
  // of their listings.
  Slots slots_;
  std::uint64_t next_etag_ = 1;
  bool missing_ = false;
};

}  // namespace forebay::lake::internal
