// Where the bytes of a blob are, as clients see it, and the tier that asks for them.
#include <gmock/gmock.h>

#include "base/codec.h"
#include "engine/get_container.h"
#include "engine/lake_for_test.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "rest/blob/service_fixture.h"

namespace forebay::rest {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class ResidencyTest : public ::testing::Test {
 protected:
  void SetUp() override {
    f_.engine().services().lake = &lake_;
    f_.MakeContainer();
    f_.PutBlob("/box/a", "content");
    f_.PutBlob("/box/plain", "content");
  }
  void TearDown() override { f_.engine().services().lake = nullptr; }

  // The record of /box/a says so, and so many bytes of it are here.
  void Say(bool in_lake, bool lake_has_it, std::int64_t resident) {
    ASSERT_TRUE(f_.engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      FB_ASSIGN_OR_RETURN(auto box, engine::RequireContainer(txn, f_.engine().account().name,
                                                             azure::ContainerName("box")));
      const meta::Namespace& names = meta::NamespaceOf(box);
      FB_ASSIGN_OR_RETURN(auto record, names.Find(txn, box.id, "a"));
      record->body = {};
      record->body.id = meta::BodyId(900);
      record->body.in_lake = in_lake;
      record->lake.emplace();
      if (lake_has_it) {
        record->lake->etag = "0x8D";
        record->lake->body = record->body.id;
      }
      txn.Erase(meta::keys::ResidentBytes(record->body.id));
      return names.Put(txn, box.id, "a", *record, f_.engine().services().ids);
    }));
    ASSERT_TRUE(f_.engine().store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
      if (resident > 0) txn.Add(meta::keys::ResidentBytes(meta::BodyId(900)), resident);
      return {};
    }));
  }
  std::vector<std::string> Wanted() {
    const auto snapshot = f_.engine().store().GetSnapshot();
    const auto box = engine::RequireContainer(*snapshot, f_.engine().account().name,
                                              azure::ContainerName("box"));
    const std::string prefix = meta::keys::HydrationsOf(box->id);
    std::vector<std::string> names;
    for (auto it = snapshot->Scan(prefix, PrefixEnd(prefix)); it->Valid(); it->Next()) {
      names.emplace_back(meta::keys::NameOfHydrationKey(it->key()));
    }
    return names;
  }
  std::string Shown() {
    const Reply head = f_.Send("HEAD", "/box/a");
    EXPECT_EQ(head.status, 200u);
    return head.Header("x-forebay-residency") + " " + head.Header("x-forebay-resident-bytes");
  }
  std::string Listed(const std::string& include) {
    return f_.Get("/box?restype=container&comp=list&prefix=a" + include).body;
  }

  ServiceFixture f_;
  engine::OneTextLake lake_{""};
};

TEST_F(ResidencyTest, IsShownInHeadersAndListings) {
  Say(false, false, 0);
  EXPECT_EQ(Shown(), "local 7");
  Say(false, true, 0);
  EXPECT_EQ(Shown(), "both 7");
  Say(true, true, 0);
  EXPECT_EQ(Shown(), "lake 0");
  EXPECT_THAT(Listed("&include=residency"),
              HasSubstr("<ForebayResidency>lake</ForebayResidency>"
                        "<ForebayResidentBytes>0</ForebayResidentBytes>"));
  Say(true, true, 3);
  EXPECT_EQ(Shown(), "partial 3");
  EXPECT_THAT(Listed("&include=metadata,residency"),
              HasSubstr("<ForebayResidency>partial</ForebayResidency>"
                        "<ForebayResidentBytes>3</ForebayResidentBytes>"));
  Say(true, true, 7);
  EXPECT_EQ(Shown(), "both 7");
}

TEST_F(ResidencyTest, IsNeverMetadataAndNeverThereUnasked) {
  Say(true, true, 3);
  EXPECT_THAT(Listed("&include=metadata"), Not(HasSubstr("Forebay")));
  const Reply head = f_.Send("HEAD", "/box/plain");
  EXPECT_FALSE(head.headers.Has("x-forebay-residency"));
  EXPECT_FALSE(head.headers.Has("x-forebay-resident-bytes"));
  EXPECT_THAT(f_.Get("/box?restype=container&comp=list&prefix=plain&include=residency").body,
              Not(HasSubstr("Forebay")));
}

TEST_F(ResidencyTest, TheHotTierAsksForTheBytes) {
  const auto tier = [this](const std::string& path, const std::string& tier) {
    return f_.Put(path + "?comp=tier", {{"x-ms-access-tier", tier}}).status;
  };
  Say(true, true, 0);
  EXPECT_EQ(tier("/box/a", "Cool"), 200u);
  EXPECT_EQ(lake_.asked_to_hydrate, 0);
  EXPECT_THAT(Wanted(), IsEmpty());
  EXPECT_EQ(tier("/box/a", "Hot"), 200u);
  EXPECT_EQ(lake_.asked_to_hydrate, 1);
  EXPECT_THAT(Wanted(), ElementsAre("a")) << "on record before it is answered";
  EXPECT_EQ(tier("/box/plain", "Hot"), 200u);
  EXPECT_EQ(lake_.asked_to_hydrate, 1);
  EXPECT_THAT(Wanted(), ElementsAre("a"));
  EXPECT_EQ(Shown(), "lake 0");  // the tier itself moves nothing
}

}  // namespace
}  // namespace forebay::rest
