// A container of an Azure account (or of what speaks its REST API: another Forebay, Azurite) as an
// ObjectLake.
//
// Thread safe. It has a connection pool of its own; nothing goes through a proxy; TLS certificates
// are always verified. Data Lake (DFS) calls go to the account's dfs endpoint and exist for
// hierarchical lakes only: the first one asks whether this is one, unless Probe was called before,
// because a server without that API may take a rename for a plain Put.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "lake/accounting.h"
#include "lake/azure_sender.h"
#include "lake/credential.h"
#include "lake/endpoint.h"
#include "lake/limits.h"
#include "lake/object_lake.h"

namespace forebay::lake {

struct AzureBlobLakeOptions {
  LakeEndpoint endpoint;
  std::unique_ptr<Credential> credential;
  std::size_t concurrent_up = 64;     // requests with bodies
  std::size_t concurrent_down = 128;  // bodies being read
  TransferLimits limits{};
  RetryPolicy retry{};
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::milliseconds stall_timeout{30'000};  // without a byte in either direction
  std::string ca_file{};                            // extra trusted certificates (PEM)
  Accounting* accounting = nullptr;                 // outlives the lake; null: one of its own
  Clock* clock = &Clock::System();
};

class AzureBlobLake final : public ObjectLake {
 public:
  explicit AzureBlobLake(AzureBlobLakeOptions options);

  // Any thread, at any time; transfers under way feel it too.
  void SetLimits(const TransferLimits& limits) { link_.Set(limits); }
  Accounting& accounting() { return *accounting_; }
  const Credential& credential() const { return *credential_; }

  std::string description() const override { return endpoint_.Description(); }
  SteadyTime last_heard() const override { return sender_.last_heard(); }
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

 private:
  LakeSpec Spec(LakeOperation operation, Repeat repeat, http::Method method,
                const BlobName& name) const;
  Task<> RequireHierarchy(LakeCall call);
  Task<> FindHierarchy(LakeCall call, LakeTraits* traits);
  Task<Tags> GetTags(LakeCall call, BlobName name);
  Task<> DeleteTree(LakeCall call, DeleteRequest request);

  const LakeEndpoint endpoint_;
  const std::unique_ptr<Credential> credential_;
  Accounting own_accounting_;
  Accounting* const accounting_;
  Clock& clock_;
  LinkShare link_;
  http::Client client_;
  AzureSender sender_;
  enum class Known : std::uint8_t { kNothing, kFlat, kHierarchical };
  std::atomic<Known> layout_{Known::kNothing};
};

}  // namespace forebay::lake
