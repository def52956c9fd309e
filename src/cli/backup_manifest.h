// What the manifest of a backup says: docs/formats/backup.md. Value type.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace forebay::cli {

// The segments that the backup holds whole: path below volumes/, and size. The next backup into the
// same folder keeps them.
using BackupManifest = std::map<std::string, std::uint64_t>;

std::string EncodeBackupManifest(const BackupManifest& manifest);
// kCorruption.
Result<BackupManifest> DecodeBackupManifest(std::string_view text);

}  // namespace forebay::cli
