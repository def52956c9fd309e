// The little SQL of blob tags: x-ms-if-tags, and `where` of Find Blobs by Tags.
//
//   x-ms-if-tags:  "Project" = 'Contoso' OR NOT …   — AND, OR, NOT, parentheses; = <> > >= < <=
//   where:         @container = 'logs' AND "Status" >= 'A' — AND only; = > >= < <=, @container with
//   = only
// Keys stand in double quotes (plain identifiers are taken bare), values in single quotes, doubled
// to escape. Values compare as bytes. A missing tag makes every comparison false except `<>`.
// Rules: "Specify conditional headers" and "Find Blobs by Tags" of the REST reference. Pure, thread
// safe, bounded (fuzzed: tag_expression_fuzz.cc).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "azure/properties.h"
#include "base/result.h"

namespace forebay::azure {

enum class TagOperator : std::uint8_t {
  kEqual,
  kNotEqual,
  kGreater,
  kGreaterEqual,
  kLess,
  kLessEqual
};

struct TagComparison {
  std::string key;  // "@container" for the container
  TagOperator op = TagOperator::kEqual;
  std::string value;
};

inline constexpr std::size_t kMaxTagExpressionBytes = std::size_t{8} << 10;
inline constexpr std::size_t kMaxTagComparisons = 64;  // x-ms-if-tags; where: 10 keys
inline constexpr std::size_t kMaxTagExpressionDepth = 16;

// A parsed x-ms-if-tags condition.
class TagCondition {
 public:
  // kInvalidHeaderValue, with x-ms-if-tags (or `header`) as the header's name.
  static Result<TagCondition> Parse(std::string_view text,
                                    std::string_view header = "x-ms-if-tags");
  bool Evaluate(const Tags& tags) const;

  struct Node;  // public for the parser only

 private:
  std::shared_ptr<const Node> root_;
};

// A parsed `where`: every comparison must hold. `container` is set by @container = '…'.
struct TagQuery {
  std::optional<std::string> container;
  std::vector<TagComparison> comparisons;

  bool Matches(const Tags& tags) const;  // the container is the caller's to check
  // The keys that the expression names: Find Blobs by Tags lists only these of each blob.
  std::vector<std::string> Keys() const;
};
// kInvalidQueryParameterValue for `where`.
Result<TagQuery> ParseTagQuery(std::string_view where);

bool Compare(const std::string* tag_value, TagOperator op, std::string_view value);

}  // namespace forebay::azure
