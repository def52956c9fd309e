#include "base/checksum.h"

#include <gtest/gtest.h>

#include <random>

#include "base/checksum_internal.h"
#include "base/encoding.h"

namespace forebay {
namespace {

// Straight from the definition: one bit at a time.
template <class T>
T Bitwise(ByteView data, T poly, T seed) {
  T crc = ~seed;
  for (std::byte b : data) {
    crc ^= std::to_integer<T>(b);
    for (int i = 0; i < 8; ++i) crc = (crc & 1) != 0 ? (crc >> 1) ^ poly : crc >> 1;
  }
  return ~crc;
}
std::uint64_t Bitwise64(ByteView data, std::uint64_t seed) {
  return Bitwise<std::uint64_t>(data, 0x9A6C9329AC4BC9B5, seed);
}
std::uint32_t Bitwise32(ByteView data, std::uint32_t seed) {
  return Bitwise<std::uint32_t>(data, 0x82F63B78, seed);
}

std::string RandomBytes(std::size_t size) {
  std::mt19937_64 random(size + 1);
  std::string bytes(size, '\0');
  for (char& c : bytes) c = static_cast<char>(random());
  return bytes;
}

// All lengths around the block sizes of the vector code, at shifting alignments.
template <class Tested, class Reference, class Seed>
void Compare(Tested tested, Reference reference, Seed seed) {
  std::string bytes = RandomBytes(20'000);
  std::vector<std::size_t> sizes;
  for (std::size_t n = 0; n < 600; ++n) sizes.push_back(n);
  for (std::size_t n :
       {1023u, 1024u, 1025u, 1279u, 1280u, 1311u, 3071u, 3072u, 3073u, 6143u, 6152u, 9999u}) {
    sizes.push_back(n);
  }
  for (std::size_t n : sizes) {
    ByteView view = AsBytes(bytes).subspan(n % 17, n);
    ASSERT_EQ(tested(view, Seed{0}), reference(view, Seed{0})) << n;
    ASSERT_EQ(tested(view, seed), reference(view, seed)) << n;
  }
}

constexpr std::uint64_t kSeed64 = 0x0123456789abcdef;
constexpr std::uint32_t kSeed32 = 0x89abcdef;

TEST(Crc64, CheckValues) {
  EXPECT_EQ(Crc64(AsBytes("123456789")), 0xAE8B14860A799888u);
  EXPECT_EQ(Crc64({}), 0u);
  EXPECT_EQ(Crc64({}, kSeed64), kSeed64);
  EXPECT_EQ(Bitwise64(AsBytes("123456789"), 0), 0xAE8B14860A799888u);
}
TEST(Crc64, TableMatchesTheDefinition) { Compare(internal::Crc64Table, Bitwise64, kSeed64); }
// The fastest way that this CPU has, and those that another one would take instead.
TEST(Crc64, EachWayOfThisCpuMatchesTheDefinition) {
  Compare([](ByteView data, std::uint64_t seed) { return Crc64(data, seed); }, Bitwise64, kSeed64);
  if (internal::HaveClmul()) Compare(internal::Crc64Clmul, Bitwise64, kSeed64);
  if (internal::HaveVectorClmul()) Compare(internal::Crc64VectorClmul, Bitwise64, kSeed64);
}
TEST(Crc64, GoesOnFromASeed) {
  std::string bytes = RandomBytes(5000);
  ByteView all = AsBytes(bytes);
  for (std::size_t cut : {0u, 1u, 127u, 128u, 1500u, 4999u, 5000u}) {
    EXPECT_EQ(Crc64(all.subspan(cut), Crc64(all.first(cut))), Crc64(all)) << cut;
  }
}
TEST(Crc64, CombineMatchesConcatenation) {
  std::string bytes = RandomBytes(9000);
  ByteView all = AsBytes(bytes);
  for (std::size_t cut : {0u, 1u, 8u, 4096u, 8999u, 9000u}) {
    ByteView a = all.first(cut), b = all.subspan(cut);
    EXPECT_EQ(Crc64Combine(Crc64(a), Crc64(b), b.size()), Crc64(all)) << cut;
  }
  // 4 TiB of B in doublings, against zeros combined in halves.
  std::uint64_t zeros = Crc64(AsBytes(std::string(1024, '\0')));
  std::uint64_t length = 1024;
  for (; length < (std::uint64_t{1} << 42); length *= 2) zeros = Crc64Combine(zeros, zeros, length);
  std::uint64_t half = Crc64(AsBytes(std::string(1024, '\0')));
  for (std::uint64_t n = 1024; n < (std::uint64_t{1} << 41); n *= 2)
    half = Crc64Combine(half, half, n);
  EXPECT_EQ(Crc64Combine(half, half, std::uint64_t{1} << 41), zeros);
}

TEST(Crc32c, CheckValues) {
  EXPECT_EQ(Crc32c(AsBytes("123456789")), 0xE3069283u);
  EXPECT_EQ(Crc32c(AsBytes(std::string(32, '\0'))), 0x8A9136AAu);  // RFC 3720 B.4
  EXPECT_EQ(Crc32c({}), 0u);
}
TEST(Crc32c, TableMatchesTheDefinition) { Compare(internal::Crc32cTable, Bitwise32, kSeed32); }
TEST(Crc32c, EachWayOfThisCpuMatchesTheDefinition) {
  Compare([](ByteView data, std::uint32_t seed) { return Crc32c(data, seed); }, Bitwise32, kSeed32);
  if (internal::HaveSse42()) Compare(internal::Crc32cSse42, Bitwise32, kSeed32);
}

TEST(Md5, Rfc1321Suite) {
  auto hex = [](std::string_view text) { return HexEncode(Md5::Of(AsBytes(text))); };
  EXPECT_EQ(hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(hex("abc"), "900150983cd24fb0d6963f7d28e17f72");
  Md5 md5;
  md5.Update(AsBytes("message "));
  Md5 moved = std::move(md5);
  moved.Update(AsBytes("digest"));
  EXPECT_EQ(HexEncode(moved.Finish()), "f96b697d7cb7938d525a2f31aaf161d0");
}

}  // namespace
}  // namespace forebay
