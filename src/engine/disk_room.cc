#include "engine/disk_room.h"

#include <algorithm>
#include <chrono>
#include <memory>

#include "async/event.h"
#include "async/sleep.h"
#include "base/clock.h"

namespace forebay::engine {
namespace {

// What a flush must bring to be worth it: near the line it would be asked for again and again.
constexpr std::uint64_t kWorthAFlush = 1 << 20;

// How long a request waits, and for how many flushes: a log that a backup holds stays.
constexpr std::chrono::seconds kPatience{10};
constexpr int kMaxFlushes = 20;
// A flush that had nothing to move is over at once, and what held the log may let go soon.
constexpr std::chrono::milliseconds kBetweenFlushes{25};

Error NoRoom() { return {Code::kNoSpace, "The disk of the metadata is full up to its reserve."}; }

}  // namespace

Result<DiskRoom::Room> DiskRoom::Look(Growth growth) const {
  FB_ASSIGN_OR_RETURN(const io::SpaceInfo space, fs_.Space(path_));
  const std::uint64_t least = growth == Growth::kBytes ? reserve_bytes_ : reserve_bytes_ / 2;
  const std::uint64_t buffered = buffers_.buffered_bytes();
  if (space.available_bytes >= least + buffered) return Room::kEnough;
  if (space.available_bytes < buffered) return Room::kNone;  // no flush ends
  const std::uint64_t log = buffers_.log_bytes();
  // Of what is being moved all may be written already.
  const bool flushing = buffers_.flushing();
  const std::uint64_t taken = flushing ? 0 : buffered;
  const bool enough = space.available_bytes + log >= least + taken;
  return enough && (flushing || log >= kWorthAFlush) ? Room::kSoon : Room::kNone;
}

Result<> DiskRoom::Check(Growth growth) const {
  FB_ASSIGN_OR_RETURN(const Room room, Look(growth));
  if (room == Room::kEnough) return {};
  return Fail(NoRoom());
}

Task<> DiskRoom::Await(Growth growth, OpContext context) const {
  FB_CO_ASSIGN_OR_RETURN(Room room, Look(growth));
  if (room == Room::kEnough) co_return Result<>{};
  OpContext patient = context;
  patient.deadline = std::min(context.deadline, Clock::System().SteadyNow() + kPatience);
  for (int flushes = 0; room == Room::kSoon && flushes < kMaxFlushes; ++flushes) {
    const auto over = std::make_shared<Event>();
    const SteadyTime next = Clock::System().SteadyNow() + kBetweenFlushes;
    buffers_.Flush([over] { over->Set(); });
    if (auto waited = co_await over->Wait(patient); !waited) {
      if (waited.error().code() == Code::kDeadlineExceeded && context.Check()) break;
      co_return waited;
    }
    FB_CO_ASSIGN_OR_RETURN(room, Look(growth));
    if (room == Room::kEnough) co_return Result<>{};
    const SteadyTime now = Clock::System().SteadyNow();
    if (now < next) FB_CO_RETURN_IF_ERROR(co_await SleepFor(next - now, context));
  }
  co_return Fail(NoRoom());
}

Result<DiskRoom::DiskSpace> DiskRoom::Space() const {
  FB_ASSIGN_OR_RETURN(const io::SpaceInfo space, fs_.Space(path_));
  const std::uint64_t kept =
      std::min(reserve_bytes_ + buffers_.buffered_bytes(), space.available_bytes);
  return DiskSpace{space.total_bytes, space.available_bytes - kept};
}

}  // namespace forebay::engine
