#include "base/uuid.h"

#include <sys/random.h>

#include <array>
#include <bit>
#include <string_view>

#include "base/log.h"

namespace forebay {
namespace {

// xoshiro256++ 1.0 by Blackman and Vigna (public domain): all 256 bits of state come from the
// kernel.
class Generator {
 public:
  Generator() {
    do {
      std::size_t filled = 0;
      auto* bytes = reinterpret_cast<unsigned char*>(state_.data());
      while (filled < sizeof state_) {
        ssize_t n = ::getrandom(bytes + filled, sizeof state_ - filled, 0);
        if (n > 0) filled += static_cast<std::size_t>(n);
        if (n < 0 && errno != EINTR) Panic("the kernel gives no random bytes");
      }
    } while (state_ == std::array<std::uint64_t, 4>{});  // the one state that never moves
  }

  std::uint64_t Next() {
    const std::uint64_t result = std::rotl(state_[0] + state_[3], 23) + state_[0];
    const std::uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = std::rotl(state_[3], 45);
    return result;
  }

 private:
  std::array<std::uint64_t, 4> state_{};
};

bool IsDash(std::size_t i) { return i == 8 || i == 13 || i == 18 || i == 23; }

}  // namespace

std::uint64_t RandomU64() {
  thread_local Generator generator;
  return generator.Next();
}

std::string NewUuid() {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::uint64_t high = RandomU64();
  std::uint64_t low = RandomU64();
  high = (high & ~std::uint64_t{0xf000}) | 0x4000;                     // version 4
  low = (low & ~(std::uint64_t{3} << 62)) | (std::uint64_t{2} << 62);  // RFC variant
  std::string text(36, '-');
  unsigned nibble = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (IsDash(i)) continue;
    std::uint64_t word = nibble < 16 ? high : low;
    text[i] = kDigits[word >> (60 - 4 * (nibble % 16)) & 15];
    ++nibble;
  }
  return text;
}

}  // namespace forebay
