#include "kv/faulty.h"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <random>
#include <utility>

#include "kv/overlay.h"

namespace forebay::kv {

struct FaultyStore::State {
  State(Store& b, StoreFaults f) : base(b), faults(f), random(f.seed) {}

  Store& base;
  mutable std::mutex mutex;
  std::condition_variable idle;
  StoreFaults faults;  // this and below guarded by mutex
  std::mt19937_64 random;
  Code fail_code = Code::kIo;
  std::size_t fail_skip = 0;
  std::size_t fail_times = 0;
  std::size_t lose_times = 0;
  std::size_t outstanding = 0;
  std::atomic<std::uint64_t> reruns{0};
  std::atomic<std::uint64_t> conflicts{0};

  bool Chance(double StoreFaults::* rate) {
    std::lock_guard lock(mutex);
    return std::bernoulli_distribution(faults.*rate)(random);
  }
  bool MayConflict(std::size_t so_far) {
    std::lock_guard lock(mutex);
    return so_far < faults.max_conflicts;
  }
};

struct FaultyStore::Attempt {
  TransactionFn fn;
  Durability durability = Durability::kSync;
  std::move_only_function<void(Result<>)> done;
  std::optional<Code> fail;
  bool lose_answer = false;
  std::size_t conflicts = 0;
};

namespace {

// What one read of a snapshot may meet.
template <class State>
std::optional<Error> Misfortune(State& state, ReadMode mode) {
  if (mode == ReadMode::kCacheOnly) {
    if (!state.Chance(&StoreFaults::would_block_rate)) return std::nullopt;
    return Error(Code::kWouldBlock, "A made-up cache miss.");
  }
  if (!state.Chance(&StoreFaults::read_error_rate)) return std::nullopt;
  return Error(Code::kIo, "A made-up read error.");
}

template <class State>
class FaultyIterator final : public Iterator {
 public:
  FaultyIterator(std::unique_ptr<Iterator> base, std::shared_ptr<State> state, ReadMode mode)
      : base_(std::move(base)), state_(std::move(state)), mode_(mode) {
    error_ = Misfortune(*state_, mode_);
  }
  bool Valid() const override { return !error_ && base_->Valid(); }
  void Next() override {
    base_->Next();
    error_ = Misfortune(*state_, mode_);
  }
  void Seek(std::string_view key) override {
    base_->Seek(key);
    error_ = Misfortune(*state_, mode_);
  }
  std::string_view key() const override { return base_->key(); }
  std::string_view value() const override { return base_->value(); }
  Result<> status() const override {
    if (error_) return Fail(*error_);
    return base_->status();
  }

 private:
  const std::unique_ptr<Iterator> base_;
  const std::shared_ptr<State> state_;
  const ReadMode mode_;
  std::optional<Error> error_;
};

template <class State>
class FaultyReader final : public Reader {
 public:
  FaultyReader(std::unique_ptr<Reader> base, std::shared_ptr<State> state, ReadMode mode)
      : base_(std::move(base)), state_(std::move(state)), mode_(mode) {}
  Result<std::optional<std::string>> Get(Space space, std::string_view key) const override {
    if (auto error = Misfortune(*state_, mode_)) return Fail(std::move(*error));
    return base_->Get(space, key);
  }
  std::unique_ptr<Iterator> Scan(Space space, std::string_view begin,
                                 std::string_view end) const override {
    return std::make_unique<FaultyIterator<State>>(base_->Scan(space, begin, end), state_, mode_);
  }

 private:
  const std::unique_ptr<Reader> base_;
  const std::shared_ptr<State> state_;
  const ReadMode mode_;
};

// A run whose writes go nowhere, as before a conflict.
void RunInVain(const TransactionFn& fn, const Transaction& transaction) {
  OverlayTransaction scratch(transaction);
  auto ignored = fn(scratch);
  (void)ignored;
}

}  // namespace

FaultyStore::FaultyStore(Store& base, StoreFaults faults)
    : state_(std::make_shared<State>(base, faults)) {}

FaultyStore::~FaultyStore() {
  std::unique_lock lock(state_->mutex);
  state_->idle.wait(lock, [&] { return state_->outstanding == 0; });
}

void FaultyStore::FailNext(Code code, std::size_t times, std::size_t skip) {
  std::lock_guard lock(state_->mutex);
  state_->fail_code = code;
  state_->fail_times = times;
  state_->fail_skip = skip;
}

void FaultyStore::LoseNextAnswers(std::size_t times) {
  std::lock_guard lock(state_->mutex);
  state_->lose_times = times;
}

void FaultyStore::SetFaults(StoreFaults faults) {
  std::lock_guard lock(state_->mutex);
  state_->faults = faults;
  state_->random.seed(faults.seed);
}

std::unique_ptr<Reader> FaultyStore::GetSnapshot(ReadMode mode) const {
  return std::make_unique<FaultyReader<State>>(state_->base.GetSnapshot(mode), state_, mode);
}

void FaultyStore::TransactAsync(TransactionFn fn, Durability durability,
                                std::move_only_function<void(Result<>)> done) {
  auto attempt = std::make_shared<Attempt>();
  attempt->fn = std::move(fn);
  attempt->durability = durability;
  attempt->done = std::move(done);
  {
    std::lock_guard lock(state_->mutex);
    ++state_->outstanding;
    if (state_->fail_skip > 0) {
      --state_->fail_skip;
    } else if (state_->fail_times > 0) {
      --state_->fail_times;
      attempt->fail = state_->fail_code;
    }
    if (state_->lose_times > 0 && !attempt->fail) {
      --state_->lose_times;
      attempt->lose_answer = true;
    }
  }
  Submit(state_, std::move(attempt));
}

void FaultyStore::Submit(std::shared_ptr<State> state, std::shared_ptr<Attempt> attempt) {
  bool conflict =
      state->Chance(&StoreFaults::conflict_rate) && state->MayConflict(attempt->conflicts);
  // The first run may be the engine's warm-up; a conflict is only news after that.
  auto runs = std::make_shared<std::atomic<int>>(0);
  auto fn = [state, attempt, conflict, runs](Transaction& transaction) -> Result<> {
    if (state->Chance(&StoreFaults::rerun_rate)) {
      state->reruns.fetch_add(1);
      RunInVain(attempt->fn, transaction);
    }
    if (conflict && ++*runs > 1) {
      RunInVain(attempt->fn, transaction);
      return Fail(Code::kConflict, "A made-up conflict.");
    }
    FB_RETURN_IF_ERROR(attempt->fn(transaction));
    if (attempt->fail) return Fail(*attempt->fail, "A made-up failure to commit.");
    return {};
  };
  state->base.TransactAsync(std::move(fn), attempt->durability, [state, attempt](Result<> result) {
    if (!result && result.error().code() == Code::kConflict && !attempt->fail) {
      ++attempt->conflicts;
      state->conflicts.fetch_add(1);
      return Submit(state, attempt);
    }
    if (result && attempt->lose_answer) result = Fail(Code::kIo, "A made-up loss of the answer.");
    attempt->fn = nullptr;
    auto done = std::move(attempt->done);
    done(std::move(result));
    std::lock_guard lock(state->mutex);
    if (--state->outstanding == 0) state->idle.notify_all();
  });
}

std::shared_ptr<void> FaultyStore::Watch(std::string prefix, std::function<void()> fn) {
  return state_->base.Watch(std::move(prefix), std::move(fn));
}

Result<> FaultyStore::Checkpoint(const std::string& dir) { return state_->base.Checkpoint(dir); }

Result<> FaultyStore::VerifyChecksums() { return state_->base.VerifyChecksums(); }

std::uint64_t FaultyStore::reruns() const { return state_->reruns.load(); }
std::uint64_t FaultyStore::conflicts() const { return state_->conflicts.load(); }

}  // namespace forebay::kv
