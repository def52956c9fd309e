// A transaction's private overlay: what an engine hands to a TransactionFn. Writes stay in memory,
// on top of a Reader, until `Fold` turns them into a ChangeSet that may be committed.
//
// Not thread safe; lives for one run of the function. Must not outlive its base. Limits are checked
// as writes arrive; after the first broken one further writes are dropped (memory stays bounded)
// and `Check` answers kLimitExceeded.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "kv/change_set.h"
#include "kv/store.h"

namespace forebay::kv {

class OverlayTransaction final : public Transaction {
 public:
  explicit OverlayTransaction(const Reader& base) : base_(base) {}

  using Transaction::Erase;
  using Transaction::Get;
  using Transaction::Put;
  using Transaction::Scan;
  Result<std::optional<std::string>> Get(Space space, std::string_view key) const override;
  std::unique_ptr<Iterator> Scan(Space space, std::string_view begin,
                                 std::string_view end) const override;
  void Put(Space space, std::string_view key, std::string_view value) override;
  void Erase(Space space, std::string_view key) override;
  void DeleteRange(Space space, std::string_view begin, std::string_view end) override;
  void Add(std::string_view key, std::int64_t delta) override;
  void Max(std::string_view key, std::int64_t value) override;
  void Append(std::string_view prefix, std::string_view value) override;
  void MakesRoom() override { makes_room_ = true; }

  // kLimitExceeded when a limit of kv/store.h is broken.
  Result<> Check() const;
  bool empty() const { return changes_.empty() && counters_.empty() && appends_.empty(); }
  // As it said, or because it only erases.
  bool makes_room() const;
  std::size_t append_count() const { return appends_.size(); }

  // Ends the transaction: reads the counters below, numbers the appends from `*next_append` on
  // (which it advances), and applies everything to `out`. On an error `out` is untouched.
  // kCorruption where a counter's value is not 8 bytes; any error of the base.
  Result<> Fold(ChangeSet& out, std::uint64_t* next_append);

 private:
  struct CounterStep {
    bool is_max;
    std::int64_t operand;
  };
  struct AppendEntry {
    std::string prefix;
    std::string value;
  };
  using Counters = std::map<std::string, std::vector<CounterStep>, std::less<>>;

  void Count(std::string_view key, CounterStep step);
  bool Admit(std::size_t key_bytes, std::size_t value_bytes);
  void CheckTotals();
  void Break(std::string message);
  Result<std::string> FoldCounter(const std::string& key,
                                  const std::vector<CounterStep>& steps) const;

  const Reader& base_;
  ChangeSet changes_;
  Counters counters_;
  std::vector<AppendEntry> appends_;
  std::size_t other_bytes_ = 0;  // of counters and appends
  bool makes_room_ = false;
  std::optional<Error> broken_;
};

std::string EncodeCounter(std::int64_t value);

}  // namespace forebay::kv
