#include <fmt/format.h>

#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

#include "config/settings.h"

namespace forebay::config {
namespace {

class Walker {
 public:
  Walker(std::string name, FileSettings& out) : name_(std::move(name)), out_(out) {}

  Result<> Table(const toml::table& table, const std::string& prefix,
                 std::vector<Setting>& settings, bool top) {
    for (const auto& [key, node] : table) {
      std::string path = prefix + std::string(key.str());
      if (const toml::table* inner = node.as_table()) {
        FB_RETURN_IF_ERROR(Table(*inner, path + ".", settings, top));
      } else if (const toml::array* array = node.as_array(); array && IsRows(*array) && top) {
        FB_RETURN_IF_ERROR(Rows(path, *array));
      } else {
        Setting setting{path, {}, At(key.source())};
        FB_RETURN_IF_ERROR(Value(node, setting));
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

  Result<> Rows(const std::string& path, const toml::array& array) {
    for (const toml::node& node : array) {
      Row row{path, {}, At(node.source())};
      const toml::table* table = node.as_table();
      if (table == nullptr) {
        return Fail(Code::kInvalidConfig, row.origin + ": " + path + " mixes tables and values");
      }
      FB_RETURN_IF_ERROR(Table(*table, "", row.settings, false));
      out_.rows.push_back(std::move(row));
    }
    return {};
  }

  Result<> Value(const toml::node& node, Setting& setting) {
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& item : *array) {
        FB_ASSIGN_OR_RETURN(std::string text, Scalar(item, setting));
        setting.values.push_back(std::move(text));
      }
      return {};
    }
    FB_ASSIGN_OR_RETURN(std::string text, Scalar(node, setting));
    setting.values.push_back(std::move(text));
    return {};
  }

  Result<std::string> Scalar(const toml::node& node, const Setting& setting) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* number = node.as_integer()) return std::to_string(number->get());
    if (const auto* truth = node.as_boolean()) return std::string(truth->get() ? "true" : "false");
    return Fail(Code::kInvalidConfig, At(node.source()) + ": " + setting.key +
                                          ": expected text, a whole number, true or false");
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
  FB_RETURN_IF_ERROR(walker.Table(parsed.table(), "", out.settings, true));
  return out;
}

}  // namespace forebay::config
