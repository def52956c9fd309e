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
  std::vector<std::string> names;
  for (const Table& table : Tables()) names.emplace_back(table.name);
  for (const Key& known : Schema()) names.emplace_back(known.name);
  return DidYouMean(key, names);
}

std::string SuggestVariable(const std::string& variable) {
  std::vector<std::string> names;
  for (const Table& table : Tables()) names.emplace_back(table.variable);
  for (const Key& known : Schema()) names.push_back(EnvironmentOf(known));
  return DidYouMean(variable, names);
}

Result<> Apply(const Setting& setting, Config& config) {
  const Key* key = FindKey(setting.key);
  if (key == nullptr) {
    return Bad(setting.origin, "unknown key \"" + setting.key + "\"" + SuggestKey(setting.key));
  }
  auto stored = Store(*key, setting.values, config);
  if (!stored) return Bad(setting.origin, setting.key + ": " + stored.error().message());
  config.origins[setting.key] = setting.origin;
  return {};
}

// The one value of a row's key, checked to be there, single and known by the caller.
Result<std::string> Single(const Setting& setting) {
  if (setting.values.empty()) {
    return Bad(setting.origin, "\"" + setting.key + "\" has no value; write " + setting.key + "=…");
  }
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

Result<std::string> AccountName(const Row& row) {
  auto setting = std::ranges::find(row.settings, "name", &Setting::key);
  if (setting == row.settings.end()) return Bad(row.origin, "this [[account]] has no name");
  FB_ASSIGN_OR_RETURN(std::string text, Single(*setting));
  bool good = text.size() >= 3 && text.size() <= 24 && std::ranges::all_of(text, [](char c) {
                return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
              });
  if (good) return text;
  return Bad(setting->origin,
             "name: \"" + text + "\" is not 3 to 24 lower-case letters and digits");
}

Result<std::string> DefaultTier(const Setting& setting, const std::string& text) {
  for (std::string_view tier : {"Hot", "Cool", "Cold"}) {
    if (text == tier) return text;
  }
  return Bad(setting.origin, setting.key + ": \"" + text + "\" is not one of Hot, Cool, Cold");
}

Result<Account> MakeAccount(const Row& row) {
  Account account;
  FB_ASSIGN_OR_RETURN(account.name, AccountName(row));
  for (const Setting& setting : row.settings) {
    FB_ASSIGN_OR_RETURN(std::string text, Single(setting));
    if (setting.key == "key1") {
      FB_ASSIGN_OR_RETURN(account.key1, AccountKey(setting, text));
    } else if (setting.key == "key2") {
      FB_ASSIGN_OR_RETURN(account.key2, AccountKey(setting, text));
    } else if (setting.key == "hierarchical") {
      FB_ASSIGN_OR_RETURN(account.hierarchical, Boolean(setting, text));
    } else if (setting.key == "allow_public_access") {
      FB_ASSIGN_OR_RETURN(account.allow_public_access, Boolean(setting, text));
    } else if (setting.key == "default_access_tier") {
      FB_ASSIGN_OR_RETURN(account.default_access_tier, DefaultTier(setting, text));
    }
  }
  if (account.key1.empty()) return Bad(row.origin, "account " + account.name + " has no key1");
  return account;
}

Result<Listener> MakeListener(const Row& row) {
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

// The rows of all places, put together: accounts key by key, the later place winning.
class AccountRows {
 public:
  Result<> Add(std::vector<Row> rows) {
    std::set<std::string> here;
    for (Row& row : rows) {
      FB_ASSIGN_OR_RETURN(std::string name, AccountName(row));
      if (!here.insert(name).second) {
        return Bad(row.origin, "account " + name + " is configured twice");
      }
      auto [at, fresh] = by_name_.try_emplace(name, merged_.size());
      if (fresh) {
        merged_.push_back(std::move(row));
        continue;
      }
      std::vector<Setting>& settings = merged_[at->second].settings;
      for (Setting& setting : row.settings) {
        std::erase_if(settings, [&](const Setting& old) { return old.key == setting.key; });
        settings.push_back(std::move(setting));
      }
    }
    return {};
  }

  Result<std::vector<Account>> Make() const {
    std::vector<Account> accounts;
    for (const Row& row : merged_) {
      FB_ASSIGN_OR_RETURN(Account account, MakeAccount(row));
      accounts.push_back(std::move(account));
    }
    return accounts;
  }

 private:
  std::map<std::string, std::size_t> by_name_;
  std::vector<Row> merged_;
};

// What one place says: the file, the environment, or the flags.
struct Place {
  std::vector<Setting> settings;
  std::vector<Row> rows;
};

// The rows of one table. What is in no table we know is an error, as is a key that its table lacks.
Result<std::vector<Row>> TakeRows(const Place& place, std::string_view table) {
  std::vector<Row> taken;
  for (const Row& row : place.rows) {
    if (std::ranges::find(Tables(), std::string_view(row.table), &Table::name) == Tables().end()) {
      return Bad(row.origin, "unknown table [[" + row.table + "]]" + SuggestKey(row.table));
    }
    if (row.table != table) continue;
    FB_RETURN_IF_ERROR(CheckRowKeys(row));
    taken.push_back(row);
  }
  return taken;
}

// A place that names listeners, of either kind, names them all: lower ones are replaced.
Result<> ApplyListeners(const Place& place, Config& config) {
  FB_ASSIGN_OR_RETURN(std::vector<Row> rows, TakeRows(place, "listener"));
  const bool listed =
      std::ranges::find(place.settings, "listen", &Setting::key) != place.settings.end();
  if (rows.empty() && !listed) return {};
  config.listeners.clear();
  if (!listed) config.listen.clear();
  std::set<std::string> addresses;
  for (const Row& row : rows) {
    FB_ASSIGN_OR_RETURN(Listener listener, MakeListener(row));
    if (!addresses.insert(listener.address).second) {
      return Bad(row.origin, "two listeners on " + listener.address);
    }
    config.listeners.push_back(std::move(listener));
  }
  for (const std::string& address : config.listen) {
    if (!addresses.contains(address)) config.listeners.push_back({address, "", ""});
  }
  return {};
}

Result<> ApplyPlace(const Place& place, AccountRows& accounts, Config& config) {
  for (const Setting& setting : place.settings) FB_RETURN_IF_ERROR(Apply(setting, config));
  FB_ASSIGN_OR_RETURN(std::vector<Row> rows, TakeRows(place, "account"));
  FB_RETURN_IF_ERROR(accounts.Add(std::move(rows)));
  return ApplyListeners(place, config);
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
  AccountRows accounts;
  if (input.file) {
    FB_ASSIGN_OR_RETURN(std::string text, ReadFile(*input.file));
    FB_ASSIGN_OR_RETURN(FileSettings file, ReadToml(text, *input.file));
    FB_RETURN_IF_ERROR(
        ApplyPlace({std::move(file.settings), std::move(file.rows)}, accounts, config));
  }
  // A variable that is no key may be someone else's: Kubernetes sets FOREBAY_SERVICE_HOST by
  // itself.
  EnvironmentSettings environment = ReadEnvironment(input.environment);
  for (const std::string& name : environment.unknown) {
    config.warnings.push_back("the environment variable " + name + " is not a setting; ignored" +
                              SuggestVariable(name));
  }
  FB_RETURN_IF_ERROR(
      ApplyPlace({std::move(environment.settings), std::move(environment.rows)}, accounts, config));
  FlagSettings flags = ReadFlags(input.flags);
  FB_RETURN_IF_ERROR(
      ApplyPlace({std::move(flags.settings), std::move(flags.rows)}, accounts, config));
  if (config.listeners.empty()) {
    for (const std::string& address : config.listen) config.listeners.push_back({address, "", ""});
  }
  FB_ASSIGN_OR_RETURN(config.accounts, accounts.Make());
  if (config.accounts.empty()) {
    config.accounts.push_back({.name = std::string(kDevelopmentAccount),
                               .key1 = *Base64Decode(kDevelopmentKey),
                               .key2 = "",
                               .hierarchical = false,
                               .allow_public_access = true});
    config.accounts.push_back(config.accounts.front());
    config.accounts.back().name = std::string(kDevelopmentLakeAccount);
    config.accounts.back().hierarchical = true;
  }
  FB_RETURN_IF_ERROR(CheckDevelopmentAccount(config));
  if (config.lake_events_tls_cert.empty() != config.lake_events_tls_key.empty()) {
    return Fail(Code::kInvalidConfig,
                "lake.events_tls_cert and lake.events_tls_key go together; one of them is missing");
  }
  return config;
}

Error Located(const Config& config, Error error) {
  if (error.code() != Code::kInvalidConfig) return error;
  const std::string& said = error.message();
  std::size_t first = std::string::npos;
  const std::string* origin = nullptr;
  for (const auto& [key, where] : config.origins) {
    // A key without a table may be a word of the sentence, but where it is what is talked about.
    const bool of_table = key.find('.') != std::string::npos;
    const std::size_t at = of_table                      ? said.find(key)
                           : said.starts_with(key + ":") ? 0
                                                         : std::string::npos;
    if (at >= first) continue;
    first = at;
    origin = &where;
  }
  if (origin == nullptr) return error;
  return Error(error.code(), *origin + ": " + said).WithDetail(std::string(error.detail()));
}

bool HasDevelopmentKey(const Account& account) {
  static const std::string key = *Base64Decode(kDevelopmentKey);
  return account.key1 == key || account.key2 == key;
}

Result<> CheckDevelopmentAccount(const Config& config) {
  auto open = std::ranges::find_if(config.accounts, HasDevelopmentKey);
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

}  // namespace forebay::config
