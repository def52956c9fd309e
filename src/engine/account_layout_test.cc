#include "engine/account_layout.h"

#include <gmock/gmock.h>

#include "engine/delete_container.h"
#include "engine/engine_fixture.h"

namespace forebay::engine {
namespace {

TEST(AccountLayoutTest, ContainersHoldAnAccountToItsLayout) {
  for (const bool hierarchical : {false, true}) {
    EngineFixture f({.hierarchical = hierarchical});
    const Account same = f.account(), other{same.name, !hierarchical};
    EXPECT_TRUE(CheckAccountLayout(f.store(), other)) << "there is nothing yet";
    ASSERT_TRUE(f.MakeContainer());
    EXPECT_TRUE(CheckAccountLayout(f.store(), same));
    const auto refused = CheckAccountLayout(f.store(), other);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Code::kInvalidConfig);
    EXPECT_THAT(refused.error().message(),
                testing::AllOf(testing::HasSubstr("\"devstoreaccount1\""),
                               testing::HasSubstr(hierarchical ? "hierarchical = true"
                                                               : "hierarchical = false")));
    // An account whose name begins alike is another.
    EXPECT_TRUE(CheckAccountLayout(f.store(), {azure::AccountName("devstoreaccount"), true}));
    EXPECT_TRUE(CheckAccountLayout(f.store(), {azure::AccountName("devstoreaccount"), false}));
    ASSERT_TRUE(f.Run(DeleteContainer(f.services(), f.context(), {.target = f.Container()})));
    EXPECT_TRUE(CheckAccountLayout(f.store(), other)) << "empty again";
  }
}

}  // namespace
}  // namespace forebay::engine
