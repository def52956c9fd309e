// Paths of the hierarchical layout, taken apart. Pure functions, thread safe.
#pragma once

#include <compare>
#include <string_view>
#include <vector>

namespace forebay::meta {

// "a/b/" is {"a", "b", ""}; "" is {""}. Views into `path`.
std::vector<std::string_view> SplitPath(std::string_view path);

// Listing order of the hierarchical layout: by component, so a directory stands right before what
// is in it ("a", "a/b", "a-c"), which byte order does not give.
std::strong_ordering ComparePaths(std::string_view a, std::string_view b);

struct PathLess {
  using is_transparent = void;
  bool operator()(std::string_view a, std::string_view b) const { return ComparePaths(a, b) < 0; }
};

}  // namespace forebay::meta
