// The configuration of a server: typed, validated, complete.
//
// Values come from flags, then the environment, then one TOML file, then defaults; the first that
// has a key wins. Accounts are put together key by key in the same order; of the listeners, the
// first place that names any names them all. One table (config/schema.h) drives all four, the help
// text and docs/configuration.md. A wrong key or value is kInvalidConfig, with the place it came
// from and the nearest right name.
//
// Value types and pure functions, but for reading the files that they are told to read.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace forebay::config {

inline constexpr std::string_view kDevelopmentAccount = "devstoreaccount1";
// Its hierarchical neighbour, for the Data Lake API, with the same published key.
inline constexpr std::string_view kDevelopmentLakeAccount = "devlakeaccount1";
// Published by Microsoft for emulators; it protects nothing, hence loopback only.
inline constexpr std::string_view kDevelopmentKey =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

struct Account {
  std::string name;
  std::string key1;  // raw bytes, decoded
  std::string key2;  // raw bytes; empty when there is only one
  bool hierarchical = false;
  bool allow_public_access = false;
  std::string default_access_tier = "Hot";  // Hot, Cool or Cold
  friend bool operator==(const Account&, const Account&) = default;
};

struct Listener {
  std::string address;   // "127.0.0.1:10000", "[::1]:10000", "localhost:0"
  std::string tls_cert;  // PEM file; empty: plain HTTP
  std::string tls_key;   // PEM file
  friend bool operator==(const Listener&, const Listener&) = default;
};

// Flat, one field a key of the schema; the documentation of each is there.
struct Config {
  std::vector<std::string> data;
  bool allow_missing_volumes = false;
  std::vector<std::string> listen;  // use `listeners`, which holds these too
  std::string admin_listen;         // empty: no admin listener
  std::string admin_token_file;     // empty: one in the data directory, made when there is none
  std::vector<std::string> domains;
  std::string default_service_version;

  LogLevel log_level = LogLevel::kInfo;
  LogFormat log_format = LogFormat::kText;
  std::string log_file;
  bool log_requests = true;

  std::uint64_t max_connections = 0;
  std::uint64_t max_header_size = 0;
  std::chrono::nanoseconds idle_timeout{};
  std::chrono::nanoseconds header_timeout{};
  std::chrono::nanoseconds stall_timeout{};
  std::chrono::nanoseconds drain_timeout{};
  std::uint64_t request_memory = 0;
  std::uint64_t io_threads = 0;    // 0: one a core
  std::uint64_t disk_threads = 0;  // for each data directory

  std::uint64_t kv_cache_size = 0;
  std::uint64_t small_blob_threshold = 0;
  std::uint64_t disk_reserve = 0;
  std::chrono::nanoseconds uncommitted_block_ttl{};
  std::chrono::nanoseconds scrub_interval{};  // 0: only when asked
  std::uint64_t scrub_rate = 0;               // bytes a second; 0: as fast as it goes
  std::vector<std::string> copy_allow_sources;

  std::uint64_t lake_upload_concurrency = 0;
  std::uint64_t lake_download_concurrency = 0;
  std::string lake_upload_rate;    // tier/schedule.h; empty: no limit
  std::string lake_download_rate;  // the same
  bool lake_allow_http = false;
  std::string lake_ca_file;
  std::uint64_t lake_high_watermark = 0;  // percent of the disks
  std::uint64_t lake_low_watermark = 0;
  std::uint64_t lake_backlog_limit = 0;
  std::uint64_t lake_overflow_min_size = 0;
  std::uint64_t lake_cache_size = 0;  // bytes; 0: only the watermarks limit it
  std::uint64_t lake_prefetch_concurrency = 0;
  std::string lake_prefetch_rate;
  std::chrono::nanoseconds lake_check_interval{};         // 0: never
  std::string lake_events_listen;                         // empty: no webhook
  std::string lake_events_token_file;                     // empty: one in the data directory
  std::string lake_events_tls_cert, lake_events_tls_key;  // PEM files; empty: plain HTTP
  std::uint64_t lake_threads = 0;

  std::vector<Account> accounts;    // at least one; the development account when none was given
  std::vector<Listener> listeners;  // at least one

  // Where each key that is set was set: "forebay.toml:3", "FOREBAY_LISTEN", "--listen".
  std::map<std::string, std::string> origins;
  // For people, to be logged once logging is up: unknown FOREBAY_ variables and the like.
  std::vector<std::string> warnings;

  LogOptions log_options() const { return {log_level, log_format, log_file}; }
};

struct Input {
  std::optional<std::string> file;  // path of the TOML file
  std::map<std::string, std::string> environment;
  // Key of the schema or name of a table, value; may repeat.
  std::vector<std::pair<std::string, std::string>> flags;
};

// Reads, merges and validates.
Result<Config> Load(const Input& input);

// What only the user of a value finds wrong with it, with the place where the first key that the
// message names was set. Other errors than kInvalidConfig stay as they are.
Error Located(const Config& config, Error error);

// kInvalidConfig when a listener that others can reach would serve an account with the published
// key. Load checks it; so must whoever puts a configuration together from two.
Result<> CheckDevelopmentAccount(const Config& config);
// Whether an account has the published key, as the ones that stand in where none is configured do.
bool HasDevelopmentKey(const Account& account);

}  // namespace forebay::config
