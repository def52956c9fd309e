// What the tests of contract_suite.h stand on: who makes the lake, and calls that wait for their
// end.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "async/run_sync.h"
#include "base/checksum.h"
#include "base/encoding.h"
#include "lake/failure.h"
#include "lake/object_lake.h"
#include "lake/recognize.h"

namespace forebay::lake {

struct LakeMaker {
  std::string name;
  std::function<std::unique_ptr<ObjectLake>()> make;
  bool hierarchical = false;
  bool synchronous_copies = true;  // Azurite has none
  bool tags = true;
  bool md5_errors = true;  // Azurite has another word for them
  bool rehydrates = true;  // leaving the archive takes time
};
inline std::string MakerName(const testing::TestParamInfo<LakeMaker>& info) {
  return info.param.name;
}
// Those that the suite of one kind of lake runs over.
inline std::vector<LakeMaker> MakersOfKind(bool hierarchical, std::vector<LakeMaker> makers) {
  std::erase_if(makers, [&](const LakeMaker& maker) { return maker.hierarchical != hierarchical; });
  return makers;
}

// Content in several pieces, as the engine gives it.
class PiecedContent final : public Content {
 public:
  PiecedContent(std::string text, std::size_t piece) : text_(std::move(text)), piece_(piece) {}
  std::uint64_t length() const override { return text_.size(); }
  Task<std::unique_ptr<BodySource>> Open() override {
    co_return std::make_unique<Source>(text_, piece_);
  }

 private:
  class Source final : public BodySource {
   public:
    Source(std::string_view text, std::size_t piece) : left_(text), piece_(piece) {}
    Task<std::optional<BodyPiece>> Next(bool) override {
      if (left_.empty()) co_return std::nullopt;
      BodyPiece out;
      out.memory = AsBytes(left_.substr(0, piece_));
      left_.remove_prefix(out.memory.size());
      co_return out;
    }

   private:
    std::string_view left_;
    std::size_t piece_;
  };
  std::string text_;
  std::size_t piece_;
};

inline std::string Md5Text(std::string_view bytes) {
  const Md5Digest digest = Md5::Of(AsBytes(bytes));
  return std::string(AsText(digest));
}

// Bytes that no two places of share.
inline std::string Pattern(std::size_t size) {
  std::string out(size, '\0');
  std::uint64_t state = 88172645463325252ull;
  for (char& c : out) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    c = static_cast<char>(state);
  }
  return out;
}

class LakeContract : public testing::TestWithParam<LakeMaker> {
 protected:
  void SetUp() override { lake_ = GetParam().make(); }

  static LakeCall Call(Cause cause = Cause::kAdmin) {
    LakeCall out;
    out.context.deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    out.cause = cause;
    return out;
  }
  Result<WriteAnswer> Put(const std::string& name, std::string text,
                          LakeConditions conditions = {}) {
    PutRequest request;
    request.name = BlobName(name);
    request.content = TextContent(std::move(text));
    request.conditions = std::move(conditions);
    return RunSync(lake_->Put(Call(Cause::kOffload), std::move(request)));
  }
  Result<BlobState> Head(const std::string& name, LakeConditions conditions = {}) {
    HeadRequest request;
    request.name = BlobName(name);
    request.conditions = std::move(conditions);
    request.tags = GetParam().tags;
    return RunSync(lake_->Head(Call(), std::move(request)));
  }
  static Task<std::string> ReadBody(ObjectLake& lake, GetRequest request) {
    FB_CO_ASSIGN_OR_RETURN(GetAnswer answer,
                           co_await lake.Get(Call(Cause::kReadThrough), std::move(request)));
    std::string out;
    std::string piece(100'000, '\0');
    for (;;) {
      const MutableByteView space = std::as_writable_bytes(std::span(piece));
      FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await answer.body->Read(space));
      if (got == 0) break;
      out.append(piece, 0, got);
    }
    if (out.size() != answer.length) co_return Fail(Code::kInternal, "another length");
    co_return out;
  }
  Result<std::string> Get(const std::string& name, std::optional<LakeRange> range = {},
                          LakeConditions conditions = {}) {
    GetRequest request;
    request.name = BlobName(name);
    request.range = range;
    request.conditions = std::move(conditions);
    return RunSync(ReadBody(*lake_, std::move(request)));
  }
  // The answer without its body, which must not outlive the coroutine's executor.
  static Task<GetAnswer> GetHead(ObjectLake& lake, std::string name, LakeRange range) {
    GetRequest request;
    request.name = BlobName(std::move(name));
    request.range = range;
    FB_CO_ASSIGN_OR_RETURN(GetAnswer answer, co_await lake.Get(Call(), std::move(request)));
    answer.body.reset();
    co_return answer;
  }
  Result<> PutBlock(const std::string& name, const std::string& id, std::string text) {
    PutBlockRequest request;
    request.name = BlobName(name);
    request.id = BlockId(id);
    request.content = TextContent(std::move(text));
    return RunSync(lake_->PutBlock(Call(Cause::kOffload), std::move(request)));
  }
  Result<WriteAnswer> Commit(const std::string& name, std::vector<BlockListEntry> blocks,
                             LakeConditions conditions = {}) {
    CommitRequest request;
    request.name = BlobName(name);
    request.blocks = std::move(blocks);
    request.conditions = std::move(conditions);
    return RunSync(lake_->CommitBlocks(Call(Cause::kOffload), std::move(request)));
  }
  Result<UpdateAnswer> Update(const std::string& name, Change change,
                              LakeConditions conditions = {}) {
    UpdateRequest request;
    request.name = BlobName(name);
    request.change = std::move(change);
    request.conditions = std::move(conditions);
    return RunSync(lake_->Update(Call(), std::move(request)));
  }
  Result<> Delete(const std::string& name, LakeConditions conditions = {}) {
    DeleteRequest request;
    request.name = BlobName(name);
    request.conditions = std::move(conditions);
    return RunSync(lake_->Delete(Call(), std::move(request)));
  }
  Result<CopyAnswer> Copy(CopyRequest request) {
    return RunSync(lake_->Copy(Call(), std::move(request)));
  }
  Result<ListPage> List(ListRequest request) {
    return RunSync(lake_->List(Call(Cause::kImport), std::move(request)));
  }
  static LakeConditions Match(const ETag& etag) {
    LakeConditions out;
    out.match = etag;
    return out;
  }
  static LakeConditions Absent() {
    LakeConditions out;
    out.absent = true;
    return out;
  }
  template <class T>
  static Code CodeOf(const Result<T>& result) {
    return result ? Code{} : result.error().code();
  }
  static std::string MetadataValue(const Metadata& metadata, std::string_view name) {
    for (const auto& [key, value] : metadata) {
      if (EqualsIgnoreCase(key, name)) return value;
    }
    return {};
  }

  std::unique_ptr<ObjectLake> lake_;
};
class FlatLakeContract : public LakeContract {};
class HierarchicalLakeContract : public LakeContract {};

#define LAKE_OK(expression)                                           \
  do {                                                                \
    const auto& lake_ok_result = (expression);                        \
    ASSERT_TRUE(lake_ok_result.has_value())                           \
        << (lake_ok_result ? "" : lake_ok_result.error().ToString()); \
  } while (false)

}  // namespace forebay::lake
