// The remote side: one container of a blob store far away, or the part of it below a prefix.
//
// Implementations: AzureBlobLake (lake/azure_blob_lake.h), MemoryLake (lake/memory_lake.h), and
// FaultyLake (lake/faulty_lake.h), which breaks any of them. lake/contract_suite.h says what all
// must do.
//
// Threads: every method may be called from any thread at the same time; it runs on the caller's
// executor (single-threaded or a strand), and its body must not outlive that. Requests are taken by
// value. The lake outlives its calls.
//
// Failure: errors are of this process's registry of codes; lake/failure.h says what a code means
// for the caller (try again, throttled, gone, precondition, archived, …). A call is tried again
// inside, with growing pauses within its deadline, while that is sure to do no harm:
//  - reads, and a body that broke off (from where it broke, of the same ETag);
//  - writes that the lake refused without looking at them (throttling, no connection);
//  - writes whose repetition is harmless: staged blocks, tiers, tags, and whatever is pinned by
//    `match` or `absent`, or conditional on nothing and complete in itself (Put, Update).
// When an answer was lost and a further try cannot tell what happened (its own condition fails now,
// or no answer comes at all), the result is kUnknownOutcome: the write may have happened.
// lake/recognize.h finds out. Prefer pinned writes: an unpinned one that was delayed on its way
// may land late and replace something newer.
#pragma once

#include <string>

#include "async/task.h"
#include "lake/types.h"

namespace forebay::lake {

class ObjectLake {
 public:
  virtual ~ObjectLake() = default;

  // Where it is, for people: "https://acct.blob.core.windows.net/datasets/raw/". Never a secret.
  virtual std::string description() const = 0;

  // When the lake last answered anything at all, also a refusal of a try that is repeated inside:
  // a call that takes long is waiting for a slow lake, not for a silent one. The epoch: not known.
  virtual SteadyTime last_heard() const { return {}; }

  // Asks the lake who it is, always anew. kContainerNotFound, kAuthenticationFailed and its kin,
  // kClockSkew, kNetwork.
  virtual Task<LakeTraits> Probe(LakeCall call, ProbeRequest request) = 0;

  // --- Reads. kBlobNotFound; kBlobArchived (Get).
  virtual Task<BlobState> Head(LakeCall call, HeadRequest request) = 0;
  virtual Task<ListPage> List(LakeCall call, ListRequest request) = 0;
  // kInvalidRange when the range begins at or behind the end.
  virtual Task<GetAnswer> Get(LakeCall call, GetRequest request) = 0;
  // Both lists; kBlobNotFound when there is neither a blob nor a staged block.
  virtual Task<BlockLists> GetBlockList(LakeCall call, BlobName name) = 0;

  // --- Writes of block blobs.
  virtual Task<WriteAnswer> Put(LakeCall call, PutRequest request) = 0;
  // Staged blocks expire in a week, and with any Put of that name.
  virtual Task<> PutBlock(LakeCall call, PutBlockRequest request) = 0;
  // kInvalidBlockList when a block is not (or no longer) staged.
  virtual Task<WriteAnswer> CommitBlocks(LakeCall call, CommitRequest request) = 0;
  virtual Task<CopyAnswer> Copy(LakeCall call, CopyRequest request) = 0;
  virtual Task<UpdateAnswer> Update(LakeCall call, UpdateRequest request) = 0;
  // kBlobNotFound when it was not there to begin with.
  virtual Task<> Delete(LakeCall call, DeleteRequest request) = 0;

  // --- Hierarchical lakes; kUnsupported on flat ones.
  // kPathNotFound (source, or the destination's parent), kPathConflict, kPathAlreadyExists.
  virtual Task<WriteAnswer> Rename(LakeCall call, RenameRequest request) = 0;
  virtual Task<WriteAnswer> MakeDirectory(LakeCall call, MakeDirectoryRequest request) = 0;
  virtual Task<AccessControl> GetAcl(LakeCall call, BlobName name) = 0;
  virtual Task<> SetAcl(LakeCall call, SetAclRequest request) = 0;
};

}  // namespace forebay::lake
