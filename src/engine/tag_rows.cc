#include "engine/tag_rows.h"

#include <algorithm>
#include <map>
#include <vector>

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

using azure::TagOperator;

// The names that have every one of some key-value pairs. The position is a name.
class EqualRows final : public TagRows {
 public:
  void AddTerm(const kv::Reader& reader, std::string prefix, std::string_view start) {
    Scan scan;
    scan.rows = reader.Scan(prefix + std::string(start), PrefixEnd(prefix));
    scan.prefix = std::move(prefix);
    scans_.push_back(std::move(scan));
    Look();
  }

  bool Valid() const override { return valid_; }
  bool AtRow() const override { return aligned_; }
  void Step() override {
    if (aligned_) {
      scans_.front().rows->Next();
    } else {
      for (Scan& scan : scans_) {
        if (NameAt(scan) < furthest_) scan.rows->Seek(scan.prefix + furthest_);
        if (!scan.rows->Valid()) break;
      }
    }
    Look();
  }
  std::string name() const override { return furthest_; }
  std::string position() const override { return furthest_; }
  Result<> status() const override {
    for (const Scan& scan : scans_) FB_RETURN_IF_ERROR(scan.rows->status());
    return {};
  }

 private:
  struct Scan {
    std::string prefix;
    std::unique_ptr<kv::Iterator> rows;
  };

  static std::string_view NameAt(const Scan& scan) {
    return scan.rows->key().substr(scan.prefix.size());
  }

  // Finds the furthest name and whether all stand on it.
  void Look() {
    valid_ = std::ranges::all_of(scans_, [](const Scan& scan) { return scan.rows->Valid(); });
    aligned_ = valid_;
    if (!valid_) return;
    std::string_view most = NameAt(scans_.front());
    for (const Scan& scan : scans_) {
      aligned_ = aligned_ && NameAt(scan) == most;
      most = std::max(most, NameAt(scan));
    }
    furthest_.assign(most);
  }

  std::vector<Scan> scans_;
  std::string furthest_;
  bool valid_ = false;
  bool aligned_ = false;
};

// The rows of one key with values in a range. The position is what follows the tag's key in the
// row.
class RangeRows final : public TagRows {
 public:
  RangeRows(const kv::Reader& reader, std::string prefix, std::string begin, std::string end,
            std::string_view position)
      : prefix_(std::move(prefix)) {
    std::string first = prefix_ + std::string(position);
    first = std::max(first, begin);
    // Contradicting bounds leave nothing.
    rows_ = reader.Scan(first, std::max(first, end));
  }

  bool Valid() const override { return rows_->Valid(); }
  bool AtRow() const override { return Valid(); }
  void Step() override { rows_->Next(); }
  std::string name() const override { return meta::keys::PartsOfTagKey(rows_->key()).name; }
  std::string position() const override { return std::string(rows_->key().substr(prefix_.size())); }
  Result<> status() const override { return rows_->status(); }

 private:
  std::string prefix_;
  std::unique_ptr<kv::Iterator> rows_;
};

// Where the rows of one key begin and end, as its comparisons bound them.
struct Bounds {
  std::string begin;
  std::string end;
  bool below = false;
  bool above = false;
};

std::map<std::string, Bounds> BoundsOf(meta::ContainerId container, const azure::TagQuery& query) {
  std::map<std::string, Bounds> bounds;
  for (const azure::TagComparison& term : query.comparisons) {
    const std::string all = meta::keys::TagValuesOf(container, term.key);
    const auto [it, is_new] = bounds.try_emplace(term.key);
    Bounds& b = it->second;
    if (is_new) b = {.begin = all, .end = PrefixEnd(all)};
    const std::string value = meta::keys::TagNamesOf(container, term.key, term.value);
    switch (term.op) {
      case TagOperator::kGreater:
        b.begin = std::max(b.begin, PrefixEnd(value));
        b.below = true;
        break;
      case TagOperator::kGreaterEqual:
        b.begin = std::max(b.begin, value);
        b.below = true;
        break;
      case TagOperator::kLess:
        b.end = std::min(b.end, value);
        b.above = true;
        break;
      case TagOperator::kLessEqual:
        b.end = std::min(b.end, PrefixEnd(value));
        b.above = true;
        break;
      case TagOperator::kEqual:
      case TagOperator::kNotEqual:
        break;  // equalities are intersected; inequalities exclude too little to begin with
    }
  }
  return bounds;
}

}  // namespace

std::unique_ptr<TagRows> FindTagRows(const kv::Reader& reader, meta::ContainerId container,
                                     const azure::TagQuery& query, std::string_view position) {
  auto equal = std::make_unique<EqualRows>();
  bool has_equality = false;
  for (const azure::TagComparison& term : query.comparisons) {
    if (term.op != TagOperator::kEqual) continue;
    has_equality = true;
    equal->AddTerm(reader, meta::keys::TagNamesOf(container, term.key, term.value), position);
  }
  if (has_equality) return equal;

  const auto bounds = BoundsOf(container, query);
  const auto best = std::ranges::max_element(bounds, {}, [](const auto& entry) {
    return static_cast<int>(entry.second.below) + static_cast<int>(entry.second.above);
  });
  return std::make_unique<RangeRows>(reader, meta::keys::TagValuesOf(container, best->first),
                                     best->second.begin, best->second.end, position);
}

}  // namespace forebay::engine
