// Views of raw bytes. Blob data is `ByteView`/`MutableByteView`; keys and records are
// std::string_view.
#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace forebay {

using ByteView = std::span<const std::byte>;
using MutableByteView = std::span<std::byte>;

inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

inline constexpr std::size_t operator""_KiB(unsigned long long n) { return n << 10; }
inline constexpr std::size_t operator""_MiB(unsigned long long n) { return n << 20; }
inline constexpr std::size_t operator""_GiB(unsigned long long n) { return n << 30; }

}  // namespace forebay
