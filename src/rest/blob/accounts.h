// The accounts that this server answers for: a snapshot that requests read and a reload replaces.
//
// `Accounts` never changes after it was made; a request takes one snapshot and keeps it, so that a
// key rotated in the middle of a request changes nothing for it. `AccountRegistry` is thread safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "azure/names.h"
#include "azure/properties.h"
#include "azure/shared_key.h"
#include "base/result.h"

namespace forebay::rest {

// As the configuration has it.
struct AccountConfig {
  std::string name;
  std::vector<std::string> keys;  // base64, one or two
  bool hierarchical = false;
  bool allow_public_access = true;
  std::string default_access_tier = "Hot";  // of blobs that were stored without one
};

struct AccountEntry {
  azure::AccountName name;
  std::vector<azure::SigningKey> keys;
  bool hierarchical = false;
  bool allow_public_access = true;
  // Differs between any two entries of a process's life: what was derived from one entry's keys is
  // never taken for another's.
  std::uint64_t generation = 0;
  // What an inferred tier is shown as; it follows the configuration, also for blobs that exist.
  azure::AccessTier default_tier = azure::AccessTier::kHot;
};

class Accounts {
 public:
  // kInvalidConfig: a name that is none, one given twice, a key that does not decode, no key at
  // all, or more than two. The message names the account, never a key.
  static Result<std::shared_ptr<const Accounts>> Make(const std::vector<AccountConfig>& configs);

  // Null when there is no such account.
  const AccountEntry* Find(std::string_view name) const;
  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  std::size_t size() const { return entries_.size(); }
  // All of them, by name.
  const std::map<std::string, AccountEntry, std::less<>>& entries() const { return entries_; }

 private:
  std::map<std::string, AccountEntry, std::less<>> entries_;
};
using AccountsPtr = std::shared_ptr<const Accounts>;

class AccountRegistry {
 public:
  explicit AccountRegistry(AccountsPtr accounts) : accounts_(std::move(accounts)) {}
  AccountsPtr Get() const {
    std::lock_guard lock(mutex_);
    return accounts_;
  }
  void Swap(AccountsPtr accounts) {
    std::lock_guard lock(mutex_);
    accounts_.swap(accounts);
  }

 private:
  mutable std::mutex mutex_;
  AccountsPtr accounts_;
};

}  // namespace forebay::rest
