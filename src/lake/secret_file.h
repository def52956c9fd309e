// A secret in a file that somebody replaces now and then: a SAS or a bearer token that is rotated.
//
// One user at a time. Nothing here shows what is in the file.
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/result.h"

namespace forebay::lake {

// The text without what ends its line. kInvalidConfig, naming the file, where it cannot be read or
// is empty.
Result<std::string> ReadSecret(const std::string& path);

class SecretFile {
 public:
  // `text`: what ReadSecret has found in it.
  SecretFile(std::string path, std::string text)
      : path_(std::move(path)), stamp_(StampNow()), text_(std::move(text)) {}

  // False: what is in the file is no secret (yet); it is looked at again.
  using Take = std::function<bool(const std::string& text)>;
  // Shows the file where it is another than it was; looks at most once a second.
  void Look(const Take& take);
  // The secret in use was refused: shows what is there. True when what is in use now was taken
  // within the last minute: what was refused may have been sent with the one before.
  bool LookAfterRefusal(const Take& take);

 private:
  using Stamp = std::pair<std::filesystem::file_time_type, std::uintmax_t>;
  Stamp StampNow() const;
  void Show(const Take& take);

  const std::string path_;
  Stamp stamp_;
  std::string text_;
  SteadyTime look_at_{};
  std::optional<SteadyTime> changed_;  // since this was made
};

}  // namespace forebay::lake
