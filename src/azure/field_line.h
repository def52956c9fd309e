// `name=value;name=value`: the one line of text in which the POSIX extensions carry attributes,
// changes and places (docs/posix-extensions.md). Values are percent-encoded.
//
// Pure, one thread at a time, safe on hostile input.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace forebay::azure {

class FieldLineWriter {
 public:
  FieldLineWriter& Text(std::string_view name, std::string_view value);
  FieldLineWriter& Number(std::string_view name, std::uint64_t value);
  FieldLineWriter& Signed(std::string_view name, std::int64_t value);
  FieldLineWriter& Octal(std::string_view name, std::uint32_t value);
  std::string Take() { return std::move(out_); }
  const std::string& str() const { return out_; }

 private:
  void Name(std::string_view name);
  std::string out_;
};

class FieldLine {
 public:
  // kInvalidInput: a part without '=', a bad escape, a name given twice, more than 64 fields.
  static Result<FieldLine> Parse(std::string_view text);

  bool Has(std::string_view name) const { return Find(name) != nullptr; }
  // Decoded; null when absent.
  const std::string* Find(std::string_view name) const;
  // Empty when absent.
  std::string_view Get(std::string_view name) const;
  // nullopt when absent; kInvalidInput for what is no number of the kind.
  Result<std::optional<std::uint64_t>> Number(std::string_view name) const;
  Result<std::optional<std::int64_t>> Signed(std::string_view name) const;
  Result<std::optional<std::uint32_t>> Number32(std::string_view name) const;
  Result<std::optional<std::uint32_t>> Octal(std::string_view name) const;

 private:
  std::vector<std::pair<std::string, std::string>> fields_;
};

}  // namespace forebay::azure
