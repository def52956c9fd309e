#include "tier/overflow_owner.h"

#include <algorithm>
#include <utility>

#include "base/encoding.h"
#include "base/uuid.h"
#include "lake/failure.h"

namespace forebay::tier {
namespace {

// Names of metadata.
constexpr std::string_view kDirectory = "forebay_directory";
constexpr std::string_view kPlace = "forebay_place";
constexpr std::string_view kContainer = "forebay_container";
constexpr std::string_view kClaim = "forebay_claim";

constexpr int kTries = 4;  // while others write, or answers are lost
constexpr std::chrono::seconds kRequestTime{60};

lake::LakeCall Bounded(OpContext context) {
  context.deadline = std::min(context.deadline, std::chrono::steady_clock::now() + kRequestTime);
  return {std::move(context), lake::Cause::kAdmin};
}

// Somebody was faster, or nobody knows: what is there says.
bool MustLookAgain(const Error& error) {
  const lake::Failure failure = lake::Classify(error);
  return failure == lake::Failure::kPrecondition || failure == lake::Failure::kUnknownOutcome ||
         failure == lake::Failure::kNotFound;
}

}  // namespace

struct OverflowOwner::Mark {
  std::string directory, place, claim;

  static Mark Of(const lake::BlobState& state) {
    const auto text = [&state](std::string_view name) {
      for (const auto& [key, value] : state.metadata) {
        if (EqualsIgnoreCase(key, name)) return PercentDecode(value).value_or(std::string());
      }
      return std::string();
    };
    return {.directory = text(kDirectory), .place = text(kPlace), .claim = text(kClaim)};
  }
};

OverflowOwner::OverflowOwner(std::shared_ptr<lake::ObjectLake> lake, OverflowIdentity us,
                             std::string container, std::chrono::milliseconds trust)
    : lake_(std::move(lake)),
      us_(std::move(us)),
      container_(std::move(container)),
      trust_(trust),
      claim_(NewUuid()) {}

bool OverflowOwner::IsTrusted(SteadyTime since) const {
  const std::lock_guard lock(mutex_);
  return std::chrono::steady_clock::now() < trusted_until_ && trusted_until_ - trust_ >= since;
}

void OverflowOwner::TrustFrom(SteadyTime asked) {
  claimed_ = true;
  const std::lock_guard lock(mutex_);
  trusted_until_ = asked + trust_;
}

void OverflowOwner::Distrust() {
  const std::lock_guard lock(mutex_);
  trusted_until_ = {};
}

// Of this process, or of one on the same directory that has ended: while this one runs nobody else
// takes it rightly.
bool OverflowOwner::IsOurs(const Mark& mark) const {
  if (mark.claim == claim_) return true;
  return !claimed_ && !us_.directory.empty() && mark.directory == us_.directory;
}

Task<> OverflowOwner::Require(OpContext context, SteadyTime since) {
  if (IsTrusted(since)) co_return Result<>{};
  FB_CO_ASSIGN_OR_RETURN(const Permit turn, co_await turn_.Acquire(1, context));
  if (IsTrusted(since)) co_return Result<>{};  // somebody else has asked meanwhile
  co_return co_await Claim(std::move(context), /*whoever=*/false);
}

Task<> OverflowOwner::TakeOver(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(const Permit turn, co_await turn_.Acquire(1, context));
  co_return co_await Claim(std::move(context), /*whoever=*/true);
}

Task<> OverflowOwner::Claim(OpContext context, bool whoever) {
  if (us_.directory.empty()) {
    co_return Fail(Code::kUnsupported,
                   "The file system of " + us_.place +
                       " says neither when a directory was made nor which file system it is. A "
                       "server on a copy of that directory could not be told from this one and "
                       "would delete its objects, so no lake can be room for containers here.");
  }
  for (int i = 0; i < kTries; ++i) {
    if (left_) co_return Fail(Code::kStale, "The container has been detached.");
    const SteadyTime asked = std::chrono::steady_clock::now();
    lake::LakeConditions conditions;
    auto state =
        co_await lake_->Head(Bounded(context), {.name = lake::BlobName(std::string(kOwnerObject))});
    if (state) {
      const Mark mark = Mark::Of(*state);
      if (mark.claim == claim_) {
        TrustFrom(asked);
        co_return Result<>{};
      }
      if (!whoever && !IsOurs(mark)) {
        Distrust();
        co_return Fail(Code::kResourceAlreadyExists, OwnedBy(mark));
      }
      conditions.match = state->etag();
    } else if (lake::Classify(state.error()) == lake::Failure::kNotFound) {
      conditions.absent = true;
    } else {
      co_return Fail(std::move(state.error()));
    }
    auto written = co_await Write(context, std::move(conditions));
    if (!written && !MustLookAgain(written.error())) co_return Fail(std::move(written.error()));
    if (!written) continue;
    TrustFrom(asked);
    co_return Result<>{};
  }
  co_return Fail(Code::kBusy, "Somebody else writes the owner of this part of the lake, too.");
}

Task<lake::WriteAnswer> OverflowOwner::Write(OpContext context, lake::LakeConditions conditions) {
  lake::PutRequest request;
  request.name = lake::BlobName(std::string(kOwnerObject));
  request.content = lake::TextContent(
      "The objects beside this one are bytes of a container of a Forebay server. They are of use "
      "to nobody else: do not write, move or delete anything here.\n");
  request.http.content_type = "text/plain";
  for (const auto& [name, value] :
       {std::pair<std::string_view, const std::string&>{kDirectory, us_.directory},
        {kPlace, us_.place},
        {kContainer, container_},
        {kClaim, claim_}}) {
    request.metadata.emplace_back(std::string(name), PercentEncode(value, "/:"));
  }
  request.conditions = std::move(conditions);
  co_return co_await lake_->Put(Bounded(std::move(context)), std::move(request));
}

Task<> OverflowOwner::Leave(OpContext context) {
  FB_CO_ASSIGN_OR_RETURN(const Permit turn, co_await turn_.Acquire(1, context));
  left_ = true;
  Distrust();
  auto state =
      co_await lake_->Head(Bounded(context), {.name = lake::BlobName(std::string(kOwnerObject))});
  if (!state && lake::Classify(state.error()) == lake::Failure::kNotFound) co_return Result<>{};
  if (!state) co_return Fail(std::move(state.error()));
  if (!IsOurs(Mark::Of(*state))) co_return Result<>{};
  lake::DeleteRequest request;
  request.name = lake::BlobName(std::string(kOwnerObject));
  request.conditions.match = state->etag();
  request.snapshots = lake::SnapshotsToo::kInclude;
  co_return co_await lake_->Delete(Bounded(std::move(context)), std::move(request));
}

std::string OverflowOwner::OwnedBy(const Mark& mark) const {
  const bool same = mark.directory == us_.directory;
  return "The part of the lake that is room for " + container_ + " belongs to " +
         (mark.place.empty() ? std::string("another server") : mark.place) +
         (same ? ", where another process runs on the same data directory or a clone of it"
               : ", another data directory than " + us_.place) +
         ". Two servers there would delete each other's objects, so nothing is sent or deleted "
         "from here; what lies there can be read. If that server is gone for good, run `forebay "
         "lake takeover` here.";
}

}  // namespace forebay::tier
