#include "config/schema.h"

#include <array>
#include <charconv>

#include "base/encoding.h"
#include "base/units.h"
#include "config/address.h"

namespace forebay::config {
namespace {

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kDay = 86'400 * kSecond;

constexpr std::array kSchema = {
    Key{"data", Type::kTextList, &Config::data, "./forebay-data",
        "Directories that hold the data, one a disk. Blob bytes are spread over all of them; the "
        "first one holds the metadata."},
    Key{"allow_missing_volumes", Type::kBool, &Config::allow_missing_volumes, "false",
        "Start although a data directory is missing or cannot be read: what it holds is answered "
        "with an error, everything else is served."},
    Key{"listen", Type::kAddressList, &Config::listen, "127.0.0.1:10000",
        "Addresses of the Blob endpoint, plain HTTP. Use [[listener]] tables for TLS."},
    Key{"admin_listen", Type::kAddress, &Config::admin_listen, "127.0.0.1:9464",
        "Address of /metrics, /healthz and /readyz, which ask for nothing, and of the "
        "administration "
        "below /v1, which asks for a token; \"off\" for none."},
    Key{"admin_token_file", Type::kText, &Config::admin_token_file, "",
        "File with the token of the administration, at least 32 characters; empty for "
        "DATA/admin.token, which is made at the first start, readable by its owner only."},
    Key{"domains", Type::kTextList, &Config::domains,
        "blob.localhost,blob.core.windows.net,dfs.localhost,dfs.core.windows.net",
        "Suffixes of host-style names: with \"blob.example.com\" here, requests to "
        "ACCOUNT.blob.example.com name the account in the host."},
    Key{"default_service_version", Type::kServiceVersion, &Config::default_service_version,
        "2021-12-02",
        "The x-ms-version assumed for requests that send none, neither in a SAS, and whose "
        "account's "
        "service properties set no DefaultServiceVersion."},

    Key{"log.level", Type::kLogLevel, &Config::log_level, "info",
        "Least severity that is logged: trace, debug, info, warn or error.", true},
    Key{"log.format", Type::kLogFormat, &Config::log_format, "text",
        "text (key=value) or json (one object a line).", true},
    Key{"log.file", Type::kText, &Config::log_file, "",
        "File to append to; empty for standard error. SIGHUP opens it again, for log rotation.",
        true},
    Key{"log.requests", Type::kBool, &Config::log_requests, "true",
        "Whether each request is logged, at level info."},

    Key{"limits.max_connections", Type::kInteger, &Config::max_connections, "10000",
        "Connections open at once; further ones are answered 503 ServerBusy and closed.", false, 1,
        1'000'000},
    Key{"limits.max_header_size", Type::kBytes, &Config::max_header_size, "64KiB",
        "Request line and headers together.", false, 4096, 1 << 20},
    Key{"limits.idle_timeout", Type::kDuration, &Config::idle_timeout, "2m",
        "How long a connection may sit between two requests.", false, kSecond, kDay},
    Key{"limits.header_timeout", Type::kDuration, &Config::header_timeout, "30s",
        "How long a client may take to send a request's headers.", false, kSecond, kDay},
    Key{"limits.stall_timeout", Type::kDuration, &Config::stall_timeout, "1m",
        "How long a body may make no progress, either way, before the connection is closed.", false,
        kSecond, kDay},
    Key{"limits.drain_timeout", Type::kDuration, &Config::drain_timeout, "30s",
        "How long a stopping server waits for requests in flight.", false, 0, kDay},
    Key{"limits.request_memory", Type::kBytes, &Config::request_memory, "192MiB",
        "Memory for bodies in flight, all requests together; requests wait for their share.", false,
        16 << 20},
    Key{"limits.io_threads", Type::kInteger, &Config::io_threads, "0",
        "Threads that serve connections; 0 for one a core.", false, 0, 1024},
    Key{"limits.disk_threads", Type::kInteger, &Config::disk_threads, "8",
        "Threads that wait for the disk, for each data directory.", false, 1, 1024},

    Key{"storage.kv_cache_size", Type::kBytes, &Config::kv_cache_size, "64MiB",
        "Memory for the metadata store's block cache.", false, 1 << 20},
    Key{"storage.small_blob_threshold", Type::kBytes, &Config::small_blob_threshold, "64KiB",
        "Bodies up to this size live in the metadata store, larger ones in segment files.", false,
        0, 256 << 10},
    Key{"storage.disk_reserve", Type::kBytes, &Config::disk_reserve, "256MiB",
        "Free space in each data directory below which writes are refused, so that deletes can "
        "still commit.",
        false, 16 << 20},
    Key{"storage.uncommitted_block_ttl", Type::kDuration, &Config::uncommitted_block_ttl, "7d",
        "Age at which blocks that were never committed are collected.", false, 60 * kSecond},
    Key{"storage.scrub_interval", Type::kDuration, &Config::scrub_interval, "30d",
        "Time from the end of one scrub, which reads and checks everything, to the next; \"0s\" "
        "for "
        "none but those started by hand."},
    Key{"storage.scrub_rate", Type::kBytes, &Config::scrub_rate, "32MiB",
        "Bytes a second that a scrub reads; 0 for as fast as it goes."},

    Key{"copy.allow_sources", Type::kSourceList, &Config::copy_allow_sources, "",
        "Sources that a copy from a URL may read although they are private, link-local or "
        "loopback: networks (10.0.0.0/8), hosts or addresses, with or without a port."},

    Key{"lake.upload_concurrency", Type::kInteger, &Config::lake_upload_concurrency, "64",
        "Requests with bodies that go up to one lake at a time.", false, 1, 1024},
    Key{"lake.download_concurrency", Type::kInteger, &Config::lake_download_concurrency, "128",
        "Bodies that come down from one lake at a time.", false, 1, 1024},
    Key{"lake.upload_rate", Type::kText, &Config::lake_upload_rate, "",
        "Bytes a second up to each lake, by local time of day: \"200MiB/s\", or rules such as "
        "\"Mon-Fri 08:00-18:00=50MiB/s, *=unlimited\", the first that fits decides; \"paused\" "
        "is a rate too. Empty for no limit.",
        true},
    Key{"lake.download_rate", Type::kText, &Config::lake_download_rate, "",
        "The same for bytes that come down.", true},
    Key{"lake.allow_http", Type::kBool, &Config::lake_allow_http, "false",
        "Whether a lake elsewhere may be attached over plain http://. Credentials and bytes then "
        "travel unprotected. Loopback is always allowed."},
    Key{"lake.ca_file", Type::kText, &Config::lake_ca_file, "",
        "PEM file with certificates that lakes are trusted by, besides the system's."},
    Key{"lake.high_watermark", Type::kInteger, &Config::lake_high_watermark, "90",
        "Percent of the data directories in use at which local copies of what a lake holds are "
        "given up.",
        false, 1, 100},
    Key{"lake.low_watermark", Type::kInteger, &Config::lake_low_watermark, "80",
        "Percent in use at which that stops.", false, 0, 100},
    Key{"lake.cache_size", Type::kBytes, &Config::lake_cache_size, "0",
        "Bytes at most of local copies of what a lake holds; the watermarks are percent of this, "
        "too. 0 for as much as the data directories take."},
    Key{"lake.backlog_limit", Type::kBytes, &Config::lake_backlog_limit, "0",
        "Bytes of one container that may wait for its lake; above it writes there are answered 503 "
        "until some have travelled. 0 for as many as the data directories take: writes are refused "
        "halfway between lake.high_watermark and the reserve, while it is waiting bytes that fill "
        "them."},
    Key{"lake.overflow_min_size", Type::kBytes, &Config::lake_overflow_min_size, "4KiB",
        "Of containers attached as capacity: blobs smaller than this stay here when the disks "
        "fill, since each that overflows is an object, and a request, of its own."},
    Key{"lake.prefetch_concurrency", Type::kInteger, &Config::lake_prefetch_concurrency, "16",
        "Ranges that prefetch and hydrate fetch at a time, all lakes together.", false, 1, 256},
    Key{"lake.prefetch_rate", Type::kText, &Config::lake_prefetch_rate, "",
        "Bytes a second of prefetch and hydrate, all lakes together, written like "
        "lake.upload_rate."},
    Key{"lake.check_interval", Type::kDuration, &Config::lake_check_interval, "10m",
        "How often an attached container is compared with its lake, by listing it; \"0s\" for "
        "never, where an Event Grid subscription tells of changes.",
        false, 0, 365 * kDay},
    Key{"lake.events_listen", Type::kAddress, &Config::lake_events_listen, "off",
        "Address of the webhook that an Event Grid subscription posts to, and of nothing else; "
        "Azure must reach it, by https://, here or at a proxy. \"off\" for none."},
    Key{"lake.events_token_file", Type::kText, &Config::lake_events_token_file, "",
        "File with the webhook's secret, at least 32 characters, which the subscription's endpoint "
        "ends with (?token=…); empty for DATA/events.token, which is made at the first start."},
    Key{"lake.events_tls_cert", Type::kText, &Config::lake_events_tls_cert, "",
        "PEM file with the webhook's certificate and its chain; read again on SIGHUP."},
    Key{"lake.events_tls_key", Type::kText, &Config::lake_events_tls_key, "",
        "PEM file with that certificate's private key."},
    Key{"lake.threads", Type::kInteger, &Config::lake_threads, "2",
        "Threads that import, fetch, offload and compare.", false, 1, 64},
};

constexpr std::array kTables = {
    Table{"account", "--account", "FOREBAY_ACCOUNTS",
          "An account, as in name=mine,key1=@/path/of/key,hierarchical=true."},
    Table{"listener", "--listener", "FOREBAY_LISTENERS",
          "An address to listen on, as in address=0.0.0.0:443,tls_cert=FILE,tls_key=FILE."},
};

constexpr std::array kTableKeys = {
    TableKey{"account", "name", "text", "3 to 24 lower-case letters and digits."},
    TableKey{"account", "key1", "text",
             "Shared key in base64, or \"@FILE\" to read it from a file. Required."},
    TableKey{"account", "key2", "text", "Second key, for rotation without a gap."},
    TableKey{"account", "hierarchical", "boolean",
             "Hierarchical namespace (Data Lake): real directories. Fixed once the account holds "
             "data. Default false."},
    TableKey{"account", "allow_public_access", "boolean",
             "Whether containers may be opened to anonymous readers. Default false."},
    TableKey{"account", "default_access_tier", "word",
             "Access tier of blobs that are stored without one: Hot, Cool or Cold. Default Hot."},
    TableKey{"listener", "address", "address", "HOST:PORT to listen on. Required."},
    TableKey{"listener", "tls_cert", "text", "PEM file with the certificate and its chain."},
    TableKey{"listener", "tls_key", "text", "PEM file with the certificate's private key."},
};

std::unexpected<Error> Bad(std::string message) {
  return Fail(Code::kInvalidConfig, std::move(message));
}

constexpr std::array<std::string_view, 5> kLevels = {"trace", "debug", "info", "warn", "error"};

Result<> StoreOne(const Key& key, std::string_view value, Config& config,
                  bool Config::* const& field) {
  (void)key;
  if (value != "true" && value != "false") {
    return Bad("\"" + std::string(value) + "\" is neither true nor false");
  }
  config.*field = value == "true";
  return {};
}

Result<> CheckRange(const Key& key, std::uint64_t number, std::string_view value) {
  if (number >= key.min && number <= key.max) return {};
  auto show = [&](std::uint64_t n) {
    if (key.type == Type::kBytes) return FormatBytes(n);
    if (key.type == Type::kInteger) return std::to_string(n);
    return FormatDuration(std::chrono::nanoseconds(static_cast<std::int64_t>(n)));
  };
  bool open = key.max == static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return Bad(std::string(value) + " is out of range: at least " + show(key.min) +
             (open ? "" : ", at most " + show(key.max)));
}

Result<> StoreOne(const Key& key, std::string_view value, Config& config,
                  std::uint64_t Config::* const& field) {
  std::uint64_t number = 0;
  if (key.type == Type::kBytes) {
    auto bytes = ParseBytes(value);
    if (!bytes) return Bad(bytes.error().message());
    number = *bytes;
  } else {
    auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc{} || end != value.data() + value.size()) {
      return Bad("\"" + std::string(value) + "\" is not a whole number");
    }
  }
  FB_RETURN_IF_ERROR(CheckRange(key, number, value));
  config.*field = number;
  return {};
}

Result<> StoreOne(const Key& key, std::string_view value, Config& config,
                  std::chrono::nanoseconds Config::* const& field) {
  auto duration = ParseDuration(value);
  if (!duration) return Bad(duration.error().message());
  FB_RETURN_IF_ERROR(CheckRange(key, static_cast<std::uint64_t>(duration->count()), value));
  config.*field = *duration;
  return {};
}

// YYYY-MM-DD, a day of the calendar, not before the first version there was.
Result<> CheckServiceVersion(std::string_view value) {
  using namespace std::chrono;
  const auto number = [value](std::size_t at, std::size_t count) {
    const std::string_view digits = value.substr(at, count);
    unsigned out = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + count, out);
    return error == std::errc{} && end == digits.data() + count ? out : 0;
  };
  if (value.size() == 10 && value[4] == '-' && value[7] == '-') {
    const year_month_day date{year(static_cast<int>(number(0, 4))), month(number(5, 2)),
                              day(number(8, 2))};
    if (date.ok() && date >= year_month_day{year(2008), October, day(27)}) return {};
  }
  return Bad("\"" + std::string(value) +
             "\" is not a service version: a date such as 2021-12-02, from 2008-10-27 on");
}

Result<> StoreOne(const Key& key, std::string_view value, Config& config,
                  std::string Config::* const& field) {
  if (key.type == Type::kAddress && value == "off") {
    (config.*field).clear();
    return {};
  }
  if (key.type == Type::kAddress) FB_RETURN_IF_ERROR(CheckAddress(value));
  if (key.type == Type::kServiceVersion) FB_RETURN_IF_ERROR(CheckServiceVersion(value));
  config.*field = value;
  return {};
}

Result<> StoreOne(const Key&, std::string_view value, Config& config,
                  LogLevel Config::* const& field) {
  for (std::size_t i = 0; i < kLevels.size(); ++i) {
    if (value != kLevels[i]) continue;
    config.*field = static_cast<LogLevel>(i);
    return {};
  }
  return Bad("\"" + std::string(value) + "\" is not one of trace, debug, info, warn, error");
}

Result<> StoreOne(const Key&, std::string_view value, Config& config,
                  LogFormat Config::* const& field) {
  if (value != "text" && value != "json") {
    return Bad("\"" + std::string(value) + "\" is neither text nor json");
  }
  config.*field = value == "json" ? LogFormat::kJson : LogFormat::kText;
  return {};
}

Result<> StoreList(const Key& key, const std::vector<std::string>& values, Config& config,
                   std::vector<std::string> Config::* field) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string& value = values[i];
    if (value.empty()) return Bad("an entry of the list is empty");
    if (key.type == Type::kAddressList) FB_RETURN_IF_ERROR(CheckAddress(value));
    if (key.type == Type::kSourceList) FB_RETURN_IF_ERROR(CheckSource(value));
    for (std::size_t k = 0; k < i; ++k) {
      if (values[k] == value) return Bad("\"" + value + "\" is listed twice");
    }
  }
  config.*field = values;
  return {};
}

std::string Join(const std::vector<std::string>& values) {
  std::string text;
  for (const std::string& value : values) text += (text.empty() ? "" : ",") + value;
  return text;
}

}  // namespace

std::span<const Key> Schema() { return kSchema; }
std::span<const Table> Tables() { return kTables; }
std::span<const TableKey> TableSchema() { return kTableKeys; }

const Key* FindKey(std::string_view name) {
  for (const Key& key : kSchema) {
    if (key.name == name) return &key;
  }
  return nullptr;
}

std::string FlagOf(const Key& key) {
  std::string flag = "--";
  for (char c : key.name) flag += c == '.' || c == '_' ? '-' : c;
  return flag;
}

std::string EnvironmentOf(const Key& key) {
  std::string name = "FOREBAY_";
  for (char c : key.name) {
    name += c == '.' ? '_' : c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return name;
}

bool IsList(Type type) {
  return type == Type::kAddressList || type == Type::kTextList || type == Type::kSourceList;
}

std::string_view TypeName(Type type) {
  switch (type) {
    case Type::kText:
      return "text";
    case Type::kBool:
      return "boolean";
    case Type::kInteger:
      return "number";
    case Type::kBytes:
      return "size";
    case Type::kDuration:
      return "duration";
    case Type::kAddress:
      return "address";
    case Type::kAddressList:
      return "list of addresses";
    case Type::kTextList:
      return "list of text";
    case Type::kSourceList:
      return "list of sources";
    case Type::kLogLevel:
    case Type::kLogFormat:
      return "word";
    case Type::kServiceVersion:
      return "date";
  }
  return "";
}

Result<> Store(const Key& key, const std::vector<std::string>& values, Config& config) {
  if (const auto* list = std::get_if<std::vector<std::string> Config::*>(&key.field)) {
    if (values.empty() && key.name != "copy.allow_sources" && key.name != "domains") {
      return Bad("the list must not be empty");
    }
    return StoreList(key, values, config, *list);
  }
  if (values.size() != 1) return Bad("one value is expected here, not a list");
  return std::visit(
      [&](const auto& field) -> Result<> {
        if constexpr (std::is_same_v<std::decay_t<decltype(field)>,
                                     std::vector<std::string> Config::*>) {
          return {};
        } else {
          return StoreOne(key, values.front(), config, field);
        }
      },
      key.field);
}

std::string Show(const Key& key, const Config& config) {
  return std::visit(
      [&](const auto& field) -> std::string {
        const auto& value = config.*field;
        using V = std::decay_t<decltype(value)>;
        if constexpr (std::is_same_v<V, std::string>) {
          return key.type == Type::kAddress && value.empty() ? "off" : value;
        } else if constexpr (std::is_same_v<V, bool>) {
          return value ? "true" : "false";
        } else if constexpr (std::is_same_v<V, std::uint64_t>) {
          return std::to_string(value);
        } else if constexpr (std::is_same_v<V, std::chrono::nanoseconds>) {
          return FormatDuration(value);
        } else if constexpr (std::is_same_v<V, LogLevel>) {
          return std::string(kLevels[static_cast<std::size_t>(value)]);
        } else if constexpr (std::is_same_v<V, LogFormat>) {
          return value == LogFormat::kJson ? "json" : "text";
        } else {
          return Join(value);
        }
      },
      key.field);
}

}  // namespace forebay::config
