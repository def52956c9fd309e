// Tests of the coroutine tools; those with several threads are meant for the tsan preset.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "async/context.h"
#include "async/event.h"
#include "async/run_sync.h"
#include "async/semaphore.h"
#include "async/sleep.h"
#include "async/task_group.h"
#include "async/thread_pool.h"

namespace forebay {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

OpContext Within(std::chrono::nanoseconds time) {
  OpContext context;
  context.deadline = Clock::System().SteadyNow() + time;
  return context;
}

TEST(OpContext, TellsCancellationAndDeadline) {
  EXPECT_TRUE(OpContext{}.Check());
  EXPECT_TRUE(Within(1h).Check());
  EXPECT_EQ(Within(-1ms).Check().error().code(), Code::kDeadlineExceeded);
  std::stop_source source;
  OpContext context{
      .request_id = "r", .deadline = Within(-1ms).deadline, .cancel = source.get_token()};
  source.request_stop();
  EXPECT_EQ(context.Check().error().code(), Code::kCancelled);
}

struct NoDefault {
  explicit NoDefault(int v) : value(v) {}
  int value;
};
Task<NoDefault> MakeNoDefault() { co_return NoDefault(7); }
asio::awaitable<void> SetTrue(bool* flag) {
  *flag = true;
  co_return;
}

TEST(RunSync, ReturnsValuesErrorsAndNothing) {
  EXPECT_EQ(RunSync(MakeNoDefault())->value, 7);
  bool ran = false;
  RunSync(SetTrue(&ran));
  EXPECT_TRUE(ran);
}

Task<int> OnPool(ThreadPool* pool) {
  auto caller = std::this_thread::get_id();
  auto out = co_await pool->Run(
      [caller]() -> Result<int> { return std::this_thread::get_id() == caller ? 0 : 42; });
  EXPECT_EQ(std::this_thread::get_id(), caller);
  co_return out;
}

TEST(ThreadPool, RunsElsewhereAndResumesHere) {
  ThreadPool pool({.name = "test", .threads = 2});
  // Many times: each ends its io_context as soon as the pool has answered.
  for (int i = 0; i < 200; ++i) EXPECT_EQ(*RunSync(OnPool(&pool)), 42);
}

Task<> Nothing(ThreadPool* pool) {
  co_return co_await pool->Run([]() -> Result<> { return {}; });
}

TEST(ThreadPool, RefusesBeyondItsQueueAndDrainsOnDestruction) {
  std::atomic<int> ran = 0;
  std::atomic<bool> open = false;
  {
    ThreadPool pool({.name = "a-name-that-is-too-long", .threads = 1, .queue_limit = 2});
    std::atomic<bool> started = false;
    ASSERT_TRUE(pool.TryPost([&] {
      started = true;
      while (!open) std::this_thread::yield();
      ++ran;
    }));
    while (!started) std::this_thread::yield();
    EXPECT_TRUE(pool.TryPost([&] { ++ran; }));
    EXPECT_TRUE(pool.TryPost([&] { ++ran; }));
    EXPECT_FALSE(pool.TryPost([&] { ++ran; }));
    EXPECT_EQ(pool.queued(), 2u);
    auto refused = RunSync(Nothing(&pool));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kBusy);
    open = true;
  }
  EXPECT_EQ(ran, 3);
}

TEST(Sleep, SleepsAndHonoursTheContext) {
  auto before = Clock::System().SteadyNow();
  EXPECT_TRUE(RunSync(SleepFor(20ms)));
  EXPECT_GE(Clock::System().SteadyNow() - before, 20ms);
  EXPECT_TRUE(RunSync(SleepFor(1ms, Within(1h))));

  before = Clock::System().SteadyNow();
  auto late = RunSync(SleepFor(1h, Within(10ms)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);

  std::stop_source source;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(10ms);
    source.request_stop();
  });
  OpContext context;
  context.cancel = source.get_token();
  auto stopped = RunSync(SleepFor(std::chrono::hours(1'000'000), context));
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code(), Code::kCancelled);
  EXPECT_LT(Clock::System().SteadyNow() - before, 30min);
}

TEST(Event, WakesAWaiterOfAnotherThreadAndStaysSet) {
  for (int round = 0; round < 200; ++round) {
    Event event;
    std::jthread setter([&] { event.Set(); });
    EXPECT_TRUE(RunSync(event.Wait()));
    EXPECT_TRUE(RunSync(event.Wait(Within(-1s)))) << "a set event passes whatever the deadline";
  }
}

asio::awaitable<void> Abandoned(Event* event) { (void)co_await event->Wait(); }

TEST(Event, SurvivesTheEndOfAWaitersContext) {
  Event event;
  {
    asio::io_context context(1);
    asio::co_spawn(context, Abandoned(&event), [](std::exception_ptr) {});
    context.poll();
  }
  event.Set();  // must not touch the context that is gone
  EXPECT_TRUE(event.IsSet());
}

Task<> FailAfter(std::chrono::milliseconds time, Code code, TaskGroup* group) {
  (void)co_await SleepFor(time);
  group->Cancel();
  co_return Fail(code, "as told");
}
Task<> UntilCancelled(TaskGroup* group, int* cancelled) {
  OpContext context;
  context.cancel = group->token();
  Result<> slept = co_await SleepFor(1h, context);
  if (!slept && slept.error().code() == Code::kCancelled) ++*cancelled;
  co_return slept;
}
Task<> GroupScenario(int* cancelled) {
  TaskGroup group(co_await asio::this_coro::executor);
  group.Spawn(UntilCancelled(&group, cancelled));
  group.Spawn(UntilCancelled(&group, cancelled));
  group.Spawn(FailAfter(5ms, Code::kIo, &group));
  co_return co_await group.Join();
}

TEST(TaskGroup, JoinWaitsForAllAndReturnsTheFirstError) {
  int cancelled = 0;
  auto result = RunSync(GroupScenario(&cancelled));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code(), Code::kIo);
  EXPECT_EQ(cancelled, 2);
}

asio::awaitable<void> SpawnChain(TaskGroup* group, int depth, std::atomic<int>* count) {
  ++*count;
  if (depth > 0) group->Spawn(SpawnChain(group, depth - 1, count));
  co_return;
}
Task<> ChainScenario(Executor elsewhere, std::atomic<int>* count) {
  TaskGroup group(elsewhere);
  for (int i = 0; i < 10; ++i) group.Spawn(SpawnChain(&group, 99, count));
  FB_CO_RETURN_IF_ERROR(co_await group.Join());
  EXPECT_EQ(group.running(), 0u);
  co_return co_await group.Join();  // joining an idle group is immediate
}

TEST(TaskGroup, JoinSeesTasksSpawnedByTasksOnAnotherThread) {
  asio::io_context other(1);
  auto guard = asio::make_work_guard(other);
  std::jthread runner([&] { other.run(); });
  std::atomic<int> count = 0;
  EXPECT_TRUE(RunSync(ChainScenario(other.get_executor(), &count)));
  EXPECT_EQ(count, 1000);
  guard.reset();
}

TEST(TaskGroupDeathTest, DestroyedWhileRunningEndsTheProcess) {
  EXPECT_DEATH(
      {
        asio::io_context context(1);
        TaskGroup group(context.get_executor());
        group.Spawn(SleepFor(1h));
      },
      "Join it first");
}

TEST(Semaphore, TryAcquireCountsAndPermitsGiveBack) {
  Semaphore semaphore(10);
  auto a = semaphore.TryAcquire(6);
  ASSERT_TRUE(a);
  EXPECT_FALSE(semaphore.TryAcquire(5));
  EXPECT_EQ(semaphore.available(), 4u);
  a->ReleaseSome(2);
  EXPECT_EQ(a->units(), 4u);
  EXPECT_EQ(semaphore.available(), 6u);
  Permit moved = std::move(*a);
  a.reset();
  EXPECT_EQ(semaphore.available(), 6u);
  moved.Release();
  moved.Release();
  EXPECT_EQ(semaphore.available(), 10u);
  auto whole = RunSync(semaphore.Acquire(11));
  ASSERT_FALSE(whole);
  EXPECT_EQ(whole.error().code(), Code::kLimitExceeded);
}

Task<> TakeInTurn(Semaphore* semaphore, std::size_t units, int number, std::vector<int>* order) {
  FB_CO_ASSIGN_OR_RETURN(Permit permit, co_await semaphore->Acquire(units));
  order->push_back(number);
  co_return Result<>();
}
Task<> FifoScenario(std::vector<int>* order) {
  Semaphore semaphore(4);
  TaskGroup group(co_await asio::this_coro::executor);
  auto held = semaphore.TryAcquire(3);
  group.Spawn(TakeInTurn(&semaphore, 4, 1, order));
  group.Spawn(TakeInTurn(&semaphore, 1, 2, order));
  group.Spawn(TakeInTurn(&semaphore, 1, 3, order));
  (void)co_await SleepFor(5ms);
  EXPECT_EQ(semaphore.waiting(), 3u) << "the small ones must not overtake";
  EXPECT_FALSE(semaphore.TryAcquire(1)) << "nor may a try";
  held->Release();
  FB_CO_RETURN_IF_ERROR(co_await group.Join());
  EXPECT_EQ(semaphore.available(), 4u);
  co_return Result<>();
}

TEST(Semaphore, IsFirstComeFirstServed) {
  std::vector<int> order;
  EXPECT_TRUE(RunSync(FifoScenario(&order)));
  EXPECT_THAT(order, testing::ElementsAre(1, 2, 3));
}

Task<> GiveUpScenario() {
  Semaphore semaphore(4);
  TaskGroup group(co_await asio::this_coro::executor);
  auto held = semaphore.TryAcquire(3);
  std::vector<int> order;
  auto large = semaphore.Acquire(4, Within(20ms));
  group.Spawn([](Semaphore* s, std::vector<int>* o) -> Task<> {
    (void)co_await SleepFor(2ms);
    co_return co_await TakeInTurn(s, 1, 2, o);
  }(&semaphore, &order));
  auto late = co_await std::move(large);
  EXPECT_FALSE(late);
  EXPECT_EQ(late.error().code(), Code::kDeadlineExceeded);
  FB_CO_RETURN_IF_ERROR(co_await group.Join());  // the small one behind it got through
  EXPECT_THAT(order, testing::ElementsAre(2));
  held->Release();
  EXPECT_EQ(semaphore.available(), 4u);
  co_return Result<>();
}

TEST(Semaphore, GivingUpLetsThoseBehindPass) { EXPECT_TRUE(RunSync(GiveUpScenario())); }

TEST(Semaphore, AWaiterDestroyedWithItsContextLeavesTheQueue) {
  Semaphore semaphore(1);
  auto held = semaphore.TryAcquire(1);
  {
    asio::io_context context(1);
    asio::co_spawn(context, semaphore.Acquire(1), [](std::exception_ptr, Result<Permit>) {});
    context.poll();
    EXPECT_EQ(semaphore.waiting(), 1u);
    held->Release();  // granted, but the coroutine never learns of it
  }
  EXPECT_EQ(semaphore.waiting(), 0u);
  EXPECT_EQ(semaphore.available(), 1u);
}

Task<> Hammer(Semaphore* semaphore, std::atomic<std::size_t>* inside, std::size_t limit) {
  for (int i = 0; i < 300; ++i) {
    std::size_t units = 1 + static_cast<std::size_t>(i % 3);
    auto permit = co_await semaphore->Acquire(units, Within(i % 5 == 0 ? 50us : 1h));
    if (!permit) continue;
    EXPECT_LE(inside->fetch_add(units) + units, limit);
    if (i % 7 == 0) (void)co_await SleepFor(20us);
    inside->fetch_sub(units);
  }
  co_return Result<>();
}
Task<> HammerMany(Semaphore* semaphore, std::atomic<std::size_t>* inside) {
  TaskGroup group(co_await asio::this_coro::executor);
  for (int i = 0; i < 4; ++i) group.Spawn(Hammer(semaphore, inside, 4));
  co_return co_await group.Join();
}

TEST(Semaphore, HoldsItsLimitAcrossThreadsAndLosesNoUnit) {
  Semaphore semaphore(4);
  std::atomic<std::size_t> inside = 0;
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] { EXPECT_TRUE(RunSync(HammerMany(&semaphore, &inside))); });
    }
  }
  EXPECT_EQ(semaphore.available(), 4u);
  EXPECT_EQ(semaphore.waiting(), 0u);
}

}  // namespace
}  // namespace forebay
