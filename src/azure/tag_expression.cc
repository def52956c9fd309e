#include "azure/tag_expression.h"

#include <algorithm>

#include "azure/error_table.h"
#include "base/encoding.h"

namespace forebay::azure {

// A tree: comparisons at the leaves. Depth and size are bounded by the parser.
struct TagCondition::Node {
  enum class Kind : std::uint8_t { kComparison, kAnd, kOr, kNot };
  Kind kind = Kind::kComparison;
  TagComparison comparison;
  std::vector<Node> children;

  bool Evaluate(const Tags& tags) const {
    auto holds = [&](const Node& node) { return node.Evaluate(tags); };
    switch (kind) {
      case Kind::kAnd:
        return std::ranges::all_of(children, holds);
      case Kind::kOr:
        return std::ranges::any_of(children, holds);
      case Kind::kNot:
        return !children.front().Evaluate(tags);
      case Kind::kComparison:
        break;
    }
    auto it = tags.find(comparison.key);
    return Compare(it == tags.end() ? nullptr : &it->second, comparison.op, comparison.value);
  }
};

namespace {

using Node = TagCondition::Node;

constexpr std::size_t kMaxWhereKeys = 10;

bool IsWordCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

// Reads tokens off the text. Every function returns nullopt or false where the text does not go on
// so.
class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  bool AtEnd() {
    SkipSpace();
    return text_.empty();
  }
  // A key word, without case, that no longer word continues.
  bool Word(std::string_view word) {
    SkipSpace();
    if (text_.size() < word.size() || !EqualsIgnoreCase(text_.substr(0, word.size()), word)) {
      return false;
    }
    if (text_.size() > word.size() && IsWordCharacter(text_[word.size()])) return false;
    text_.remove_prefix(word.size());
    return true;
  }
  bool Symbol(std::string_view symbol) {
    SkipSpace();
    if (!text_.starts_with(symbol)) return false;
    text_.remove_prefix(symbol.size());
    return true;
  }
  // Text in quotes; the quote doubled stands for itself.
  std::optional<std::string> Quoted(char quote) {
    SkipSpace();
    if (text_.empty() || text_.front() != quote) return std::nullopt;
    std::string out;
    for (std::size_t i = 1; i < text_.size(); ++i) {
      if (text_[i] != quote) {
        out.push_back(text_[i]);
      } else if (i + 1 < text_.size() && text_[i + 1] == quote) {
        out.push_back(quote);
        ++i;
      } else {
        text_.remove_prefix(i + 1);
        return out;
      }
    }
    return std::nullopt;
  }
  std::optional<std::string> Key() {
    SkipSpace();
    if (!text_.empty() && text_.front() == '"') return Quoted('"');
    std::size_t end = !text_.empty() && text_.front() == '@' ? 1 : 0;
    while (end < text_.size() && IsWordCharacter(text_[end])) ++end;
    if (end == 0) return std::nullopt;
    std::string out(text_.substr(0, end));
    text_.remove_prefix(end);
    return out;
  }
  std::optional<TagOperator> Operator() {
    if (Symbol("<>")) return TagOperator::kNotEqual;
    if (Symbol(">=")) return TagOperator::kGreaterEqual;
    if (Symbol("<=")) return TagOperator::kLessEqual;
    if (Symbol(">")) return TagOperator::kGreater;
    if (Symbol("<")) return TagOperator::kLess;
    if (Symbol("=")) return TagOperator::kEqual;
    return std::nullopt;
  }
  std::optional<TagComparison> Comparison() {
    auto key = Key();
    auto op = key ? Operator() : std::nullopt;
    auto value = op ? Quoted('\'') : std::nullopt;
    if (!value || key->empty() || key->size() > 128 || value->size() > 256) return std::nullopt;
    return TagComparison{std::move(*key), *op, std::move(*value)};
  }

 private:
  void SkipSpace() {
    while (!text_.empty() && (text_.front() == ' ' || text_.front() == '\t' ||
                              text_.front() == '\n' || text_.front() == '\r')) {
      text_.remove_prefix(1);
    }
  }
  std::string_view text_;
};

// or := and {OR and}; and := unary {AND unary}; unary := NOT unary | ( or ) | comparison.
class ConditionParser {
 public:
  explicit ConditionParser(std::string_view text) : lexer_(text) {}

  std::optional<Node> Parse() {
    auto node = Joined(Node::Kind::kOr, 0);
    if (!node || !lexer_.AtEnd()) return std::nullopt;
    return node;
  }

 private:
  std::optional<Node> Joined(Node::Kind kind, std::size_t depth) {
    const bool is_or = kind == Node::Kind::kOr;
    Node out{kind, {}, {}};
    do {
      auto part = is_or ? Joined(Node::Kind::kAnd, depth) : Unary(depth);
      if (!part) return std::nullopt;
      out.children.push_back(std::move(*part));
    } while (lexer_.Word(is_or ? "OR" : "AND"));
    if (out.children.size() > 1) return out;
    Node only = std::move(out.children.front());
    return only;
  }
  std::optional<Node> Unary(std::size_t depth) {
    if (depth >= kMaxTagExpressionDepth) return std::nullopt;
    if (lexer_.Word("NOT")) {
      auto part = Unary(depth + 1);
      if (!part) return std::nullopt;
      Node out{Node::Kind::kNot, {}, {}};
      out.children.push_back(std::move(*part));
      return out;
    }
    if (lexer_.Symbol("(")) {
      auto part = Joined(Node::Kind::kOr, depth + 1);
      if (!part || !lexer_.Symbol(")")) return std::nullopt;
      return part;
    }
    auto comparison = lexer_.Comparison();
    if (!comparison || ++comparisons_ > kMaxTagComparisons || comparison->key.starts_with('@')) {
      return std::nullopt;
    }
    return Node{Node::Kind::kComparison, std::move(*comparison), {}};
  }

  Lexer lexer_;
  std::size_t comparisons_ = 0;
};

}  // namespace

bool Compare(const std::string* tag_value, TagOperator op, std::string_view value) {
  if (tag_value == nullptr) return op == TagOperator::kNotEqual;
  int order = std::string_view(*tag_value).compare(value);
  switch (op) {
    case TagOperator::kEqual:
      return order == 0;
    case TagOperator::kNotEqual:
      return order != 0;
    case TagOperator::kGreater:
      return order > 0;
    case TagOperator::kGreaterEqual:
      return order >= 0;
    case TagOperator::kLess:
      return order < 0;
    case TagOperator::kLessEqual:
      return order <= 0;
  }
  return false;
}

Result<TagCondition> TagCondition::Parse(std::string_view text, std::string_view header) {
  std::optional<Node> node;
  if (text.size() <= kMaxTagExpressionBytes) node = ConditionParser(text).Parse();
  if (!node) return Fail(InvalidHeaderError(header, text));
  TagCondition out;
  out.root_ = std::make_shared<const Node>(std::move(*node));
  return out;
}

bool TagCondition::Evaluate(const Tags& tags) const { return root_->Evaluate(tags); }

Result<TagQuery> ParseTagQuery(std::string_view where) {
  auto bad = [&](std::string_view reason) {
    return Fail(InvalidQueryError("where", where, reason));
  };
  if (where.size() > kMaxTagExpressionBytes) return bad("The expression is too long.");
  TagQuery out;
  Lexer lexer(where);
  do {
    auto comparison = lexer.Comparison();
    if (!comparison) return bad("Expected \"key\" operator 'value'.");
    if (comparison->op == TagOperator::kNotEqual) return bad("<> is not supported here.");
    if (comparison->key.starts_with('@')) {
      if (comparison->key != "@container" || comparison->op != TagOperator::kEqual ||
          out.container) {
        return bad("@container takes one comparison, with =.");
      }
      out.container = std::move(comparison->value);
      continue;
    }
    out.comparisons.push_back(std::move(*comparison));
    if (out.comparisons.size() > 2 * kMaxWhereKeys || out.Keys().size() > kMaxWhereKeys) {
      return bad("The expression has too many conditions.");
    }
  } while (lexer.Word("AND"));
  if (!lexer.AtEnd()) return bad("Conditions are joined with AND only.");
  if (out.comparisons.empty()) return bad("The expression names no tag.");
  return out;
}

bool TagQuery::Matches(const Tags& tags) const {
  return std::ranges::all_of(comparisons, [&](const TagComparison& comparison) {
    auto it = tags.find(comparison.key);
    return it != tags.end() && Compare(&it->second, comparison.op, comparison.value);
  });
}

std::vector<std::string> TagQuery::Keys() const {
  std::vector<std::string> out;
  for (const TagComparison& comparison : comparisons) {
    if (std::ranges::find(out, comparison.key) == out.end()) out.push_back(comparison.key);
  }
  return out;
}

}  // namespace forebay::azure
