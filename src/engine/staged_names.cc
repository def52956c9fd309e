#include "engine/staged_names.h"

#include <set>
#include <vector>

#include "base/codec.h"
#include "meta/keys.h"
#include "meta/path.h"

namespace forebay::engine {
namespace {

constexpr std::size_t kCheckEvery = 256;  // names between looks at deadline and cancellation

// Keys are in listing order.
class FlatStagedNames final : public StagedNames {
 public:
  FlatStagedNames(const kv::Reader& reader, meta::ContainerId container,
                  const StagedNamesQuery& query)
      : container_(container) {
    const std::string begin = meta::keys::Staging(container, query.prefix);
    it_ = reader.Scan(begin, PrefixEnd(begin));
    if (const std::string first = meta::keys::Staging(container, query.start); first > begin) {
      it_->Seek(first);
    }
    Load();
  }

  bool Valid() const override { return it_->Valid(); }
  const std::string& name() const override { return name_; }
  void Next() override {
    it_->Next();
    Load();
  }
  void SkipPrefix(std::string_view prefix) override {
    it_->Seek(PrefixEnd(meta::keys::Staging(container_, prefix)));
    Load();
  }
  Result<> status() const override { return it_->status(); }

 private:
  void Load() {
    if (it_->Valid()) name_.assign(meta::keys::NameOfStagingKey(it_->key()));
  }

  meta::ContainerId container_;
  std::unique_ptr<kv::Iterator> it_;
  std::string name_;
};

class SortedStagedNames final : public StagedNames {
 public:
  SortedStagedNames() = default;
  explicit SortedStagedNames(std::set<std::string, meta::PathLess> names)
      : names_(std::move(names)) {}

  bool Valid() const override { return !names_.empty(); }
  const std::string& name() const override { return *names_.begin(); }
  void Next() override { names_.erase(names_.begin()); }
  void SkipPrefix(std::string_view prefix) override {
    while (Valid() && name().starts_with(prefix)) Next();
  }
  Result<> status() const override { return {}; }

 private:
  std::set<std::string, meta::PathLess> names_;
};

// Keeps the names that the page can show: the first ones in listing order, one for each prefix
// item.
Result<std::unique_ptr<StagedNames>> SortStagedNames(const kv::Reader& reader,
                                                     const OpContext& context,
                                                     meta::ContainerId container,
                                                     const StagedNamesQuery& query) {
  std::set<std::string, meta::PathLess> names;
  const std::string begin = meta::keys::Staging(container, query.prefix);
  const auto it = reader.Scan(begin, PrefixEnd(begin));
  for (std::size_t read = 0; it->Valid(); it->Next(), ++read) {
    if (read % kCheckEvery == 0) FB_RETURN_IF_ERROR(context.Check());
    std::string_view name = meta::keys::NameOfStagingKey(it->key());
    if (meta::ComparePaths(name, query.start) < 0) continue;
    if (!query.delimiter.empty()) {
      const std::size_t end = name.find(query.delimiter, query.prefix.size());
      // The shortest name of the group stands for it; it is listed as the prefix that it is.
      if (end != std::string_view::npos) name = name.substr(0, end + query.delimiter.size());
    }
    names.emplace(name);
    // One more than the page tells where the next one starts.
    if (names.size() > query.max_results + 1) names.erase(std::prev(names.end()));
  }
  FB_RETURN_IF_ERROR(it->status());
  return std::make_unique<SortedStagedNames>(std::move(names));
}

}  // namespace

Result<std::unique_ptr<StagedNames>> ListStagedNames(const kv::Reader& reader,
                                                     const OpContext& context,
                                                     const meta::ContainerRecord& container,
                                                     const StagedNamesQuery& query) {
  if (container.hierarchical) return SortStagedNames(reader, context, container.id, query);
  return std::make_unique<FlatStagedNames>(reader, container.id, query);
}

std::unique_ptr<StagedNames> NoStagedNames() { return std::make_unique<SortedStagedNames>(); }

}  // namespace forebay::engine
