// Which kind a Code is of, by its number (base/error.h). Internal to error_table.cc and
// error_body.cc.
#pragma once

#include "base/error.h"

namespace forebay::azure {

// Those below are conditions of this process, and share names with Azure's own.
constexpr bool IsWireCode(Code code) { return static_cast<unsigned>(code) >= 100; }

constexpr bool IsAuthentication(Code code) {
  const auto number = static_cast<unsigned>(code);
  return number >= 100 && number < 130;
}

}  // namespace forebay::azure
