// Writing and reading flat JSON objects without a word too many, for messages.
//
// Writer leaves out what is empty where asked to. Reader takes fields by name, remembers the first
// that is missing or of another type, and says so in the end; it must not outlive the document.
// Values, thread compatible.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
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
  std::uint64_t Number(std::string_view name);
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

}  // namespace forebay::admin
