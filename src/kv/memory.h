// MemoryStore: the store without a disk, for tests of the layers above and as the reference for
// other engines. Same isolation, limits, appends, counters and watches; gone with the process.
//
// Thread safe. Keeps a version of a key for each snapshot that may still read it. VerifyChecksums
// succeeds; Checkpoint is kUnsupported. Fails only as the limits demand.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "kv/committer.h"
#include "kv/store.h"

namespace forebay::kv {

class MemoryStore final : public Store {
 public:
  MemoryStore();
  ~MemoryStore() override;

  std::unique_ptr<Reader> GetSnapshot(ReadMode mode = ReadMode::kMayBlock) const override;
  void TransactAsync(TransactionFn fn, Durability durability,
                     std::move_only_function<void(Result<>)> done) override;
  std::shared_ptr<void> Watch(std::string prefix, std::function<void()> fn) override;
  Result<> Checkpoint(const std::string& dir) override;
  Result<> VerifyChecksums() override;
  CommitStats stats() const { return committer_->stats(); }

 private:
  class Versions;
  std::shared_ptr<Versions> versions_;  // shared with snapshots, which may outlive the store
  std::unique_ptr<Committer> committer_;
};

}  // namespace forebay::kv
