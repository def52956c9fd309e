// What a store has taken and not yet put into the files where it stays, for whoever decides how
// much more fits on its disk.
//
// Thread safe.
#pragma once

#include <cstdint>
#include <functional>

namespace forebay::kv {

class Buffers {
 public:
  virtual ~Buffers() = default;

  // In memory. Takes room on the disk when it is moved into files, by itself and soon. Cheap.
  virtual std::uint64_t buffered_bytes() const = 0;
  // Of the log's files, which go once nothing that they tell of is in memory alone. Cheap.
  virtual std::uint64_t log_bytes() const = 0;
  // Whether buffers are being moved: what was written of them counts twice until they are.
  virtual bool flushing() const = 0;
  // Has all of them moved, unless they are being moved. `done` is called once, on a thread of the
  // store: when that is over and has given back what it does, when a second has passed, or when
  // the store closes. It must be cheap.
  virtual void Flush(std::move_only_function<void()> done) = 0;
};

}  // namespace forebay::kv
