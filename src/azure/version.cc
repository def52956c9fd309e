#include "azure/version.h"

#include <fmt/format.h>

#include "azure/wire.h"

namespace forebay::azure {

Result<ServiceVersion> ServiceVersion::Parse(std::string_view text) {
  auto time = text.size() == 10 ? ParseIsoTime(text) : std::nullopt;
  if (!time) {
    return Fail(Code::kInvalidHeaderValue,
                fmt::format("'{}' is no service version.", text.substr(0, 40)));
  }
  auto number = [&](std::size_t at, std::size_t count) {
    return static_cast<int>(ParseUint(text.substr(at, count)).value_or(0));
  };
  ServiceVersion version(number(0, 4), number(5, 2), number(8, 2));
  if (version < kOldestVersion) {
    return Fail(Code::kInvalidHeaderValue,
                fmt::format("The service version '{}' is too old.", text));
  }
  return version;
}

std::string ServiceVersion::ToString() const {
  if (empty()) return {};
  std::string text = "0000-00-00";
  int rest = number_;
  for (const std::size_t at : {9U, 8U, 6U, 5U, 3U, 2U, 1U, 0U}) {
    text[at] = static_cast<char>('0' + rest % 10);
    rest /= 10;
  }
  return text;
}

}  // namespace forebay::azure
