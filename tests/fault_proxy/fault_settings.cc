#include "fault_proxy/fault_settings.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <vector>

namespace forebay::fault_proxy {

Result<> FaultSettings::Apply(std::string_view query) {
  std::vector<std::function<void()>> changes;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view entry = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(entry.find('='), entry.size());
    const std::string_view name = entry.substr(0, equals);
    const std::string_view text = entry.substr(std::min(equals + 1, entry.size()));
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool share = name.ends_with("_share");
    const bool may_be_negative = name == "clock_ahead_s";
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() ||
        (value < 0 && !may_be_negative) || (share && value > 1)) {
      return Fail(Code::kInvalidInput, "No value for this: " + std::string(entry));
    }
    const auto whole = static_cast<unsigned>(std::clamp(value, 0.0, 4e9));
    const auto rate = static_cast<std::uint64_t>(std::max(value, 0.0));
    if (name == "rtt_ms") {
      changes.emplace_back([=, this] { rtt_ms_ = value; });
    } else if (name == "error_share") {
      changes.emplace_back([=, this] { error_share_ = value; });
    } else if (name == "lost_share") {
      changes.emplace_back([=, this] { lost_share_ = value; });
    } else if (name == "short_share") {
      changes.emplace_back([=, this] { short_share_ = value; });
    } else if (name == "reset_share") {
      changes.emplace_back([=, this] { reset_share_ = value; });
    } else if (name == "up_rate") {
      changes.emplace_back([=, this] { up.SetRate(rate); });
    } else if (name == "down_rate") {
      changes.emplace_back([=, this] { down.SetRate(rate); });
    } else if (name == "black_hole") {
      changes.emplace_back([=, this] { black_hole_ = whole != 0; });
    } else if (name == "error_status") {
      changes.emplace_back([=, this] { error_status_ = whole; });
    } else if (name == "retry_after_s") {
      changes.emplace_back([=, this] { retry_after_s_ = whole; });
    } else if (name == "clock_ahead_s") {
      changes.emplace_back([=, this] { clock_ahead_s_ = static_cast<std::int64_t>(value); });
    } else {
      return Fail(Code::kInvalidInput, "There is no setting of this name: " + std::string(name));
    }
  }
  for (const auto& change : changes) change();
  return {};
}

std::chrono::nanoseconds FaultSettings::half_rtt() const {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(rtt_ms_ * 500'000.0));
}

double FaultSettings::Uniform() {
  const std::lock_guard lock(mutex_);
  return std::uniform_real_distribution<double>(0, 1)(generator_);
}

Fault FaultSettings::Draw() {
  double draw = Uniform();
  const auto hit = [&draw](double share, std::atomic<std::uint64_t>& count) {
    if (draw < share) {
      ++count;
      return true;
    }
    draw -= share;
    return false;
  };
  if (hit(error_share_, errors_)) return Fault::kError;
  if (hit(lost_share_, lost_)) return Fault::kLost;
  if (hit(short_share_, shorts_)) return Fault::kShort;
  if (hit(reset_share_, resets_)) return Fault::kReset;
  return Fault::kNone;
}

std::string FaultSettings::StatsJson() const {
  const auto entry = [](const char* name, std::uint64_t value) {
    return std::string("\"") + name + "\":" + std::to_string(value);
  };
  return "{" + entry("requests", requests_) + "," + entry("errors", errors_) + "," +
         entry("lost", lost_) + "," + entry("short", shorts_) + "," + entry("resets", resets_) +
         "}\n";
}

}  // namespace forebay::fault_proxy
