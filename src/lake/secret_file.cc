#include "lake/secret_file.h"

#include <fstream>
#include <sstream>
#include <system_error>

namespace forebay::lake {

using namespace std::chrono_literals;

namespace {

// For requests that were under way with the secret before.
constexpr auto kOnTheWay = 1min;

}  // namespace

Result<std::string> ReadSecret(const std::string& path) {
  std::ifstream file(path);
  std::stringstream text;
  text << file.rdbuf();
  std::string out = text.str();
  while (!out.empty() && (out.back() == '\n' || out.back() == '\r' || out.back() == ' ')) {
    out.pop_back();
  }
  if (!file || out.empty()) {
    return Fail(Code::kInvalidConfig, "The credential cannot be read from " + path + ".");
  }
  return out;
}

SecretFile::Stamp SecretFile::StampNow() const {
  std::error_code error;
  const auto time = std::filesystem::last_write_time(path_, error);
  return {time, std::filesystem::file_size(path_, error)};
}

void SecretFile::Look(const Take& take) {
  const SteadyTime now = std::chrono::steady_clock::now();
  if (now < look_at_) return;
  look_at_ = now + 1s;
  if (StampNow() != stamp_) Show(take);
}

bool SecretFile::LookAfterRefusal(const Take& take) {
  Show(take);
  return changed_ && std::chrono::steady_clock::now() < *changed_ + kOnTheWay;
}

void SecretFile::Show(const Take& take) {
  const Stamp stamp = StampNow();
  auto text = ReadSecret(path_);
  if (!text || !take(*text)) return;
  stamp_ = stamp;
  if (*text == text_) return;
  text_ = std::move(*text);
  changed_ = std::chrono::steady_clock::now();
}

}  // namespace forebay::lake
