// For tests: a folder of their own on the machine's disk, gone with the object. Declare it before
// what has files in it.
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "base/log.h"

namespace forebay {

class TempDir {
 public:
  TempDir() : path_(std::filesystem::temp_directory_path() / "forebay-test-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) Panic("cannot make " + path_);
  }
  ~TempDir() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace forebay
