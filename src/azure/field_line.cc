#include "azure/field_line.h"

#include <charconv>

#include "base/encoding.h"

namespace forebay::azure {
namespace {

constexpr std::size_t kMaxFields = 64;
// What needs no escape besides RFC 3986's unreserved characters.
constexpr std::string_view kPlain = "/:+,@$";

std::unexpected<Error> Bad(std::string_view name) {
  return Fail(Code::kInvalidInput, "The field '" + std::string(name) + "' has a bad value.");
}

// The whole text as a number; nullopt for anything else.
template <class T>
std::optional<T> NumberOf(std::string_view text, int base = 10) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

template <class T>
Result<std::optional<T>> Take(const std::string* text, std::string_view name, int base = 10) {
  if (text == nullptr) return std::optional<T>();
  const auto value = NumberOf<T>(*text, base);
  if (!value) return Bad(name);
  return value;
}

}  // namespace

void FieldLineWriter::Name(std::string_view name) {
  if (!out_.empty()) out_ += ';';
  out_ += name;
  out_ += '=';
}

FieldLineWriter& FieldLineWriter::Text(std::string_view name, std::string_view value) {
  Name(name);
  out_ += PercentEncode(value, kPlain);
  return *this;
}
FieldLineWriter& FieldLineWriter::Number(std::string_view name, std::uint64_t value) {
  Name(name);
  out_ += std::to_string(value);
  return *this;
}
FieldLineWriter& FieldLineWriter::Signed(std::string_view name, std::int64_t value) {
  Name(name);
  out_ += std::to_string(value);
  return *this;
}
FieldLineWriter& FieldLineWriter::Octal(std::string_view name, std::uint32_t value) {
  Name(name);
  char digits[16];
  const auto [end, error] = std::to_chars(digits, digits + sizeof digits, value, 8);
  out_.append(digits, end);
  return *this;
}

Result<FieldLine> FieldLine::Parse(std::string_view text) {
  FieldLine line;
  while (!text.empty()) {
    const auto semicolon = text.find(';');
    const std::string_view part = text.substr(0, semicolon);
    text = semicolon == std::string_view::npos ? std::string_view() : text.substr(semicolon + 1);
    if (part.empty()) continue;
    const auto equals = part.find('=');
    if (equals == std::string_view::npos || equals == 0) {
      return Fail(Code::kInvalidInput, "A field is written name=value.");
    }
    const std::string_view name = part.substr(0, equals);
    auto value = PercentDecode(part.substr(equals + 1));
    if (!value) return Bad(name);
    if (line.Has(name) || line.fields_.size() == kMaxFields) {
      return Fail(Code::kInvalidInput, "A field is given twice, or there are too many.");
    }
    line.fields_.emplace_back(name, std::move(*value));
  }
  return line;
}

const std::string* FieldLine::Find(std::string_view name) const {
  for (const auto& [key, value] : fields_) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::string_view FieldLine::Get(std::string_view name) const {
  const std::string* value = Find(name);
  return value == nullptr ? std::string_view() : std::string_view(*value);
}

Result<std::optional<std::uint64_t>> FieldLine::Number(std::string_view name) const {
  return Take<std::uint64_t>(Find(name), name);
}
Result<std::optional<std::int64_t>> FieldLine::Signed(std::string_view name) const {
  return Take<std::int64_t>(Find(name), name);
}
Result<std::optional<std::uint32_t>> FieldLine::Number32(std::string_view name) const {
  return Take<std::uint32_t>(Find(name), name);
}
Result<std::optional<std::uint32_t>> FieldLine::Octal(std::string_view name) const {
  return Take<std::uint32_t>(Find(name), name, 8);
}

}  // namespace forebay::azure
