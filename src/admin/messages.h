// What the administration says, in JSON: the bodies of requests and answers below /v1, for the
// server that serves them and the command that reads them.
//
// Pure functions, thread safe. Readers ignore fields that they do not know and answer kInvalidInput
// for text that is no JSON or lacks what is needed. Byte counts are bytes, times are RFC 3339.
// docs/administration.md shows each of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace forebay::admin {

// A time as messages have it: RFC 3339, to the second; empty for zero, which is never.
std::string TimeText(WallTime time);

// GET /v1/volumes
struct VolumeInfo {
  std::string uuid;
  std::string path;
  std::string state;         // active, draining, failed, missing, lost
  std::string failure = {};  // why, where it failed
  bool holds_metadata = false;
  std::uint64_t total_bytes = 0;
  std::uint64_t available_bytes = 0;
  std::uint64_t live_bytes = 0;
  std::uint64_t segment_bytes = 0;
  std::uint64_t segments = 0;
  friend bool operator==(const VolumeInfo&, const VolumeInfo&) = default;
};
std::string EncodeVolumes(const std::vector<VolumeInfo>& volumes);
Result<std::vector<VolumeInfo>> DecodeVolumes(std::string_view json);

// POST /v1/volumes/drain, activate, remove. The answer is the volume's VolumeInfo.
struct VolumeRequest {
  std::string volume;  // UUID, the beginning of one, or path
  bool force = false;
};
std::string EncodeVolumeRequest(const VolumeRequest& request);
Result<VolumeRequest> DecodeVolumeRequest(std::string_view json);
std::string EncodeVolume(const VolumeInfo& volume);
Result<VolumeInfo> DecodeVolume(std::string_view json);

// GET /v1/scrub; also the answer of POST /v1/scrub and of POST /v1/scrub/cancel.
struct ScrubInfo {
  bool running = false;
  std::string started;   // empty: never
  std::string finished;  // the last one that was completed
  std::uint64_t chunks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t live_bytes = 0;  // of all volumes: about what `bytes` grows to
  std::uint64_t damaged = 0;
  std::vector<std::string> findings;
  friend bool operator==(const ScrubInfo&, const ScrubInfo&) = default;
};
std::string EncodeScrub(const ScrubInfo& scrub);
Result<ScrubInfo> DecodeScrub(std::string_view json);

// POST /v1/scrub
struct ScrubRequest {
  std::optional<std::uint64_t> bytes_per_second;  // instead of the configured rate; 0: no limit
};
std::string EncodeScrubRequest(const ScrubRequest& request);
Result<ScrubRequest> DecodeScrubRequest(std::string_view json);

// POST /v1/backup
struct BackupRequest {
  std::string to;  // an absolute folder
};
std::string EncodeBackupRequest(const BackupRequest& request);
Result<BackupRequest> DecodeBackupRequest(std::string_view json);
struct BackupInfo {
  std::uint64_t segments_copied = 0;
  std::uint64_t segments_kept = 0;
  std::uint64_t bytes_copied = 0;
};
std::string EncodeBackup(const BackupInfo& backup);
Result<BackupInfo> DecodeBackup(std::string_view json);

// {"error": {"code": "NotFound", "message": "…"}}
std::string EncodeError(const Error& error);
// The error that a server's answer carries; kIo with the text itself where it is none of ours.
Error DecodeError(std::string_view json);

}  // namespace forebay::admin
