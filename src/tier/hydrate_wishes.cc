#include "tier/hydrate_wishes.h"

#include <algorithm>
#include <boost/asio/this_coro.hpp>
#include <optional>

#include "async/task_group.h"
#include "base/codec.h"
#include "base/log.h"
#include "engine/read_gate.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

namespace keys = meta::keys;

constexpr std::size_t kNamesAtATime = 500;
constexpr std::size_t kBlobsAtATime = 8;
constexpr int kMaxLooks = 4;  // at a blob that changes meanwhile
constexpr std::chrono::milliseconds kLongestPause{600'000};

}  // namespace

Result<> HydrateWishes::Resume(const kv::Reader& reader, const Attachments& attachments) {
  for (AttachmentPtr& attachment : attachments.All()) {
    const std::string prefix = keys::HydrationsOf(attachment->container);
    const auto it = reader.Scan(prefix, PrefixEnd(prefix));
    if (it->Valid()) Look(std::move(attachment));
    FB_RETURN_IF_ERROR(it->status());
  }
  return {};
}

Result<std::vector<HydrateWishes::Wish>> HydrateWishes::Behind(const kv::Reader& reader,
                                                               meta::ContainerId container,
                                                               const std::string& after) {
  std::vector<Wish> wishes;
  const std::string prefix = keys::HydrationsOf(container);
  auto it = reader.Scan(after.empty() ? prefix : keys::Hydration(container, after) + '\0',
                        PrefixEnd(prefix));
  for (; it->Valid() && wishes.size() < kNamesAtATime; it->Next()) {
    wishes.push_back({std::string(keys::NameOfHydrationKey(it->key())), std::string(it->value())});
  }
  FB_RETURN_IF_ERROR(it->status());
  return wishes;
}

void HydrateWishes::Look(AttachmentPtr attachment) {
  const meta::ContainerId id = attachment->container;
  {
    std::lock_guard lock(mutex_);
    Container& container = containers_[id];
    container.news->Set();
    if (std::exchange(container.running, true)) return;
  }
  if (loop_.Spawn(Drive(std::move(attachment)))) return;
  std::lock_guard lock(mutex_);
  containers_.erase(id);
}

Task<> HydrateWishes::Drive(AttachmentPtr attachment) {
  OpContext context;
  context.cancel = loop_.token();
  auto pause = retry_;
  while (true) {
    auto news = std::make_shared<Event>();
    {
      std::lock_guard lock(mutex_);
      containers_[attachment->container].news = news;
    }
    auto pass = std::make_shared<Pass>();
    auto done = co_await WorkThrough(context, attachment, pass);
    const bool over = attachment->detached || context.cancel.stop_requested() ||
                      (!done && done.error().code() == Code::kStale);
    {
      std::lock_guard lock(mutex_);
      if (over || (done && pass->waiting == 0 && !news->IsSet())) {
        containers_.erase(attachment->container);
        co_return Result<>{};
      }
    }
    pause = pass->settled > 0 ? retry_ : std::min(pause * 2, kLongestPause);
    OpContext a_while = context;
    a_while.deadline = std::chrono::steady_clock::now() + pause;
    (void)co_await news->Wait(a_while);
  }
}

Task<> HydrateWishes::WorkThrough(OpContext context, AttachmentPtr attachment,
                                  std::shared_ptr<Pass> pass) {
  Semaphore slots(kBlobsAtATime);
  TaskGroup group(co_await boost::asio::this_coro::executor);
  std::string after;
  Result<> done;
  while (done) {
    auto wishes = co_await engine::ReadMeta(services_, [&](const kv::Reader& reader) {
      return Behind(reader, attachment->container, after);
    });
    if (!wishes || wishes->empty()) {
      if (!wishes) done = Fail(std::move(wishes.error()));
      break;
    }
    after = wishes->back().name;
    for (Wish& wish : *wishes) {
      auto slot = co_await slots.Acquire(1, context);
      if (!slot) {
        done = Fail(std::move(slot.error()));
        break;
      }
      group.Spawn(One(context, attachment, std::move(wish), pass, std::move(*slot)));
    }
  }
  (void)co_await group.Join();
  co_return done;
}

// All of a pass run on the one executor that began it: the counts need no lock.
Task<> HydrateWishes::One(OpContext context, AttachmentPtr attachment, Wish wish,
                          std::shared_ptr<Pass> pass, Permit) {
  auto outcome = co_await Try(std::move(context), attachment, wish.name);
  bool settled = outcome && *outcome == Outcome::kSettled;
  if (settled) {
    const auto erased = co_await Settle(attachment, std::move(wish));
    settled = erased.has_value();
  }
  ++(settled ? pass->settled : pass->waiting);
  co_return Result<>{};
}

Task<HydrateWishes::Outcome> HydrateWishes::Try(OpContext context, AttachmentPtr attachment,
                                                std::string name) {
  auto brought = std::make_shared<Brought>();
  for (int look = 0; look < kMaxLooks; ++look) {
    FB_CO_ASSIGN_OR_RETURN(
        const auto record,
        co_await engine::ReadMeta(
            services_, [&](const kv::Reader& reader) -> Result<std::optional<meta::BlobRecord>> {
              FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                                  AttachedContainer(reader, *attachment));
              return meta::NamespaceOf(container).Find(reader, container.id, name);
            }));
    if (!record || !record->body.in_lake) co_return Outcome::kSettled;
    if (record->tier == azure::AccessTier::kArchive) {
      // On its way out of the archive, or put back there since.
      co_return record->rehydrating_to ? Outcome::kWaits : Outcome::kSettled;
    }
    auto done = co_await bringer_.Bring(context, attachment, name, *record, brought);
    if (done) co_return Outcome::kSettled;
    const Code code = done.error().code();
    if (code == Code::kStale) continue;
    if (code == Code::kCancelled) co_return Fail(std::move(done.error()));
    if (code != Code::kLimitExceeded && MustWait(done.error())) co_return Outcome::kWaits;
    Log(LogLevel::kWarn, "a blob is not hydrated",
        {{"container", attachment->record.container},
         {"blob", name},
         {"error", done.error().ToString()}});
    co_return Outcome::kSettled;
  }
  co_return Outcome::kWaits;
}

Task<> HydrateWishes::Settle(AttachmentPtr attachment, Wish wish) {
  co_return co_await services_.store.Transact(
      [attachment, wish](kv::Transaction& txn) -> Result<> {
        const std::string key = keys::Hydration(attachment->container, wish.name);
        FB_ASSIGN_OR_RETURN(const auto stored, txn.Get(key));
        // Wished for again meanwhile: of what the blob is now, perhaps.
        if (stored && *stored == wish.stored) txn.Erase(key);
        return {};
      },
      kv::Durability::kLazy);
}

}  // namespace forebay::tier
