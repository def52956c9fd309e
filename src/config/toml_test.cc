#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/settings.h"

namespace forebay::config {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::string ErrorOf(const std::string& toml) {
  auto read = ReadToml(toml, "f.toml");
  if (read) return "no error";
  EXPECT_EQ(read.error().code(), Code::kInvalidConfig);
  return read.error().message();
}

TEST(TomlTest, SaysWhatStandsWhere) {
  const auto file = ReadToml(
      "data = [\"/a\",\n\"/b\"]\nlog.level = \"info\"\n[limits]\nmax_connections = 0x10\n"
      "max_header_size = 8192\nrequest_memory = \"32MiB\"\n[[account]]\nname = \"mine\"\n"
      "hierarchical = true\n[[account]]\nname = \"yours\"\n",
      "f.toml");
  ASSERT_TRUE(file) << file.error().message();
  std::vector<std::string> said;
  for (const Setting& setting : file->settings) {
    std::string all = setting.origin + " " + setting.key;
    for (const std::string& value : setting.values) all += " " + value;
    said.push_back(all);
  }
  EXPECT_THAT(said, testing::UnorderedElementsAre("f.toml:1 data /a /b", "f.toml:3 log.level info",
                                                  "f.toml:5 limits.max_connections 16",
                                                  "f.toml:6 limits.max_header_size 8192",
                                                  "f.toml:7 limits.request_memory 32MiB"));
  ASSERT_EQ(file->rows.size(), 2u);
  EXPECT_EQ(file->rows[0].origin, "f.toml:8");
  EXPECT_EQ(file->rows[1].table, "account");
  ASSERT_EQ(file->rows[0].settings.size(), 2u);
  EXPECT_EQ(file->rows[0].settings[0].key, "hierarchical");
  EXPECT_THAT(file->rows[0].settings[0].values, ElementsAre("true"));
}

TEST(TomlTest, AListOfOneNeedsNoBrackets) {
  const auto file = ReadToml("data = \"/a\"", "f.toml");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_THAT(file->settings.at(0).values, ElementsAre("/a"));
}

// Its type is not known, and that there is no such key says more.
TEST(TomlTest, TheValueOfAnUnknownKeyIsNotJudged) {
  const auto file = ReadToml("levle = 1.5\n[[acount]]\nname = [5]\n", "f.toml");
  ASSERT_TRUE(file) << file.error().message();
  EXPECT_EQ(file->settings.at(0).key, "levle");
  EXPECT_THAT(file->settings.at(0).values, IsEmpty());
  EXPECT_EQ(file->rows.at(0).table, "acount");
}

// Whatever the text of the value would mean.
TEST(TomlTest, AValueOfAnotherTypeIsRefusedWithItsLine) {
  const std::string text = "expected text in quotes", single = "one value is expected here",
                    truth = "expected true or false", number = "expected a whole number";
  const std::pair<std::string, std::string> cases[] = {
      {"data = 5", "f.toml:1: data: " + text},
      {"data = true", "f.toml:1: data: " + text},
      {"data = [\"/a\", 5]", "f.toml:1: data: " + text},
      {"data = [\n\"/a\",\n[\"/b\"]]", "f.toml:3: data: " + text},
      {"listen = 10000", "f.toml:1: listen: " + text},
      {"admin_listen = false", "f.toml:1: admin_listen: " + text},
      {"default_service_version = 2021-12-02", "f.toml:1: default_service_version: " + text},
      {"[log]\nfile = 5", "f.toml:2: log.file: " + text},
      {"[log]\nlevel = true", "f.toml:2: log.level: " + text},
      {"[log]\nlevel = [\"info\"]", "f.toml:2: log.level: " + single},
      {"[log]\nrequests = \"true\"", "f.toml:2: log.requests: " + truth},
      {"[limits]\nmax_connections = \"5\"", "f.toml:2: limits.max_connections: " + number},
      {"[limits]\nmax_connections = 5.0", "f.toml:2: limits.max_connections: " + number},
      {"[limits]\nmax_connections = [5]", "f.toml:2: limits.max_connections: " + single},
      {"[limits]\nmax_header_size = 1e4", "limits.max_header_size: expected a size in quotes"},
      {"[limits]\nidle_timeout = 5", "limits.idle_timeout: expected a duration in quotes"},
      {"[limits]\nidle_timeout = 10:00:00", "limits.idle_timeout: expected a duration in quotes"},
      {"[lake]\nupload_rate = 5", "f.toml:2: lake.upload_rate: " + text},
      {"[[account]]\nname = 12345", "f.toml:2: name: " + text},
      {"[[account]]\nname = [\"mine\"]", "f.toml:2: name: " + single},
      {"[[account]]\n\nkey1 = 12345", "f.toml:3: key1: " + text},
      {"[[account]]\nhierarchical = \"true\"", "f.toml:2: hierarchical: " + truth},
      {"[[account]]\nhierarchical = 1", "f.toml:2: hierarchical: " + truth},
      {"[[listener]]\naddress = 10000", "f.toml:2: address: " + text},
  };
  for (const auto& [toml, expected] : cases)
    EXPECT_THAT(ErrorOf(toml), HasSubstr(expected)) << toml;
}

TEST(TomlTest, WhatMayBeThereSeveralTimesIsATableOfTables) {
  EXPECT_EQ(ErrorOf("account = \"mine\""),
            "f.toml:1: account: expected a table, [[account]], for each");
  EXPECT_EQ(ErrorOf("account = []"), "f.toml:1: account: expected a table, [[account]], for each");
  EXPECT_EQ(ErrorOf("\n[account]\nname = \"mine\""),
            "f.toml:2: account: expected a table, [[account]], for each");
  EXPECT_EQ(ErrorOf("[listener]\naddress = \"127.0.0.1:1\""),
            "f.toml:1: listener: expected a table, [[listener]], for each");
  EXPECT_EQ(ErrorOf("account = [{name = \"mine\"}, 5]"),
            "f.toml:1: account mixes tables and values");
}

TEST(TomlTest, NothingIsThereTwice) {
  EXPECT_THAT(ErrorOf("data = \"/a\"\ndata = \"/b\""), HasSubstr("f.toml:2: not valid TOML"));
  EXPECT_THAT(ErrorOf("[log]\nlevel = \"info\"\n[log]\nformat = \"json\""),
              HasSubstr("f.toml:3: not valid TOML"));
  EXPECT_THAT(ErrorOf("\"log.level\" = \"info\"\n[log]\nlevel = \"warn\""),
              HasSubstr("log.level: the key is there twice"));
  EXPECT_THAT(ErrorOf("[[account]]\nname = \"mine\"\nname = \"yours\""),
              HasSubstr("f.toml:3: not valid TOML"));
}

}  // namespace
}  // namespace forebay::config
