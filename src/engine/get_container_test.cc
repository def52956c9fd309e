#include "engine/get_container.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

TEST(GetContainerTest, ReadsTheRecordWhetherOrNotItIsCached) {
  for (const double misses : {0.0, 0.5, 1.0}) {
    EngineFixture f;
    ASSERT_TRUE(f.MakeContainer());
    f.store().SetFaults({.would_block_rate = misses});
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(f.Run(GetContainer(f.services(), f.context(), f.Container())));
    }
  }
}

TEST(GetContainerTest, RefusesWhatIsNotThere) {
  EngineFixture f;
  const auto missing = f.Run(GetContainer(f.services(), f.context(), f.Container()));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code(), Code::kContainerNotFound);
}

TEST(GetContainerTest, AReadErrorIsNotAMissingContainer) {
  EngineFixture f;
  ASSERT_TRUE(f.MakeContainer());
  f.store().SetFaults({.would_block_rate = 1, .read_error_rate = 1});
  const auto failed = f.Run(GetContainer(f.services(), f.context(), f.Container()));
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code(), Code::kIo);
}

TEST(GetContainerTest, ADamagedRecordIsCorruption) {
  EngineFixture f;
  ASSERT_TRUE(f.store().TransactBlocking([](kv::Transaction& txn) -> Result<> {
    txn.Put(meta::keys::Container("devstoreaccount1", "box"), "\x01");
    return {};
  }));
  const auto damaged = f.Run(GetContainer(f.services(), f.context(), f.Container()));
  ASSERT_FALSE(damaged);
  EXPECT_EQ(damaged.error().code(), Code::kCorruption);
}

}  // namespace
}  // namespace forebay::engine
