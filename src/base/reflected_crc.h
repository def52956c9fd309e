// A reflected CRC by tables, eight bytes a step: what crc32c.cc and crc64.cc share, and what they
// fall back on where the CPU has no instruction for it. Reflected: in a word, bit 0 is the
// coefficient of the highest power of x. Private to base.
//
// Thread safe: pure functions over constants.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace forebay::internal {

static_assert(std::endian::native == std::endian::little, "loads below assume little endian");

inline std::uint64_t Load64(const std::byte* p) {
  std::uint64_t word;
  std::memcpy(&word, p, sizeof word);
  return word;
}

template <typename Word, Word kPoly>
struct ReflectedCrc {
  using Tables = std::array<std::array<Word, 256>, 8>;

  static constexpr Word TimesX(Word a) { return (a >> 1) ^ ((a & 1) != 0 ? kPoly : 0); }

  static constexpr Tables MakeTables() {
    Tables t{};
    for (std::size_t i = 0; i < 256; ++i) {
      Word crc = static_cast<Word>(i);
      for (int bit = 0; bit < 8; ++bit) crc = TimesX(crc);
      t[0][i] = crc;
    }
    for (std::size_t i = 0; i < 256; ++i) {
      for (std::size_t k = 1; k < 8; ++k) t[k][i] = (t[k - 1][i] >> 8) ^ t[0][t[k - 1][i] & 0xff];
    }
    return t;
  }
  static constexpr Tables kTables = MakeTables();

  // Advances the raw state (no inversion) over `n` bytes.
  static Word Update(Word state, const std::byte* p, std::size_t n) {
    for (; n >= 8; n -= 8, p += 8) {
      std::uint64_t w = state ^ Load64(p);
      state = kTables[7][w & 0xff] ^ kTables[6][(w >> 8) & 0xff] ^ kTables[5][(w >> 16) & 0xff] ^
              kTables[4][(w >> 24) & 0xff] ^ kTables[3][(w >> 32) & 0xff] ^
              kTables[2][(w >> 40) & 0xff] ^ kTables[1][(w >> 48) & 0xff] ^ kTables[0][w >> 56];
    }
    for (; n != 0; --n, ++p) {
      state = (state >> 8) ^ kTables[0][(state ^ std::to_integer<Word>(*p)) & 0xff];
    }
    return state;
  }
};

}  // namespace forebay::internal
