// A secret in a file that somebody replaces now and then: a SAS or a bearer token that is rotated.
//
// One user at a time. Nothing here shows what is in the file.
#pragma once

#include <filesystem>
#include <functional>
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
  // What is in it now is known to the caller.
  explicit SecretFile(std::string path) : path_(std::move(path)), stamp_(StampNow()) {}

  // False: what is in the file is no secret (yet); it is looked at again.
  using Take = std::function<bool(const std::string& text)>;
  // Shows the file where it is another than it was; looks at most once a second.
  void Look(const Take& take);
  // The secret in use was refused: shows what is there.
  void LookNow(const Take& take);

 private:
  using Stamp = std::pair<std::filesystem::file_time_type, std::uintmax_t>;
  Stamp StampNow() const;

  const std::string path_;
  Stamp stamp_;
  SteadyTime look_at_{};
};

}  // namespace forebay::lake
