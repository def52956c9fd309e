#include "admin/json_object.h"

#include <limits>
#include <utility>

#include "base/encoding.h"

namespace forebay::admin {
namespace {

using azure::Json;
using azure::JsonReader;

constexpr std::size_t kMaxMessage = 4 << 20;
constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();

// Paths may be any bytes; a document is refused for one that is no UTF-8.
std::string AsUtf8(std::string_view text) {
  if (IsValidUtf8(text)) return std::string(text);
  std::string out;
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < 0x80) {
      out += c;
    } else {
      out += "\xEF\xBF\xBD";  // U+FFFD
    }
  }
  return out;
}

}  // namespace

ObjectWriter& ObjectWriter::Text(std::string_view name, std::string_view value) {
  json_.Add(name, Json::Of(AsUtf8(value)));
  return *this;
}

ObjectWriter& ObjectWriter::TextIfAny(std::string_view name, std::string_view value) {
  return value.empty() ? *this : Text(name, value);
}

ObjectWriter& ObjectWriter::Number(std::string_view name, std::uint64_t value) {
  json_.Add(
      name,
      Json::Of(static_cast<std::int64_t>(std::min(value, static_cast<std::uint64_t>(kLargest)))));
  return *this;
}

ObjectWriter& ObjectWriter::Flag(std::string_view name, bool value) {
  json_.Add(name, Json::Of(value));
  return *this;
}

ObjectWriter& ObjectWriter::Texts(std::string_view name, const std::vector<std::string>& values) {
  Json list = Json::Array();
  for (const std::string& value : values) list.Add(Json::Of(AsUtf8(value)));
  return Value(name, std::move(list));
}

ObjectWriter& ObjectWriter::Value(std::string_view name, Json value) {
  json_.Add(name, std::move(value));
  return *this;
}

std::string ObjectReader::Required(std::string_view name) {
  if (!problem_) return "";
  auto field = at_.Get(name);
  if (!field) {
    problem_ = std::unexpected(std::move(field.error()));
    return "";
  }
  return Take(field->String());
}

std::string ObjectReader::Text(std::string_view name) {
  if (!problem_) return "";
  const auto field = at_.Find(name);
  return field ? Take(field->String()) : "";
}

std::uint64_t ObjectReader::RequiredNumber(std::string_view name) {
  if (!problem_) return 0;
  auto field = at_.Get(name);
  if (!field) {
    problem_ = std::unexpected(std::move(field.error()));
    return 0;
  }
  return static_cast<std::uint64_t>(Take(field->Integer(0, kLargest)));
}

std::uint64_t ObjectReader::Number(std::string_view name) {
  if (!problem_ || !at_.Find(name)) return 0;
  return RequiredNumber(name);
}

bool ObjectReader::Flag(std::string_view name) {
  if (!problem_) return false;
  const auto field = at_.Find(name);
  return field ? Take(field->Boolean()) : false;
}

std::vector<JsonReader> ObjectReader::Items(std::string_view name) {
  if (!problem_) return {};
  const auto field = at_.Find(name);
  if (!field) return {};
  return Take(field->Items());
}

std::vector<std::string> ObjectReader::Texts(std::string_view name) {
  std::vector<std::string> out;
  for (const JsonReader& item : Items(name)) out.push_back(Take(item.String()));
  return out;
}

std::optional<JsonReader> ObjectReader::Object(std::string_view name) {
  if (!problem_) return std::nullopt;
  return at_.Find(name);
}

Result<Json> ParseMessage(std::string_view text) { return azure::ParseJson(text, kMaxMessage); }

}  // namespace forebay::admin
