// An ordered, transactional key-value store: everything durable that is not blob bytes lives behind
// it.
//
// Keys and values are byte strings; keys compare as bytes within a Space (a column family of its
// own: `kMeta` for records, `kInline` for small blob bodies, which are large values that are rarely
// scanned). Two ways in: `GetSnapshot()` for reads, and `Transact(fn)` for everything else.
//
// Isolation is serializable: a transaction sees the state after all transactions committed before
// it, and its own writes. `fn` has no side effects beyond its captures' output slots, which it must
// reset at its start, because it may be run more than once (to warm caches, after a conflict). An
// acknowledged transaction survives kill -9 and power loss.
//
// Thread safe. Limits (kLimitExceeded above them): 1,000 written keys and 1 MiB of keys and values
// a transaction, keys 4 KiB, values 256 KiB. Errors: kIo, kCorruption, kNoSpace, kBusy, and
// whatever fn returns, in which case nothing is written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "async/task.h"
#include "base/result.h"

namespace forebay::kv {

inline constexpr std::size_t kMaxTransactionKeys = 1'000;
inline constexpr std::size_t kMaxTransactionBytes = 1 << 20;
inline constexpr std::size_t kMaxKeyBytes = 4 << 10;
inline constexpr std::size_t kMaxValueBytes = 256 << 10;

enum class Space : std::uint8_t { kMeta = 0, kInline = 1 };

// Iterates keys in [begin, end) in ascending order. `key()`/`value()` are valid while `Valid()` and
// until `Next`. Not thread safe; must not outlive its Reader. After the loop check `status()`:
//   for (; it->Valid(); it->Next()) …;   FB_RETURN_IF_ERROR(it->status());
class Iterator {
 public:
  virtual ~Iterator() = default;
  virtual bool Valid() const = 0;
  virtual void Next() = 0;
  virtual void Seek(std::string_view key) = 0;  // first key >= `key`, still below the range's end
  virtual std::string_view key() const = 0;
  virtual std::string_view value() const = 0;
  virtual Result<> status() const = 0;  // kWouldBlock, kIo, kCorruption
};

// A consistent view. A snapshot Reader is thread compatible; a Transaction belongs to its fn.
class Reader {
 public:
  virtual ~Reader() = default;
  // nullopt when there is no such key.
  virtual Result<std::optional<std::string>> Get(Space space, std::string_view key) const = 0;
  // Keys in [begin, end); an empty `end` means no upper bound.
  virtual std::unique_ptr<Iterator> Scan(Space space, std::string_view begin,
                                         std::string_view end) const = 0;

  Result<std::optional<std::string>> Get(std::string_view key) const {
    return Get(Space::kMeta, key);
  }
  std::unique_ptr<Iterator> Scan(std::string_view begin, std::string_view end) const {
    return Scan(Space::kMeta, begin, end);
  }
};

// Writes are visible to later reads of the same transaction and to nobody else until commit. Write
// calls do not fail by themselves; a broken limit fails the transaction at its end.
class Transaction : public Reader {
 public:
  virtual void Put(Space space, std::string_view key, std::string_view value) = 0;
  virtual void Erase(Space space, std::string_view key) = 0;
  // Erases every key in [begin, end) as of this point. Counts as one key.
  virtual void DeleteRange(Space space, std::string_view begin, std::string_view end) = 0;
  // Commutative: value is a little-endian int64, absent means 0. Never conflicts with another Add.
  // Not readable in the same transaction afterwards (kInternal), so that engines need not read it.
  virtual void Add(std::string_view key, std::int64_t delta) = 0;
  // As Add, but keeps the larger of the two.
  virtual void Max(std::string_view key, std::int64_t value) = 0;
  // Stores `value` under `prefix` + 8 bytes big-endian that grow with commit order, over all
  // prefixes. Never conflicts. Not readable in the same transaction.
  virtual void Append(std::string_view prefix, std::string_view value) = 0;
  // Says that this transaction frees more than it takes: it deletes, gives back what was deleted,
  // or is of what a server does before anybody can delete. An engine accepts it on a disk that is
  // too full for others (kNoSpace). What only erases need not say so.
  virtual void MakesRoom() = 0;

  using Reader::Get;
  using Reader::Scan;
  void Put(std::string_view key, std::string_view value) { Put(Space::kMeta, key, value); }
  void Erase(std::string_view key) { Erase(Space::kMeta, key); }
};

// Decodes what Add and Max keep.
std::int64_t CounterValue(const std::optional<std::string>& value);

enum class ReadMode : std::uint8_t {
  kMayBlock,   // for pool threads
  kCacheOnly,  // for event loops: kWouldBlock instead of disk I/O
};

enum class Durability : std::uint8_t {
  kSync,     // seen and acknowledged after the log is on stable storage
  kLazy,     // seen and acknowledged at once, durable with the next commit that is synced
  kAwaited,  // seen at once, acknowledged as kSync; holds up nothing that comes after it
};

using TransactionFn = std::function<Result<>(Transaction&)>;

class Store {
 public:
  virtual ~Store() = default;

  virtual std::unique_ptr<Reader> GetSnapshot(ReadMode mode = ReadMode::kMayBlock) const = 0;

  // Runs fn and commits; `done` is called once, after the commit is as durable as was asked for (or
  // failed), on a thread of the store, or on this one before the call returns (a read-only or
  // failed fn, a full queue). It must be cheap. fn must pass kWouldBlock on, never take it for
  // absence. Prefer `Transact` below.
  virtual void TransactAsync(TransactionFn fn, Durability durability,
                             std::move_only_function<void(Result<>)> done) = 0;

  // Calls `fn` on a thread of the store soon after each commit that touched a kMeta key with
  // `prefix`; bursts may collapse into one call. The watch ends when the returned handle is
  // destroyed.
  virtual std::shared_ptr<void> Watch(std::string prefix, std::function<void()> fn) = 0;

  // An on-disk copy of a consistent state, made of hard links where possible, in the new folder
  // `dir` (backup). Engines without files answer kUnsupported.
  virtual Result<> Checkpoint(const std::string& dir) = 0;

  // Verifies what is stored, at the store's own level. Slow.
  virtual Result<> VerifyChecksums() = 0;

  // Coroutine face of TransactAsync; resumes on the caller's executor.
  Task<> Transact(TransactionFn fn, Durability durability = Durability::kSync);
  // For threads without a loop (tests, tools). Blocks.
  Result<> TransactBlocking(TransactionFn fn, Durability durability = Durability::kSync);
};

}  // namespace forebay::kv
