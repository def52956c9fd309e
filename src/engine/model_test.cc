// Random sequences of operations against engine/reference_model.h, in both layouts, over a store
// that runs functions twice, makes up conflicts and misses its cache. At the end everything is
// deleted and swept, and nothing may be left: no record, no inline piece, no chunk.
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "engine/copy_blob.h"
#include "engine/delete_blob.h"
#include "engine/delete_container.h"
#include "engine/engine_fixture.h"
#include "engine/find_blobs_by_tags.h"
#include "engine/get_block_list.h"
#include "engine/list_blobs.h"
#include "engine/put_block_from_blob.h"
#include "engine/reference_model.h"
#include "engine/sweeper.h"
#include "engine/update_blob.h"

namespace forebay::engine {
namespace {

constexpr std::string_view kContainers[] = {"box", "crate"};
constexpr std::string_view kNames[] = {"a", "a/b", "a/b/c", "a-b", "a/d", "e/f", "e", "g", "g/h/i"};
constexpr std::string_view kBlocks[] = {"b1", "b2", "b3", "b4", "b5"};

class Walk {
 public:
  Walk(bool hierarchical, std::uint64_t seed)
      : hierarchical_(hierarchical),
        f_({.hierarchical = hierarchical,
            .faults = {.seed = seed, .would_block_rate = 0.2},
            // Bodies above this go to chunks, so that both ways are walked.
            .limits = {.small_blob_bytes = 48}}),
        random_(seed) {}

  void Run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE("step " + std::to_string(i));
      Step();
    }
  }

  // Deletes what is there, sweeps, and looks for leftovers.
  void ExpectNothingLeft() {
    for (const std::string_view name : kContainers) {
      const auto deleted =
          f_.Run(DeleteContainer(f_.services(), f_.context(), {.target = f_.Container(name)}));
      ASSERT_EQ(deleted.has_value(), containers_.erase(std::string(name)) > 0);
    }
    Sweeper sweeper(f_.services());
    for (int i = 0; i < 6; ++i) {
      f_.clock().Advance(std::chrono::hours(24 * 8));
      const auto swept = sweeper.RunOnce();
      ASSERT_TRUE(swept) << swept.error().ToString();
    }
    for (const char table : std::string_view("anhdstkplrqigwxo")) {
      EXPECT_EQ(f_.KeysOfTable(table), 0u) << "table " << table;
    }
    EXPECT_EQ(f_.LinkedChunks(), 0u);
    EXPECT_EQ(f_.chunks().staged(), 0);
    EXPECT_EQ(f_.InlinePieces(), 0u);
  }

 private:
  using Failure = ModelContainer::Failure;

  std::size_t Below(std::size_t n) { return random_() % n; }
  template <std::size_t N>
  std::string Pick(const std::string_view (&from)[N]) {
    return std::string(from[Below(N)]);
  }
  std::string Bytes() {
    std::string bytes(1 + Below(100), ' ');
    for (char& c : bytes) c = static_cast<char>('a' + Below(26));
    return bytes;
  }

  void Step() {
    container_ = Pick(kContainers);
    name_ = Pick(kNames);
    const auto it = containers_.find(container_);
    model_ = it == containers_.end() ? nullptr : &it->second;
    switch (Below(22)) {
      case 0:
        return Below(4) == 0 ? DropContainer() : MakeContainer();
      case 1:
      case 2:
      case 3:
        return PutOne();
      case 4:
      case 5:
      case 6:
        return StageOne();
      case 7:
      case 8:
      case 9:
        return CommitList();
      case 10:
      case 11:
        return CopyOne();
      case 12:
        return DeleteOne();
      case 13:
      case 14:
        return UpdateOne();
      case 15:
      case 16:
        return ReadOne();
      case 17:
        return ListBlocks();
      case 18:
        return FindByTag();
      case 19:
      case 20:
        return StageFromBlob();
      default:
        return ListNames();
    }
  }

  BlobTarget Target() const { return f_.Blob(name_, container_); }
  template <class T>
  bool Agree(const Result<T>& got, const Failure& expected, const char* what) {
    EXPECT_EQ(got.has_value(), !expected) << what << " " << container_ << "/" << name_ << ": "
                                          << (got ? "ok" : got.error().ToString()) << ", expected "
                                          << (expected ? CodeName(*expected) : "ok");
    if (!got && expected) {
      EXPECT_EQ(CodeName(got.error().code()), CodeName(*expected))
          << what << " " << container_ << "/" << name_;
    }
    return got.has_value();
  }
  std::pair<ModelCondition, azure::Conditions> Condition() {
    azure::Conditions conditions;
    const ModelBlob* blob = model_ ? model_->Find(name_) : nullptr;
    const azure::ETag current = blob ? blob->etag : azure::ETag("0x1");
    switch (Below(10)) {
      case 0:
        conditions.if_match = azure::ETagCondition{.any = false, .etags = {current}};
        return {ModelCondition::kIsCurrent, conditions};
      case 1:
        conditions.if_match = azure::ETagCondition{.any = false, .etags = {azure::ETag("0x2")}};
        return {ModelCondition::kIsStale, conditions};
      case 2:
        conditions.if_none_match = azure::ETagCondition{.any = true, .etags = {}};
        return {ModelCondition::kIsAbsent, conditions};
      case 3:
        conditions.if_none_match = azure::ETagCondition{.any = false, .etags = {current}};
        return {ModelCondition::kIsNotCurrent, conditions};
      default:
        return {ModelCondition::kNone, conditions};
    }
  }
  BlobAttributes Attributes() {
    BlobAttributes attributes = WithTags({{"k", std::to_string(Below(3))}});
    if (Below(3) == 0) attributes.tags.clear();
    if (Below(2) == 0) attributes.metadata = {{"m", std::to_string(Below(100))}};
    attributes.http.content_type = "type/" + std::to_string(Below(100));
    return attributes;
  }
  static ModelBlob ModelOf(const BlobAttributes& attributes) {
    ModelBlob blob;
    blob.metadata = attributes.metadata;
    blob.tags = attributes.tags;
    blob.content_type = attributes.http.content_type;
    return blob;
  }

  void MakeContainer() {
    const bool is_new = containers_.try_emplace(container_, ModelContainer(hierarchical_)).second;
    Agree(f_.MakeContainer(container_), is_new ? Failure() : Code::kContainerAlreadyExists,
          "create");
  }
  void DropContainer() {
    const bool was_there = containers_.erase(container_) > 0;
    Agree(
        f_.Run(DeleteContainer(f_.services(), f_.context(), {.target = f_.Container(container_)})),
        was_there ? Failure() : Code::kContainerNotFound, "delete container");
  }

  void PutOne() {
    const auto [meaning, conditions] = Condition();
    PutBlobRequest request;
    request.target = Target();
    request.attributes = Attributes();
    request.conditions = conditions;
    ModelBlob blob = ModelOf(request.attributes);
    blob.bytes = Below(8) == 0 ? "" : Bytes();
    TextReader reader(blob.bytes, 1 + Below(64));
    request.body = &reader;
    const auto put = f_.Run(PutBlob(f_.services(), f_.context(), std::move(request)));
    if (put) blob.etag = put->changed.etag;
    Agree(put, model_ ? model_->Put(name_, std::move(blob), meaning) : Code::kContainerNotFound,
          "put");
  }
  void StageOne() {
    PutBlockRequest request;
    request.target = Target();
    const std::string id = Pick(kBlocks);
    request.block_id = azure::BlockId(id);
    const std::string bytes = Bytes();
    TextReader reader(bytes);
    request.body = &reader;
    Agree(f_.Run(PutBlock(f_.services(), f_.context(), std::move(request))),
          model_ ? model_->Stage(name_, id, bytes) : Code::kContainerNotFound, "stage");
  }
  void CommitList() {
    const auto [meaning, conditions] = Condition();
    PutBlockListRequest request;
    request.target = Target();
    request.conditions = conditions;
    request.attributes = Attributes();
    // Mostly of blocks that are there: a list with a missing one says little.
    std::vector<std::string> ids;
    if (const auto* staged = model_ ? model_->Staged(name_) : nullptr) {
      for (const auto& [id, bytes] : *staged) ids.push_back(id);
    }
    if (const ModelBlob* there = model_ ? model_->Find(name_) : nullptr) {
      for (const auto& [id, bytes] : there->blocks) ids.push_back(id);
    }
    for (std::size_t n = Below(9); n > 0; --n) {
      const bool any = ids.empty() || Below(30) == 0;
      const auto source = static_cast<BlockSource>(Below(8) == 0 ? Below(2) : 2);
      request.blocks.push_back(
          {source, azure::BlockId(any ? Pick(kBlocks) : ids[Below(ids.size())])});
    }
    ModelBlob blob = ModelOf(request.attributes);
    const auto blocks = request.blocks;
    const auto committed = f_.Run(PutBlockList(f_.services(), f_.context(), std::move(request)));
    if (committed) blob.etag = committed->etag;
    Agree(
        committed,
        model_ ? model_->Commit(name_, blocks, std::move(blob), meaning) : Code::kContainerNotFound,
        "commit");
  }
  // Why the blob cannot be a copy's source. Out of Archive leads a copy that names another tier.
  Failure SourceFailure(const std::string& container, const std::string& name,
                        bool rehydrates = false) const {
    const auto from = containers_.find(container);
    if (from == containers_.end()) return Code::kContainerNotFound;
    const ModelBlob* source = from->second.Find(name);
    if (source == nullptr) return Code::kBlobNotFound;
    if (source->directory) return Code::kInvalidSourceBlobType;
    if (source->tier == azure::AccessTier::kArchive && !rehydrates) return Code::kBlobArchived;
    return std::nullopt;
  }
  void StageFromBlob() {
    PutBlockFromBlobRequest request;
    request.target = Target();
    const std::string id = Pick(kBlocks);
    request.block_id = azure::BlockId(id);
    const std::string from_container = Pick(kContainers);
    const std::string from_name = Pick(kNames);
    request.source = f_.Blob(from_name, from_container);
    const std::size_t offset = Below(60);
    const std::size_t length = 1 + Below(60);
    request.source_range = GetBlobRequest::Range();
    request.source_range->offset = offset;
    request.source_range->length = length;
    Failure expected;
    expected = model_ ? model_->CheckArchive(name_) : Failure(Code::kContainerNotFound);
    if (!expected) expected = SourceFailure(from_container, from_name);
    if (!expected) {
      const std::string bytes = containers_.at(from_container).Find(from_name)->bytes;
      expected = offset + length > bytes.size()
                     ? Failure(Code::kInvalidRange)
                     : model_->Stage(name_, id, bytes.substr(offset, length));
    }
    Agree(f_.Run(PutBlockFromBlob(f_.services(), f_.context(), std::move(request))), expected,
          "stage from blob");
  }
  void CopyOne() {
    const auto [meaning, conditions] = Condition();
    CopyBlobRequest request;
    request.target = Target();
    request.conditions = conditions;
    const std::string from_container = Pick(kContainers);
    const std::string from_name = Pick(kNames);
    request.source = f_.Blob(from_name, from_container);
    request.copy_tags = Below(2) == 0;
    const bool copy_tags = request.copy_tags;
    if (Below(3) == 0) request.tier = static_cast<azure::AccessTier>(Below(4));
    const auto tier = request.tier;
    const auto copied = f_.Run(CopyBlob(f_.services(), f_.context(), std::move(request)));
    const bool rehydrates = tier && *tier != azure::AccessTier::kArchive;
    Failure expected = SourceFailure(from_container, from_name, rehydrates);
    if (!expected && model_ == nullptr) expected = Code::kContainerNotFound;
    if (!expected) {
      ModelBlob blob = *containers_.at(from_container).Find(from_name);
      if (!copy_tags) blob.tags.clear();
      blob.tier = tier.value_or(azure::AccessTier::kHot);
      if (copied) blob.etag = copied->changed.etag;
      expected = model_->Put(name_, std::move(blob), meaning, /*keep_tier=*/!tier);
    }
    Agree(copied, expected, "copy");
  }
  void DeleteOne() {
    const auto [meaning, conditions] = Condition();
    DeleteBlobRequest request;
    request.target = Target();
    request.conditions = conditions;
    Agree(f_.Run(DeleteBlob(f_.services(), f_.context(), std::move(request))),
          model_ ? model_->Delete(name_, meaning) : Code::kContainerNotFound, "delete");
  }
  void UpdateOne() {
    UpdateBlobRequest request{.target = Target()};
    const std::size_t what = Below(4);
    if (what == 0) request.metadata = azure::Metadata{{"u", std::to_string(Below(100))}};
    if (what == 1) request.tags = azure::Tags{{"k", std::to_string(Below(3))}, {"l", "1"}};
    if (what == 2) request.tier = static_cast<azure::AccessTier>(Below(4));
    if (what == 3) request.http.emplace().content_type = "updated/" + std::to_string(Below(100));
    ModelBlob* blob = model_ ? model_->Find(name_) : nullptr;
    Failure expected;
    if (model_ == nullptr) {
      expected = Code::kContainerNotFound;
    } else if (blob == nullptr) {
      expected = Code::kBlobNotFound;
    } else if (blob->directory && what == 2) {
      expected = Code::kInvalidBlobTier;
    } else if ((what == 0 || what == 3) && blob->tier == azure::AccessTier::kArchive) {
      expected = Code::kBlobArchived;
    } else {
      if (request.metadata) blob->metadata = *request.metadata;
      if (request.tags) blob->tags = *request.tags;
      if (request.tier) blob->tier = *request.tier;
      if (request.http) blob->content_type = request.http->content_type;
    }
    const auto updated = f_.Run(UpdateBlob(f_.services(), f_.context(), request));
    if (!Agree(updated, expected, "update") || blob == nullptr) return;
    EXPECT_EQ(updated->changed.etag == blob->etag, what == 1 || what == 2);
    blob->etag = updated->changed.etag;
  }

  void ReadOne() {
    const ModelBlob* blob = model_ ? std::as_const(*model_).Find(name_) : nullptr;
    const auto properties = f_.Properties(name_, {}, container_);
    Failure expected;
    if (blob == nullptr) expected = model_ ? Code::kBlobNotFound : Code::kContainerNotFound;
    if (!Agree(properties, expected, "properties")) return;
    EXPECT_EQ(azure::MakeETag(properties->record.etag.value()), blob->etag);
    EXPECT_EQ(properties->record.length, blob->bytes.size());
    EXPECT_EQ(properties->record.metadata, blob->metadata);
    EXPECT_EQ(properties->record.tags, blob->tags);
    EXPECT_EQ(properties->record.tier, blob->tier);
    EXPECT_EQ(properties->record.http.content_type, blob->content_type);
    EXPECT_EQ(properties->record.directory.has_value(), blob->directory);

    std::optional<GetBlobRequest::Range> range;
    if (Below(2) == 0) {
      range = GetBlobRequest::Range();
      range->offset = Below(120);
      if (Below(2) == 0) range->length = 1 + Below(120);
    }
    if (blob->tier == azure::AccessTier::kArchive) {
      expected = Code::kBlobArchived;
    } else if (range && range->offset >= blob->bytes.size()) {
      expected = Code::kInvalidRange;
    }
    const auto text = f_.Read(name_, range, container_);
    if (!Agree(text, expected, "read")) return;
    const std::size_t offset = range ? std::min(range->offset, blob->bytes.size()) : 0;
    const std::size_t length =
        range && range->length ? static_cast<std::size_t>(*range->length) : std::string::npos;
    EXPECT_EQ(*text, blob->bytes.substr(offset, length)) << container_ << "/" << name_;
  }
  void ListBlocks() {
    const ModelBlob* blob = model_ ? std::as_const(*model_).Find(name_) : nullptr;
    const auto* staged = model_ ? model_->Staged(name_) : nullptr;
    const auto list = f_.Run(
        GetBlockList(f_.services(), f_.context(), {.target = Target(), .uncommitted = true}));
    Failure expected;
    if (!blob && !staged) expected = model_ ? Code::kBlobNotFound : Code::kContainerNotFound;
    if (!Agree(list, expected, "block list")) return;
    using Shown = std::vector<std::pair<std::string, std::uint64_t>>;
    Shown committed, uncommitted, want_committed, want_uncommitted;
    for (const auto& block : list->committed) committed.emplace_back(block.id, block.size);
    for (const auto& block : list->uncommitted) uncommitted.emplace_back(block.id, block.size);
    if (blob) {
      for (const auto& [id, bytes] : blob->blocks) want_committed.emplace_back(id, bytes.size());
    }
    if (staged) {
      for (const auto& [id, bytes] : *staged) want_uncommitted.emplace_back(id, bytes.size());
    }
    EXPECT_EQ(list->blob.has_value(), blob != nullptr);
    EXPECT_EQ(committed, want_committed) << container_ << "/" << name_;
    EXPECT_EQ(uncommitted, want_uncommitted) << container_ << "/" << name_;
  }
  void FindByTag() {
    FindBlobsByTagsRequest request{.account = f_.account(), .where = {}};
    request.container = azure::ContainerName(container_);
    const std::string value = std::to_string(Below(3));
    request.where = *azure::ParseTagQuery("\"k\" = '" + value + "'");
    const auto found = f_.Run(FindBlobsByTags(f_.services(), f_.context(), request));
    if (!Agree(found, model_ ? Failure() : Code::kContainerNotFound, "find")) return;
    std::vector<std::string> names;
    for (const FoundBlob& blob : found->blobs) names.push_back(blob.name.str());
    EXPECT_EQ(names, model_->WithTag("k", value));
  }
  void ListNames() {
    static constexpr std::string_view kPrefixes[] = {"", "", "a", "a/", "a/b", "e/", "z", "g/h"};
    ListBlobsRequest request{.target = f_.Container(container_)};
    request.prefix = Pick(kPrefixes);
    if (Below(2) == 0) request.delimiter = "/";
    request.include_uncommitted = Below(2) == 0;
    request.max_results = 1 + Below(6);
    std::vector<std::string> shown;
    for (int pages = 0;; ++pages) {
      ASSERT_LT(pages, 100) << "the listing does not end";
      const auto page = f_.Run(ListBlobs(f_.services(), f_.context(), request));
      if (!Agree(page, model_ ? Failure() : Code::kContainerNotFound, "list")) return;
      for (const ListedBlob& item : page->items) {
        shown.push_back(item.is_prefix ? "<" + item.name + ">"
                                       : item.name + (item.uncommitted ? "?" : ""));
      }
      if (page->next.empty()) break;
      request.start = page->next;
    }
    EXPECT_EQ(shown, model_->List(request.prefix, request.delimiter, request.include_uncommitted))
        << "prefix " << request.prefix << " delimiter " << request.delimiter << " uncommitted "
        << request.include_uncommitted << " pages of " << request.max_results;
  }

  const bool hierarchical_;
  EngineFixture f_;
  std::mt19937_64 random_;
  std::map<std::string, ModelContainer> containers_;
  // Of the step under way.
  std::string container_;
  std::string name_;
  ModelContainer* model_ = nullptr;  // null: no such container
};

class EngineModelTest : public testing::TestWithParam<bool> {};

TEST_P(EngineModelTest, AgreesWithTheReference) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Walk walk(GetParam(), seed);
    walk.Run(500);
    if (HasFailure()) return;
    walk.ExpectNothingLeft();
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, EngineModelTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Hierarchical" : "Flat"; });

}  // namespace
}  // namespace forebay::engine
