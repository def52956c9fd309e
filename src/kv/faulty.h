// FaultyStore: any store, made as unkind as its contract allows, and unkinder where a test asks.
//
// At the rates of its options, drawn from a seed, it runs a function twice (the writes of the first
// run are discarded), runs it again after a conflict that it made up (with other transactions in
// between), and misses the cache of cache-only snapshots. `FailNext` fails commits with an error,
// and `LoseNextAnswers` commits and reports an error all the same, as a connection that broke
// would.
//
// Thread safe. Must be destroyed before `base`; destruction waits for what was submitted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "base/error.h"
#include "kv/store.h"

namespace forebay::kv {

struct StoreFaults {
  std::uint64_t seed = 1;
  double rerun_rate = 0.3;        // of runs: the function runs once more before
  double conflict_rate = 0.2;     // of commits: run, discarded, and submitted again
  double would_block_rate = 0;    // of cache-only reads and scan steps
  double read_error_rate = 0;     // of reads and scan steps of blocking snapshots: kIo
  std::size_t max_conflicts = 4;  // of one transaction, after which it goes through
};

class FaultyStore final : public Store {
 public:
  FaultyStore(Store& base, StoreFaults faults);
  ~FaultyStore() override;

  // The next `times` transactions, after `skip` others, fail with `code` and write nothing, unless
  // their function fails by itself.
  void FailNext(Code code, std::size_t times = 1, std::size_t skip = 0);
  // The next `times` transactions commit and answer kIo.
  void LoseNextAnswers(std::size_t times = 1);
  void SetFaults(StoreFaults faults);

  std::unique_ptr<Reader> GetSnapshot(ReadMode mode = ReadMode::kMayBlock) const override;
  void TransactAsync(TransactionFn fn, Durability durability,
                     std::move_only_function<void(Result<>)> done) override;
  std::shared_ptr<void> Watch(std::string prefix, std::function<void()> fn) override;
  Result<> Checkpoint(const std::string& dir) override;
  Result<> VerifyChecksums() override;

  // How often it has been unkind, so that a test can tell that it was.
  std::uint64_t reruns() const;
  std::uint64_t conflicts() const;

 private:
  struct State;
  struct Attempt;
  static void Submit(std::shared_ptr<State> state, std::shared_ptr<Attempt> attempt);
  const std::shared_ptr<State> state_;
};

}  // namespace forebay::kv
