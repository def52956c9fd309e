// Where the bytes of a file are, as clients of the Data Lake API see it.
#include "engine/get_container.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "rest/dfs/dfs_fixture.h"

namespace forebay::rest::dfs {
namespace {

// The record says that the lake has the bytes, of which so many are here.
void Say(DfsFixture& fixture, const std::string& name, std::int64_t resident) {
  engine::EngineFixture& engine = fixture.f.engine();
  ASSERT_TRUE(engine.store().TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    FB_ASSIGN_OR_RETURN(const auto box, engine::RequireContainer(txn, engine.account().name,
                                                                 azure::ContainerName("box")));
    const meta::Namespace& names = meta::NamespaceOf(box);
    FB_ASSIGN_OR_RETURN(auto record, names.Find(txn, box.id, name));
    record->body = {};
    record->body.id = meta::BodyId(900);
    record->body.in_lake = true;
    record->lake.emplace();
    record->lake->etag = "0x8D";
    record->lake->body = record->body.id;
    txn.Add(meta::keys::ResidentBytes(record->body.id), resident);
    return names.Put(txn, box.id, name, *record, engine.services().ids);
  }));
}

TEST(DfsResidencyTest, IsShownInPropertiesOfFilesOfALake) {
  for (const bool hierarchical : {true, false}) {
    DfsFixture fixture(hierarchical);
    ASSERT_EQ(fixture.Create("file").status, 201u);
    ASSERT_EQ(fixture.Append("file", 0, "content").status, 202u);
    ASSERT_EQ(fixture.Flush("file", 7).status, 200u);
    EXPECT_FALSE(fixture.Head("file").headers.Has("x-forebay-residency")) << "there is no lake";
    Say(fixture, "file", 3);
    const Reply head = fixture.Head("file");
    EXPECT_EQ(head.status, 200u);
    EXPECT_EQ(head.Header("x-forebay-residency"), "partial");
    EXPECT_EQ(head.Header("x-forebay-resident-bytes"), "3");
  }
}

}  // namespace
}  // namespace forebay::rest::dfs
