#include "admin/container_finder.h"

#include <gmock/gmock.h>

#include "admin/operations_fixture.h"
#include "engine/create_container.h"

namespace forebay::admin {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ContainerFinderTest : public OperationsFixture {
 protected:
  void Have(std::vector<std::pair<std::string, bool>> accounts) {
    accounts_.Swap(Accounts(std::move(accounts)));
  }
  void Make(const std::string& account, const std::string& container) {
    ASSERT_TRUE(RunSync(engine::CreateContainer(
        fixture_.services(), {},
        {.target = {{azure::AccountName(account), false}, azure::ContainerName(container)}})));
  }
  std::string Found(const std::string& name) {
    auto found = RunSync(finder_.Find({}, name));
    if (!found) return std::string(CodeName(found.error().code()));
    return found->target.account.name.str() + "/" + found->target.container.str() +
           (found->exists ? "" : " to be made");
  }
  Error Refused(const std::string& name, bool require = false) {
    if (require) {
      auto found = RunSync(finder_.Require({}, name));
      EXPECT_FALSE(found) << name;
      return found ? Error(Code::kInternal, "") : found.error();
    }
    auto found = RunSync(finder_.Find({}, name));
    EXPECT_FALSE(found) << name;
    return found ? Error(Code::kInternal, "") : found.error();
  }

  ContainerFinder finder_{fixture_.services(), accounts_};
};

TEST_F(ContainerFinderTest, ABareNameIsTheOneAccountThatHasIt) {
  Have({{"first", false}, {"second", false}});
  Make("second", "training");
  EXPECT_EQ(Found("training"), "second/training");
  EXPECT_EQ(Found("second/training"), "second/training");
  EXPECT_EQ(Found("first/training"), "first/training to be made");
  Make("first", "training");
  const Error several = Refused("training");
  EXPECT_EQ(several.code(), Code::kInvalidInput);
  EXPECT_THAT(several.message(), AllOf(HasSubstr("first/training"), HasSubstr("second/training")));
  EXPECT_EQ(Found("first/training"), "first/training");
}

TEST_F(ContainerFinderTest, OneThatIsNotThereGoesWhereNobodyIsInDoubt) {
  Have({{"only", true}});
  EXPECT_EQ(Found("fresh"), "only/fresh to be made");
  Have({{"flat", false}, {"tree", true}});
  EXPECT_EQ(Found("fresh"), "flat/fresh to be made") << "the one that is not hierarchical";
  Have({{"one", false}, {"two", false}});
  const Error doubt = Refused("fresh");
  EXPECT_EQ(doubt.code(), Code::kNotFound);
  EXPECT_THAT(doubt.message(), AllOf(HasSubstr("one/fresh"), HasSubstr("two/fresh")));
}

TEST_F(ContainerFinderTest, WhatIsNoNameIsRefusedWithTheForm) {
  for (const char* name : {"", "NO", "a", "first/", "first/UPPER", "first/a/b"}) {
    const Error wrong = Refused(name);
    EXPECT_EQ(wrong.code(), Code::kInvalidInput) << name;
    EXPECT_THAT(wrong.message(), HasSubstr("ACCOUNT/CONTAINER"));
  }
  const Error nobody = Refused("nobody/training");
  EXPECT_EQ(nobody.code(), Code::kNotFound);
  EXPECT_THAT(nobody.message(), HasSubstr("no account \"nobody\""));
}

TEST_F(ContainerFinderTest, RequireTakesOnlyWhatIsThere) {
  Have({{"first", false}});
  const Error absent = Refused("training", /*require=*/true);
  EXPECT_EQ(absent.code(), Code::kNotFound);
  EXPECT_THAT(absent.message(), HasSubstr("\"training\""));
  Make("first", "training");
  auto found = RunSync(finder_.Require({}, "training"));
  ASSERT_TRUE(found);
  EXPECT_EQ(found->account.name.str(), "first");
}

}  // namespace
}  // namespace forebay::admin
