// Writing and reading flat JSON objects without a word too many, for messages.
//
// Writer leaves out what is empty where asked to, and writes UTF-8 whatever a text is: one that is
// not keeps its ASCII only. Reader takes fields by name, remembers the first
// that is missing or of another type, and says so in the end; it must not outlive the document.
// Values, thread compatible.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "azure/json.h"
#include "base/result.h"

namespace forebay::admin {

class ObjectWriter {
 public:
  ObjectWriter& Text(std::string_view name, std::string_view value);
  ObjectWriter& TextIfAny(std::string_view name, std::string_view value);
  ObjectWriter& Number(std::string_view name, std::uint64_t value);
  ObjectWriter& Flag(std::string_view name, bool value);
  ObjectWriter& Texts(std::string_view name, const std::vector<std::string>& values);
  ObjectWriter& Value(std::string_view name, azure::Json value);
  azure::Json Done() { return std::move(json_); }
  std::string Write() const { return azure::WriteJson(json_) + "\n"; }

 private:
  azure::Json json_ = azure::Json::Object();
};

class ObjectReader {
 public:
  explicit ObjectReader(azure::JsonReader at) : at_(std::move(at)), problem_(at_.IsObject()) {}

  std::string Required(std::string_view name);
  std::string Text(std::string_view name);  // empty where absent
  std::uint64_t RequiredNumber(std::string_view name);
  std::uint64_t Number(std::string_view name);  // 0 where absent
  bool Flag(std::string_view name);
  std::vector<std::string> Texts(std::string_view name);
  std::optional<azure::JsonReader> Object(std::string_view name);
  std::vector<azure::JsonReader> Items(std::string_view name);

  template <class T>
  Result<T> Finish(T value) {
    if (!problem_) return Fail(std::move(problem_.error()));
    return value;
  }

 private:
  template <class T>
  T Take(Result<T> value) {
    if (value) return std::move(*value);
    if (problem_) problem_ = std::unexpected(std::move(value.error()));
    return T();
  }

  azure::JsonReader at_;
  Result<> problem_;
};

// A message's text as a document: at most 4 MiB.
Result<azure::Json> ParseMessage(std::string_view text);

inline std::string WriteMessage(const azure::Json& json) { return azure::WriteJson(json) + "\n"; }

// {"name": [value, …]}
template <class T>
std::string WriteMessages(std::string_view name, const std::vector<T>& values,
                          azure::Json (*json_of)(const T&)) {
  azure::Json list = azure::Json::Array();
  for (const T& value : values) list.Add(json_of(value));
  return ObjectWriter().Value(name, std::move(list)).Write();
}

template <class T>
Result<T> ReadMessage(std::string_view text, Result<T> (*read)(azure::JsonReader)) {
  FB_ASSIGN_OR_RETURN(const azure::Json json, ParseMessage(text));
  return read(azure::JsonReader(json));
}

// The list must be there.
template <class T>
Result<std::vector<T>> ReadMessages(std::string_view text, std::string_view name,
                                    Result<T> (*read)(azure::JsonReader)) {
  FB_ASSIGN_OR_RETURN(const azure::Json json, ParseMessage(text));
  FB_ASSIGN_OR_RETURN(const azure::JsonReader list, azure::JsonReader(json).Get(name));
  FB_ASSIGN_OR_RETURN(const std::vector<azure::JsonReader> items, list.Items());
  std::vector<T> out;
  for (const azure::JsonReader& item : items) {
    FB_ASSIGN_OR_RETURN(T value, read(item));
    out.push_back(std::move(value));
  }
  return out;
}

}  // namespace forebay::admin
