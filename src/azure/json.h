// JSON documents as values, read with paths in their errors.
//
// ParseJson takes what RFC 8259 allows, and refuses repeated member names (which of two wins is
// nobody's guess), more than 32 levels and bytes that are not UTF-8. Members keep their order.
// JsonReader walks a document and says of each thing that is wrong where it is:
// "$.rules[0].definition: …". Value types, thread compatible. Errors are kInvalidInput.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace forebay::azure {

struct JsonMember;

struct Json {
  enum class Kind : std::uint8_t { kNull, kBool, kInteger, kFraction, kString, kArray, kObject };
  Kind kind = Kind::kNull;
  bool boolean = false;
  std::int64_t integer = 0;  // numbers beyond 63 bits are fractions
  double fraction = 0;
  std::string string;
  std::vector<Json> items;
  std::vector<JsonMember> members;

  // In the .cc, where a member is a complete type.
  Json();
  Json(const Json&);
  Json(Json&&) noexcept;
  Json& operator=(const Json&);
  Json& operator=(Json&&) noexcept;
  ~Json();

  static Json Of(bool value);
  static Json Of(std::int64_t value);
  static Json Of(std::string_view value);
  static Json Array();
  static Json Object();
  Json& Add(std::string_view name, Json value);  // to an object; returns *this
  Json& Add(Json value);                         // to an array
};

struct JsonMember {
  std::string name;
  Json value;
};

inline constexpr std::size_t kMaxJsonDepth = 32;

Result<Json> ParseJson(std::string_view text, std::size_t max_bytes);
// Two spaces a level and no space at ends of lines; reads back as the same document.
std::string WriteJson(const Json& json);

// One place in a document, which must outlive it.
class JsonReader {
 public:
  explicit JsonReader(const Json& json) : JsonReader(json, "$") {}

  // nullopt where there is no such member, or it is null. Only of objects (see Members).
  std::optional<JsonReader> Find(std::string_view name) const;
  Result<JsonReader> Get(std::string_view name) const;  // the same, but it must be there
  // It is an object, and all its members are among these.
  Result<> Members(std::initializer_list<std::string_view> known) const;
  Result<> IsObject() const;
  Result<std::vector<JsonReader>> Items() const;
  Result<std::string> String() const;
  Result<std::int64_t> Integer(std::int64_t least, std::int64_t most) const;
  Result<bool> Boolean() const;

  std::unexpected<Error> Wrong(std::string_view what) const;  // "$.rules[0]: what."
  const std::string& path() const { return path_; }

 private:
  JsonReader(const Json& json, std::string path) : json_(&json), path_(std::move(path)) {}

  const Json* json_;
  std::string path_;
};

}  // namespace forebay::azure
