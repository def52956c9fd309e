// Names chosen by a pattern: `forebay prefetch training 'imagenet/train/**'`.
//
//   *        any characters but '/'
//   **       between slashes, or at an end: any number of whole segments, also none; elsewhere like
//   * ?        one character but '/' (a character of UTF-8, not a byte) [a-z]    one character of
//   the set; [!a-z] or [^a-z] one not in it; never '/' {a,b}    one of these, nested too; at most
//   64 alternatives in all
//   \x       x itself
// A pattern that ends with '/' means everything below it. Case matters. `a/**` matches what is
// below a/, not a itself; `**/x` matches x at any depth.
//
// Immutable after Parse, thread safe. Matching takes at most pattern × name steps for each
// alternative (no backtracking without bound), whatever either contains. Fuzzed: glob_fuzz.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace forebay::tier {

inline constexpr std::size_t kMaxGlobBytes = 4096;
inline constexpr std::size_t kMaxGlobAlternatives = 64;

class Glob {
 public:
  // kInvalidInput, with what is wrong and where.
  static Result<Glob> Parse(std::string_view pattern);

  bool Matches(std::string_view name) const;

  // What every match begins with: what must be listed, and nothing else. May be empty.
  const std::string& literal_prefix() const { return prefix_; }
  // Whether a name below the directory `path` (with its '/') could match: lets a listing by
  // delimiter skip subtrees.
  bool MayMatchBelow(std::string_view path) const;
  const std::string& pattern() const { return pattern_; }

 private:
  enum class Kind : std::uint8_t { kLiteral, kOne, kSet, kStar, kDeep, kDeepSlash };
  struct Step {
    Kind kind = Kind::kLiteral;
    char32_t literal = 0;
    bool negated = false;
    std::vector<std::pair<char32_t, char32_t>> ranges;
  };
  using Steps = std::vector<Step>;
  class Compiler;

  static bool Takes(const Step& step, char32_t c);
  // Marks which steps may come next after all of `name`; false when none may.
  static bool Run(const Steps& steps, std::string_view name, std::vector<bool>& live);

  std::string pattern_;
  std::string prefix_;
  std::vector<Steps> alternatives_;
};

}  // namespace forebay::tier
