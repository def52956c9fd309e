// Random UUIDs (RFC 9562, version 4) as lower-case text: request ids, lease ids, copy ids.
//
// Fast: a generator of each thread, seeded by the kernel. Unique, but not secret: never use one as
// a key or a token. Thread safe.
#pragma once

#include <cstdint>
#include <string>

namespace forebay {

// "7f2c1d7e-3f0a-4c53-9d55-0f1e2d3c4b5a"
std::string NewUuid();

// 64 uniform bits of the same generator: jitter, sampling, session ids.
std::uint64_t RandomU64();

}  // namespace forebay
