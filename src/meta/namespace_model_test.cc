// Random puts, erases, listings, seeks and skips against a sorted map.
#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <random>

#include "meta/namespace_fixture.h"
#include "meta/path.h"

namespace forebay::meta {
namespace {

using Less = std::function<bool(std::string_view, std::string_view)>;

class Model {
 public:
  explicit Model(bool hierarchical)
      : hierarchical_(hierarchical),
        names_(hierarchical ? Less(PathLess()) : Less(std::less<std::string_view>())) {}

  Result<> Put(const std::string& name, BlobId id) {
    if (hierarchical_) {
      for (const std::string& parent : ParentsOf(name)) {
        if (const auto it = names_.find(parent); it != names_.end() && it->second) {
          return Fail(Code::kPathConflict, "");
        }
      }
      if (const auto it = names_.find(name); it != names_.end() && !it->second) {
        return Fail(Code::kPathConflict, "");
      }
      for (const std::string& parent : ParentsOf(name)) names_.try_emplace(parent, std::nullopt);
    }
    names_[name] = id;
    return {};
  }
  Result<> Erase(const std::string& name) {
    if (IsDirectory(name) && !Under(name + "/").empty()) return Fail(Code::kDirectoryNotEmpty, "");
    names_.erase(name);
    return {};
  }
  bool Has(const std::string& name) const { return names_.contains(name); }
  bool IsDirectory(const std::string& name) const {
    const auto it = names_.find(name);
    return hierarchical_ && it != names_.end() && !it->second;
  }
  std::optional<BlobId> IdOf(const std::string& name) const { return names_.at(name); }
  std::vector<std::string> Under(std::string_view prefix) const {
    std::vector<std::string> out;
    for (const auto& [name, id] : names_) {
      if (name.starts_with(prefix)) out.push_back(name);
    }
    return out;
  }
  bool Before(std::string_view a, std::string_view b) const { return names_.key_comp()(a, b); }

 private:
  static std::vector<std::string> ParentsOf(const std::string& name) {
    std::vector<std::string> parents;
    for (std::size_t at = name.find('/'); at != std::string::npos; at = name.find('/', at + 1)) {
      parents.push_back(name.substr(0, at));
    }
    return parents;
  }
  bool hierarchical_;
  std::map<std::string, std::optional<BlobId>, Less> names_;  // unset: a directory
};

class Walk {
 public:
  Walk(bool hierarchical, std::uint64_t seed)
      : hierarchical_(hierarchical),
        names_(hierarchical ? HierarchicalNamespace() : FlatNamespace()),
        f_(names_),
        model_(hierarchical),
        random_(seed) {}

  void Run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      switch (Below(8)) {
        case 0:
        case 1:
        case 2:
          PutOne();
          break;
        case 3:
          EraseOne();
          break;
        case 4:
          FindOne();
          break;
        default:
          ListSome();
      }
    }
  }

 private:
  std::size_t Below(std::size_t n) { return random_() % n; }

  std::string Component() {
    static constexpr std::string_view kLetters = "ab-~\xC3";
    std::string out;
    for (std::size_t n = 1 + Below(2); n > 0; --n) out.push_back(kLetters[Below(kLetters.size())]);
    return out;
  }
  std::string Name() {
    std::string name = Component();
    for (std::size_t depth = Below(4); depth > 0; --depth) name += "/" + Component();
    if (!hierarchical_ && Below(8) == 0) name += "/";
    return name;
  }
  // A name, cut anywhere, perhaps with something behind it.
  std::string Text() {
    std::string text = Name();
    text.resize(Below(text.size() + 1));
    if (Below(4) == 0) text += "/";
    return text;
  }

  void PutOne() {
    const std::string name = Name();
    const BlobRecord record = f_.MakeBlob();
    const auto expected = model_.Put(name, record.id);
    const auto got = f_.Put(name, record);
    ASSERT_EQ(got.has_value(), expected.has_value()) << "put " << name;
    if (!got) {
      ASSERT_EQ(got.error().code(), expected.error().code()) << "put " << name;
    }
  }
  void EraseOne() {
    const auto all = model_.Under("");
    if (all.empty()) return;
    const std::string name = all[Below(all.size())];
    const auto expected = model_.Erase(name);
    const auto got = f_.Erase(name);
    ASSERT_EQ(got.has_value(), expected.has_value()) << "erase " << name;
    if (!got) {
      ASSERT_EQ(got.error().code(), expected.error().code()) << "erase " << name;
    }
  }
  void FindOne() {
    const std::string name = Name();
    const auto found = f_.Find(name);
    ASSERT_EQ(found.has_value(), model_.Has(name)) << name;
    if (!found) return;
    ASSERT_EQ(found->directory.has_value(), model_.IsDirectory(name)) << name;
    if (!found->directory) {
      ASSERT_EQ(found->id, *model_.IdOf(name)) << name;
    }
  }

  // A whole listing, with seeks and skips on the way.
  void ListSome() {
    const std::string prefix = Below(2) == 0 ? "" : Text();
    const std::vector<std::string> expected = model_.Under(prefix);
    const auto snapshot = f_.Snapshot();
    const auto cursor = names_.List(*snapshot, NamespaceFixture::kContainer, prefix);
    std::size_t at = 0;
    for (int moves = 0; moves < 60; ++moves) {
      ASSERT_EQ(cursor->Valid(), at < expected.size()) << "prefix " << prefix;
      if (!cursor->Valid()) break;
      ASSERT_EQ(cursor->name(), expected[at]) << "prefix " << prefix;
      const std::size_t move = Below(6);
      if (move == 0) {
        const std::string to = Text();
        cursor->Seek(to);
        at = 0;
        while (at < expected.size() && model_.Before(expected[at], to)) ++at;
      } else if (move == 1) {
        const std::string skip = PrefixOf(expected[at]);
        cursor->SkipPrefix(skip);
        if (expected[at] + "/" == skip) ++at;
        while (at < expected.size() && expected[at].starts_with(skip)) ++at;
      } else {
        cursor->Next();
        ++at;
      }
    }
    ASSERT_TRUE(cursor->status());
  }
  // What SkipPrefix may be asked on this name.
  std::string PrefixOf(const std::string& name) {
    if (model_.IsDirectory(name) && Below(2) == 0) return name + "/";
    return name.substr(0, 1 + Below(name.size()));
  }

  bool hierarchical_;
  const Namespace& names_;
  NamespaceFixture f_;
  Model model_;
  std::mt19937_64 random_;
};

class NamespaceModelTest : public testing::TestWithParam<bool> {};

TEST_P(NamespaceModelTest, AgreesWithASortedMap) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Walk(GetParam(), seed).Run(400);
    if (HasFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Layouts, NamespaceModelTest, testing::Bool(),
                         [](const auto& info) { return info.param ? "Hierarchical" : "Flat"; });

}  // namespace
}  // namespace forebay::meta
