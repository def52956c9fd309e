// For tests of the operations on lakes: an API over a tier in memory, with a lake in memory.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "admin/lake_api.h"
#include "admin/test_support.h"
#include "tier/tier_fixture.h"

namespace forebay::admin {

class OperationsFixture : public testing::ApiTest {
 protected:
  explicit OperationsFixture(tier::TierFixtureOptions options = {})
      : fixture_(options), accounts_(Accounts({{account(), false}})) {}

  static rest::AccountsPtr Accounts(std::vector<std::pair<std::string, bool>> accounts) {
    std::vector<rest::AccountConfig> configs;
    for (auto& [name, hierarchical] : accounts) {
      configs.push_back({.name = name, .keys = {"c2VjcmV0"}, .hierarchical = hierarchical});
    }
    return *rest::Accounts::Make(configs);
  }
  LakeParts parts() {
    return {.tier = fixture_.tier(),
            .services = fixture_.services(),
            .accounts = accounts_,
            .usage = [](const std::string&, const std::string&) {
              return std::optional<lake::LakeUsage>();
            }};
  }
  std::string account() const { return fixture_.engine().account().name.str(); }

  mutable tier::TierFixture fixture_;
  rest::AccountRegistry accounts_;
};

}  // namespace forebay::admin
