// The room on the store's disk: what is free, and who may still take of it.
//
// Lines, from the top, where `m` is RocksDbOptions::min_free_bytes. The layers above stop taking
// bytes well before (engine/disk_room.h).
//   32 m   no file sets room aside for what it may hold one day
//   8 m    scarce: buffers and the log are kept small, garbage is collected on its own account
//          (rocksdb_upkeep.h)
//   m      only transactions that make room, and flushes; compactions fail and are tried again
//   m / 2  nothing is written to the log any more
// What compactions write is new until they end, and only then does what they read become room:
// they are kept above `m`, so that what they take is never missing for a delete.
//
// Thread safe. RocksDB's types: included by the rocksdb*.cc files only.
#pragma once

#include <rocksdb/file_system.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"

namespace forebay::kv {

class Room {
 public:
  // Asks `file_system` about the disk of `path`.
  Room(std::shared_ptr<rocksdb::FileSystem> file_system, std::string path,
       std::uint64_t min_free_bytes)
      : file_system_(std::move(file_system)), path_(std::move(path)), line_(min_free_bytes) {}

  // Free bytes now. Asks the operating system, and remembers whether they are few.
  Result<std::uint64_t> Look();
  // As of the last Look; neither before it.
  bool scarce() const { return scarce_.load(std::memory_order_relaxed); }
  bool ample() const { return ample_.load(std::memory_order_relaxed); }

  std::uint64_t growth_line() const { return line_; }
  std::uint64_t last_line() const { return line_ / 2; }
  // What compactions may take of `free_bytes` when it is planned: half of what lies above the line
  // with as much again for buffers that are flushed meanwhile.
  std::uint64_t MovableBytes(std::uint64_t free_bytes) const {
    return free_bytes > 2 * line_ ? (free_bytes - 2 * line_) / 2 : 0;
  }

 private:
  static constexpr std::uint64_t kScarce = 8;
  static constexpr std::uint64_t kAmple = 32;

  const std::shared_ptr<rocksdb::FileSystem> file_system_;
  const std::string path_;
  const std::uint64_t line_;
  std::atomic<bool> scarce_{false};
  std::atomic<bool> ample_{false};
};

// Holds the files of a store to the lines: writes of compactions fail with NoSpace below
// `growth_line`, and nothing is set aside unless room is ample (RocksDB asks for a whole buffer's
// worth with each log, and for a table's with each table).
struct RoomGuard {
  std::shared_ptr<rocksdb::FileSystem> file_system;
  std::shared_ptr<rocksdb::EventListener> listener;  // tells which files are of compactions
};
RoomGuard MakeRoomGuard(std::shared_ptr<rocksdb::FileSystem> base, std::shared_ptr<Room> room);

}  // namespace forebay::kv
