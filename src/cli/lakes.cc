#include "cli/lakes.h"

#include <algorithm>
#include <chrono>
#include <ctime>

#include "base/ip_address.h"
#include "cli/directory_identity.h"
#include "http/interface_addresses.h"
#include "http/tls.h"
#include "lake/endpoint.h"
#include "lake/stored_credential.h"
#include "meta/lease.h"

namespace forebay::cli {
namespace {

// A change of the schedule may be so late.
constexpr std::chrono::seconds kLook{5};

// How far local time is from UTC at this moment: daylight saving comes and goes.
std::chrono::minutes UtcOffset(WallTime now) {
  const auto seconds = static_cast<std::time_t>(now.seconds());
  std::tm local{};
  localtime_r(&seconds, &local);
  return std::chrono::minutes(local.tm_gmtoff / 60);
}

std::uint64_t LimitOf(tier::Rate rate) {
  if (rate.unlimited()) return 0;
  return rate.paused() ? lake::TokenBucket::kPaused : rate.bytes_per_second();
}

Result<tier::Schedule> ParseRate(const char* key, const std::string& text) {
  auto schedule = tier::Schedule::Parse(text);
  if (schedule) return schedule;
  return Fail(Code::kInvalidConfig, std::string(key) + ": " + schedule.error().message());
}

// Each client reads the file when it is made, and says so only when somebody asks its lake.
Result<> CheckTrust(const config::Config& config) {
  if (config.lake_ca_file.empty()) return {};
  const auto context = http::MakeClientContext(config.lake_ca_file);
  if (context) return {};
  return Fail(context.error().code(), "lake.ca_file: " + context.error().message());
}

// Credentials and bytes go over the network in the clear.
Result<> CheckTransport(const lake::LakeEndpoint& endpoint, bool allow_http) {
  constexpr std::string_view kPlain = "http://";
  if (allow_http || !endpoint.origin.starts_with(kPlain)) return {};
  std::string_view host = std::string_view(endpoint.origin).substr(kPlain.size());
  host =
      host.starts_with('[') ? host.substr(1, host.find(']') - 1) : host.substr(0, host.find(':'));
  const std::vector<IpBytes> addresses = http::AddressesOf(host);
  if (!addresses.empty() && std::ranges::all_of(addresses, &IsLoopback)) return {};
  return Fail(Code::kInvalidConfig,
              "The lake's endpoint is plain http://, which would show its credential to the "
              "network; use https://, or allow it with lake.allow_http.");
}

}  // namespace

Result<LinkSchedule> LinkSchedule::Of(const config::Config& config) {
  LinkSchedule out;
  FB_ASSIGN_OR_RETURN(out.up, ParseRate("lake.upload_rate", config.lake_upload_rate));
  FB_ASSIGN_OR_RETURN(out.down, ParseRate("lake.download_rate", config.lake_download_rate));
  return out;
}

lake::TransferLimits LinkSchedule::At(WallTime now, std::chrono::minutes utc_offset) const {
  return {.up_bytes_per_second = LimitOf(up.At(now, utc_offset)),
          .down_bytes_per_second = LimitOf(down.At(now, utc_offset))};
}

Result<std::unique_ptr<Lakes>> Lakes::Make(const config::Config& config, engine::Services& services,
                                           metrics::Registry& registry, const OwnAddresses& own,
                                           tier::PlacementOptions placement) {
  FB_RETURN_IF_ERROR(CheckTrust(config));
  FB_ASSIGN_OR_RETURN(LinkSchedule schedule, LinkSchedule::Of(config));
  std::unique_ptr<Lakes> lakes(new Lakes(config, std::move(schedule), services, registry));
  tier::LakeTierOptions options;
  options.threads = config.lake_threads;
  options.placement = std::move(placement);
  options.watch.interval =
      std::chrono::duration_cast<std::chrono::milliseconds>(config.lake_check_interval);
  options.watch.registry = &registry;
  options.factory = [self = lakes.get()](const meta::AttachRecord& record) {
    return self->MakeClient(record);
  };
  auto directory = DirectoryIdentity(config.data.front());
  if (!directory && directory.error().code() != Code::kUnsupported) {
    return Fail(std::move(directory.error()));
  }
  options.identity.directory = directory.value_or(std::string());
  options.identity.place = options.host + ":" + config.data.front();
  options.is_own = [&own](const lake::LakeEndpoint& endpoint) { return own.Are(endpoint.origin); };
  lakes->tier_ = std::make_unique<tier::LakeTier>(services, std::move(options));
  services.lake = lakes->tier_.get();
  return lakes;
}

Lakes::~Lakes() { Stop(); }

Result<> Lakes::Start() {
  FB_RETURN_IF_ERROR(meta::EndLeases(services_.store));
  FB_RETURN_IF_ERROR(tier_->Start());
  follower_ = std::jthread([this](std::stop_token stop) { FollowSchedule(std::move(stop)); });
  return {};
}

void Lakes::Stop() {
  follower_ = {};
  tier_->Stop();
}

Result<> Lakes::Reload(const config::Config& config) {
  FB_RETURN_IF_ERROR(CheckTrust(config));
  FB_ASSIGN_OR_RETURN(LinkSchedule schedule, LinkSchedule::Of(config));
  {
    std::lock_guard lock(mutex_);
    schedule_ = std::move(schedule);
  }
  ApplyLimits();
  return {};
}

Result<std::shared_ptr<lake::ObjectLake>> Lakes::MakeClient(const meta::AttachRecord& record) {
  FB_ASSIGN_OR_RETURN(lake::LakeEndpoint endpoint, lake::ParseLakeEndpoint(record.endpoint));
  FB_RETURN_IF_ERROR(CheckTransport(endpoint, config_.lake_allow_http));
  endpoint.prefix += record.prefix;
  if (!endpoint.prefix.empty() && !endpoint.prefix.ends_with('/')) endpoint.prefix += '/';
  auto client = std::make_shared<Client>();
  client->accounting =
      std::make_unique<lake::Accounting>(registry_, record.account + "/" + record.container);
  lake::AzureBlobLakeOptions options;
  options.credential = lake::MakeStoredCredential(endpoint, record.credential);
  options.endpoint = std::move(endpoint);
  options.concurrent_up = config_.lake_upload_concurrency;
  options.concurrent_down = config_.lake_download_concurrency;
  options.ca_file = config_.lake_ca_file;
  options.accounting = client->accounting.get();
  const WallTime now = Clock::System().Now();
  std::lock_guard lock(mutex_);
  options.limits = schedule_.At(now, UtcOffset(now));
  client->limits = options.limits;
  client->lake = std::make_unique<lake::AzureBlobLake>(std::move(options));
  clients_[{record.account, record.container}] = client;
  return std::shared_ptr<lake::ObjectLake>(client, client->lake.get());
}

void Lakes::ApplyLimits() {
  const WallTime now = Clock::System().Now();
  std::lock_guard lock(mutex_);
  const lake::TransferLimits limits = schedule_.At(now, UtcOffset(now));
  std::erase_if(clients_, [](const auto& entry) { return entry.second.expired(); });
  for (auto& [key, weak] : clients_) {
    const auto client = weak.lock();
    // Setting a rate forgives what was used of it, so only one that differs is set.
    if (!client || client->limits == limits) continue;
    client->limits = limits;
    client->lake->SetLimits(limits);
  }
}

void Lakes::FollowSchedule(std::stop_token stop) {
  while (!stop.stop_requested()) {
    ApplyLimits();
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, stop, kLook, [] { return false; });
  }
}

std::optional<lake::LakeUsage> Lakes::UsageOf(const std::string& account,
                                              const std::string& container) const {
  std::lock_guard lock(mutex_);
  const auto at = clients_.find({account, container});
  if (at == clients_.end()) return std::nullopt;
  const auto client = at->second.lock();
  if (!client) return std::nullopt;
  return client->accounting->usage();
}

}  // namespace forebay::cli
