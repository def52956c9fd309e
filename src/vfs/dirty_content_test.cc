#include "vfs/dirty_content.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>

namespace forebay::vfs {
namespace {

using State = DirtyBlock::State;
using Kind = DirtyContent::Step::Kind;

// Drives a DirtyContent as BufferedFile does, with a string as the base, and beside it a string
// that is the whole truth.
class Model {
 public:
  explicit Model(std::string base) : base_(std::move(base)), truth_(base_) {
    content_.SetBase(ETag("0"), base_.size());
  }

  void Write(std::uint64_t offset, const std::string& text) {
    if (truth_.size() < offset + text.size()) truth_.resize(offset + text.size(), '\0');
    truth_.replace(offset, text.size(), text);
    for (std::size_t done = 0; done < text.size();) {
      const ByteView rest = AsBytes(std::string_view(text).substr(done));
      auto step = content_.Write(offset + done, rest);
      for (const auto& block : content_.TakeFull()) Stage(*block);
      if (step.kind == Kind::kDone) {
        ASSERT_GT(step.bytes, 0u);
        done += step.bytes;
      } else if (step.kind == Kind::kMemory) {
        done += content_.Put(offset + done, rest, Memory(step.bytes));
      } else if (step.kind == Kind::kGrow) {
        content_.Grow(step.block, Memory(step.bytes));
      } else {
        Resolve(step);
      }
    }
  }
  void Truncate(std::uint64_t size) {
    truth_.resize(size, '\0');
    Repeat([&] { return content_.Truncate(size); });
  }
  void Zero(std::uint64_t offset, std::uint64_t length, bool extend) {
    if (extend && truth_.size() < offset + length) truth_.resize(offset + length, '\0');
    for (auto i = offset; i < std::min<std::uint64_t>(offset + length, truth_.size()); ++i) {
      truth_[i] = '\0';
    }
    Repeat([&] { return content_.Zero(offset, length, extend); });
  }
  void Extend(std::uint64_t size) {
    if (truth_.size() < size) truth_.resize(size, '\0');
    content_.Extend(size);
  }
  // The server has block `which` now; with `forget` it is there only.
  void StageNth(std::size_t which, bool forget) {
    if (content_.blocks().empty()) return;
    auto at = content_.blocks().begin();
    std::advance(at, which % content_.blocks().size());
    DirtyBlock& block = *at->second;
    if (block.state == State::kOpen) Stage(block);
    if (block.state == State::kStaged && forget) block.memory.reset();
  }
  void Commit() {
    base_ = Compose(0, std::numeric_limits<std::uint32_t>::max(), true);
    staged_.clear();
    content_.Committed(ETag(std::to_string(++version_)), base_.size());
    EXPECT_FALSE(content_.Dirty());
  }

  void Check(std::uint64_t offset, std::uint64_t length) {
    ASSERT_EQ(content_.size(), truth_.size());
    const auto pieces = content_.Read(offset, length);
    if (DirtyContent::NeedsCommit(pieces)) Commit();
    const std::string expected = offset < truth_.size() ? truth_.substr(offset, length) : "";
    const std::string got = Compose(offset, length, false);
    ASSERT_EQ(got.size(), expected.size());
    ASSERT_TRUE(got == expected) << "at " << offset << ", " << length << " bytes";
  }
  const DirtyContent& content() const { return content_; }

 private:
  WriteMemory Memory(std::size_t bytes) {
    auto permit = budget_.TryAcquire(1);
    return {.memory = pool_.Get(bytes), .permit = std::move(*permit)};
  }
  void Stage(DirtyBlock& block) {
    block.state = State::kStaged;
    block.staged = {.id = std::to_string(next_id_++), .length = block.length};
    staged_[block.staged.id] =
        std::string(reinterpret_cast<const char*>(block.At(block.offset)), block.length);
  }
  void Resolve(const DirtyContent::Step& step) {
    ASSERT_EQ(step.kind, Kind::kCommit);
    Commit();
  }
  template <class Do>
  void Repeat(Do what) {
    for (auto step = what(); step.kind != Kind::kDone; step = what()) Resolve(step);
  }
  std::string Compose(std::uint64_t offset, std::uint64_t length, bool from_server) {
    std::string out;
    for (const auto& piece : content_.Read(offset, length)) {
      EXPECT_EQ(piece.offset, offset + out.size());
      if (piece.kind == DirtyContent::Piece::Kind::kZero) {
        out.append(piece.length, '\0');
      } else if (piece.kind == DirtyContent::Piece::Kind::kBase) {
        EXPECT_LE(piece.offset + piece.length, base_.size());
        out += base_.substr(piece.offset, piece.length);
      } else if (from_server && piece.block->state == State::kStaged) {
        out += staged_.at(piece.block->staged.id);
      } else {
        out.append(reinterpret_cast<const char*>(piece.block->At(piece.offset)), piece.length);
      }
    }
    return out;
  }

  MemoryPool pool_{1_MiB};
  Semaphore budget_{1u << 20};
  DirtyContent content_{64_KiB};
  std::string base_;
  std::string truth_;
  std::map<std::string, std::string> staged_;
  int next_id_ = 0;
  int version_ = 0;
};

std::string Random(std::mt19937& random, std::size_t size) {
  std::string out(size, '\0');
  for (char& c : out) c = static_cast<char>(random());
  return out;
}

TEST(DirtyContentTest, SequentialWritesFillWholeBlocks) {
  Model model("");
  std::mt19937 random(1);
  for (int i = 0; i < 40; ++i) {
    model.Write(static_cast<std::uint64_t>(i) * 5000, Random(random, 5000));
  }
  model.Check(0, 200'000);
  // Three full blocks of 64 KiB and the rest.
  EXPECT_EQ(model.content().blocks().size(), 4u);
  EXPECT_EQ(model.content().blocks().begin()->second->state, State::kStaged);
}

TEST(DirtyContentTest, ManySmallWritesGrowOneBlock) {
  Model model("");
  for (std::uint64_t i = 0; i < 3000; ++i) model.Write(i * 10, "0123456789");
  EXPECT_EQ(model.content().blocks().size(), 1u);
  model.Check(0, 30'000);
}

TEST(DirtyContentTest, ATruncationHidesTheBaseAlsoWhenTheFileGrowsAgain) {
  Model model("a base that has been here for long");
  model.Truncate(2);
  model.Extend(10);
  model.Check(0, 100);
  model.Commit();
  model.Check(0, 100);
}

TEST(DirtyContentTest, ANewBaseUnderChangesKeepsThem) {
  DirtyContent content(64_KiB);
  content.SetBase(ETag("1"), 100);
  ASSERT_EQ(content.Zero(50, 10, false).kind, Kind::kDone);
  content.SetBase(ETag("2"), 200);
  EXPECT_EQ(content.size(), 200u);
  EXPECT_TRUE(content.Dirty());
  const auto pieces = content.Read(0, 1000);
  ASSERT_EQ(pieces.size(), 3u);
  EXPECT_EQ(pieces[2].offset, 60u);
  EXPECT_EQ(pieces[2].length, 140u);
}

TEST(DirtyContentTest, AStagedBlockWithoutMemoryIsCommittedBeforeItIsChanged) {
  Model model("");
  model.Write(0, std::string(64_KiB, 'x'));
  model.StageNth(0, true);
  model.Write(10, "inside");
  model.Check(0, 64_KiB);
}

TEST(DirtyContentTest, RandomOperationsMatchAString) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::uint64_t n) { return random() % n; };
    Model model(Random(random, below(300'000)));
    for (int i = 0; i < 120; ++i) {
      const std::uint64_t offset = below(400'000);
      switch (below(10)) {
        case 0:
          model.Truncate(below(400'000));
          break;
        case 1:
          model.Zero(offset, 1 + below(100'000), below(2) == 0);
          break;
        case 2:
          model.Extend(below(450'000));
          break;
        case 3:
        case 4:
          model.StageNth(below(50), below(2) == 0);
          break;
        case 5:
          if (below(4) == 0) model.Commit();
          break;
        default:
          model.Write(offset, Random(random, 1 + below(below(5) == 0 ? 150'000 : 5'000)));
      }
      model.Check(below(400'000), 1 + below(100'000));
      if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed << ", step " << i;
    }
    model.Check(0, 1'000'000);
    model.Commit();
    model.Check(0, 1'000'000);
    if (testing::Test::HasFatalFailure()) FAIL() << "seed " << seed;
  }
}

}  // namespace
}  // namespace forebay::vfs
