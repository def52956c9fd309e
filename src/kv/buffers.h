// What a store has taken and not yet put into the files where it stays, for whoever decides how
// much more fits on its disk.
//
// Thread safe.
#pragma once

#include <cstdint>

namespace forebay::kv {

class Buffers {
 public:
  virtual ~Buffers() = default;

  // In memory. Takes room on the disk when it is moved into files, by itself and soon. Cheap.
  virtual std::uint64_t buffered_bytes() const = 0;
  // Of the log's files, which go once nothing that they tell of is in memory alone. Asks the
  // operating system.
  virtual std::uint64_t log_bytes() const = 0;
  // Whether buffers are being moved: what was written of them counts twice until they are.
  virtual bool flushing() const = 0;
  // Has all of them moved, and waits for nothing. Nothing happens while they are.
  virtual void Flush() = 0;
};

}  // namespace forebay::kv
