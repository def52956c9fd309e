#include "tier/glob.h"

#include <algorithm>
#include <optional>

#include "base/encoding.h"

namespace forebay::tier {
namespace {

std::unexpected<Error> Bad(std::string_view pattern, std::size_t at, std::string_view what) {
  return Fail(Code::kInvalidInput, "The pattern \"" + std::string(pattern) + "\" is wrong at " +
                                       std::to_string(at + 1) + ": " + std::string(what) + ".");
}

// The character that `text`, well-formed UTF-8, has at `at`; moves behind it.
char32_t NextCharacter(std::string_view text, std::size_t& at) {
  const auto first = static_cast<unsigned char>(text[at++]);
  if (first < 0x80) return first;
  int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  char32_t c = first & (0x3FU >> more);
  for (; more > 0 && at < text.size(); --more) {
    c = (c << 6) | (static_cast<unsigned char>(text[at++]) & 0x3FU);
  }
  return c;
}

void AppendCharacter(std::string& out, char32_t c) {
  const auto byte = [&out](std::uint32_t b) { out.push_back(static_cast<char>(b)); };
  if (c < 0x80) {
    byte(c);
  } else if (c < 0x800) {
    byte(0xC0U | (c >> 6));
    byte(0x80U | (c & 0x3FU));
  } else if (c < 0x10000) {
    byte(0xE0U | (c >> 12));
    byte(0x80U | ((c >> 6) & 0x3FU));
    byte(0x80U | (c & 0x3FU));
  } else {
    byte(0xF0U | (c >> 18));
    byte(0x80U | ((c >> 12) & 0x3FU));
    byte(0x80U | ((c >> 6) & 0x3FU));
    byte(0x80U | (c & 0x3FU));
  }
}

// Where the set that opens at `open` ends: the index of its ']'.
std::optional<std::size_t> EndOfSet(std::string_view text, std::size_t open) {
  std::size_t at = open + 1;
  if (at < text.size() && (text[at] == '!' || text[at] == '^')) ++at;
  bool first = true;
  for (; at < text.size(); ++at, first = false) {
    if (text[at] == '\\') {
      ++at;
    } else if (text[at] == ']' && !first) {
      return at;
    }
  }
  return std::nullopt;
}

struct Braces {
  std::size_t open = 0;
  std::size_t close = 0;
  std::vector<std::size_t> commas;
};

// The first group in braces, outside sets and escapes.
Result<std::optional<Braces>> FirstBraces(std::string_view text) {
  std::optional<Braces> found;
  int depth = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '\\') {
      ++at;
    } else if (c == '[') {
      auto end = EndOfSet(text, at);
      if (!end) return Bad(text, at, "'[' without ']'");
      at = *end;
    } else if (c == '{') {
      if (depth++ == 0) found = Braces{at, 0, {}};
    } else if (c == ',' && depth == 1) {
      found->commas.push_back(at);
    } else if (c == '}' && depth > 0 && --depth == 0) {
      found->close = at;
      return found;
    }
  }
  if (depth > 0) return Bad(text, found->open, "'{' without '}'");
  return std::optional<Braces>();
}

// {a,b}c becomes ac and bc, until no braces are left. The first group of each text is replaced, so
// what is left is always shorter by a pair of braces.
Result<std::vector<std::string>> Expand(std::string_view pattern) {
  std::vector<std::string> open = {std::string(pattern)};
  std::vector<std::string> done;
  while (!open.empty()) {
    const std::string text = std::move(open.back());
    open.pop_back();
    FB_ASSIGN_OR_RETURN(const std::optional<Braces> braces, FirstBraces(text));
    if (!braces) {
      done.push_back(text);
      continue;
    }
    std::size_t from = braces->open + 1;
    std::vector<std::size_t> ends = braces->commas;
    ends.push_back(braces->close);
    if (done.size() + open.size() + ends.size() > kMaxGlobAlternatives) {
      return Bad(pattern, 0,
                 "it has more than " + std::to_string(kMaxGlobAlternatives) + " alternatives");
    }
    for (const std::size_t end : ends) {
      open.push_back(text.substr(0, braces->open) + text.substr(from, end - from) +
                     text.substr(braces->close + 1));
      from = end + 1;
    }
  }
  return done;
}

}  // namespace

// One alternative, braces expanded, into steps.
class Glob::Compiler {
 public:
  explicit Compiler(std::string_view text) : text_(text) {}

  Result<Steps> Compile() {
    while (at_ < text_.size()) {
      FB_RETURN_IF_ERROR(CompileNext());
    }
    return std::move(steps_);
  }

 private:
  Result<> CompileNext() {
    const std::size_t start = at_;
    switch (text_[at_]) {
      case '*':
        CompileStars();
        return {};
      case '?':
        ++at_;
        Push(Kind::kOne);
        return {};
      case '[':
        return CompileSet();
      case '\\':
        if (++at_ == text_.size()) return Bad(text_, start, "'\\' at its end");
        [[fallthrough]];
      default:
        Step step;
        step.literal = NextCharacter(text_, at_);
        steps_.push_back(std::move(step));
        return {};
    }
  }

  void CompileStars() {
    const bool at_start = at_ == 0 || text_[at_ - 1] == '/';
    const std::size_t start = at_;
    while (at_ < text_.size() && text_[at_] == '*') ++at_;
    const bool deep = at_ - start >= 2 && at_start;
    if (deep && at_ == text_.size()) {
      Push(Kind::kDeep);
    } else if (deep && text_[at_] == '/') {
      ++at_;
      Push(Kind::kDeepSlash);
    } else {
      Push(Kind::kStar);
    }
  }

  Result<> CompileSet() {
    const std::size_t start = at_;
    const auto end = EndOfSet(text_, at_);
    if (!end) return Bad(text_, start, "'[' without ']'");
    ++at_;
    Step step;
    step.kind = Kind::kSet;
    if (text_[at_] == '!' || text_[at_] == '^') {
      step.negated = true;
      ++at_;
    }
    while (at_ < *end) {
      const char32_t low = SetCharacter();
      char32_t high = low;
      if (at_ + 1 < *end && text_[at_] == '-') {
        ++at_;
        high = SetCharacter();
        if (high < low) return Bad(text_, start, "a range in '[ ]' that runs backwards");
      }
      step.ranges.emplace_back(low, high);
    }
    at_ = *end + 1;
    steps_.push_back(std::move(step));
    return {};
  }

  char32_t SetCharacter() {
    if (text_[at_] == '\\') ++at_;
    return NextCharacter(text_, at_);
  }

  void Push(Kind kind) {
    Step step;
    step.kind = kind;
    steps_.push_back(std::move(step));
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Steps steps_;
};

Result<Glob> Glob::Parse(std::string_view pattern) {
  if (pattern.empty()) {
    return Fail(Code::kInvalidInput, "The pattern is empty; write ** for everything.");
  }
  if (pattern.size() > kMaxGlobBytes) {
    return Fail(Code::kInvalidInput,
                "The pattern is longer than " + std::to_string(kMaxGlobBytes) + " bytes.");
  }
  if (!IsValidUtf8(pattern)) return Fail(Code::kInvalidInput, "The pattern is not UTF-8.");
  FB_ASSIGN_OR_RETURN(const std::vector<std::string> texts, Expand(pattern));
  Glob out;
  out.pattern_ = pattern;
  for (const std::string& text : texts) {
    FB_ASSIGN_OR_RETURN(Steps steps, Compiler(text.ends_with('/') ? text + "**" : text).Compile());
    std::string literal;
    for (const Step& step : steps) {
      if (step.kind != Kind::kLiteral) break;
      AppendCharacter(literal, step.literal);
    }
    if (out.alternatives_.empty()) {
      out.prefix_ = literal;
    } else {
      const auto [mine, other] = std::ranges::mismatch(out.prefix_, literal);
      out.prefix_.erase(mine, out.prefix_.end());
    }
    out.alternatives_.push_back(std::move(steps));
  }
  // Alternatives may part inside a character; a listing wants whole ones.
  while (!IsValidUtf8(out.prefix_)) out.prefix_.pop_back();
  return out;
}

bool Glob::Takes(const Step& step, char32_t c) {
  switch (step.kind) {
    case Kind::kLiteral:
      return c == step.literal;
    case Kind::kOne:
    case Kind::kStar:
      return c != '/';
    case Kind::kDeep:
    case Kind::kDeepSlash:
      return true;
    case Kind::kSet:
      break;
  }
  if (c == '/') return false;
  const bool in = std::ranges::any_of(
      step.ranges, [c](const auto& range) { return c >= range.first && c <= range.second; });
  return in != step.negated;
}

// The set of steps that may come next, moved character by character. `**/` is a step that stays
// where it is through any character and may be left at its beginning, or after a slash.
bool Glob::Run(const Steps& steps, std::string_view name, std::vector<bool>& live) {
  live.assign(steps.size() + 1, false);
  std::vector<bool> next(live.size());
  std::vector<bool> inside(live.size(), false);  // of a `**/`: mid-segment, not to be left now
  // A step that may match nothing lets the one behind it begin too.
  const auto enter = [&steps](std::vector<bool>& set, std::size_t i) {
    for (;; ++i) {
      if (set[i]) return;
      set[i] = true;
      if (i == steps.size()) return;
      const Kind kind = steps[i].kind;
      if (kind != Kind::kStar && kind != Kind::kDeep && kind != Kind::kDeepSlash) return;
    }
  };
  enter(live, 0);
  for (std::size_t at = 0; at < name.size();) {
    const char32_t c = NextCharacter(name, at);
    std::fill(next.begin(), next.end(), false);
    std::vector<bool> still(live.size(), false);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (steps[i].kind == Kind::kDeepSlash) {
        if (!live[i] && !inside[i]) continue;
        if (c == '/') {
          enter(next, i);
        } else {
          still[i] = true;
        }
      } else if (live[i] && Takes(steps[i], c)) {
        const bool stays = steps[i].kind == Kind::kStar || steps[i].kind == Kind::kDeep;
        enter(next, stays ? i : i + 1);
      }
    }
    live.swap(next);
    inside.swap(still);
  }
  const bool any = std::ranges::find(live, true) != live.end();
  const bool any_inside = std::ranges::find(inside, true) != inside.end();
  // For MayMatchBelow a `**/` in the middle of a segment is as good as any other step.
  for (std::size_t i = 0; i < inside.size(); ++i) {
    if (inside[i]) live[i] = true;
  }
  return any || any_inside;
}

bool Glob::Matches(std::string_view name) const {
  if (!name.starts_with(prefix_) || !IsValidUtf8(name)) return false;
  std::vector<bool> live;
  return std::ranges::any_of(alternatives_, [&](const Steps& steps) {
    return Run(steps, name, live) && live[steps.size()];
  });
}

bool Glob::MayMatchBelow(std::string_view path) const {
  if (!IsValidUtf8(path)) return false;
  std::vector<bool> live;
  return std::ranges::any_of(alternatives_, [&](const Steps& steps) {
    if (!Run(steps, path, live)) return false;
    // The end of the pattern alone cannot take anything more.
    return std::find(live.begin(), live.end() - 1, true) != live.end() - 1;
  });
}

}  // namespace forebay::tier
