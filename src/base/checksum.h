// Checksums of the data path. All are resumable: pass the previous result as the seed.
//
// Thread safe (pure functions and value types).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.h"

namespace forebay {

// CRC-64/NVME (poly 0xAD93D23594C93659, reflected, init and xorout all ones): what Azure sends as
// x-ms-content-crc64 (as 8 little-endian bytes in base64). Seed with a previous result to go on;
// Crc64("") is 0. Runs at memory speed where the CPU has PCLMULQDQ.
std::uint64_t Crc64(ByteView data, std::uint64_t seed = 0);

// The CRC-64/NVME of A‖B from that of A, that of B, and B's length; O(log length).
std::uint64_t Crc64Combine(std::uint64_t crc_a, std::uint64_t crc_b, std::uint64_t length_b);

// CRC-32C (Castagnoli), for records and file headers. Crc32c("") is 0.
std::uint32_t Crc32c(ByteView data, std::uint32_t seed = 0);

using Md5Digest = std::array<std::byte, 16>;

// Incremental MD5 (RFC 1321), as Azure's Content-MD5 needs it. Movable; one thread at a time.
class Md5 {
 public:
  Md5();
  ~Md5();
  Md5(Md5&&) noexcept;
  Md5& operator=(Md5&&) noexcept;

  void Update(ByteView data);
  // Ends the computation; the object must not be used again.
  Md5Digest Finish();

  static Md5Digest Of(ByteView data);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace forebay
