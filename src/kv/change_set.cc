#include "kv/change_set.h"

#include <utility>

#include "base/codec.h"

namespace forebay::kv {

namespace {

// An empty `end` means no upper bound.
bool Before(std::string_view key, std::string_view end) { return end.empty() || key < end; }

class ChangeSetIterator final : public Iterator {
 public:
  ChangeSetIterator(const ChangeSet& changes, Space space, std::string_view begin,
                    std::string_view end, std::unique_ptr<Iterator> base, HiddenKeyFn hidden)
      : points_(changes.points(space)),
        ranges_(changes.ranges(space)),
        begin_(begin),
        end_(end),
        base_(std::move(base)),
        hidden_(std::move(hidden)) {
    Position(begin_, /*inclusive=*/true);
  }

  bool Valid() const override { return valid_; }
  std::string_view key() const override { return own_ ? std::string_view(key_) : base_->key(); }
  std::string_view value() const override {
    return own_ ? std::string_view(value_) : base_->value();
  }
  Result<> status() const override {
    if (error_) return Fail(*error_);
    return base_->status();
  }

  void Next() override {
    std::string from(key());
    if (!own_) base_->Next();
    Position(from, /*inclusive=*/false);
  }

  void Seek(std::string_view key) override {
    std::string from(key < begin_ ? std::string_view(begin_) : key);
    base_->Seek(from);
    base_done_ = false;
    error_.reset();
    Position(from, /*inclusive=*/true);
  }

 private:
  // Moves the base to its first key that shows through the changes.
  void SkipCovered() {
    while (!base_done_ && base_->Valid()) {
      auto point = points_.find(base_->key());
      if (point != points_.end()) {
        base_->Next();
        continue;
      }
      auto range = FindRange(ranges_, base_->key());
      if (range == ranges_.end()) return;
      if (range->second.empty()) {
        base_done_ = true;
      } else {
        base_->Seek(range->second);
      }
    }
  }

  // The base stands at its first key not before `from`.
  void Position(const std::string& from, bool inclusive) {
    own_ = false;
    if (!points_.empty() || !ranges_.empty()) SkipCovered();
    bool base_valid = !base_done_ && base_->Valid();
    valid_ = base_valid;
    if (!base_valid && !base_->status()) return;

    auto it = inclusive ? points_.lower_bound(from) : points_.upper_bound(from);
    while (it != points_.end() && Before(it->first, end_) && !it->second) ++it;
    bool point_valid = it != points_.end() && Before(it->first, end_);
    if (point_valid && (!base_valid || it->first < base_->key())) {
      // Copied, so that a write to the same key does not pull it from under the reader.
      key_ = it->first;
      value_ = *it->second;
      own_ = valid_ = true;
    }
    if (hidden_) CheckHidden(inclusive ? from : from + '\0');
  }

  void CheckHidden(std::string_view from) {
    auto hidden = hidden_(from);
    if (!hidden || !Before(*hidden, end_)) return;
    if (valid_ && key() < *hidden) return;
    error_ = Error(Code::kInternal, "A scan met a counter that its own transaction added to.");
    valid_ = false;
  }

  const ChangeSet::Points& points_;
  const ChangeSet::Ranges& ranges_;
  const std::string begin_;
  const std::string end_;
  std::unique_ptr<Iterator> base_;
  HiddenKeyFn hidden_;
  std::string key_;
  std::string value_;
  std::optional<Error> error_;
  bool own_ = false;  // the current entry comes from the changes
  bool valid_ = false;
  bool base_done_ = false;  // a range without an upper bound hides the rest of the base
};

}  // namespace

ChangeSet::Ranges::const_iterator FindRange(const ChangeSet::Ranges& ranges, std::string_view key) {
  auto it = ranges.upper_bound(key);
  if (it == ranges.begin()) return ranges.end();
  --it;
  return Before(key, it->second) ? it : ranges.end();
}

void ChangeSet::Set(Space space, std::string_view key, std::optional<std::string> value) {
  auto& points = spaces_[Index(space)].points;
  std::size_t added = value ? value->size() : 0;
  auto it = points.lower_bound(key);
  if (it != points.end() && it->first == key) {
    bytes_ -= it->second ? it->second->size() : 0;
    it->second = std::move(value);
  } else {
    points.emplace_hint(it, std::string(key), std::move(value));
    added += key.size();
  }
  bytes_ += added;
}

void ChangeSet::Put(Space space, std::string_view key, std::string value) {
  Set(space, key, std::move(value));
}

void ChangeSet::Erase(Space space, std::string_view key) { Set(space, key, std::nullopt); }

void ChangeSet::DeleteRange(Space space, std::string_view begin, std::string_view end) {
  if (!end.empty() && begin >= end) return;
  auto& [points, ranges] = spaces_[Index(space)];
  for (auto it = points.lower_bound(begin); it != points.end() && Before(it->first, end);) {
    bytes_ -= it->first.size() + (it->second ? it->second->size() : 0);
    it = points.erase(it);
  }
  // Grow over every range that overlaps or touches, so that ranges stay disjoint.
  std::string low(begin);
  std::string high(end);
  auto it = ranges.upper_bound(low);
  if (it != ranges.begin()) {
    auto before = std::prev(it);
    if (before->second.empty() || before->second >= low) it = before;
  }
  while (it != ranges.end() && (high.empty() || it->first <= high)) {
    if (it->first < low) low = it->first;
    if (it->second.empty() || (!high.empty() && it->second > high)) high = it->second;
    bytes_ -= it->first.size() + it->second.size();
    it = ranges.erase(it);
  }
  bytes_ += low.size() + high.size();
  ranges.emplace(std::move(low), std::move(high));
}

void ChangeSet::MergeFrom(ChangeSet&& later) {
  for (std::size_t i = 0; i < kSpaces; ++i) {
    auto space = static_cast<Space>(i);
    for (const auto& [begin, end] : later.spaces_[i].ranges) DeleteRange(space, begin, end);
    for (auto& [key, value] : later.spaces_[i].points) Set(space, key, std::move(value));
  }
  later.Clear();
}

void ChangeSet::Clear() {
  for (auto& [points, ranges] : spaces_) {
    points.clear();
    ranges.clear();
  }
  bytes_ = 0;
}

std::size_t ChangeSet::keys() const {
  std::size_t n = 0;
  for (const auto& [points, ranges] : spaces_) n += points.size() + ranges.size();
  return n;
}

const std::optional<std::string>* ChangeSet::Find(Space space, std::string_view key) const {
  static const std::optional<std::string> kErased;
  const auto& [points, ranges] = spaces_[Index(space)];
  if (auto it = points.find(key); it != points.end()) return &it->second;
  return FindRange(ranges, key) != ranges.end() ? &kErased : nullptr;
}

bool ChangeSet::Touches(Space space, std::string_view prefix) const {
  const auto& [points, ranges] = spaces_[Index(space)];
  auto point = points.lower_bound(prefix);
  if (point != points.end() && point->first.starts_with(prefix)) return true;
  if (ranges.empty()) return false;
  if (FindRange(ranges, prefix) != ranges.end()) return true;
  return ranges.lower_bound(prefix) != ranges.end() &&
         Before(ranges.lower_bound(prefix)->first, PrefixEnd(prefix));
}

std::unique_ptr<Iterator> ScanChanges(const ChangeSet& changes, Space space, std::string_view begin,
                                      std::string_view end, std::unique_ptr<Iterator> base,
                                      HiddenKeyFn hidden) {
  return std::make_unique<ChangeSetIterator>(changes, space, begin, end, std::move(base),
                                             std::move(hidden));
}

Result<std::optional<std::string>> ChangeSetReader::Get(Space space, std::string_view key) const {
  if (const auto* found = changes_.Find(space, key)) return *found;
  return base_.Get(space, key);
}

std::unique_ptr<Iterator> ChangeSetReader::Scan(Space space, std::string_view begin,
                                                std::string_view end) const {
  auto base = base_.Scan(space, begin, end);
  if (changes_.points(space).empty() && changes_.ranges(space).empty()) return base;
  return ScanChanges(changes_, space, begin, end, std::move(base));
}

}  // namespace forebay::kv
