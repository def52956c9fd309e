#include "kv/memory.h"

#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <shared_mutex>
#include <utility>
#include <vector>

namespace forebay::kv {

namespace {

using Sequence = std::uint64_t;
constexpr Sequence kNewest = std::numeric_limits<Sequence>::max();

struct Version {
  Sequence sequence;
  std::optional<std::string> value;
};

using Table = std::map<std::string, std::vector<Version>, std::less<>>;

const std::optional<std::string>* VisibleAt(const std::vector<Version>& versions, Sequence at) {
  for (auto it = versions.rbegin(); it != versions.rend(); ++it) {
    if (it->sequence <= at) return &it->value;
  }
  return nullptr;
}

}  // namespace

// Every version that somebody may still read. Readers hold the lock shared for one step at a time.
class MemoryStore::Versions final : public CommitTarget,
                                    public std::enable_shared_from_this<Versions> {
 public:
  std::unique_ptr<Reader> Snapshot(ReadMode mode) const override;
  std::unique_ptr<Reader> Latest() const override;
  Result<> Write(const GroupWrite& group) override;

  std::optional<std::string> Get(Space space, std::string_view key, Sequence at) const {
    std::shared_lock lock(mutex_);
    const Table& table = tables_[static_cast<std::size_t>(space)];
    auto it = table.find(key);
    if (it == table.end()) return std::nullopt;
    const auto* value = VisibleAt(it->second, at);
    return value ? *value : std::nullopt;
  }

  // The first key at or after (`inclusive`) `from` that exists at `at` and lies below `end`.
  std::optional<std::pair<std::string, std::string>> FindNext(Space space, std::string_view from,
                                                              bool inclusive, std::string_view end,
                                                              Sequence at) const {
    std::shared_lock lock(mutex_);
    const Table& table = tables_[static_cast<std::size_t>(space)];
    auto it = inclusive ? table.lower_bound(from) : table.upper_bound(from);
    for (; it != table.end() && (end.empty() || it->first < end); ++it) {
      const auto* value = VisibleAt(it->second, at);
      if (value && *value) return std::pair(it->first, **value);
    }
    return std::nullopt;
  }

  Sequence Acquire() const {
    std::unique_lock lock(mutex_);
    return *snapshots_.insert(sequence_);
  }
  void Release(Sequence at) const {
    std::unique_lock lock(mutex_);
    snapshots_.erase(snapshots_.find(at));
  }

 private:
  void Set(Table& table, const std::string& key, const std::optional<std::string>& value);
  bool Settle(std::vector<Version>& versions) const;

  mutable std::shared_mutex mutex_;
  Table tables_[kSpaces];
  Sequence sequence_ = 0;
  mutable std::multiset<Sequence> snapshots_;  // sequences that readers hold
};

namespace {

template <class V>
class VersionIterator final : public Iterator {
 public:
  VersionIterator(const V& versions, Space space, std::string_view begin, std::string_view end,
                  Sequence at)
      : versions_(versions), space_(space), begin_(begin), end_(end), at_(at) {
    current_ = versions_.FindNext(space_, begin_, true, end_, at_);
  }
  bool Valid() const override { return current_.has_value(); }
  void Next() override {
    current_ = versions_.FindNext(space_, std::string(current_->first), false, end_, at_);
  }
  void Seek(std::string_view key) override {
    current_ = versions_.FindNext(space_, std::max(key, std::string_view(begin_)), true, end_, at_);
  }
  std::string_view key() const override { return current_->first; }
  std::string_view value() const override { return current_->second; }
  Result<> status() const override { return {}; }

 private:
  const V& versions_;
  const Space space_;
  const std::string begin_;
  const std::string end_;
  const Sequence at_;
  std::optional<std::pair<std::string, std::string>> current_;
};

template <class V>
class VersionReader final : public Reader {
 public:
  VersionReader(std::shared_ptr<const V> versions, bool pinned)
      : versions_(std::move(versions)),
        pinned_(pinned),
        at_(pinned ? versions_->Acquire() : kNewest) {}
  ~VersionReader() override {
    if (pinned_) versions_->Release(at_);
  }
  VersionReader(const VersionReader&) = delete;
  VersionReader& operator=(const VersionReader&) = delete;

  Result<std::optional<std::string>> Get(Space space, std::string_view key) const override {
    return versions_->Get(space, key, at_);
  }
  std::unique_ptr<Iterator> Scan(Space space, std::string_view begin,
                                 std::string_view end) const override {
    return std::make_unique<VersionIterator<V>>(*versions_, space, begin, end, at_);
  }

 private:
  const std::shared_ptr<const V> versions_;
  const bool pinned_;
  const Sequence at_;
};

}  // namespace

std::unique_ptr<Reader> MemoryStore::Versions::Snapshot(ReadMode) const {
  return std::make_unique<VersionReader<Versions>>(shared_from_this(), true);
}

std::unique_ptr<Reader> MemoryStore::Versions::Latest() const {
  return std::make_unique<VersionReader<Versions>>(shared_from_this(), false);
}

// Drops the versions that nobody can read any more; true when nothing is left of the key.
bool MemoryStore::Versions::Settle(std::vector<Version>& versions) const {
  Sequence oldest = snapshots_.empty() ? sequence_ : *snapshots_.begin();
  std::size_t keep = versions.size() - 1;
  while (keep > 0 && versions[keep].sequence > oldest) --keep;
  versions.erase(versions.begin(), versions.begin() + static_cast<std::ptrdiff_t>(keep));
  return versions.size() == 1 && !versions[0].value && versions[0].sequence <= oldest;
}

void MemoryStore::Versions::Set(Table& table, const std::string& key,
                                const std::optional<std::string>& value) {
  auto it = table.find(key);
  if (it == table.end()) {
    if (value) table[key].push_back({sequence_, value});
    return;
  }
  it->second.push_back({sequence_, value});
  if (Settle(it->second)) table.erase(it);
}

Result<> MemoryStore::Versions::Write(const GroupWrite& group) {
  std::unique_lock lock(mutex_);
  ++sequence_;
  for (std::size_t i = 0; i < kSpaces; ++i) {
    auto space = static_cast<Space>(i);
    Table& table = tables_[i];
    for (const auto& [begin, end] : group.changes.ranges(space)) {
      std::vector<std::string> keys;
      for (auto it = table.lower_bound(begin);
           it != table.end() && (end.empty() || it->first < end); ++it) {
        if (it->second.back().value) keys.push_back(it->first);
      }
      for (const auto& key : keys) Set(table, key, std::nullopt);
    }
    for (const auto& [key, value] : group.changes.points(space)) Set(table, key, value);
  }
  return {};
}

MemoryStore::MemoryStore()
    : versions_(std::make_shared<Versions>()),
      committer_(std::make_unique<Committer>(*versions_, Committer::Options{.name = "kvmem"})) {}

MemoryStore::~MemoryStore() = default;

std::unique_ptr<Reader> MemoryStore::GetSnapshot(ReadMode mode) const {
  return versions_->Snapshot(mode);
}

void MemoryStore::TransactAsync(TransactionFn fn, Durability durability,
                                std::move_only_function<void(Result<>)> done) {
  committer_->Submit(std::move(fn), durability, std::move(done));
}

std::shared_ptr<void> MemoryStore::Watch(std::string prefix, std::function<void()> fn) {
  return committer_->Watch(std::move(prefix), std::move(fn));
}

Result<> MemoryStore::Checkpoint(const std::string&) {
  return Fail(Code::kUnsupported, "A store in memory has no files to copy.");
}

Result<> MemoryStore::VerifyChecksums() { return {}; }

}  // namespace forebay::kv
