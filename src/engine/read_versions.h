// Versions of files that mounts are on. A mount reads an open file as one version, which it names
// by its ETag; when the file changes meanwhile, that version stays readable for as long as it is
// being read, and what was only added at the end is told from what was changed.
//
// Kept in memory, and bounded: a restart of the server forgets, and so does kLately without a read.
// Then the version is gone, and its reader is told so; it is never given bytes of another one.
// Thread safe. Holds pins of the chunk store, which outlives it.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "azure/names.h"
#include "base/clock.h"
#include "meta/ids.h"

namespace forebay::engine {

struct HeldVersion;  // get_blob.h

class ReadVersions {
 public:
  // How long after its last read a version counts as being read.
  static constexpr std::chrono::seconds kLately{60};
  static constexpr std::size_t kMostNoted = 65'536;
  static constexpr std::size_t kMostHeld = 1'024;

  // One version of one file.
  struct Version {
    std::uint64_t inode = 0;
    azure::ETag etag;
  };
  struct Content {
    meta::BodyId body{0};
    std::uint64_t length = 0;
  };

  ReadVersions();
  ~ReadVersions();
  ReadVersions(const ReadVersions&) = delete;
  ReadVersions& operator=(const ReadVersions&) = delete;

  // Somebody has read from it just now, by its ETag.
  void Note(const Version& version, Content content, WallTime now);
  // What it was, if it was read lately.
  std::optional<Content> Noted(const Version& version, WallTime now) const;

  // It is about to be replaced: its bytes are held where they are.
  void Hold(const Version& version, std::shared_ptr<const HeldVersion> held, WallTime now);
  // Null when it is not held. A find is a read.
  std::shared_ptr<const HeldVersion> Find(const Version& version, WallTime now);
  // Lets go of what nobody has read lately.
  void Expire(WallTime now);
  std::size_t held() const;

  // `to` is `from` with bytes added at the end, or none.
  void Grew(const Version& from, const azure::ETag& to);
  // The first version of which `version` is known to be a continuation; its own ETag where that is
  // not known of any other.
  azure::ETag GrownFrom(const Version& version) const;

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace forebay::engine
