// CRC-64/NVME. Polynomials are kept reflected: in a 64-bit word, bit 0 is the coefficient of x^63.
#include <array>

#include "base/checksum.h"
#include "base/checksum_internal.h"
#include "base/reflected_crc.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace forebay {
namespace {

constexpr std::uint64_t kPoly = 0x9A6C9329AC4BC9B5;  // 0xAD93D23594C93659 reflected
constexpr std::uint64_t kOne = std::uint64_t{1} << 63;

using Crc = internal::ReflectedCrc<std::uint64_t, kPoly>;

// a · b mod P.
constexpr std::uint64_t Multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  for (; a != 0; a <<= 1) {
    if ((a & kOne) != 0) product ^= b;
    b = Crc::TimesX(b);
  }
  return product;
}

// x^n mod P.
constexpr std::uint64_t PowerOfX(std::uint64_t n) {
  std::uint64_t result = kOne;
  std::uint64_t square = kOne >> 1;  // x
  for (; n != 0; n >>= 1) {
    if ((n & 1) != 0) result = Multiply(result, square);
    square = Multiply(square, square);
  }
  return result;
}

#if defined(__x86_64__)

// A 16-byte block is L·x^64 + H with L the first eight bytes. Moving it ahead by D bits is
// L·x^(D+64) + H·x^D; the carry-less product of reflected words has one factor x too many, hence
// -1.
// ("Fast CRC Computation for Generic Polynomials Using PCLMULQDQ", Intel, 2009.)
template <unsigned kBits>
struct Fold {
  static constexpr std::uint64_t kLow = PowerOfX(kBits + 63);
  static constexpr std::uint64_t kHigh = PowerOfX(kBits - 1);
};

template <unsigned kBits>
__attribute__((target("pclmul,sse4.1"), always_inline)) inline __m128i FoldOnto(__m128i block,
                                                                                __m128i next) {
  const __m128i k = _mm_set_epi64x(static_cast<long long>(Fold<kBits>::kHigh),
                                   static_cast<long long>(Fold<kBits>::kLow));
  return _mm_xor_si128(next, _mm_xor_si128(_mm_clmulepi64_si128(block, k, 0x00),
                                           _mm_clmulepi64_si128(block, k, 0x11)));
}

__attribute__((target("pclmul,sse4.1"), always_inline)) inline __m128i Load128(const std::byte* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}

// Eight blocks in flight hide the multiplier's latency. Needs n >= 128.
__attribute__((target("pclmul,sse4.1"))) std::uint64_t ClmulUpdate(std::uint64_t state,
                                                                   const std::byte* p,
                                                                   std::size_t n) {
  __m128i lane[8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; ++i) lane[i] = Load128(p + 16 * i);
  lane[0] = _mm_xor_si128(lane[0], _mm_set_epi64x(0, static_cast<long long>(state)));
  p += 128;
  n -= 128;
  for (; n >= 128; n -= 128, p += 128) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; ++i) lane[i] = FoldOnto<1024>(lane[i], Load128(p + 16 * i));
  }
  __m128i sum = lane[0];
#pragma clang loop unroll(full)
  for (int i = 1; i < 8; ++i) sum = FoldOnto<128>(sum, lane[i]);
  for (; n >= 16; n -= 16, p += 16) sum = FoldOnto<128>(sum, Load128(p));
  // The sum is congruent to all bytes so far; the tables reduce its 16 bytes.
  alignas(16) std::byte rest[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(rest), sum);
  return Crc::Update(Crc::Update(0, rest, sizeof rest), p, n);
}

// The same with two blocks a register. Needs n >= 256.
__attribute__((target("vpclmulqdq,pclmul,avx2"))) std::uint64_t VectorClmulUpdate(
    std::uint64_t state, const std::byte* p, std::size_t n) {
  const auto load = [](const std::byte* at) __attribute__((target("avx2"), always_inline)) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
  };
  const __m256i k = _mm256_broadcastsi128_si256(_mm_set_epi64x(
      static_cast<long long>(Fold<2048>::kHigh), static_cast<long long>(Fold<2048>::kLow)));
  __m256i lane[8];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; ++i) lane[i] = load(p + 32 * i);
  lane[0] = _mm256_xor_si256(lane[0], _mm256_set_epi64x(0, 0, 0, static_cast<long long>(state)));
  p += 256;
  n -= 256;
  for (; n >= 256; n -= 256, p += 256) {
#pragma clang loop unroll(full)
    for (int i = 0; i < 8; ++i) {
      __m256i low = _mm256_clmulepi64_epi128(lane[i], k, 0x00);
      __m256i high = _mm256_clmulepi64_epi128(lane[i], k, 0x11);
      lane[i] = _mm256_xor_si256(load(p + 32 * i), _mm256_xor_si256(low, high));
    }
  }
  alignas(32) std::byte blocks[256];
#pragma clang loop unroll(full)
  for (int i = 0; i < 8; ++i) {
    _mm256_store_si256(reinterpret_cast<__m256i*>(blocks + 32 * i), lane[i]);
  }
  __m128i sum = Load128(blocks);
  for (int i = 1; i < 16; ++i) sum = FoldOnto<128>(sum, Load128(blocks + 16 * i));
  for (; n >= 16; n -= 16, p += 16) sum = FoldOnto<128>(sum, Load128(p));
  alignas(16) std::byte rest[16];
  _mm_store_si128(reinterpret_cast<__m128i*>(rest), sum);
  return Crc::Update(Crc::Update(0, rest, sizeof rest), p, n);
}

#endif  // __x86_64__

using Function = std::uint64_t (*)(ByteView, std::uint64_t);

Function Pick() {
  if (internal::HaveVectorClmul()) return internal::Crc64VectorClmul;
  if (internal::HaveClmul()) return internal::Crc64Clmul;
  return internal::Crc64Table;
}

}  // namespace

namespace internal {

std::uint64_t Crc64Table(ByteView data, std::uint64_t seed) {
  return ~Crc::Update(~seed, data.data(), data.size());
}

#if defined(__x86_64__)
bool HaveClmul() { return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"); }
bool HaveVectorClmul() {
  return HaveClmul() && __builtin_cpu_supports("vpclmulqdq") && __builtin_cpu_supports("avx2");
}

std::uint64_t Crc64Clmul(ByteView data, std::uint64_t seed) {
  if (data.size() < 128) return Crc64Table(data, seed);
  return ~ClmulUpdate(~seed, data.data(), data.size());
}

std::uint64_t Crc64VectorClmul(ByteView data, std::uint64_t seed) {
  if (data.size() < 1024)
    return Crc64Clmul(data, seed);  // setting up would cost more than it saves
  return ~VectorClmulUpdate(~seed, data.data(), data.size());
}
#else
bool HaveClmul() { return false; }
bool HaveVectorClmul() { return false; }
std::uint64_t Crc64Clmul(ByteView data, std::uint64_t seed) { return Crc64Table(data, seed); }
std::uint64_t Crc64VectorClmul(ByteView data, std::uint64_t seed) { return Crc64Table(data, seed); }
#endif

}  // namespace internal

std::uint64_t Crc64(ByteView data, std::uint64_t seed) {
  static const Function function = Pick();
  return function(data, seed);
}

std::uint64_t Crc64Combine(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t length_b) {
  // Init and final inversion cancel out: crc(A‖B) = crc(A)·x^(8·|B|) + crc(B). The order of x
  // divides 2^64 - 1, so the wrap of 8·length for absurd lengths is taken by multiplying three
  // doublings in.
  std::uint64_t shift = PowerOfX(length_b);
  for (int i = 0; i < 3; ++i) shift = Multiply(shift, shift);
  return Multiply(crc_a, shift) ^ crc_b;
}

}  // namespace forebay
