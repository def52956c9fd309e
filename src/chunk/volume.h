// A data directory: its identity, its health and its room.
//
// Thread safe. A volume that failed stays failed until the process starts again: after a failed
// sync nobody knows what it holds.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>

#include "base/result.h"
#include "chunk/hole_board.h"
#include "chunk/options.h"
#include "chunk/records.h"
#include "io/file_system.h"

namespace forebay::chunk {

class Volume {
 public:
  Volume(io::FileSystem& fs, std::string uuid, VolumeNumber number, std::string path,
         VolumeState state)
      : fs_(fs), uuid_(std::move(uuid)), number_(number), path_(std::move(path)), state_(state) {}

  const std::string& uuid() const { return uuid_; }
  VolumeNumber number() const { return number_; }
  const std::string& path() const { return path_; }
  std::string SegmentPath(SegmentId id) const;
  std::string SegmentsPath() const { return path_ + "/segments"; }

  VolumeState state() const { return state_.load(std::memory_order_acquire); }
  void SetState(VolumeState state) { state_.store(state, std::memory_order_release); }
  void MarkFailed(const Error& cause);
  std::string failure() const;
  // kVolumeFailed unless chunks here can be read.
  Result<> CheckReadable() const;
  bool writable() const { return state() == VolumeState::kActive; }

  // False when `bytes` more, on top of those in flight, would reach into the reserve.
  Result<bool> HasRoom(std::uint64_t bytes, std::uint64_t reserve) const;
  Result<io::SpaceInfo> Space() const { return fs_.Space(path_); }

  std::atomic<std::uint64_t>& in_flight_bytes() { return in_flight_bytes_; }
  void HoldLock(std::unique_ptr<io::FileLock> lock) { lock_ = std::move(lock); }
  // For those who read its files themselves; null where nobody can.
  HoleBoard* board() const { return board_.get(); }
  void OpenBoard() { board_ = HoleBoard::Open(fs_, path_ + "/HOLES"); }

 private:
  io::FileSystem& fs_;
  const std::string uuid_;
  const VolumeNumber number_;
  const std::string path_;
  std::atomic<VolumeState> state_;
  std::atomic<std::uint64_t> in_flight_bytes_{0};
  std::unique_ptr<io::FileLock> lock_;
  std::unique_ptr<HoleBoard> board_;  // set before anybody else has the volume
  mutable std::mutex mutex_;
  std::string failure_;
};
using VolumePtr = std::shared_ptr<Volume>;

}  // namespace forebay::chunk
