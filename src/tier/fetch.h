// One range of a lake's blob on its way here: one request to the lake, one buffer, any number of
// readers, who get the bytes as they arrive.
//
// The bytes become readable piece by piece; the last piece only when the answer was complete and
// its checksum right. After a failure no further byte is given out, and nothing is stored.
//
// Thread safe. The driver (tier/fetcher.h) fills it, on its own loop; readers wait on theirs.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "async/context.h"
#include "async/event.h"
#include "async/task.h"
#include "base/bytes.h"
#include "engine/buffer_pool.h"
#include "meta/ids.h"
#include "tier/runs.h"

namespace forebay::tier {

class Fetch {
 public:
  Fetch(meta::BodyId body, Span span) : body_(body), claimed_(span), span_(span) {}

  meta::BodyId body() const { return body_; }
  Span claimed() const { return claimed_; }  // as planned; what it fetches may turn out shorter

  // --- Readers.
  // Waits until the lake has answered: success, or why it did not.
  Task<> WaitOpened(OpContext context);
  // Waits for bytes at `offset`, which lies in claimed(); gives all that are readable from there.
  // nullopt: this fetch will not bring them, plan anew. The view lives as long as the fetch.
  Task<std::optional<ByteView>> Wait(OpContext context, std::uint64_t offset);
  // It is in the store (or could not be stored): who holds it only for later bytes may let go.
  bool settled() const;
  // Waits for that. True when its bytes are in the store now; false when it brought none, or the
  // blob was replaced meanwhile; else why the lake or the store did not take part.
  Task<bool> WaitSettled(OpContext context);

  // --- The driver.
  void Shrink(std::uint64_t end);  // before Open; end == start: brings nothing
  Span span() const;
  void Open(engine::BufferPool::Buffer buffer);
  MutableByteView buffer() const { return buffer_.bytes(); }
  void Publish(std::uint64_t bytes);  // of the span, from its start, may be read
  void Fail(Error error);
  void NoteStored(Result<bool> stored);  // before Settle; unsaid: it was not
  void Settle();

 private:
  bool ReadyLocked(std::uint64_t offset) const;
  template <class Fn>
  void ChangeAndWake(Fn change);
  void WakeLocked(std::vector<std::shared_ptr<Event>>& ready);

  struct Waiter {
    std::optional<std::uint64_t> offset;  // nullopt: waits for the answer's head
    std::shared_ptr<Event> event;
    bool for_settled = false;
  };

  const meta::BodyId body_;
  const Span claimed_;
  mutable std::mutex mutex_;
  Span span_;
  engine::BufferPool::Buffer buffer_;
  bool opened_ = false;
  bool settled_ = false;
  Result<bool> stored_ = false;
  std::uint64_t readable_ = 0;
  std::optional<Error> error_;
  std::vector<Waiter> waiters_;
};
using FetchPtr = std::shared_ptr<Fetch>;

}  // namespace forebay::tier
