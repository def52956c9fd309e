// SAS tokens whose signature was verified a moment ago: a client sends the same token with every
// request, and parsing and verifying it costs more than reading a small blob.
//
// An entry answers only what the token's text, its scope and the account's keys decide: that the
// token is well-formed and its signature right. Time, address, protocol, permissions and the stored
// policy are checked on every request, as ever. Entries of rotated keys are never found again (the
// key holds AccountEntry::generation). Refused tokens are not kept.
//
// Thread safe; bounded: kSlots entries of at most kMaxTextBytes, a new one replaces what has its
// slot. Lookups compare in constant time, so that they tell nothing about tokens of others.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "azure/sas.h"
#include "azure/target.h"
#include "rest/blob/accounts.h"

namespace forebay::rest {

struct VerifiedSas {
  azure::SasToken token;
  // Resolved, where no stored policy has a say.
  std::optional<azure::EffectiveSas> effective;
};
using VerifiedSasPtr = std::shared_ptr<const VerifiedSas>;

class SasCache {
 public:
  static constexpr std::size_t kSlots = 1024;
  static constexpr std::size_t kMaxTextBytes = 2048;

  // What verification depends on: the account's keys, the token as sent, and as much of the target
  // as a signature covers. nullopt for what is not worth keeping, or not certain to be read the
  // same way by azure::ParseSas.
  static std::optional<std::string> KeyOf(const AccountEntry& account,
                                          const azure::RequestTarget& target);

  // Null when it is not there.
  VerifiedSasPtr Find(const std::string& key) const;
  void Keep(std::string key, VerifiedSasPtr sas);

 private:
  static constexpr std::size_t kLocks = 16;
  struct Slot {
    std::size_t hash = 0;
    std::string key;
    VerifiedSasPtr sas;
  };
  std::mutex& LockOf(std::size_t hash) const { return locks_[hash % kLocks]; }

  mutable std::array<std::mutex, kLocks> locks_;
  std::array<Slot, kSlots> slots_;  // slot i is guarded by locks_[i % kLocks]
};

}  // namespace forebay::rest
