// The outcomes of lease operations by state, as the tables of "Lease Blob" have them.
#include "meta/resource_lease.h"

#include <gtest/gtest.h>

namespace forebay::meta {
namespace {

using azure::LeaseState;
using std::chrono::seconds;

const WallTime kNow{1'767'225'600'0000000};

Code CodeOf(const Result<>& result) { return result ? Code{} : result.error().code(); }

ResourceLease Leased(std::int32_t duration = 15) {
  ResourceLease lease;
  EXPECT_TRUE(AcquireResourceLease(lease, "A", duration, kNow));
  return lease;
}

TEST(ResourceLease, RunsOutAndCanBeRenewedOrTakenThen) {
  ResourceLease lease = Leased();
  EXPECT_EQ(lease.StateAt(kNow + seconds(14)), LeaseState::kLeased);
  EXPECT_EQ(lease.StateAt(kNow + seconds(15)), LeaseState::kExpired);
  EXPECT_EQ(Leased(kInfiniteLease).StateAt(kNow + std::chrono::hours(9999)), LeaseState::kLeased);
  EXPECT_EQ(CodeOf(AcquireResourceLease(lease, "B", 15, kNow)), Code::kLeaseAlreadyPresent);
  EXPECT_TRUE(AcquireResourceLease(lease, "a", 60, kNow));  // the holder changes the duration
  EXPECT_EQ(lease.StateAt(kNow + seconds(59)), LeaseState::kLeased);
  EXPECT_TRUE(RenewResourceLease(lease, "A", kNow + seconds(100)));
  EXPECT_EQ(lease.StateAt(kNow + seconds(159)), LeaseState::kLeased);
  EXPECT_EQ(CodeOf(RenewResourceLease(lease, "B", kNow)), Code::kLeaseIdMismatchWithLeaseOperation);
  EXPECT_TRUE(AcquireResourceLease(lease, "B", 15, kNow + seconds(160)));
  EXPECT_EQ(lease.id, "B");
}

TEST(ResourceLease, ChangesItsIdAndTakesARepeatedChange) {
  ResourceLease lease = Leased();
  EXPECT_EQ(CodeOf(ChangeResourceLease(lease, "X", "Y", kNow)),
            Code::kLeaseIdMismatchWithLeaseOperation);
  EXPECT_TRUE(ChangeResourceLease(lease, "A", "B", kNow));
  EXPECT_TRUE(ChangeResourceLease(lease, "A", "B", kNow));
  EXPECT_EQ(lease.id, "B");
  EXPECT_EQ(CodeOf(ChangeResourceLease(lease, "B", "C", kNow + seconds(15))),
            Code::kLeaseNotPresentWithLeaseOperation);
  ResourceLease none;
  EXPECT_EQ(CodeOf(ChangeResourceLease(none, "A", "B", kNow)),
            Code::kLeaseNotPresentWithLeaseOperation);
}

TEST(ResourceLease, IsReleasedByItsHolderOnly) {
  ResourceLease lease = Leased();
  EXPECT_EQ(CodeOf(ReleaseResourceLease(lease, "B")), Code::kLeaseIdMismatchWithLeaseOperation);
  EXPECT_TRUE(ReleaseResourceLease(lease, "A"));
  EXPECT_EQ(lease.StateAt(kNow), LeaseState::kAvailable);
  EXPECT_EQ(CodeOf(ReleaseResourceLease(lease, "A")), Code::kLeaseNotPresentWithLeaseOperation);
}

TEST(ResourceLease, BreaksWithinTheSmallerOfPeriodAndRest) {
  ResourceLease lease = Leased(60);
  EXPECT_EQ(*BreakResourceLease(lease, 10, kNow + seconds(1)), 10);
  EXPECT_EQ(lease.StateAt(kNow + seconds(2)), LeaseState::kBreaking);
  EXPECT_EQ(CodeOf(RenewResourceLease(lease, "A", kNow + seconds(2))),
            Code::kLeaseIsBrokenAndCannotBeRenewed);
  EXPECT_EQ(CodeOf(AcquireResourceLease(lease, "A", 15, kNow + seconds(2))),
            Code::kLeaseIsBreakingAndCannotBeAcquired);
  EXPECT_EQ(CodeOf(ChangeResourceLease(lease, "A", "B", kNow + seconds(2))),
            Code::kLeaseIsBreakingAndCannotBeChanged);
  EXPECT_EQ(*BreakResourceLease(lease, 60, kNow + seconds(3)), 8);  // never longer than before
  EXPECT_EQ(lease.StateAt(kNow + seconds(11)), LeaseState::kBroken);
  EXPECT_TRUE(AcquireResourceLease(lease, "B", 15, kNow + seconds(11)));

  ResourceLease rest = Leased(60);
  EXPECT_EQ(*BreakResourceLease(rest, std::nullopt, kNow + seconds(20)), 40);
  ResourceLease infinite = Leased(kInfiniteLease);
  EXPECT_EQ(*BreakResourceLease(infinite, std::nullopt, kNow), 0);
  EXPECT_EQ(infinite.StateAt(kNow), LeaseState::kBroken);
  ResourceLease none;
  EXPECT_FALSE(BreakResourceLease(none, 0, kNow).has_value());
}

TEST(ResourceLease, HoldsWritersWithoutItsId) {
  const ResourceLease lease = Leased();
  const auto write = [&](const ResourceLease& on, std::optional<std::string> id, int at) {
    return CodeOf(CheckLeaseForWrite(on, id, LeasedThing::kBlob, kNow + seconds(at)));
  };
  EXPECT_EQ(write(lease, std::nullopt, 0), Code::kLeaseIdMissing);
  EXPECT_EQ(write(lease, "a", 0), Code{});
  EXPECT_EQ(write(lease, "B", 0), Code::kLeaseIdMismatchWithBlobOperation);
  EXPECT_EQ(write(lease, std::nullopt, 15), Code{});
  EXPECT_EQ(write(lease, "A", 15), Code::kLeaseLost);
  EXPECT_EQ(write(lease, "B", 15), Code::kLeaseNotPresentWithBlobOperation);
  EXPECT_EQ(write(ResourceLease(), "A", 0), Code::kLeaseNotPresentWithBlobOperation);
  EXPECT_EQ(CodeOf(CheckLeaseIfGiven(lease, std::nullopt, LeasedThing::kBlob, kNow)), Code{});
  EXPECT_EQ(CodeOf(CheckLeaseIfGiven(lease, "B", LeasedThing::kContainer, kNow)),
            Code::kLeaseIdMismatchWithContainerOperation);
}

}  // namespace
}  // namespace forebay::meta
