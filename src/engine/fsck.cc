#include "engine/fsck.h"

#include <algorithm>
#include <map>

#include "base/codec.h"
#include "engine/fsck_facts.h"
#include "engine/fsck_nodes.h"
#include "meta/garbage.h"
#include "meta/keys.h"
#include "meta/namespace.h"
#include "meta/tag_index.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

class Checker {
 public:
  Checker(kv::Store& store, chunk::ChunkStore& chunks, const NamespaceFsckOptions& options)
      : store_(store), chunks_(chunks), options_(options), reader_(store.GetSnapshot()) {}

  Result<NamespaceFsckReport> Run() {
    FB_RETURN_IF_ERROR(LoadContainers());
    FB_ASSIGN_OR_RETURN(const std::uint64_t entries, CountEntries());
    FB_ASSIGN_OR_RETURN(const std::uint64_t changes, Count("j"));
    if (changes > 0) report_.orphans_skipped = true;
    const std::uint64_t parts = PartsOf(entries);
    for (std::uint64_t part = 0; part < parts; ++part) FB_RETURN_IF_ERROR(Pass({part, parts}));
    FB_RETURN_IF_ERROR(CheckFiles());
    FB_RETURN_IF_ERROR(CheckDirectories());
    FB_RETURN_IF_ERROR(CheckTags());
    FB_RETURN_IF_ERROR(Flush());
    return std::move(report_);
  }

 private:
  using Change = std::function<Result<>(kv::Transaction&)>;

  void Problem(FsckProblem problem, std::string text) {
    ++report_.problem_count;
    ++report_.counts[static_cast<std::size_t>(problem)];
    if (report_.problems.size() < options_.max_problems)
      report_.problems.push_back(std::move(text));
  }
  // What cannot be read may name anything: nothing counts as unnamed from then on.
  void Unreadable(std::string_view key, const Error& error) {
    report_.orphans_skipped = unreadable_ = true;
    if (first_pass_) {
      Problem(FsckProblem::kUnreadableRecord,
              "a record of table '" + std::string(key.substr(0, 1)) + "': " + error.message());
    }
  }
  void Fix(Change change) {
    if (options_.repair) changes_.push_back(std::move(change));
  }
  FsckReport Reporter() {
    return [this](FsckProblem problem, std::string text) { Problem(problem, std::move(text)); };
  }
  FsckFix Fixer() {
    return [this](Change change) { Fix(std::move(change)); };
  }
  // Bounded transactions: an unlinked chunk takes four keys.
  Result<> Flush() {
    constexpr std::size_t kChangesATime = 200;
    for (std::size_t first = 0; first < changes_.size(); first += kChangesATime) {
      const std::size_t last = std::min(first + kChangesATime, changes_.size());
      FB_RETURN_IF_ERROR(store_.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
        for (std::size_t i = first; i < last; ++i) FB_RETURN_IF_ERROR(changes_[i](txn));
        return {};
      }));
      report_.repaired += last - first;
    }
    changes_.clear();
    return {};
  }

  Result<std::uint64_t> Count(std::string_view table) {
    std::uint64_t count = 0;
    auto it = reader_->Scan(table, PrefixEnd(table));
    for (; it->Valid(); it->Next()) ++count;
    FB_RETURN_IF_ERROR(it->status());
    return count;
  }
  std::uint64_t PartsOf(std::uint64_t entries) const {
    return entries / std::max<std::uint64_t>(1, options_.max_entries_in_memory) + 1;
  }
  // Upper bound of what the facts of all ids hold.
  Result<std::uint64_t> CountEntries() {
    std::uint64_t entries = 0;
    for (const char* table : {"n", "h", "s", "u", "8", "g", "q", "r"}) {
      FB_ASSIGN_OR_RETURN(const std::uint64_t count, Count(table));
      entries += count;
    }
    auto chunks = reader_->Scan(chunk::keys::TableBegin('C'), chunk::keys::TableEnd('C'));
    for (; chunks->Valid(); chunks->Next()) ++entries;
    FB_RETURN_IF_ERROR(chunks->status());
    auto pieces = reader_->Scan(kv::Space::kInline, "", "");
    for (; pieces->Valid(); pieces->Next()) ++entries;
    FB_RETURN_IF_ERROR(pieces->status());
    return entries;
  }

  // Runs `fn(key, value)` for every record of a table.
  template <class Fn>
  Result<> ForEach(std::string_view prefix, Fn fn) {
    auto it = reader_->Scan(prefix, PrefixEnd(prefix));
    for (; it->Valid(); it->Next()) FB_RETURN_IF_ERROR(fn(it->key(), it->value()));
    return it->status();
  }

  Result<> LoadContainers() {
    for (const char* table : {"a", "x"}) {
      FB_RETURN_IF_ERROR(
          ForEach(table, [&](std::string_view key, std::string_view value) -> Result<> {
            auto record = meta::DecodeContainer(value);
            if (!record) {
              Unreadable(key, record.error());
              return {};
            }
            ++report_.containers;
            containers_[record->id.value()] = key.front() == 'a';
            if (key.front() == 'a') live_.push_back(std::move(*record));
            return {};
          }));
    }
    return {};
  }

  Result<> Pass(FsckPart part) {
    ++report_.passes;
    FsckFacts facts(*reader_, part, Reporter(), Fixer());
    FB_RETURN_IF_ERROR(facts.Load());
    report_.chunks += facts.stored();
    for (const char* table : {"n", "h"}) {
      FB_RETURN_IF_ERROR(ForEach(table, [&](std::string_view key, std::string_view value) {
        return AddBlob(facts, key, value);
      }));
    }
    for (const char* table : {"s", "u", "8"}) {
      FB_RETURN_IF_ERROR(ForEach(table, [&](std::string_view key, std::string_view value) {
        return AddStaging(facts, key, value);
      }));
    }
    FB_RETURN_IF_ERROR(ForEach("g", [&](std::string_view key, std::string_view value) {
      return AddGarbage(facts, key, value);
    }));
    first_pass_ = false;
    // Without all holders nothing can be said to have none.
    if (report_.orphans_skipped) return Flush();
    facts.ReportReferences();
    facts.ReportOrphans(chunks_);
    FB_RETURN_IF_ERROR(facts.ReportForgotten());
    return Flush();
  }

  Result<> AddBlob(FsckFacts& facts, std::string_view key, std::string_view value) {
    auto record = meta::DecodeBlob(value);
    if (!record) {
      Unreadable(key, record.error());
      return {};
    }
    if (first_pass_) {
      ++report_.blobs;
      if (!containers_.contains(KeyReader(key.substr(1)).U64())) {
        Problem(FsckProblem::kNoContainer,
                "blob " + std::to_string(record->id.value()) + " lies in no container");
      }
    }
    const meta::BodyRef& body = record->body;
    if (body.id.value() == 0) {
      if (first_pass_ && record->length != 0) WrongLength(*record, 0);
      return {};
    }
    facts.AddBody(body.id, record->id);
    const FsckHolder holder{body.id, false};
    facts.AddExtents(holder, FsckClaim::kHolds, body.direct);
    FB_ASSIGN_OR_RETURN(const std::uint64_t paged, AddPages(facts, holder, FsckClaim::kHolds));
    if (!first_pass_) return {};
    std::uint64_t length = paged;
    for (const meta::Extent& extent : body.direct) length += extent.length;
    // A body without a manifest is the lake's.
    const bool has_manifest = body.paged || !body.direct.empty() || record->length == 0;
    if (has_manifest && length != record->length) WrongLength(*record, length);
    if (body.has_block_list) return CheckBlockList(*record);
    return {};
  }
  void WrongLength(const meta::BlobRecord& record, std::uint64_t found) {
    Problem(FsckProblem::kWrongLength, "blob " + std::to_string(record.id.value()) + " has " +
                                           std::to_string(record.length) + " bytes, and names " +
                                           std::to_string(found));
  }
  Result<> CheckBlockList(const meta::BlobRecord& record) {
    std::uint64_t sum = 0;
    FB_RETURN_IF_ERROR(ForEach(keys::BlockListPagesOf(record.body.id),
                               [&](std::string_view key, std::string_view value) -> Result<> {
                                 auto blocks = meta::DecodeBlockListPage(value);
                                 if (!blocks) {
                                   Unreadable(key, blocks.error());
                                   return {};
                                 }
                                 for (const meta::CommittedBlock& block : *blocks)
                                   sum += block.size;
                                 return {};
                               }));
    // A flush once lengthened a body in place and left its list: what it names is still right.
    if (sum < record.length) {
      ++report_.short_block_lists;
    } else if (sum > record.length) {
      WrongLength(record, sum);
    }
    return {};
  }

  // The pages of a body, and the runs of one that a lake holds. Answers how many bytes follow one
  // another from the start.
  Result<std::uint64_t> AddPages(FsckFacts& facts, FsckHolder holder, FsckClaim claim) {
    std::uint64_t end = 0;
    for (const char table : {'p', 'b'}) {
      const std::string prefix = KeyBuilder(table).U64(holder.id.value()).Take();
      FB_RETURN_IF_ERROR(
          ForEach(prefix, [&](std::string_view key, std::string_view value) -> Result<> {
            auto page = meta::DecodeExtentPage(value);
            if (!page) {
              Unreadable(key, page.error());
              return {};
            }
            facts.AddExtents(holder, claim, page->extents);
            if (table == 'p' && page->start == end) {
              for (const meta::Extent& extent : page->extents) end += extent.length;
            }
            return {};
          }));
    }
    return end;
  }

  Result<> AddStaging(FsckFacts& facts, std::string_view key, std::string_view value) {
    auto staging = meta::DecodeStaging(value);
    if (!staging) {
      Unreadable(key, staging.error());
      return {};
    }
    facts.AddBody(staging->generation, std::nullopt);
    return AddStagedBlocks(facts, staging->generation, FsckClaim::kHolds);
  }
  Result<> AddStagedBlocks(FsckFacts& facts, meta::BodyId generation, FsckClaim claim) {
    return ForEach(keys::StagedBlocksOf(generation),
                   [&](std::string_view key, std::string_view value) -> Result<> {
                     auto block = meta::DecodeStagedBlock(value);
                     if (!block) {
                       Unreadable(key, block.error());
                       return {};
                     }
                     facts.AddExtents(HolderOf(block->holder), claim, block->extents);
                     return {};
                   });
  }
  FsckHolder HolderOf(const std::optional<meta::BodyId>& holder) {
    if (holder && holder->value() != 0) return {*holder, false};
    return {meta::BodyId(++exclusive_), true};
  }

  Result<> AddGarbage(FsckFacts& facts, std::string_view key, std::string_view value) {
    const meta::BodyId id = keys::BodyOfGarbageKey(key);
    auto garbage = meta::DecodeGarbage(value);
    facts.AddBody(id, std::nullopt);
    if (!garbage) {
      Unreadable(key, garbage.error());
      return {};
    }
    switch (garbage->kind) {
      case meta::GarbageKind::kBody:
      case meta::GarbageKind::kPreparing:
        return AddGarbageBody(facts, id, *garbage, FsckClaim::kReleases);
      case meta::GarbageKind::kPreparingShared:
      case meta::GarbageKind::kForgetShared:
        return AddGarbageBody(facts, id, *garbage, FsckClaim::kNames);
      case meta::GarbageKind::kStaging:
        return AddStagedBlocks(facts, id, FsckClaim::kReleases);
      case meta::GarbageKind::kReleaseList:
        return AddReleaseList(facts, id);
      case meta::GarbageKind::kForgetStaged:
      case meta::GarbageKind::kPreparingList:
      case meta::GarbageKind::kForgetList:
        return {};  // whatever they name is somebody else's
    }
    Unreadable(key, Error(Code::kCorruption, "garbage of an unknown kind"));
    return {};
  }
  Result<> AddGarbageBody(FsckFacts& facts, meta::BodyId id, const meta::GarbageRecord& garbage,
                          FsckClaim claim) {
    const FsckHolder holder{id, false};
    facts.AddExtents(holder, claim, garbage.direct);
    FB_RETURN_IF_ERROR(AddPages(facts, holder, claim));
    return {};
  }
  Result<> AddReleaseList(FsckFacts& facts, meta::BodyId id) {
    return ForEach(
        keys::ReleasePagesOf(id), [&](std::string_view key, std::string_view value) -> Result<> {
          auto entries = meta::DecodeReleasePage(value);
          if (!entries) {
            Unreadable(key, entries.error());
            return {};
          }
          for (const meta::ReleaseEntry& entry : *entries) {
            facts.AddExtents(HolderOf(entry.holder), FsckClaim::kReleases, entry.extents);
          }
          return {};
        });
  }

  // Files that lie apart from their names, in passes of their own behind all the others: a file may
  // be freed once everything that is shared has its references.
  Result<> CheckFiles() {
    if (unreadable_) return {};  // it may be a name
    const bool may_free = report_.count(FsckProblem::kMissingReference) == 0 &&
                          report_.count(FsckProblem::kTwoRecords) == 0;
    FB_ASSIGN_OR_RETURN(const std::uint64_t entries, Count("h"));
    const std::uint64_t parts = PartsOf(entries);
    for (std::uint64_t part = 0; part < parts; ++part) {
      FsckNodes nodes(*reader_, {part, parts}, Reporter(), Fixer());
      FB_RETURN_IF_ERROR(ForEach("h", [&](std::string_view key, std::string_view value) {
        const auto container = containers_.find(KeyReader(key.substr(1)).U64());
        // A deleted container is emptied one by one.
        if (container == containers_.end() || !container->second) return Result<>();
        const auto record = meta::DecodeBlob(value);
        if (record) nodes.Add(key, *record);
        return Result<>();
      }));
      FB_RETURN_IF_ERROR(nodes.Report(chunks_, may_free));
      FB_RETURN_IF_ERROR(Flush());
    }
    return {};
  }

  // Every directory's record is where it hangs, and every directory has one (unless it is deleted
  // and waits to be emptied, table z).
  Result<> CheckDirectories() {
    FB_RETURN_IF_ERROR(ForEach("d", [&](std::string_view key, std::string_view value) -> Result<> {
      const std::uint64_t inode = KeyReader(key.substr(1)).U64();
      auto directory = meta::DecodeDirectory(value);
      if (!directory) {
        Unreadable(key, directory.error());
        return {};
      }
      if (containers_.contains(directory->container.value()) &&
          !containers_[directory->container.value()]) {
        return {};  // its container is being emptied
      }
      FB_ASSIGN_OR_RETURN(
          auto entry,
          reader_->Get(keys::Entry(directory->container, directory->parent, directory->name)));
      auto record =
          entry ? meta::DecodeBlob(*entry) : Result<meta::BlobRecord>(Fail(Code::kNotFound, ""));
      if (!record || !record->directory || record->directory->value() != inode) {
        Problem(FsckProblem::kLostDirectory,
                "directory " + std::to_string(inode) + " is not where it says it hangs");
      }
      return {};
    }));
    return ForEach("h", [&](std::string_view, std::string_view value) -> Result<> {
      auto record = meta::DecodeBlob(value);
      // The root's attributes lie among the nodes; it hangs nowhere.
      if (!record || !record->directory || *record->directory == meta::kRootInode) return {};
      FB_ASSIGN_OR_RETURN(auto named, reader_->Get(keys::Directory(*record->directory)));
      if (!named) {
        Problem(FsckProblem::kLostDirectory, "directory " +
                                                 std::to_string(record->directory->value()) +
                                                 " does not know where it hangs");
      }
      return {};
    });
  }

  Result<> CheckTags() {
    for (const meta::ContainerRecord& container : live_) {
      const meta::Namespace& names = meta::NamespaceOf(container);
      auto cursor = names.List(*reader_, container.id, "");
      for (; cursor->Valid(); cursor->Next()) {
        auto record = cursor->record();
        if (!record) continue;
        for (const auto& [tag, value] : record->tags) {
          const std::string key = keys::Tag(container.id, tag, value, cursor->name());
          FB_ASSIGN_OR_RETURN(auto entry, reader_->Get(key));
          if (entry) continue;
          Problem(FsckProblem::kTagIndex, cursor->name() + " is not found by its tag " + tag);
          Fix([key](kv::Transaction& txn) -> Result<> {
            txn.Put(key, "");
            return {};
          });
        }
      }
      if (Result<> end = cursor->status(); !end) {
        // A record that cannot be read (and is reported) ends the listing of its container.
        if (end.error().code() != Code::kCorruption) return end;
        report_.orphans_skipped = true;
        continue;
      }
      FB_RETURN_IF_ERROR(ForEach(
          keys::TagsOf(container.id), [&](std::string_view key, std::string_view) -> Result<> {
            const keys::TagKeyParts parts = keys::PartsOfTagKey(key);
            auto found = names.Find(*reader_, container.id, parts.name);
            if (!found) return {};  // unreadable, and reported
            const std::optional<meta::BlobRecord>& record = *found;
            if (record) {
              const auto tag = record->tags.find(parts.key);
              if (tag != record->tags.end() && tag->second == parts.value) return {};
            }
            EraseTag(key, parts.name + " is found by a tag it does not have");
            return {};
          }));
    }
    return CheckTagContainers();
  }
  Result<> CheckTagContainers() {
    if (unreadable_) return {};  // it may be a container
    auto row = reader_->Scan("i", PrefixEnd("i"));
    while (row->Valid()) {
      const meta::ContainerId container(KeyReader(row->key().substr(1)).U64());
      if (containers_.contains(container.value())) {
        row->Seek(PrefixEnd(keys::TagsOf(container)));
        continue;
      }
      EraseTag(row->key(), keys::PartsOfTagKey(row->key()).name + " has a tag in no container");
      row->Next();
    }
    return row->status();
  }
  void EraseTag(std::string_view key, std::string problem) {
    Problem(FsckProblem::kTagIndex, std::move(problem));
    Fix([key = std::string(key)](kv::Transaction& txn) -> Result<> {
      txn.Erase(key);
      return {};
    });
  }

  kv::Store& store_;
  chunk::ChunkStore& chunks_;
  const NamespaceFsckOptions options_;
  const std::unique_ptr<kv::Reader> reader_;
  std::map<std::uint64_t, bool> containers_;  // id; true: not deleted
  std::vector<meta::ContainerRecord> live_;
  std::vector<Change> changes_;
  std::uint64_t exclusive_ = 0;
  bool first_pass_ = true;
  bool unreadable_ = false;
  NamespaceFsckReport report_;
};

}  // namespace

std::string_view FsckProblemName(FsckProblem problem) {
  static constexpr std::string_view kNames[kFsckProblems] = {
      "unreadable records",  "missing bytes",     "wrong lengths",     "names without a container",
      "lost directories",    "orphans",           "forgotten records", "missing references",
      "dangling references", "tag index entries", "lost files",        "forgotten files",
      "link counts",         "second records"};
  return kNames[static_cast<std::size_t>(problem)];
}

Result<NamespaceFsckReport> CheckNamespace(kv::Store& store, chunk::ChunkStore& chunks,
                                           const NamespaceFsckOptions& options) {
  return Checker(store, chunks, options).Run();
}

}  // namespace forebay::engine
