// CRC-32C (Castagnoli), reflected like crc64.cc.
#include <array>

#include "base/checksum.h"
#include "base/checksum_internal.h"
#include "base/reflected_crc.h"

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace forebay {
namespace {

constexpr std::uint32_t kPoly = 0x82F63B78;  // 0x1EDC6F41 reflected

using Crc = internal::ReflectedCrc<std::uint32_t, kPoly>;
using internal::Load64;

#if defined(__x86_64__)

// The instruction takes three cycles and one can start every cycle, so three stretches run side by
// side and are joined by shifting a state over kStretch zero bytes with the tables below.
constexpr std::size_t kStretch = 1024;

using ShiftTables = std::array<std::array<std::uint32_t, 256>, 4>;

constexpr std::uint32_t OverZeros(std::uint32_t state) {
  for (std::size_t i = 0; i < kStretch; ++i) state = (state >> 8) ^ Crc::kTables[0][state & 0xff];
  return state;
}

constexpr ShiftTables MakeShiftTables() {
  // The map is linear: shift each single bit, then combine.
  std::array<std::uint32_t, 32> bit{};
  for (std::size_t i = 0; i < 32; ++i) bit[i] = OverZeros(std::uint32_t{1} << i);
  ShiftTables t{};
  for (std::size_t byte = 0; byte < 4; ++byte) {
    for (std::size_t value = 0; value < 256; ++value) {
      for (std::size_t i = 0; i < 8; ++i) {
        if ((value >> i & 1) != 0) t[byte][value] ^= bit[8 * byte + i];
      }
    }
  }
  return t;
}

const ShiftTables kShift = MakeShiftTables();

std::uint32_t Shift(std::uint32_t state) {
  return kShift[0][state & 0xff] ^ kShift[1][(state >> 8) & 0xff] ^
         kShift[2][(state >> 16) & 0xff] ^ kShift[3][state >> 24];
}

__attribute__((target("sse4.2"))) std::uint32_t Sse42Update(std::uint32_t state, const std::byte* p,
                                                            std::size_t n) {
  for (; n >= 3 * kStretch; n -= 3 * kStretch, p += 3 * kStretch) {
    std::uint64_t a = state, b = 0, c = 0;
    for (std::size_t i = 0; i < kStretch; i += 8) {
      a = _mm_crc32_u64(a, Load64(p + i));
      b = _mm_crc32_u64(b, Load64(p + kStretch + i));
      c = _mm_crc32_u64(c, Load64(p + 2 * kStretch + i));
    }
    state = Shift(Shift(static_cast<std::uint32_t>(a)) ^ static_cast<std::uint32_t>(b)) ^
            static_cast<std::uint32_t>(c);
  }
  std::uint64_t wide = state;
  for (; n >= 8; n -= 8, p += 8) wide = _mm_crc32_u64(wide, Load64(p));
  state = static_cast<std::uint32_t>(wide);
  for (; n != 0; --n, ++p) state = _mm_crc32_u8(state, std::to_integer<std::uint8_t>(*p));
  return state;
}

#endif  // __x86_64__

}  // namespace

namespace internal {

std::uint32_t Crc32cTable(ByteView data, std::uint32_t seed) {
  return ~Crc::Update(~seed, data.data(), data.size());
}

#if defined(__x86_64__)
bool HaveSse42() { return __builtin_cpu_supports("sse4.2"); }
std::uint32_t Crc32cSse42(ByteView data, std::uint32_t seed) {
  return ~Sse42Update(~seed, data.data(), data.size());
}
#else
bool HaveSse42() { return false; }
std::uint32_t Crc32cSse42(ByteView data, std::uint32_t seed) { return Crc32cTable(data, seed); }
#endif

}  // namespace internal

std::uint32_t Crc32c(ByteView data, std::uint32_t seed) {
  static const bool have_instruction = internal::HaveSse42();
  return have_instruction ? internal::Crc32cSse42(data, seed) : internal::Crc32cTable(data, seed);
}

}  // namespace forebay
