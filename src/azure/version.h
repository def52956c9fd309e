// Service versions (x-ms-version, and sv of a SAS): dates that order as text.
//
// Pure, thread safe. Newer versions than we know are accepted and treated as the newest we know, as
// clients move faster than servers.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::azure {

class ServiceVersion {
 public:
  constexpr ServiceVersion() = default;
  constexpr ServiceVersion(int year, int month, int day)
      : number_(year * 10000 + month * 100 + day) {}
  // "2025-07-05". kInvalidHeaderValue for anything that is not such a date from 2008-10-27 on.
  static Result<ServiceVersion> Parse(std::string_view text);
  std::string ToString() const;
  constexpr bool empty() const { return number_ == 0; }
  friend constexpr auto operator<=>(ServiceVersion, ServiceVersion) = default;

 private:
  int number_ = 0;
};

inline constexpr ServiceVersion kOldestVersion{2008, 10, 27};
// What a request that names no version is served as when neither the service properties nor the
// operator set a default.
inline constexpr ServiceVersion kDefaultVersion{2021, 12, 2};
// The newest version whose rules we know; newer ones are served by its rules.
inline constexpr ServiceVersion kNewestVersion{2026, 6, 6};

}  // namespace forebay::azure
