// In which order changes may become visible in the lake: the rule alone, without log, lake or
// clock.
//
// Changes are numbered as the log has them (1, 2, 3 …). Each carries its mark: the highest number
// that was acknowledged when its request arrived. It may become visible once all changes up to its
// mark are; so what was written one after the other appears in that order, and what overlapped goes
// in parallel. Two more rules: changes of one name keep the log's order, and a barrier (the rename
// of a directory) waits for all before it and holds up all behind it.
//
// A change that nobody can have sent yet may be swallowed by a later one of its name, and then
// never appears by itself. kCommit: only where the two can stand side by side in some order that
// the marks allow, so that the lake still shows a prefix of such an order at every moment.
// kRelaxed: always; what lies between no longer waits for the swallowed one. A rename swallows what
// was written under the old name: the content goes up once, under the last one.
//
// Why swallowing is decided by looking at pairs: a piece of work needs everything up to `need` and
// stands at `lo`, its first change. A comes before B iff need(B) >= lo(A). If such a relation has a
// cycle, then the member with the largest need comes after all the others, and so it already forms
// a cycle with its successor alone.
//
// Memory: every change that is not visible, so the caller feeds a window of the log. Feeding,
// starting and finishing cost O(log n); a swallow looks at no more than 256 neighbours, and is left
// out where there are more. Thread compatible; pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace forebay::tier {

enum class Ordering : std::uint8_t { kCommit, kRelaxed };

using ChangeNumber = std::uint64_t;

enum class ChangeKind : std::uint8_t {
  kWrite,    // content or attributes of `name`, as `parts` says
  kDelete,   // `name` is gone
  kRename,   // `from` is `name` now, and what was there is replaced
  kBarrier,  // a change of many names
};

// What of a blob changed; bits. A write of the content is always a write of everything.
using ChangeParts = std::uint8_t;
inline constexpr ChangeParts kContentPart = 1;
inline constexpr ChangeParts kAttributesPart = 2;  // properties and metadata
inline constexpr ChangeParts kTagsPart = 4;
inline constexpr ChangeParts kTierPart = 8;

struct Change {
  ChangeNumber number = 0;
  ChangeNumber mark = 0;  // below `number`
  ChangeKind kind = ChangeKind::kWrite;
  ChangeParts parts = kContentPart;
  std::string name;
  std::string from;  // kRename, and kBarrier: a name that it leaves empty
  // A former process may have sent it. Only a write swallows it then, which finds out whether the
  // lake has it: a delete or a rename would take the lake for not having it, and leave it there.
  // Attributes are not swallowed at all: they leave no mark by which another write could find them.
  bool maybe_sent = false;
};

// One or more changes that become visible as one.
struct ChangeWork {
  ChangeNumber last = 0;  // names the work; its record holds all that is to be written
  ChangeKind kind = ChangeKind::kWrite;
  ChangeParts parts =
      0;  // kWrite and kRename: what to write beside (or, with content, instead of) moving
  std::string name;
  std::string from;               // kRename: where the lake has the content; kBarrier: as above
  std::vector<std::string> gone;  // names that must not be in the lake afterwards
  std::vector<ChangeNumber> swallowed;  // ascending; their holders can be released with this work
};

class ChangeOrder {
 public:
  explicit ChangeOrder(Ordering ordering) : ordering_(ordering) {}

  // In ascending order of numbers. What is left out counts as visible (after a restart the log
  // holds only the rest).
  void Append(const Change& change);

  // Takes up to `max` pieces of work that may become visible now, lowest first.
  std::vector<ChangeWork> Start(std::size_t max);
  // Up to `max` pieces that wait and would come next: their blocks may be staged already. A
  // piece seen here may still be swallowed. None from behind a barrier: what is staged under a name
  // would stand in the way of what the barrier moves there.
  std::vector<ChangeWork> Ahead(std::size_t max) const;
  // It is visible. False where `last` names nothing that was started.
  bool Done(ChangeNumber last);
  // It is not, or nobody knows yet; it waits to be started again and is never swallowed.
  bool Failed(ChangeNumber last);

  // These changes may be taken away: what they are a part of is not swallowed any more, so that
  // nobody does it in passing. False where a piece that waits stands for others as well, which have
  // not `left` before.
  bool Hold(const std::set<ChangeNumber>& changes, const std::set<ChangeNumber>& left);
  // The work is not to be done any more. False where it was started, or there is none.
  bool Withdraw(ChangeNumber last);
  // All that has not been started.
  std::vector<ChangeWork> Waiting() const;
  // It is there: neither swallowed, nor withdrawn, nor done.
  bool Has(ChangeNumber last) const { return works_.contains(last); }

  // All changes up to this one are visible: what a log may erase and a barrier waits for.
  ChangeNumber visible_up_to() const;
  std::size_t pending() const { return works_.size(); }
  std::size_t started() const { return works_.size() - by_need_.size(); }

 private:
  struct Work {
    ChangeWork out;
    ChangeNumber first = 0;  // its lowest number
    ChangeNumber lo = 0;     // where it stands for others; kRelaxed: its highest number
    ChangeNumber need = 0;
    bool started = false;
    bool attempted = false;
    bool maybe_sent = false;
    std::vector<std::string> names;  // that it touches; with repetitions
  };

  void Insert(Work work);
  Work Erase(ChangeNumber last);
  bool CanSwallow(const Work& earlier, const Work& later) const;
  static void Swallow(Work& later, Work earlier);
  static void Combine(ChangeWork& later, const ChangeWork& earlier);
  bool MayStart(const Work& work) const;

  const Ordering ordering_;
  std::map<ChangeNumber, Work> works_;                       // by `last`
  std::unordered_map<std::string, ChangeNumber> names_;      // the latest work that touches a name
  std::set<std::pair<ChangeNumber, ChangeNumber>> by_need_;  // (need, last) of those not started
  std::map<ChangeNumber, ChangeNumber> by_lo_;               // lo -> last, of all
  std::set<ChangeNumber> firsts_;
  ChangeNumber appended_ = 0;
  std::set<ChangeNumber> barriers_;  // that are not visible
  ChangeNumber barrier_ = 0;         // the newest one; later changes need it
};

}  // namespace forebay::tier
