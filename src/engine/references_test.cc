#include "engine/references.h"

#include <gtest/gtest.h>

#include "engine/engine_fixture.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

constexpr meta::BodyId kA(1), kB(2), kC(3);

class ReferencesTest : public testing::Test {
 protected:
  // A chunk that is linked and named by nobody yet.
  meta::Extent NewChunk() {
    auto chunk = RunSync(f_.chunks().Write({}, AsBytes("bytes")));
    EXPECT_TRUE(chunk);
    EXPECT_TRUE(f_.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      f_.chunks().Link(txn, **chunk);
      return {};
    }));
    return {(*chunk)->id(), 0, 5};
  }
  template <class Fn>
  void Change(Fn fn) {
    const auto done = f_.store().TransactBlocking(fn);
    ASSERT_TRUE(done) << done.error().ToString();
  }
  void Share(const meta::Extent& extent, meta::BodyId from, meta::BodyId to) {
    Change([&](kv::Transaction& txn) -> Result<> {
      ShareExtents(txn, {extent}, from, to);
      return {};
    });
  }
  void Release(const meta::Extent& extent, meta::BodyId holder) {
    Change(
        [&](kv::Transaction& txn) { return ReleaseExtents(f_.chunks(), txn, holder, {extent}); });
  }
  void Forget(const meta::Extent& extent, meta::BodyId holder) {
    Change([&](kv::Transaction& txn) {
      return ReleaseReferences(f_.chunks(), txn, holder, {extent, extent});
    });
  }
  EngineFixture f_;
};

TEST_F(ReferencesTest, TheOnlyHolderFreesTheChunk) {
  const meta::Extent extent = NewChunk();
  Release(extent, kA);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_F(ReferencesTest, TheLastOfSeveralFreesTheChunkWhoeverItIs) {
  const std::vector<std::vector<meta::BodyId>> orders = {{kA, kB, kC}, {kC, kA, kB}, {kB, kC, kA}};
  for (const auto& order : orders) {
    const meta::Extent extent = NewChunk();
    Share(extent, kA, kB);
    Share(extent, kB, kC);
    Share(extent, kB, kC);
    for (std::size_t i = 0; i < order.size(); ++i) {
      EXPECT_EQ(f_.LinkedChunks(), 1u);
      Release(extent, order[i]);
    }
    EXPECT_EQ(f_.Stored(), "");
  }
}

TEST_F(ReferencesTest, ABodyThatNamesAChunkTwiceReleasesItOnce) {
  const meta::Extent extent = NewChunk();
  Change([&](kv::Transaction& txn) {
    return ReleaseExtents(f_.chunks(), txn, kA, {extent, extent, extent});
  });
  EXPECT_EQ(f_.Stored(), "");
}

TEST_F(ReferencesTest, OneWhoMerelyNamesAChunkNeverFreesIt) {
  const meta::Extent extent = NewChunk();
  Forget(extent, kB);
  EXPECT_EQ(f_.LinkedChunks(), 1u) << "it is somebody else's";
  Share(extent, kA, kB);
  Forget(extent, kC);
  EXPECT_EQ(f_.KeysOfTable('q'), 2u);
  Forget(extent, kB);
  EXPECT_EQ(f_.LinkedChunks(), 1u);
  EXPECT_EQ(f_.KeysOfTable('q'), 1u) << "A's";
  // Now the reference is all that keeps it.
  Share(extent, kA, kB);
  Release(extent, kA);
  Forget(extent, kB);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_F(ReferencesTest, ABodyIsSharedAsAWhole) {
  meta::BlobRecord record;
  record.id = meta::BlobId(10);
  record.body.id = kA;
  record.body.direct = {NewChunk()};
  const meta::BlobId other(11);
  Change([&](kv::Transaction& txn) -> Result<> {
    ShareBody(txn, kA, record.id, other);
    return {};
  });
  auto release = [&](kv::Transaction& txn) {
    return ReleaseBody(f_.chunks(), txn, record, f_.clock().Now());
  };
  Change(release);
  EXPECT_EQ(f_.LinkedChunks(), 1u);
  record.id = other;
  Change(release);
  EXPECT_EQ(f_.Stored(), "");
}

TEST_F(ReferencesTest, APagedBodyIsLeftToTheSweeper) {
  meta::BlobRecord record;
  record.id = meta::BlobId(10);
  record.body.id = kA;
  record.body.paged = true;
  Change([&](kv::Transaction& txn) {
    return ReleaseBody(f_.chunks(), txn, record, f_.clock().Now());
  });
  EXPECT_EQ(f_.Stored(), "g=1 ");
  record.body.id = meta::BodyId(0);
  Change([&](kv::Transaction& txn) {
    return ReleaseBody(f_.chunks(), txn, record, f_.clock().Now());
  });
  EXPECT_EQ(f_.Stored(), "g=1 ") << "an empty blob has no body";
}

}  // namespace
}  // namespace forebay::engine
