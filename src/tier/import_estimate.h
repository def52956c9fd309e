// How many names an import will bring, while it runs: nobody can ask a lake for that.
//
// Two honest sources, and silence otherwise:
//  - what an import of the same lake has counted before, until more than that have come in;
//  - the directories of the first level that has several of them: a listing goes through them in
//    order, so once some are done, those that are left are taken to hold as many names each.
//
// Pure, one thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace forebay::tier {

class ImportEstimate {
 public:
  // So many directories have to be done: fewer tell nothing.
  static constexpr std::size_t kEnough = 4;

  void SetBefore(std::uint64_t names) { before_ = names; }
  // All that one level has: its directories ("a/b/") and its own names, each sorted.
  void SetLevel(std::vector<std::string> directories, std::vector<std::string> names);

  // `names` have come in, the last of which is `last`.
  void At(const std::string& last, std::uint64_t names);

  // nullopt: there is no telling.
  std::optional<std::uint64_t> expected() const;

 private:
  std::optional<std::uint64_t> before_;
  std::vector<std::string> directories_, plain_;
  bool placed_ = false;        // where the import is among the directories
  std::size_t at_ = 0;         // directories behind it
  std::size_t done_ = 0;       // the same, when the last one was seen to end …
  std::uint64_t in_done_ = 0;  // … and the names that they hold
  std::uint64_t names_ = 0;    // so far
};

}  // namespace forebay::tier
