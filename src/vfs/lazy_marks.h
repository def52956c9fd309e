// What a mount still has to ask durability for: the marks of changes that the server acknowledged
// lazily (docs/posix-extensions.md), one for each start of the server that gave any.
//
// Thread safe; nothing waits.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

namespace forebay::vfs {

class LazyMarks {
 public:
  // What was pending at some moment.
  using Pending = std::map<std::string, std::uint64_t>;  // by start: the highest count

  // A mark as the server gives it: "<start>/<count>". Others are ignored.
  void Note(std::string_view mark);
  // Take it before the request whose success settles it.
  Pending Get() const;
  // What `pending` covers is durable, or is known to be lost.
  void Settle(const Pending& pending);
  // The same of one start of the server, and no other.
  void SettleStart(const Pending& pending, std::string_view start);

  // As `sync` is asked for them.
  static std::string ToLine(const Pending& pending);

 private:
  mutable std::mutex mutex_;
  Pending pending_;  // guarded by mutex_
};

}  // namespace forebay::vfs
