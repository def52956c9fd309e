// The writes of one transaction, or of a whole commit group, as plain values per key and disjoint
// erased ranges, in the order in which an engine may apply them: ranges first, then points.
//
// A ChangeSet laid over a Reader (ChangeSetReader) answers as that store will once the set is
// applied. Because it holds final values and no increments, applying it twice, or laying it over a
// store that has it already, changes nothing; the committer's pipelining rests on that.
//
// Thread compatible. Iterators made by ScanChanges look the set up by key at every step, so the set
// may change under them; they see changes ahead of their position.
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "kv/store.h"

namespace forebay::kv {

inline constexpr std::size_t kSpaces = 2;

class ChangeSet {
 public:
  using Points = std::map<std::string, std::optional<std::string>, std::less<>>;  // nullopt: erased
  using Ranges =
      std::map<std::string, std::string, std::less<>>;  // begin to end; "": no upper bound

  void Put(Space space, std::string_view key, std::string value);
  void Erase(Space space, std::string_view key);
  // Forgets earlier points in the range.
  void DeleteRange(Space space, std::string_view begin, std::string_view end);
  // Applies `later` on top of this.
  void MergeFrom(ChangeSet&& later);
  void Clear();

  // nullptr: the set says nothing of the key. Points to nullopt: the key is erased.
  const std::optional<std::string>* Find(Space space, std::string_view key) const;
  // True when a change may have touched a key that starts with `prefix`.
  bool Touches(Space space, std::string_view prefix) const;

  const Points& points(Space space) const { return spaces_[Index(space)].points; }
  const Ranges& ranges(Space space) const { return spaces_[Index(space)].ranges; }
  bool empty() const { return keys() == 0; }
  std::size_t keys() const;                     // points and ranges
  std::size_t bytes() const { return bytes_; }  // of keys, values and range bounds

 private:
  struct SpaceChanges {
    Points points;
    Ranges ranges;
  };
  static std::size_t Index(Space space) { return static_cast<std::size_t>(space); }
  void Set(Space space, std::string_view key, std::optional<std::string> value);

  SpaceChanges spaces_[kSpaces];
  std::size_t bytes_ = 0;
};

// The range of `ranges` that holds `key`, or end().
ChangeSet::Ranges::const_iterator FindRange(const ChangeSet::Ranges& ranges, std::string_view key);

// Finds the first key in [from, …) that must not be read, for transactions (Add hides its key);
// empty function: none.
using HiddenKeyFn = std::function<std::optional<std::string_view>(std::string_view from)>;

// Keys of `base` with `changes` applied. `base` is an iterator over the same range of the store
// below. A hidden key in the range ends the iteration with kInternal.
std::unique_ptr<Iterator> ScanChanges(const ChangeSet& changes, Space space, std::string_view begin,
                                      std::string_view end, std::unique_ptr<Iterator> base,
                                      HiddenKeyFn hidden = {});

// `base` with `changes` applied; owns neither.
class ChangeSetReader final : public Reader {
 public:
  ChangeSetReader(const Reader& base, const ChangeSet& changes) : base_(base), changes_(changes) {}
  using Reader::Get;
  using Reader::Scan;
  Result<std::optional<std::string>> Get(Space space, std::string_view key) const override;
  std::unique_ptr<Iterator> Scan(Space space, std::string_view begin,
                                 std::string_view end) const override;

 private:
  const Reader& base_;
  const ChangeSet& changes_;
};

}  // namespace forebay::kv
