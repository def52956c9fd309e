// The implementations behind checksum.h, one by one, so that tests can compare them. Everyone else
// calls checksum.h, which picks the fastest that this CPU has.
//
// Thread safe (pure functions). Seeds and results are as in checksum.h.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace forebay::internal {

std::uint64_t Crc64Table(ByteView data, std::uint64_t seed);
// Only where HaveClmul() is true.
std::uint64_t Crc64Clmul(ByteView data, std::uint64_t seed);
bool HaveClmul();
// Only where HaveVectorClmul() is true: AVX2 with VPCLMULQDQ.
std::uint64_t Crc64VectorClmul(ByteView data, std::uint64_t seed);
bool HaveVectorClmul();

std::uint32_t Crc32cTable(ByteView data, std::uint32_t seed);
// Only where HaveSse42() is true.
std::uint32_t Crc32cSse42(ByteView data, std::uint32_t seed);
bool HaveSse42();

}  // namespace forebay::internal
