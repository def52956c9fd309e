// Strong types: numbers and strings that cannot be mistaken for one another.
//
//   using SegmentId = StrongId<struct SegmentIdTag>;
//   using BlobName = StrongString<struct BlobNameTag>;
// Value types, as thread safe as what they hold. Construction is explicit and does not validate;
// validation is where the bytes come in (azure/names.h).
#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace forebay {

template <class Tag, class Rep = std::uint64_t>
class StrongId {
 public:
  constexpr StrongId() = default;
  constexpr explicit StrongId(Rep value) : value_(value) {}
  constexpr Rep value() const { return value_; }
  friend constexpr auto operator<=>(StrongId, StrongId) = default;

 private:
  Rep value_{};
};

template <class Tag>
class StrongString {
 public:
  StrongString() = default;
  explicit StrongString(std::string value) : value_(std::move(value)) {}
  explicit StrongString(std::string_view value) : value_(value) {}
  explicit StrongString(const char* value) : value_(value) {}
  const std::string& str() const { return value_; }
  std::string_view view() const { return value_; }
  bool empty() const { return value_.empty(); }
  std::size_t size() const { return value_.size(); }
  friend auto operator<=>(const StrongString&, const StrongString&) = default;
  friend bool operator==(const StrongString&, const StrongString&) = default;

 private:
  std::string value_;
};

}  // namespace forebay

template <class Tag, class Rep>
struct std::hash<forebay::StrongId<Tag, Rep>> {
  std::size_t operator()(forebay::StrongId<Tag, Rep> id) const noexcept {
    return std::hash<Rep>{}(id.value());
  }
};
template <class Tag>
struct std::hash<forebay::StrongString<Tag>> {
  std::size_t operator()(const forebay::StrongString<Tag>& s) const noexcept {
    return std::hash<std::string_view>{}(s.view());
  }
};
