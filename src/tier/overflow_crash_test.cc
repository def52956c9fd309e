// The process ends, or a transaction fails, at every step of overflowing into a lake: afterwards
// every blob reads as it was acknowledged, and once what nobody owns was collected the lake has one
// object for each body that is there, and no other.
#include <atomic>

#include "tier/overflow_fixture.h"

namespace forebay::tier {
namespace {

class OverflowCrashTest : public ::testing::Test {
 protected:
  void Begin() {
    fixture_ = std::make_unique<OverflowFixture>();
    want_.clear();
    Put("kept", 4'500, 1);
    Put("overwritten", 4'500, 2);
    Put("deleted", 900, 3);
    ASSERT_EQ(f().Evict()->evicted, 3u);
    Put("blocks", 9'300, 4);
    Put("new", 4'500, 5);
  }
  void Put(const std::string& name, std::size_t size, std::uint64_t seed) {
    std::string text = Pattern(size, seed);
    if (f().engine().Put(name, text)) want_[name] = std::move(text);
  }
  // Nothing here may count on success.
  void Script(bool changes = true) {
    (void)f().MakeRoom(1'000'000);
    if (changes) {
      Put("overwritten", 5'000, 6);
      if (f().engine().Delete("deleted")) want_.erase("deleted");
    }
    (void)f().engine().sweeper().RunOnce();
    (void)f().Turn();
    (void)f().Evict();
    (void)f().Turn();
  }
  void ExpectRecovered() {
    f().Restart();
    f().Collect();
    f().ExpectWhole(want_);
    const auto evicted = f().Evict();
    ASSERT_TRUE(evicted) << evicted.error().ToString();
    f().Collect();
    for (const auto& [name, text] : want_) EXPECT_TRUE(f().Record(name)->body.in_lake) << name;
    f().ExpectWhole(want_);
  }
  OverflowFixture& f() { return *fixture_; }

  std::unique_ptr<OverflowFixture> fixture_;
  std::map<std::string, std::string> want_;
};

TEST_F(OverflowCrashTest, TheProcessEndsAfterEachRequest) {
  int steps = 0;
  for (bool last = false; !last && !HasFailure(); ++steps) {
    SCOPED_TRACE("request " + std::to_string(steps + 1));
    Begin();
    std::atomic<int> requests{0};
    f().lake().OnRequest([&](lake::LakeOperation, const std::string&) {
      if (++requests != steps + 1) return;
      f().faulty_lake().SetLink(lake::LinkState::kDown);
      f().engine().store().FailNext(Code::kIo, 1'000'000);
    });
    Script();
    last = requests <= steps;
    f().lake().OnRequest(nullptr);
    f().engine().store().FailNext(Code::kIo, 0);
    f().faulty_lake().Heal();
    ExpectRecovered();
  }
  EXPECT_GT(steps, 10);
}

// Each request in turn is refused, or done without an answer.
TEST_F(OverflowCrashTest, EachRequestFailsOrLosesItsAnswer) {
  for (const auto kind : {lake::Fault::Kind::kError, lake::Fault::Kind::kLostAnswer}) {
    int steps = 0;
    for (bool last = false; !last && !HasFailure(); ++steps) {
      SCOPED_TRACE("request " + std::to_string(steps + 1));
      Begin();
      std::atomic<int> requests{0};
      const auto arm = [&] {
        f().faulty_lake().FailNext({.kind = kind, .code = Code::kServerBusy});
      };
      f().lake().OnRequest([&](lake::LakeOperation, const std::string&) {
        if (++requests == steps) arm();
      });
      if (steps == 0) arm();
      Script();
      last = requests < steps;
      f().lake().OnRequest(nullptr);
      f().faulty_lake().Heal();
      ExpectRecovered();
    }
    EXPECT_GT(steps, 10);
  }
}

// The store refuses each transaction in turn, or commits the first ones without saying so.
TEST_F(OverflowCrashTest, EachTransactionFailsOrLosesItsAnswer) {
  for (const bool lost : {false, true}) {
    for (std::size_t step = 0; step < 25 && !HasFailure(); ++step) {
      SCOPED_TRACE("transaction " + std::to_string(step) + (lost ? " lost" : " refused"));
      Begin();
      if (lost) {
        f().engine().store().LoseNextAnswers(step + 1);
      } else {
        f().engine().store().FailNext(Code::kIo, 1, step);
      }
      // Of a change whose answer is lost nobody knows what to expect.
      Script(/*changes=*/!lost);
      f().engine().store().FailNext(Code::kIo, 0);
      f().engine().store().LoseNextAnswers(0);
      ExpectRecovered();
    }
  }
}

}  // namespace
}  // namespace forebay::tier
