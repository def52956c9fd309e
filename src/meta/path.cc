#include "meta/path.h"

#include <algorithm>

namespace forebay::meta {

std::vector<std::string_view> SplitPath(std::string_view path) {
  std::vector<std::string_view> components;
  while (true) {
    const std::size_t slash = path.find('/');
    components.push_back(path.substr(0, slash));
    if (slash == std::string_view::npos) return components;
    path.remove_prefix(slash + 1);
  }
}

std::strong_ordering ComparePaths(std::string_view a, std::string_view b) {
  const auto [at_a, at_b] = std::ranges::mismatch(a, b);
  if (at_a == a.end() || at_b == b.end()) return a.size() <=> b.size();
  // The slash ends a component, so it sorts before every other byte, NUL included.
  const auto rank = [](char c) {
    return c == '/' ? -1 : static_cast<int>(static_cast<unsigned char>(c));
  };
  return rank(*at_a) <=> rank(*at_b);
}

}  // namespace forebay::meta
