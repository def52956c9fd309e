// For tests: a kv::Store that a power cut can hit. What was committed lazily after the last synced
// transaction is gone after AfterPowerCut; a transaction is one of the operations that a
// FaultyFileSystem counts and stops at.
#pragma once

#include <memory>
#include <mutex>

#include "io/faulty.h"
#include "kv/memory.h"

namespace forebay::chunk::testing {

class CrashTestKv final : public kv::Store {
 public:
  explicit CrashTestKv(io::FaultyFileSystem& faults) : faults_(faults) { Remember(); }

  // A store with what was durable.
  std::unique_ptr<CrashTestKv> AfterPowerCut() {
    auto next = std::make_unique<CrashTestKv>(faults_);
    std::lock_guard lock(mutex_);
    auto it = durable_->Scan("", "");
    while (it->Valid()) {
      auto copied = next->base_.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
        // Idempotent: begins at the same key when run again.
        auto again = durable_->Scan(it->key(), "");
        for (int n = 0; again->Valid() && n < 500; ++n, again->Next()) {
          txn.Put(again->key(), again->value());
        }
        return {};
      });
      if (!copied) std::abort();
      for (int n = 0; it->Valid() && n < 500; ++n) it->Next();
    }
    next->Remember();
    return next;
  }

  std::unique_ptr<kv::Reader> GetSnapshot(kv::ReadMode mode) const override {
    return base_.GetSnapshot(mode);
  }
  void TransactAsync(kv::TransactionFn fn, kv::Durability durability,
                     std::move_only_function<void(Result<>)> done) override {
    if (Result<> alive = faults_.Check(io::kOpWrite, "kv"); !alive) {
      done(std::move(alive));
      return;
    }
    base_.TransactAsync(std::move(fn), durability,
                        [this, durability, done = std::move(done)](Result<> result) mutable {
                          if (result && durability != kv::Durability::kLazy) Remember();
                          done(std::move(result));
                        });
  }
  std::shared_ptr<void> Watch(std::string prefix, std::function<void()> fn) override {
    return base_.Watch(std::move(prefix), std::move(fn));
  }
  Result<> Checkpoint(const std::string& dir) override { return base_.Checkpoint(dir); }
  Result<> VerifyChecksums() override { return base_.VerifyChecksums(); }

 private:
  void Remember() {
    std::lock_guard lock(mutex_);
    durable_ = base_.GetSnapshot();
  }
  io::FaultyFileSystem& faults_;
  kv::MemoryStore base_;
  std::mutex mutex_;
  std::unique_ptr<kv::Reader> durable_;
};

}  // namespace forebay::chunk::testing
