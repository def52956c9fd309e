#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include <algorithm>
#include <optional>

#include "config/settings.h"

namespace forebay::config {
namespace {

// How a key's value is written in TOML.
struct Form {
  bool text = false;
  bool number = false;
  bool truth = false;
  bool list = false;
  std::string_view expected;  // each value of a list
};

Form FormOf(Type type) {
  switch (type) {
    case Type::kBool:
      return {.truth = true, .expected = "true or false"};
    case Type::kInteger:
      return {.number = true, .expected = "a whole number"};
    case Type::kBytes:
      return {.text = true,
              .number = true,
              .expected = "a size in quotes, such as \"64MiB\", or a whole number of bytes"};
    case Type::kDuration:
      return {.text = true, .expected = "a duration in quotes, such as \"30s\""};
    default:
      return {.text = true, .list = IsList(type), .expected = "text in quotes"};
  }
}

// Of a key of the table `row` names, or of none; nullopt: it has no such key.
std::optional<Form> FormOf(const Row* row, std::string_view name) {
  if (row == nullptr) {
    const Key* key = FindKey(name);
    return key == nullptr ? std::nullopt : std::optional(FormOf(key->type));
  }
  const auto key = std::ranges::find_if(TableSchema(), [&](const TableKey& known) {
    return known.table == row->table && known.name == name;
  });
  if (key == TableSchema().end()) return std::nullopt;
  return FormOf(key->type == TypeName(Type::kBool) ? Type::kBool : Type::kText);
}

bool IsTable(std::string_view name) {
  return std::ranges::find(Tables(), name, &Table::name) != Tables().end();
}

class Walker {
 public:
  Walker(std::string name, FileSettings& out) : name_(std::move(name)), out_(out) {}

  // `row`: the one that these settings are of; null: they are of the file.
  Result<> Table(const toml::table& table, const std::string& prefix,
                 std::vector<Setting>& settings, const Row* row) {
    for (const auto& [key, node] : table) {
      std::string path = prefix + std::string(key.str());
      const toml::array* array = node.as_array();
      if (array && IsRows(*array) && row == nullptr) {
        FB_RETURN_IF_ERROR(Rows(path, *array));
      } else if (row == nullptr && IsTable(path)) {
        return Bad(key.source(), path, "expected a table, [[" + path + "]], for each");
      } else if (const toml::table* inner = node.as_table()) {
        FB_RETURN_IF_ERROR(Table(*inner, path + ".", settings, row));
      } else {
        Setting setting{path, {}, At(key.source())};
        if (std::ranges::find(settings, path, &Setting::key) != settings.end()) {
          return Bad(key.source(), path, "the key is there twice");
        }
        const std::optional<Form> form = FormOf(row, path);
        if (form) FB_RETURN_IF_ERROR(Value(node, *form, setting));
        settings.push_back(std::move(setting));
      }
    }
    return {};
  }

 private:
  static bool IsRows(const toml::array& array) {
    return !array.empty() && array.front().is_table();
  }

  std::string At(const toml::source_region& region) const {
    return fmt::format("{}:{}", name_, region.begin.line);
  }

  std::unexpected<Error> Bad(const toml::source_region& region, const std::string& key,
                             const std::string& message) const {
    return Fail(Code::kInvalidConfig, At(region) + ": " + key + ": " + message);
  }

  Result<> Rows(const std::string& path, const toml::array& array) {
    for (const toml::node& node : array) {
      Row row{path, {}, At(node.source())};
      const toml::table* table = node.as_table();
      if (table == nullptr) {
        return Fail(Code::kInvalidConfig, row.origin + ": " + path + " mixes tables and values");
      }
      FB_RETURN_IF_ERROR(Table(*table, "", row.settings, &row));
      out_.rows.push_back(std::move(row));
    }
    return {};
  }

  Result<> Value(const toml::node& node, const Form& form, Setting& setting) {
    const toml::array* array = node.as_array();
    if (array == nullptr) return Scalar(node, form, setting);
    if (!form.list) {
      return Bad(node.source(), setting.key, "one value is expected here, not a list");
    }
    for (const toml::node& item : *array) FB_RETURN_IF_ERROR(Scalar(item, form, setting));
    return {};
  }

  Result<> Scalar(const toml::node& node, const Form& form, Setting& setting) {
    if (const auto* text = node.as_string(); text && form.text) {
      setting.values.push_back(text->get());
    } else if (const auto* number = node.as_integer(); number && form.number) {
      setting.values.push_back(std::to_string(number->get()));
    } else if (const auto* truth = node.as_boolean(); truth && form.truth) {
      setting.values.emplace_back(truth->get() ? "true" : "false");
    } else {
      return Bad(node.source(), setting.key, "expected " + std::string(form.expected));
    }
    return {};
  }

  std::string name_;
  FileSettings& out_;
};

}  // namespace

Result<FileSettings> ReadToml(std::string_view text, const std::string& name) {
  toml::parse_result parsed = toml::parse(text, name);
  if (!parsed) {
    const toml::parse_error& error = parsed.error();
    return Fail(Code::kInvalidConfig, fmt::format("{}:{}: not valid TOML: {}", name,
                                                  error.source().begin.line, error.description()));
  }
  FileSettings out;
  Walker walker(name, out);
  FB_RETURN_IF_ERROR(walker.Table(parsed.table(), "", out.settings, nullptr));
  return out;
}

}  // namespace forebay::config
