// How lakes look to people: lines of `forebay lake status` and what belongs to them. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "admin/lake_messages.h"

namespace forebay::cli {

// "1,204,331".
std::string Grouped(std::uint64_t number);
// "2.4 M", "850 K": two digits, for numbers that nobody knows.
std::string About(std::uint64_t number);
// "12 s", "3 min", "2 h", "5 d": one unit, rounded down.
std::string Age(std::uint64_t seconds);
// "imported 1,204,331 names, 2.1 TiB here of 14 TiB, backlog 3 files / 41 GiB / oldest 12 s, link
// up"
std::string LakeSummary(const admin::LakeInfo& lake);
// The summary with where the lake is, what is wrong, and with `traffic` what it has cost.
std::string LakeText(const admin::LakeInfo& lake, bool traffic);
// What `forebay lake verify` has found.
std::string VerifyText(const admin::VerifyInfo& verified);

}  // namespace forebay::cli
