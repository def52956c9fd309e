#include "tier/offload_lease.h"

#include <memory>

namespace forebay::tier {
namespace {

std::unexpected<Error> TakenOver() {
  return Fail(Code::kStale, "Another process has taken over the offload of this container.");
}

}  // namespace

OffloadLease::OffloadLease(engine::Services& services, meta::ContainerId container,
                           std::uint64_t owner, std::chrono::milliseconds duration)
    : services_(services),
      job_("offload/" + std::to_string(container.value())),
      owner_(owner),
      duration_(duration) {}

bool OffloadLease::holds() const {
  if (token_ == 0) return false;
  // By the time at which it was asked for, and some of it left: the clocks of two machines may run
  // apart a little.
  const SteadyTime taken{SteadyTime::duration(taken_)};
  return services_.clock.SteadyNow() < taken + duration_ * 3 / 4;
}

bool OffloadLease::due() const {
  const SteadyTime taken{SteadyTime::duration(taken_)};
  return token_ == 0 || services_.clock.SteadyNow() >= taken + duration_ / 3;
}

Task<> OffloadLease::Keep(OpContext context) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  if (!due()) co_return Result<>{};
  const SteadyTime now = services_.clock.SteadyNow();
  auto slot = std::make_shared<meta::FencingToken>();
  const std::uint64_t had = token_;
  auto taken = co_await services_.store.Transact(
      [this, slot](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(
            *slot, meta::AcquireLease(txn, job_, owner_, services_.clock.Now(), duration_));
        return {};
      },
      kv::Durability::kLazy);
  if (!taken) {
    if (had != 0 && taken.error().code() == Code::kLocked) co_return TakenOver();
    co_return taken;
  }
  // Its turn came and went: somebody else has drained meanwhile.
  if (had != 0 && slot->value() != had) co_return TakenOver();
  token_ = slot->value();
  taken_ = now.time_since_epoch().count();
  co_return Result<>{};
}

Result<> OffloadLease::Check(const kv::Reader& reader) const {
  if (token_ == 0) return TakenOver();
  auto ours = meta::CheckLease(reader, job_, meta::FencingToken(token_));
  if (ours || ours.error().code() != Code::kLocked) return ours;
  return TakenOver();
}

void OffloadLease::Release() {
  if (token_.exchange(0) == 0) return;
  // Where the store does not take it any more, the lease runs out by itself.
  (void)services_.store.TransactBlocking(
      [this](kv::Transaction& txn) { return meta::ReleaseLease(txn, job_, owner_); });
}

}  // namespace forebay::tier
