#include "engine/service_properties.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"

namespace forebay::engine {
namespace {

class ServicePropertiesTest : public testing::Test {
 protected:
  Result<std::optional<std::string>> Get(const char* account = "one") {
    return f_.Run(GetServiceProperties(f_.services(), f_.context(), azure::AccountName(account)));
  }
  Result<> Set(std::function<Result<std::string>(std::optional<std::string>)> merge,
               const char* account = "one") {
    return f_.Run(SetServiceProperties(f_.services(), f_.context(), azure::AccountName(account),
                                       std::move(merge)));
  }
  EngineFixture f_;
};

TEST_F(ServicePropertiesTest, AbsentUntilSet) {
  const auto stored = Get();
  ASSERT_TRUE(stored);
  EXPECT_FALSE(*stored);
}

TEST_F(ServicePropertiesTest, MergesWithWhatIsStored) {
  const auto append = [](std::optional<std::string> stored) -> Result<std::string> {
    return stored.value_or("") + "<x/>";
  };
  ASSERT_TRUE(Set(append));
  // However often the store ran it, each change counts once.
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Set(append));
  std::string expected;
  for (int i = 0; i < 21; ++i) expected += "<x/>";
  EXPECT_EQ(**Get(), expected);
  EXPECT_FALSE(*Get("two"));
}

TEST_F(ServicePropertiesTest, AnErrorOfMergeStoresNothing) {
  ASSERT_TRUE(Set([](std::optional<std::string>) -> Result<std::string> { return "old"; }));
  const auto refused = Set([](std::optional<std::string>) -> Result<std::string> {
    return Fail(Code::kInvalidXmlNodeValue, "No.");
  });
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code(), Code::kInvalidXmlNodeValue);
  EXPECT_EQ(**Get(), "old");
}

}  // namespace
}  // namespace forebay::engine
