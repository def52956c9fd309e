#include "meta/id_source.h"

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::meta {
namespace {

constexpr std::uint64_t kRange = 1 << 20;
// 0 names nothing and 1 is the root directory.
constexpr std::uint64_t kFirstId = 1024;

Result<> Reserve(kv::Transaction& txn, std::uint64_t& first) {
  txn.MakesRoom();  // deletes need ids, too
  const std::string key = keys::Setting("next_id");
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  first = kFirstId;
  if (stored) {
    Decoder in(*stored);
    first = in.U64();
    FB_RETURN_IF_ERROR(in.Finish("the id counter"));
  }
  txn.Put(key, Encoder().U64(first + kRange).str());
  return {};
}

}  // namespace

struct IdSource::Shared {
  kv::Store* store = nullptr;
  std::mutex mutex;
  std::uint64_t next = 0;
  std::uint64_t end = 0;
  std::uint64_t reserved_next = 0;  // 0: no range in reserve
  bool reserving = false;
};

Result<std::unique_ptr<IdSource>> IdSource::Open(kv::Store& store) {
  std::uint64_t first = 0;
  FB_RETURN_IF_ERROR(
      store.TransactBlocking([&first](kv::Transaction& txn) { return Reserve(txn, first); }));
  auto shared = std::make_shared<Shared>();
  shared->store = &store;
  shared->next = first;
  shared->end = first + kRange;
  return std::unique_ptr<IdSource>(new IdSource(std::move(shared)));
}

IdSource::~IdSource() = default;

Result<std::uint64_t> IdSource::Next() {
  Shared& s = *shared_;
  std::unique_lock lock(s.mutex);
  if (s.next == s.end) {
    if (s.reserved_next == 0) return Fail(Code::kBusy, "Waiting for new ids; try again.");
    s.next = s.reserved_next;
    s.end = s.next + kRange;
    s.reserved_next = 0;
  }
  const std::uint64_t id = s.next++;
  const bool refill = s.reserved_next == 0 && !s.reserving && s.end - s.next < kRange / 2;
  if (refill) s.reserving = true;
  lock.unlock();
  if (refill) {
    auto first = std::make_shared<std::uint64_t>(0);
    s.store->TransactAsync([first](kv::Transaction& txn) { return Reserve(txn, *first); },
                           kv::Durability::kSync,
                           [first, shared = shared_](Result<> done) {
                             std::lock_guard guard(shared->mutex);
                             shared->reserving = false;
                             if (done) shared->reserved_next = *first;
                           });
  }
  return id;
}

}  // namespace forebay::meta
