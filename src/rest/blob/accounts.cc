#include "rest/blob/accounts.h"

#include <fmt/format.h>

#include <atomic>

namespace forebay::rest {
namespace {

std::uint64_t NextGeneration() {
  static std::atomic<std::uint64_t> last{0};
  return ++last;
}

}  // namespace

Result<std::shared_ptr<const Accounts>> Accounts::Make(const std::vector<AccountConfig>& configs) {
  auto accounts = std::make_shared<Accounts>();
  for (const AccountConfig& config : configs) {
    auto name = azure::ParseAccountName(config.name);
    if (!name) {
      return Fail(Code::kInvalidConfig,
                  fmt::format("\"{}\" is no account name: 3 to 24 lower-case letters and digits.",
                              config.name));
    }
    if (config.keys.empty() || config.keys.size() > 2) {
      return Fail(Code::kInvalidConfig,
                  fmt::format("The account {} needs one or two keys.", config.name));
    }
    const auto tier = azure::ParseAccessTier(config.default_access_tier);
    if (!tier || *tier == azure::AccessTier::kArchive) {
      return Fail(Code::kInvalidConfig,
                  fmt::format("The account {} cannot have \"{}\" as default tier.", config.name,
                              config.default_access_tier));
    }
    AccountEntry entry{*name, {}, config.hierarchical, config.allow_public_access, NextGeneration(),
                       *tier};
    for (const std::string& key : config.keys) {
      auto signing_key = azure::SigningKey::FromBase64(key);
      if (!signing_key) {
        return Fail(Code::kInvalidConfig,
                    fmt::format("A key of the account {} is not base64.", config.name));
      }
      entry.keys.push_back(std::move(*signing_key));
    }
    if (!accounts->entries_.emplace(config.name, std::move(entry)).second) {
      return Fail(Code::kInvalidConfig, fmt::format("The account {} is there twice.", config.name));
    }
  }
  return accounts;
}

const AccountEntry* Accounts::Find(std::string_view name) const {
  const auto found = entries_.find(name);
  return found == entries_.end() ? nullptr : &found->second;
}

}  // namespace forebay::rest
