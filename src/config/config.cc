#include "config/config.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

#include "base/encoding.h"
#include "config/address.h"
#include "config/schema.h"
#include "config/settings.h"

namespace forebay::config {
namespace {

constexpr std::size_t kMinKeyBytes = 16;
constexpr std::size_t kMaxFileBytes = 1 << 20;

std::unexpected<Error> Bad(const std::string& origin, const std::string& message) {
  return Fail(Code::kInvalidConfig, origin.empty() ? message : origin + ": " + message);
}

Result<std::string> ReadFile(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  if (in) text << in.rdbuf();
  if (!in) {
    return Fail(Code::kInvalidConfig, "cannot read " + path + ": " + std::strerror(errno));
  }
  if (text.view().size() > kMaxFileBytes) {
    return Fail(Code::kInvalidConfig, path + " is larger than 1 MiB; is it the right file?");
  }
  return std::move(text).str();
}

// The keys that a person may have meant, "account" and "listener" among them.
std::string SuggestKey(const std::string& key) {
  std::vector<std::string> names = {"account", "listener"};
  for (const Key& known : Schema()) names.emplace_back(known.name);
  return DidYouMean(key, names);
}

Result<> Apply(const Setting& setting, Config& config) {
  const Key* key = FindKey(setting.key);
  if (key == nullptr) {
    return Bad(setting.origin, "unknown key \"" + setting.key + "\"" + SuggestKey(setting.key));
  }
  auto stored = Store(*key, setting.values, config);
  if (!stored) return Bad(setting.origin, setting.key + ": " + stored.error().message());
  return {};
}

// The one value of a row's key, checked to be there, single and known by the caller.
Result<std::string> Single(const Setting& setting) {
  if (setting.values.size() != 1) {
    return Bad(setting.origin, setting.key + ": one value is expected here, not a list");
  }
  return setting.values.front();
}

Result<> CheckRowKeys(const Row& row) {
  std::vector<std::string> names;
  for (const TableKey& key : TableSchema()) {
    if (key.table == row.table) names.emplace_back(key.name);
  }
  for (const Setting& setting : row.settings) {
    if (std::ranges::find(names, setting.key) == names.end()) {
      return Bad(setting.origin, "unknown key \"" + setting.key + "\" in [[" + row.table + "]]" +
                                     DidYouMean(setting.key, names));
    }
  }
  return {};
}

Result<std::string> AccountKey(const Setting& setting, std::string text) {
  if (text.starts_with('@')) {
    auto read = ReadFile(text.substr(1));
    if (!read) return Bad(setting.origin, setting.key + ": " + read.error().message());
    text = std::move(*read);
    while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  }
  // Never the value itself in a message: it is a secret.
  auto decoded = Base64Decode(text);
  if (!decoded) return Bad(setting.origin, setting.key + ": the key is not valid base64");
  if (decoded->size() < kMinKeyBytes) {
    return Bad(setting.origin, setting.key + ": the key is shorter than " +
                                   std::to_string(kMinKeyBytes) + " bytes; use 64 random ones");
  }
  return std::move(*decoded);
}

Result<bool> Boolean(const Setting& setting, const std::string& text) {
  if (text == "true") return true;
  if (text == "false") return false;
  return Bad(setting.origin, setting.key + ": \"" + text + "\" is neither true nor false");
}

Result<Account> MakeAccount(const Row& row) {
  FB_RETURN_IF_ERROR(CheckRowKeys(row));
  Account account;
  for (const Setting& setting : row.settings) {
    FB_ASSIGN_OR_RETURN(std::string text, Single(setting));
    if (setting.key == "name") {
      bool good = text.size() >= 3 && text.size() <= 24 && std::ranges::all_of(text, [](char c) {
                    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
                  });
      if (!good) {
        return Bad(setting.origin,
                   "name: \"" + text + "\" is not 3 to 24 lower-case letters and digits");
      }
      account.name = text;
    } else if (setting.key == "key1") {
      FB_ASSIGN_OR_RETURN(account.key1, AccountKey(setting, text));
    } else if (setting.key == "key2") {
      FB_ASSIGN_OR_RETURN(account.key2, AccountKey(setting, text));
    } else if (setting.key == "hierarchical") {
      FB_ASSIGN_OR_RETURN(account.hierarchical, Boolean(setting, text));
    } else if (setting.key == "allow_public_access") {
      FB_ASSIGN_OR_RETURN(account.allow_public_access, Boolean(setting, text));
    }
  }
  if (account.name.empty()) return Bad(row.origin, "this [[account]] has no name");
  if (account.key1.empty()) return Bad(row.origin, "account " + account.name + " has no key1");
  return account;
}

Result<Listener> MakeListener(const Row& row) {
  FB_RETURN_IF_ERROR(CheckRowKeys(row));
  Listener listener;
  for (const Setting& setting : row.settings) {
    FB_ASSIGN_OR_RETURN(std::string text, Single(setting));
    if (setting.key == "address") {
      auto checked = CheckAddress(text);
      if (!checked) return Bad(setting.origin, "address: " + checked.error().message());
      listener.address = text;
      continue;
    }
    if (::access(text.c_str(), R_OK) != 0) {
      return Bad(setting.origin,
                 setting.key + ": cannot read " + text + ": " + std::strerror(errno));
    }
    (setting.key == "tls_cert" ? listener.tls_cert : listener.tls_key) = text;
  }
  if (listener.address.empty()) return Bad(row.origin, "this [[listener]] has no address");
  if (listener.tls_cert.empty() != listener.tls_key.empty()) {
    return Bad(row.origin, "tls_cert and tls_key go together; one of them is missing");
  }
  return listener;
}

Result<> ApplyRows(const std::vector<Row>& rows, Config& config) {
  std::set<std::string> names, addresses;
  for (const Row& row : rows) {
    if (row.table == "account") {
      FB_ASSIGN_OR_RETURN(Account account, MakeAccount(row));
      if (!names.insert(account.name).second) {
        return Bad(row.origin, "account " + account.name + " is configured twice");
      }
      config.accounts.push_back(std::move(account));
    } else if (row.table == "listener") {
      FB_ASSIGN_OR_RETURN(Listener listener, MakeListener(row));
      if (!addresses.insert(listener.address).second) {
        return Bad(row.origin, "two listeners on " + listener.address);
      }
      config.listeners.push_back(std::move(listener));
    } else {
      return Bad(row.origin, "unknown table [[" + row.table + "]]" + SuggestKey(row.table));
    }
  }
  return {};
}

Result<> CheckDevelopmentAccount(const Config& config) {
  const std::string key = *Base64Decode(kDevelopmentKey);
  auto open = std::ranges::find_if(
      config.accounts, [&](const Account& a) { return a.key1 == key || a.key2 == key; });
  if (open == config.accounts.end()) return {};
  for (const Listener& listener : config.listeners) {
    if (IsLoopback(listener.address)) continue;
    return Fail(
        Code::kInvalidConfig,
        "refusing to listen on " + listener.address +
            " with the development account's key (account " + open->name +
            "): that key is published, so anyone who reaches the port could read and "
            "delete everything. Configure an [[account]] with a key of your own, or listen on "
            "loopback (127.0.0.1).");
  }
  return {};
}

// --listen and FOREBAY_LISTEN replace the file's listeners; within the file, both kinds add up.
void MergeListeners(bool overridden, bool listed_in_file, Config& config) {
  if (overridden) config.listeners.clear();
  if (!config.listeners.empty() && !overridden && !listed_in_file) {
    config.listen.clear();
    return;
  }
  for (const std::string& address : config.listen) {
    bool there = std::ranges::any_of(config.listeners,
                                     [&](const Listener& l) { return l.address == address; });
    if (!there) config.listeners.push_back({address, "", ""});
  }
}

std::vector<Setting> FlagSettings(const Input& input) {
  std::vector<Setting> settings;
  for (const auto& [name, value] : input.flags) {
    const Key* key = FindKey(name);
    std::string origin = key ? FlagOf(*key) : "--" + name;
    bool list = key && IsList(key->type);
    std::vector<std::string> values = list ? SplitList(value) : std::vector{value};
    auto at = std::ranges::find(settings, name, &Setting::key);
    if (at == settings.end()) {
      settings.push_back({name, values, origin});
    } else if (list) {
      at->values.insert(at->values.end(), values.begin(), values.end());
    } else {
      at->values = values;  // as everywhere, the last one wins
    }
  }
  return settings;
}

Config Defaults() {
  Config config;
  for (const Key& key : Schema()) {
    bool list = IsList(key.type);
    auto values = list ? SplitList(key.default_value) : std::vector{std::string(key.default_value)};
    if (auto stored = Store(key, values, config); !stored) {
      Panic("the default of " + std::string(key.name) + " is bad: " + stored.error().message());
    }
  }
  return config;
}

}  // namespace

Result<Config> Load(const Input& input) {
  Config config = Defaults();
  bool listed_in_file = false, overridden = false;
  if (input.file) {
    FB_ASSIGN_OR_RETURN(std::string text, ReadFile(*input.file));
    FB_ASSIGN_OR_RETURN(FileSettings file, ReadToml(text, *input.file));
    for (const Setting& setting : file.settings) {
      FB_RETURN_IF_ERROR(Apply(setting, config));
      listed_in_file |= setting.key == "listen";
    }
    FB_RETURN_IF_ERROR(ApplyRows(file.rows, config));
  }
  // A variable that is no key may be someone else's: Kubernetes sets FOREBAY_SERVICE_HOST by
  // itself.
  std::vector<std::string> unknown;
  std::vector<Setting> rest = ReadEnvironment(input.environment, unknown);
  for (const std::string& name : unknown) {
    config.warnings.push_back("the environment variable " + name + " is not a setting; ignored");
  }
  std::ranges::move(FlagSettings(input), std::back_inserter(rest));
  for (const Setting& setting : rest) {
    FB_RETURN_IF_ERROR(Apply(setting, config));
    overridden |= setting.key == "listen";
  }
  MergeListeners(overridden, listed_in_file, config);
  if (config.accounts.empty()) {
    config.accounts.push_back({.name = std::string(kDevelopmentAccount),
                               .key1 = *Base64Decode(kDevelopmentKey),
                               .key2 = "",
                               .hierarchical = false,
                               .allow_public_access = true});
  }
  FB_RETURN_IF_ERROR(CheckDevelopmentAccount(config));
  return config;
}

}  // namespace forebay::config
