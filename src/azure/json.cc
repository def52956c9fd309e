#include "azure/json.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "base/encoding.h"

namespace forebay::azure {
namespace {

// Builds our values from the parser's events. A false answer ends the parsing without an exception.
class Builder final : public nlohmann::json_sax<nlohmann::json> {
 public:
  Json Take() { return std::move(root_); }
  const std::string& problem() const { return problem_; }

  bool null() override { return Put(Json{}); }
  bool boolean(bool value) override { return Put(Json::Of(value)); }
  bool number_integer(number_integer_t value) override { return Put(Json::Of(value)); }
  bool number_unsigned(number_unsigned_t value) override {
    if (value <= static_cast<number_unsigned_t>(std::numeric_limits<std::int64_t>::max())) {
      return Put(Json::Of(static_cast<std::int64_t>(value)));
    }
    return PutFraction(static_cast<double>(value));
  }
  bool number_float(number_float_t value, const string_t&) override { return PutFraction(value); }
  bool string(string_t& value) override { return Put(Json::Of(std::string_view(value))); }
  bool binary(binary_t&) override { return false; }
  bool start_object(std::size_t) override { return Open(Json::Object()); }
  bool start_array(std::size_t) override { return Open(Json::Array()); }
  bool end_object() override { return Close(); }
  bool end_array() override { return Close(); }
  bool key(string_t& name) override {
    for (const auto& [known, value] : open_.back()->members) {
      if (known == name) return Refuse("the member \"" + name + "\" is there twice");
    }
    open_.back()->members.push_back({name, Json{}});
    return true;
  }
  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception&) override {
    return Refuse("a syntax error at byte " + std::to_string(position));
  }

 private:
  bool Refuse(std::string problem) {
    if (problem_.empty()) problem_ = std::move(problem);
    return false;
  }
  bool PutFraction(double value) {
    Json json;
    json.kind = Json::Kind::kFraction;
    json.fraction = value;
    return Put(std::move(json));
  }
  // Where the next value goes. The open ones are the last of their parents, so their addresses
  // hold.
  Json* Place() {
    if (open_.empty()) return &root_;
    Json* parent = open_.back();
    if (parent->kind == Json::Kind::kObject) return &parent->members.back().value;
    return &parent->items.emplace_back();
  }
  bool Put(Json json) {
    *Place() = std::move(json);
    return true;
  }
  bool Open(Json json) {
    if (open_.size() == kMaxJsonDepth) return Refuse("it is nested too deeply");
    Json* place = Place();
    *place = std::move(json);
    open_.push_back(place);
    return true;
  }
  bool Close() {
    open_.pop_back();
    return true;
  }

  Json root_;
  std::vector<Json*> open_;
  std::string problem_;
};

void WriteString(std::string_view text, std::string& out) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (byte < 0x20) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\u00";
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

void Write(const Json& json, std::size_t level, std::string& out) {
  const auto line = [&out](std::size_t depth) { out += "\n" + std::string(2 * depth, ' '); };
  switch (json.kind) {
    case Json::Kind::kNull:
      out += "null";
      return;
    case Json::Kind::kBool:
      out += json.boolean ? "true" : "false";
      return;
    case Json::Kind::kInteger:
      out += std::to_string(json.integer);
      return;
    case Json::Kind::kFraction:
      out += nlohmann::json(json.fraction).dump();
      return;
    case Json::Kind::kString:
      WriteString(json.string, out);
      return;
    case Json::Kind::kArray:
      out += '[';
      for (std::size_t i = 0; i < json.items.size(); ++i) {
        if (i > 0) out += ',';
        line(level + 1);
        Write(json.items[i], level + 1, out);
      }
      if (!json.items.empty()) line(level);
      out += ']';
      return;
    case Json::Kind::kObject:
      out += '{';
      for (std::size_t i = 0; i < json.members.size(); ++i) {
        if (i > 0) out += ',';
        line(level + 1);
        WriteString(json.members[i].name, out);
        out += ": ";
        Write(json.members[i].value, level + 1, out);
      }
      if (!json.members.empty()) line(level);
      out += '}';
      return;
  }
}

}  // namespace

Json::Json() = default;
Json::Json(const Json&) = default;
Json::Json(Json&&) noexcept = default;
Json& Json::operator=(const Json&) = default;
Json& Json::operator=(Json&&) noexcept = default;
Json::~Json() = default;

Json Json::Of(bool value) {
  Json json;
  json.kind = Kind::kBool;
  json.boolean = value;
  return json;
}

Json Json::Of(std::int64_t value) {
  Json json;
  json.kind = Kind::kInteger;
  json.integer = value;
  return json;
}

Json Json::Of(std::string_view value) {
  Json json;
  json.kind = Kind::kString;
  json.string = value;
  return json;
}

Json Json::Array() {
  Json json;
  json.kind = Kind::kArray;
  return json;
}

Json Json::Object() {
  Json json;
  json.kind = Kind::kObject;
  return json;
}

Json& Json::Add(std::string_view name, Json value) {
  members.push_back({std::string(name), std::move(value)});
  return *this;
}

Json& Json::Add(Json value) {
  items.push_back(std::move(value));
  return *this;
}

Result<Json> ParseJson(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return Fail(Code::kInvalidInput,
                "The document is longer than " + std::to_string(max_bytes) + " bytes.");
  }
  if (!IsValidUtf8(text)) return Fail(Code::kInvalidInput, "The document is not UTF-8.");
  Builder builder;
  if (!nlohmann::json::sax_parse(text.begin(), text.end(), &builder)) {
    return Fail(Code::kInvalidInput, "The document is not JSON: " + builder.problem() + ".");
  }
  return builder.Take();
}

std::string WriteJson(const Json& json) {
  std::string out;
  Write(json, 0, out);
  return out;
}

std::unexpected<Error> JsonReader::Wrong(std::string_view what) const {
  return Fail(Code::kInvalidInput, path_ + ": " + std::string(what) + ".");
}

std::optional<JsonReader> JsonReader::Find(std::string_view name) const {
  for (const auto& [known, value] : json_->members) {
    if (known != name) continue;
    if (value.kind == Json::Kind::kNull) return std::nullopt;
    return JsonReader(value, path_ + "." + std::string(name));
  }
  return std::nullopt;
}

Result<JsonReader> JsonReader::Get(std::string_view name) const {
  FB_RETURN_IF_ERROR(IsObject());
  auto found = Find(name);
  if (!found) return Wrong("the member \"" + std::string(name) + "\" is missing");
  return *found;
}

Result<> JsonReader::IsObject() const {
  if (json_->kind != Json::Kind::kObject) return Wrong("an object is expected");
  return {};
}

Result<> JsonReader::Members(std::initializer_list<std::string_view> known) const {
  FB_RETURN_IF_ERROR(IsObject());
  for (const auto& [name, value] : json_->members) {
    if (std::ranges::find(known, name) == known.end()) {
      return Wrong("the member \"" + name + "\" is not known here");
    }
  }
  return {};
}

Result<std::vector<JsonReader>> JsonReader::Items() const {
  if (json_->kind != Json::Kind::kArray) return Wrong("an array is expected");
  std::vector<JsonReader> out;
  for (std::size_t i = 0; i < json_->items.size(); ++i) {
    out.push_back(JsonReader(json_->items[i], path_ + "[" + std::to_string(i) + "]"));
  }
  return out;
}

Result<std::string> JsonReader::String() const {
  if (json_->kind != Json::Kind::kString) return Wrong("a string is expected");
  return json_->string;
}

// Azure's own tools write whole numbers as 30.0 too.
Result<std::int64_t> JsonReader::Integer(std::int64_t least, std::int64_t most) const {
  std::optional<std::int64_t> value;
  if (json_->kind == Json::Kind::kInteger) value = json_->integer;
  if (json_->kind == Json::Kind::kFraction && std::trunc(json_->fraction) == json_->fraction &&
      std::abs(json_->fraction) < 1e15) {
    value = static_cast<std::int64_t>(json_->fraction);
  }
  if (!value || *value < least || *value > most) {
    return Wrong("a whole number from " + std::to_string(least) + " to " + std::to_string(most) +
                 " is expected");
  }
  return *value;
}

Result<bool> JsonReader::Boolean() const {
  if (json_->kind != Json::Kind::kBool) return Wrong("true or false is expected");
  return json_->boolean;
}

}  // namespace forebay::azure
