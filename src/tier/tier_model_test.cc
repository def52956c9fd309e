// Everything that can happen to a name, at random, held against a reference: writes, renames,
// deletes and changes of metadata here, somebody else in the lake, a link that comes and goes,
// answers that are lost, evictions, and processes that end at any step. What must hold:
//  - no acknowledged byte is lost: what nobody took away knowingly is in the lake in the end;
//  - a read shows whole bytes that somebody wrote, never a mixture;
//  - both sides end up the same, with nothing left in the log;
//  - with nobody else in the lake it ends as it is here, and nothing was taken for a conflict.
//
// One round of each shape runs by default; FOREBAY_TIER_MODEL_ROUNDS says how many instead, and
// FOREBAY_TIER_MODEL_SEED from where on. A failure prints its seed and what was done. The seed
// fixes what is done, not how threads meet, so that a seed may pass and fail.
#include <gtest/gtest.h>

#include <map>
#include <mutex>
#include <random>
#include <set>
#include <thread>

#include "engine/delete_path.h"
#include "engine/rename_path.h"
#include "tier/site_fixture.h"
#include "tier/tier_model_for_test.h"

namespace forebay::tier {
namespace {

using lake::BlobName;

constexpr std::uint64_t kRounds = 1;  // of each shape, by default

class TierModelTest : public ::testing::TestWithParam<Shape> {
 protected:
  struct Seen {
    bool there = false;
    Version version = 0;
    azure::ETag etag{};
  };

  void Begin(std::uint64_t seed) {
    random_.seed(seed);
    site_.reset();
    lake_ = std::make_unique<lake::MemoryLake>(
        lake::MemoryLakeOptions{.hierarchical = GetParam().lake_hierarchical});
    versions_ = 0;
    turns_ = 0;
    mine_.clear();
    acknowledged_.clear();
    superseded_.clear();
    done_.clear();
    SiteOptions options;
    options.policy = GetParam().policy;
    options.ordering = GetParam().ordering;
    options.engine.hierarchical = GetParam().hierarchical;
    options.engine.limits.small_blob_bytes = 500;
    options.engine.limits.chunk_bytes = 1'000;
    options.walks = std::chrono::milliseconds(10);
    options.offload.single_put_bytes = 3'000;
    options.offload.block_bytes = 1'000;
    options.offload.deletes.share = 1.0;
    if (GetParam().others) {
      for (const std::string& name : {NameOf(0), NameOf(1)}) Outsider(name, false);
    }
    site_.emplace(*lake_, options);
    // A failure tells what reached the lake, and when.
    lake_->OnRequest([this](lake::LakeOperation operation, const std::string& name) {
      if (operation < lake::LakeOperation::kPut) return;  // reads
      const auto state = lake_->State(name);
      const std::string version =
          state ? "v" + std::to_string(VersionOf(state->metadata)) : "nothing";
      Did("    lake:", lake::LakeOperationName(operation), name, "is", version);
    });
  }
  engine::EngineFixture& engine() { return site_->engine(); }
  bool alone() const { return !GetParam().others; }
  std::uint64_t Draw(std::uint64_t below) { return random_() % below; }
  template <class... Parts>
  void Did(const Parts&... parts) {
    std::string text;
    ((text += parts, text += ' '), ...);
    const std::lock_guard lock(done_mutex_);
    done_.push_back(std::move(text));
  }

  // Two in three names of a hierarchical container are in directories, which move as well; nobody
  // else changes what is in those.
  std::string NameOf(std::uint64_t n) const {
    if (!GetParam().hierarchical || n % 3 == 0) return "n" + std::to_string(n % 5);
    return "d" + std::to_string(n % 4) + "/f" + std::to_string(n / 4 % 2);
  }
  std::string AnyName() { return NameOf(Draw(24)); }
  std::string AnyRootName() { return "n" + std::to_string(Draw(5)); }
  std::string AnyDirectory() { return "d" + std::to_string(Draw(4)); }

  // --- Here. Each change is conditional on what was seen before it, so that it is known what it
  // took away.
  std::optional<Seen> Look(const std::string& name) {
    const auto got = engine().Properties(name);
    if (!got) {
      const Code code = got.error().code();
      if (code == Code::kBlobNotFound || code == Code::kPathNotFound) return Seen{};
      return std::nullopt;
    }
    return Seen{true, VersionOf(got->record.metadata), azure::MakeETag(got->record.etag.value())};
  }
  static azure::Conditions Still(const Seen& seen) {
    azure::Conditions conditions;
    if (seen.there) {
      conditions.if_match.emplace().etags.push_back(seen.etag);
    } else {
      conditions.if_none_match.emplace().any = true;
    }
    return conditions;
  }
  template <class T>
  bool Went(const Result<T>& done, const std::string& what) {
    Did(what, done ? "" : done.error().ToString());
    if (alone()) EXPECT_TRUE(done) << what << ": " << done.error().ToString();
    return done.has_value();
  }
  Result<> Send(const std::string& name, Version version, const Seen& seen, bool staged) {
    engine::BlobAttributes attributes;
    attributes.metadata = MetadataOf(version, 0);
    const std::string bytes = BytesOf(version);
    if (!staged || bytes.empty()) {
      FB_RETURN_IF_ERROR(engine().Put(name, bytes, attributes, Still(seen)));
      return {};
    }
    FB_RETURN_IF_ERROR(engine().Stage(name, "first1", bytes.substr(0, bytes.size() / 2)));
    FB_RETURN_IF_ERROR(engine().Stage(name, "second", bytes.substr(bytes.size() / 2)));
    engine::PutBlockListRequest request;
    request.target = engine().Blob(name);
    request.attributes = std::move(attributes);
    request.conditions = Still(seen);
    request.blocks = {{engine::BlockSource::kLatest, azure::BlockId("first1")},
                      {engine::BlockSource::kLatest, azure::BlockId("second")}};
    FB_RETURN_IF_ERROR(
        engine().Run(engine::PutBlockList(engine().services(), {}, std::move(request))));
    return {};
  }
  void Sent(const std::string& name, Version version, const Seen& seen) {
    acknowledged_.insert(version);
    if (seen.there) superseded_.insert(seen.version);
    mine_[name] = {version, 0};
  }
  void Write(const std::string& name) {
    const auto seen = Look(name);
    if (!seen) return;
    const Version version = ++versions_;
    const auto sent = Send(name, version, *seen, Draw(2) == 0);
    if (Went(sent, "write " + name + " v" + std::to_string(version))) Sent(name, version, *seen);
  }
  // Several at once: none of them came after another.
  void WriteTogether() {
    struct One {
      std::string name;
      Seen seen;
      Version version = 0;
      Result<> sent = {};
    };
    std::map<std::string, One> all;
    for (int i = 0; i < 3; ++i) {
      const std::string name = AnyName();
      if (const auto seen = Look(name)) all[name] = {name, *seen, ++versions_, {}};
    }
    {
      std::vector<std::jthread> threads;
      for (auto& [name, one] : all) {
        threads.emplace_back(
            [this, &one] { one.sent = Send(one.name, one.version, one.seen, false); });
      }
    }
    for (auto& [name, one] : all) {
      if (Went(one.sent, "write " + name + " v" + std::to_string(one.version) + " beside others")) {
        Sent(name, one.version, one.seen);
      }
    }
  }
  void Delete(const std::string& name) {
    const auto seen = Look(name);
    if (!seen || !seen->there) return;
    if (!Went(engine().Delete(name, Still(*seen)), "delete " + name)) return;
    superseded_.insert(seen->version);
    mine_.erase(name);
  }
  void SetMetadata(const std::string& name) {
    const auto seen = Look(name);
    if (!seen || !seen->there) return;
    engine::UpdateBlobRequest request;
    request.target = engine().Blob(name);
    const unsigned turn = ++turns_;
    request.metadata = MetadataOf(seen->version, turn);
    request.conditions = Still(*seen);
    const auto done = engine().Run(engine::UpdateBlob(engine().services(), {}, std::move(request)));
    if (Went(done, "metadata " + name + " turn " + std::to_string(turn))) mine_[name].turn = turn;
  }
  void Rename(const std::string& from, const std::string& to) {
    const auto seen = Look(from);
    const auto target = Look(to);
    if (from == to || !seen || !seen->there || !target) return;
    engine::RenamePathRequest request;
    request.source = engine().Blob(from);
    request.target = engine().Blob(to);
    request.source_conditions = Still(*seen);
    request.conditions = Still(*target);
    const auto done = engine().Run(engine::RenamePath(engine().services(), {}, std::move(request)));
    if (!done && done.error().code() == Code::kRenameDestinationParentPathNotFound) return;
    if (!Went(done, "rename " + from + " to " + to)) return;
    if (target->there) superseded_.insert(target->version);
    mine_[to] = mine_[from];
    mine_.erase(from);
  }
  void RenameDirectory(const std::string& from, const std::string& to) {
    const auto seen = Look(from);
    const auto target = Look(to);
    if (!seen || !seen->there || !target || target->there) return;
    engine::RenamePathRequest request;
    request.source = engine().Blob(from);
    request.target = engine().Blob(to);
    const auto done = engine().Run(engine::RenamePath(engine().services(), {}, std::move(request)));
    if (!Went(done, "rename directory " + from + " to " + to)) return;
    for (auto it = mine_.lower_bound(from + "/"); it != mine_.end();) {
      if (!it->first.starts_with(from + "/")) break;
      mine_[to + it->first.substr(from.size())] = it->second;
      it = mine_.erase(it);
    }
  }
  void DeleteDirectory(const std::string& name) {
    const auto seen = Look(name);
    if (!seen || !seen->there) return;
    engine::DeletePathRequest request;
    request.target = engine().Blob(name);
    request.recursive = true;
    const auto done = engine().Run(engine::DeletePath(engine().services(), {}, std::move(request)));
    if (!Went(done, "delete directory " + name)) return;
    for (auto it = mine_.lower_bound(name + "/"); it != mine_.end();) {
      if (!it->first.starts_with(name + "/")) break;
      superseded_.insert(it->second.version);
      it = mine_.erase(it);
    }
  }
  void Read(const std::string& name) {
    const auto got = engine().Read(name);
    if (got) EXPECT_TRUE(IsWhole(*got)) << name << " shows a mixture";
    if (!alone()) return;
    const auto it = mine_.find(name);
    if (it == mine_.end()) {
      EXPECT_FALSE(got) << name << " is there again";
    } else if (got) {
      EXPECT_TRUE(*got == BytesOf(it->second.version)) << name << " shows other bytes";
    } else {
      EXPECT_NE(got.error().code(), Code::kBlobNotFound) << name;
    }
  }

  // --- In the lake: replaces or removes exactly what it has seen.
  void Outsider(const std::string& name, bool remove) {
    const auto state = lake_->State(name);
    if (state && state->directory) return;
    lake::LakeConditions seen;
    if (state) {
      seen.match = state->etag();
    } else {
      seen.absent = true;
    }
    bool done = false;
    const Version version = remove ? 0 : ++versions_;
    if (remove) {
      if (!state) return;
      done = RunSync(lake_->Delete({}, {.name = BlobName(name), .conditions = seen})).has_value();
    } else {
      done = WriteThere(*lake_, name, version, seen);
    }
    if (!done) return;
    Did("somebody else:", remove ? "delete" : "write", name, "v" + std::to_string(version));
    if (version != 0) acknowledged_.insert(version);
    if (state) superseded_.insert(VersionOf(state->metadata));
  }

  // --- Trouble.
  void Crash(bool nothing_stored) {
    Did(nothing_stored ? "crash" : "restart");
    // What the lake has done is not noted here any more.
    if (nothing_stored) engine().store().FailNext(Code::kIo, 1'000'000, Draw(3));
    std::this_thread::sleep_for(std::chrono::microseconds(Draw(4'000)));
    site_->tier().Stop();
    engine().store().FailNext(Code::kIo, 0);
    site_->Restart();
  }
  void Trouble() {
    switch (Draw(9)) {
      case 0:
        Did("link down");
        return site_->link().SetLink(lake::LinkState::kDown);
      case 1:
        Did("black hole");
        return site_->link().SetLink(lake::LinkState::kBlackHole);
      case 2:
        Did("faults");
        return site_->link().SetRandom({.seed = Draw(1'000'000),
                                        .error = 0.1,
                                        .lost_answer = 0.15,
                                        .short_body = 0.1,
                                        .max_latency = std::chrono::milliseconds(1)});
      case 3:
        return Crash(true);
      case 4:
        return Crash(false);
      case 5:
        Did("evict");
        (void)engine().Run(site_->tier().placement().EvictNow({}, engine().Container(), "**"));
        return;
      default:
        Did("heal");
        return site_->link().Heal();
    }
  }
  void Step() {
    const bool trees = GetParam().hierarchical && Draw(4) == 0;
    switch (Draw(14)) {
      case 0:
      case 1:
      case 2:
        return Write(AnyName());
      case 3:
        return WriteTogether();
      case 4:
        return Delete(AnyName());
      case 5:
        return SetMetadata(AnyName());
      case 6:
      case 7:
        if (trees) return RenameDirectory(AnyDirectory(), AnyDirectory());
        return Rename(AnyName(), AnyName());
      case 8:
        if (trees && alone()) return DeleteDirectory(AnyDirectory());
        return Read(AnyName());
      case 9:
        return std::this_thread::sleep_for(std::chrono::microseconds(Draw(5'000)));
      case 10:
      case 11:
        if (!alone()) return Outsider(AnyRootName(), Draw(4) == 0);
        return Read(AnyName());
      default:
        return Trouble();
    }
  }

  // --- In the end.
  std::map<std::string, meta::BlobRecord> Files() {
    std::map<std::string, meta::BlobRecord> files;
    engine::ListBlobsRequest request;
    request.target = engine().Container();
    auto got = engine().Run(engine::ListBlobs(engine().services(), {}, std::move(request)));
    EXPECT_TRUE(got);
    if (!got) return files;
    for (engine::ListedBlob& item : got->items) {
      if (item.record && !item.record->directory) files[item.name] = std::move(*item.record);
    }
    return files;
  }
  std::set<std::string> FilesOfLake() {
    std::set<std::string> files;
    for (const std::string& name : lake_->Names()) {
      if (!lake_->State(name)->directory) files.insert(name);
    }
    return files;
  }
  bool SameNames() {
    std::set<std::string> here;
    for (const auto& [name, record] : Files()) {
      const auto state = lake_->State(name);
      if (!state || !record.lake || record.lake->etag != state->etag().str()) return false;
      here.insert(name);
    }
    return here == FilesOfLake();
  }
  void Settle() {
    Did("settle");
    site_->link().Heal();
    for (int i = 0; i < 6; ++i) {
      const auto synced = site_->Sync();
      const OffloadStatus offload = site_->tier().Status().front().offload;
      ASSERT_TRUE(synced) << synced.error().ToString() << "; " << offload.changes << " changes, "
                          << offload.last_error << "; blocked: " << offload.blocked_name << ": "
                          << offload.blocked_error;
      const auto walked = site_->Walk();
      ASSERT_TRUE(walked || walked.error().code() == Code::kBusy) << walked.error().ToString();
      if (SameNames() && engine().KeysOfTable('j') == 0) break;
    }
    EXPECT_EQ(engine().KeysOfTable('j'), 0u);
    EXPECT_EQ(engine().KeysOfTable('v'), 0u);
    ExpectSame();
  }
  void ExpectSame() {
    const auto files = Files();
    const std::set<Version> laid = LaidOver(site_->Conflicts());
    std::map<std::string, Mine> here;
    for (const auto& [name, record] : files) {
      const auto state = lake_->State(name);
      EXPECT_TRUE(state) << name << " is not in the lake";
      if (!state) continue;
      const std::string bytes = *lake_->Bytes(name);
      const Version version = VersionOf(state->metadata);
      const bool laid_over = laid.contains(version);
      EXPECT_TRUE(laid_over ? IsWhole(bytes) : bytes == BytesOf(version))
          << name << " is not what its metadata say";
      const auto read = engine().Read(name);
      EXPECT_TRUE(read) << name << ": " << read.error().ToString();
      if (read) EXPECT_TRUE(*read == bytes) << name << " differs";
      EXPECT_EQ(record.metadata, state->metadata) << name;
      EXPECT_TRUE(record.lake) << name;
      if (!record.lake) continue;
      EXPECT_EQ(record.lake->etag, state->etag().str()) << name;
      EXPECT_EQ(record.lake->unsent, 0u) << name;
      EXPECT_EQ(record.lake->name, "") << name;
      const auto turn =
          std::ranges::find(record.metadata, "turn", [](const auto& e) { return e.first; });
      here[name] = {version,
                    static_cast<unsigned>(std::strtoul(turn->second.c_str(), nullptr, 10))};
    }
    std::set<std::string> names;
    for (const auto& [name, record] : files) names.insert(name);
    EXPECT_EQ(names, FilesOfLake());
    if (alone()) {
      EXPECT_EQ(here, mine_);
      EXPECT_EQ(site_->Conflicts().size(), 0u) << "with itself";
    }
    if (GetParam().policy == meta::ConflictPolicy::kKeepBoth) ExpectNothingLost(here);
  }
  void ExpectNothingLost(const std::map<std::string, Mine>& here) {
    std::set<Version> kept;
    for (const auto& [name, mine] : here) kept.insert(mine.version);
    for (const Version version : acknowledged_) {
      if (superseded_.contains(version)) continue;
      EXPECT_TRUE(kept.contains(version)) << "v" << version << " is lost";
    }
  }
  void Tell() {
    for (const std::string& what : done_) std::printf("  %s\n", what.c_str());
    for (const ListedConflict& listed : site_->Conflicts()) {
      std::printf("  conflict %s: %s, %s, kept as '%s', %s -> %s\n", listed.record.name.c_str(),
                  std::string(ConflictKindName(listed.record.kind)).c_str(),
                  std::string(ConflictOutcomeName(listed.record.outcome)).c_str(),
                  listed.record.kept_as.c_str(), listed.record.etag_before.c_str(),
                  listed.record.etag_now.c_str());
    }
  }

  std::mt19937_64 random_;
  std::unique_ptr<lake::MemoryLake> lake_;
  std::optional<Site> site_;
  std::map<std::string, Mine> mine_;
  std::set<Version> acknowledged_, superseded_;
  Version versions_ = 0;
  unsigned turns_ = 0;
  std::mutex done_mutex_;
  std::vector<std::string> done_;
};

TEST_P(TierModelTest, NothingIsLostAndBothSidesConverge) {
  const std::uint64_t first = FromEnvironment("FOREBAY_TIER_MODEL_SEED", 1);
  const std::uint64_t rounds = FromEnvironment("FOREBAY_TIER_MODEL_ROUNDS", kRounds);
  for (std::uint64_t seed = first; seed < first + rounds; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Begin(seed);
    for (int part = 0; part < 3 && !HasFailure(); ++part) {
      for (int i = 0; i < 60 && !HasFailure(); ++i) Step();
      if (!HasFailure()) Settle();
    }
    if (!HasFailure()) continue;
    std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
    Tell();
    break;
  }
  site_.reset();
}

INSTANTIATE_TEST_SUITE_P(
    Shapes, TierModelTest,
    ::testing::Values(Shape{"alone", false, false},
                      Shape{"alone_relaxed", false, false, meta::Ordering::kRelaxed},
                      Shape{"alone_tree_over_flat", true, false}, Shape{"alone_tree", true, true},
                      Shape{"others", false, false, meta::Ordering::kCommit,
                            meta::ConflictPolicy::kKeepBoth, true},
                      Shape{"others_relaxed", false, false, meta::Ordering::kRelaxed,
                            meta::ConflictPolicy::kKeepBoth, true},
                      Shape{"others_tree", true, true, meta::Ordering::kCommit,
                            meta::ConflictPolicy::kKeepBoth, true},
                      Shape{"others_tree_over_flat", true, false, meta::Ordering::kCommit,
                            meta::ConflictPolicy::kKeepBoth, true},
                      Shape{"lake_wins", false, false, meta::Ordering::kCommit,
                            meta::ConflictPolicy::kLakeWins, true},
                      Shape{"local_wins", false, false, meta::Ordering::kCommit,
                            meta::ConflictPolicy::kLocalWins, true}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace forebay::tier
