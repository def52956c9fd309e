// Writes the JSON documents of the Data Lake API. Pure, one thread at a time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace forebay::rest::dfs {

// Text as a JSON string, with its quotes. Well-formed UTF-8 stays as it is.
std::string JsonText(std::string_view text);

// Appends `"name":"value"` members, with commas between them.
class JsonObject {
 public:
  explicit JsonObject(std::string& out) : out_(out) { out_ += '{'; }
  JsonObject& Text(std::string_view name, std::string_view value);
  JsonObject& Number(std::string_view name, std::uint64_t value);
  JsonObject& Raw(std::string_view name, std::string_view json);
  void Close() { out_ += '}'; }

 private:
  void Name(std::string_view name);
  std::string& out_;
  bool first_ = true;
};

// 100 ns ticks since 1601, as `creationTime` and `expiryTime` of a listing have them.
std::uint64_t FileTime(WallTime time);

}  // namespace forebay::rest::dfs
