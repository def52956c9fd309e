#include "tier/overflow_keeper.h"

#include <algorithm>
#include <atomic>
#include <boost/asio/this_coro.hpp>
#include <mutex>
#include <utility>
#include <vector>

#include "async/task_group.h"
#include "base/log.h"
#include "engine/read_gate.h"
#include "lake/advice.h"
#include "lake/failure.h"
#include "meta/keys.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

constexpr std::size_t kDeletesPerPage = 256;
constexpr std::size_t kDoomsPerTransaction = 250;
constexpr std::size_t kMaxCounted = 10'000;
constexpr std::chrono::seconds kRequestTime{60};

OpContext Bounded(OpContext context) {
  context.deadline = std::min(context.deadline, std::chrono::steady_clock::now() + kRequestTime);
  return context;
}

bool IsForbidden(const Error& error) { return lake::Classify(error) == lake::Failure::kForbidden; }

// Whether no other object would go either; nor after an answer that was lost.
bool EndsTurn(const Error& error) {
  const lake::Failure failure = lake::Classify(error);
  return lake::ConcernsWholeLake(failure) || failure == lake::Failure::kUnknownOutcome;
}

}  // namespace

Result<OverflowStatus> OverflowStatusOf(const kv::Reader& reader, meta::ContainerId container) {
  FB_ASSIGN_OR_RETURN(const engine::LakeObjectCounts counts,
                      engine::CountLakeObjects(reader, container));
  FB_ASSIGN_OR_RETURN(const auto doomed, engine::DoomedLakeObjects(reader, container, kMaxCounted));
  return OverflowStatus{
      .bodies = counts.objects, .bytes = counts.bytes, .to_delete = doomed.size()};
}

// Objects that are being deleted side by side.
struct OverflowKeeper::Page {
  std::uint64_t round = 0;
  std::vector<meta::BodyId> bodies;
  std::atomic<std::size_t> next{0};
  std::atomic<bool> failed{false};
  std::mutex mutex;
  std::vector<meta::BodyId> gone;
};

OverflowKeeper::OverflowKeeper(engine::Services& services, WorkerLoop& loop,
                               const OverflowMover& mover, AttachmentPtr attachment,
                               OverflowKeeperOptions options)
    : services_(services),
      loop_(loop),
      mover_(mover),
      attachment_(std::move(attachment)),
      options_(options) {}

std::uint64_t OverflowKeeper::Round() const {
  const std::lock_guard lock(mutex_);
  return round_;
}

bool OverflowKeeper::IsPutOff(meta::BodyId body) const {
  const std::lock_guard lock(mutex_);
  const auto stuck = stuck_.find(body);
  return stuck != stuck_.end() && std::chrono::steady_clock::now() < stuck->second.next;
}

bool OverflowKeeper::PutOff(const Page& page, meta::BodyId body, const Error& error) {
  const std::lock_guard lock(mutex_);
  if (page.round != round_) return true;
  if (!stuck_.contains(body) && stuck_.size() >= options_.most_stuck) return false;
  if (stuck_.empty()) {
    Log(LogLevel::kWarn, "the lake does not let go of an object that is to be deleted",
        {{"container", attachment_->record.container},
         {"object", engine::LakeObjectName(body)},
         {"error", error.ToString()}});
  }
  stuck_[body] = {.next = std::chrono::steady_clock::now() + options_.try_again,
                  .why = engine::LakeObjectName(body) + ": " + lake::Advise(error)};
  return true;
}

void OverflowKeeper::ForgetStuck() {
  const std::lock_guard lock(mutex_);
  ++round_;
  stuck_.clear();
  refused_.clear();
}

void OverflowKeeper::AddStuck(OverflowStatus& status) const {
  const std::lock_guard lock(mutex_);
  if (!refused_.empty()) {
    status.stuck = status.to_delete;
    status.stuck_why = refused_;
    return;
  }
  status.stuck = stuck_.size();
  if (!stuck_.empty()) status.stuck_why = stuck_.begin()->second.why;
}

// The credential may be good for everything else, so nobody but the keeper finds out.
void OverflowKeeper::NoteRefusal(const Page& page, const Result<>& deleted) {
  const std::lock_guard lock(mutex_);
  if (!page.gone.empty()) {
    refused_.clear();
  } else if (!deleted && IsForbidden(deleted.error()) && page.round == round_) {
    refused_ = lake::Advise(deleted.error());
  }
}

Task<> OverflowKeeper::Turn(OpContext context) {
  FB_CO_RETURN_IF_ERROR(co_await DeleteAll(context));
  const SteadyTime now = std::chrono::steady_clock::now();
  if (!listing_ && now - listed_ < options_.between_listings) co_return Result<>{};
  listing_ = true;
  FB_CO_RETURN_IF_ERROR(co_await attachment_->owner->Require(context));
  co_return co_await LookAtListing(std::move(context));
}

Task<> OverflowKeeper::DeleteAll(OpContext context) {
  meta::BodyId after;
  while (true) {
    FB_CO_RETURN_IF_ERROR(context.Check());
    auto page = std::make_shared<Page>();
    page->round = Round();
    FB_CO_ASSIGN_OR_RETURN(
        page->bodies,
        co_await engine::ReadMetaOnPool(
            services_,
            [this, after](const kv::Reader& reader) -> Result<std::vector<meta::BodyId>> {
              FB_RETURN_IF_ERROR(AttachedContainer(reader, *attachment_));
              return engine::DoomedLakeObjects(reader, attachment_->container, kDeletesPerPage,
                                               after);
            }));
    if (page->bodies.empty()) co_return Result<>{};
    after = page->bodies.back();
    std::erase_if(page->bodies, [this](meta::BodyId body) { return IsPutOff(body); });
    if (page->bodies.empty()) continue;
    FB_CO_RETURN_IF_ERROR(co_await attachment_->owner->Require(context));
    FB_CO_RETURN_IF_ERROR(co_await DeletePage(context, page));
  }
}

// What is gone leaves the list, whatever becomes of the others.
Task<> OverflowKeeper::DeletePage(OpContext context, std::shared_ptr<Page> page) {
  TaskGroup group(co_await boost::asio::this_coro::executor);
  const std::size_t lanes = std::min(options_.deletes_at_a_time, page->bodies.size());
  for (std::size_t i = 0; i < lanes; ++i) group.Spawn(loop_.Next(), DeleteSome(context, page));
  auto deleted = co_await group.Join();
  NoteRefusal(*page, deleted);
  FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
      [container = attachment_->container, page](kv::Transaction& txn) -> Result<> {
        txn.MakesRoom();
        for (const meta::BodyId body : page->gone) {
          txn.Erase(meta::keys::DoomedObject(container, body));
        }
        return {};
      },
      kv::Durability::kLazy));
  co_return deleted;
}

Task<> OverflowKeeper::DeleteSome(OpContext context, std::shared_ptr<Page> page) {
  while (!page->failed) {
    const std::size_t index = page->next++;
    if (index >= page->bodies.size()) break;
    const meta::BodyId body = page->bodies[index];
    lake::DeleteRequest request;
    request.name = lake::BlobName(engine::LakeObjectName(body));
    request.snapshots = lake::SnapshotsToo::kInclude;
    auto done = co_await attachment_->lake->Delete({Bounded(context), lake::Cause::kOffload},
                                                   std::move(request));
    if (!done && lake::Classify(done.error()) != lake::Failure::kNotFound) {
      const bool ends = EndsTurn(done.error());
      // The next turn begins with others: it may be this one alone that we may not delete.
      const bool may_be_alone = !ends || IsForbidden(done.error());
      if (may_be_alone && PutOff(*page, body, done.error()) && !ends) continue;
      page->failed = true;
      co_return done;
    }
    {
      const std::lock_guard lock(mutex_);
      stuck_.erase(body);
    }
    const std::lock_guard lock(page->mutex);
    page->gone.push_back(body);
  }
  co_return Result<>{};
}

// What was found under way before it was looked up may be owned since, and what was not is owned
// or nobody's: so in this order.
Task<> OverflowKeeper::LookAtListing(OpContext context) {
  lake::ListRequest request;
  request.marker = marker_;
  request.max_results = options_.names_per_turn;
  request.metadata = false;
  request.copy = false;
  FB_CO_ASSIGN_OR_RETURN(
      lake::ListPage page,
      co_await attachment_->lake->List({Bounded(context), lake::Cause::kReconcile}, request));
  std::vector<meta::BodyId> idle;
  for (const lake::BlobState& state : page.blobs) {
    const auto body = engine::BodyOfLakeObject(state.name.view());
    if (body && !mover_.IsUnderWay(*body)) idle.push_back(*body);
  }
  auto found = std::make_shared<std::uint64_t>(0);
  for (std::size_t first = 0; first < idle.size(); first += kDoomsPerTransaction) {
    const std::size_t last = std::min(first + kDoomsPerTransaction, idle.size());
    auto some = std::make_shared<std::vector<meta::BodyId>>();
    FB_CO_ASSIGN_OR_RETURN(
        *some,
        co_await engine::ReadMetaOnPool(
            services_,
            [&idle, first, last](const kv::Reader& reader) -> Result<std::vector<meta::BodyId>> {
              std::vector<meta::BodyId> orphans;
              for (std::size_t i = first; i < last; ++i) {
                FB_ASSIGN_OR_RETURN(const bool owned, engine::IsLakeObjectOwned(reader, idle[i]));
                if (!owned) orphans.push_back(idle[i]);
              }
              return orphans;
            }));
    if (some->empty()) continue;
    *found += some->size();
    FB_CO_RETURN_IF_ERROR(co_await services_.store.Transact(
        [attachment = attachment_, some](kv::Transaction& txn) -> Result<> {
          txn.MakesRoom();
          FB_RETURN_IF_ERROR(AttachedContainer(txn, *attachment));
          for (const meta::BodyId body : *some) {
            FB_RETURN_IF_ERROR(engine::DoomLakeObject(txn, attachment->container, body));
          }
          return {};
        },
        kv::Durability::kLazy));
  }
  if (*found > 0) {
    Log(LogLevel::kInfo, "objects in the lake that nothing refers to are deleted",
        {{"container", attachment_->record.container}, {"objects", std::to_string(*found)}});
  }
  marker_ = std::move(page.next_marker);
  if (!marker_.empty()) co_return Result<>{};
  listing_ = false;
  listed_ = std::chrono::steady_clock::now();
  co_return Result<>{};
}

}  // namespace forebay::tier
