#include "engine/container_room.h"

#include <gtest/gtest.h>

#include "engine/append_path.h"
#include "engine/buffers_for_test.h"
#include "engine/copy_blob.h"
#include "engine/lake_for_test.h"
#include "engine/nodes_fixture.h"
#include "engine/update_blob.h"
#include "io/memory.h"

namespace forebay::engine {
namespace {

constexpr std::uint64_t kReserve = 1'000'000;

class ContainerRoomTest : public ::testing::Test {
 protected:
  ContainerRoomTest() {
    EXPECT_TRUE(disk_.MakeDirs("/data"));
    f_.services().room = &room_;
    disk_.SetCapacity(2 * kReserve);
    f_.services().lake = &lake_;
    file_ = f_.File("file", "content");
  }
  ~ContainerRoomTest() override {
    f_.services().lake = nullptr;
    f_.services().room = nullptr;
  }
  // What brings bytes, one after the other, with how it ended.
  std::vector<Code> BringBytes() {
    return {
        CodeOf(f_.Put("blob", "some")),
        CodeOf(f_.Stage("blob", "b1", "some")),
        CodeOf(f_.Append("file", 7, "some")),
        CodeOf(f_.StageBlock(f_.Numbered(file_), "p1", "some")),
        CodeOf(f_.Write(f_.Numbered(file_), "data 4\n", "some")),
        CodeOf(f_.Make("new", azure::FileKind::kFile, 0644, "some")),
    };
  }
  void ExpectTheRestWorks() {
    EXPECT_EQ(*f_.Content("file"), "content");
    UpdateBlobRequest update{.target = f_.Blob("file")};
    update.metadata = azure::Metadata{{"m", "1"}};
    EXPECT_TRUE(f_.Run(UpdateBlob(f_.services(), f_.context(), std::move(update))));
    EXPECT_TRUE(f_.Move("file", "moved"));
    EXPECT_TRUE(f_.Unlink("moved"));
  }

  io::MemoryFileSystem disk_;
  BuffersForTest buffers_;
  DiskRoom room_{disk_, "/data", kReserve, buffers_};
  OneTextLake lake_{""};
  NodesFixture f_;
  std::uint64_t file_ = 0;
};

TEST_F(ContainerRoomTest, BytesThatWaitForALakeKeepOthersOut) {
  lake_.admits = false;
  EXPECT_EQ(BringBytes(), std::vector<Code>(6, Code::kServerBusy));
  ExpectTheRestWorks();
  lake_.admits = true;
  EXPECT_TRUE(f_.Put("blob", "some"));
}

TEST_F(ContainerRoomTest, AFullDiskIsTheLakesMatterWhereItMakesRoom) {
  disk_.SetCapacity(kReserve / 3);
  EXPECT_EQ(BringBytes(), std::vector<Code>(6, Code::kNoSpace));
  lake_.makes_room = true;
  EXPECT_EQ(BringBytes(), std::vector<Code>(6, Code::kServerBusy));
  // Records too: here the copy's.
  CopyBlobRequest copy;
  copy.source = f_.Blob("file");
  copy.target = f_.Blob("copy");
  EXPECT_EQ(CodeOf(f_.Run(CopyBlob(f_.services(), f_.context(), std::move(copy)))),
            Code::kServerBusy);
  EXPECT_EQ(CodeOf(f_.Run(AwaitRoomIn(f_.services(), f_.context(), f_.Container()))),
            Code::kServerBusy);
  ExpectTheRestWorks();
}

}  // namespace
}  // namespace forebay::engine
