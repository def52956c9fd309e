#include "rest/dfs/json.h"

namespace forebay::rest::dfs {

std::string JsonText(std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7F) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
  return out;
}

void JsonObject::Name(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  out_ += JsonText(name);
  out_ += ':';
}

JsonObject& JsonObject::Text(std::string_view name, std::string_view value) {
  Name(name);
  out_ += JsonText(value);
  return *this;
}
JsonObject& JsonObject::Number(std::string_view name, std::uint64_t value) {
  Name(name);
  out_ += std::to_string(value);
  return *this;
}
JsonObject& JsonObject::Raw(std::string_view name, std::string_view json) {
  Name(name);
  out_ += json;
  return *this;
}

std::uint64_t FileTime(WallTime time) {
  constexpr std::int64_t kTicksTo1970 = 116'444'736'000'000'000;
  return static_cast<std::uint64_t>(time.ticks + kTicksTo1970);
}

}  // namespace forebay::rest::dfs
