#include "engine/lake_prefixes.h"

#include <utility>

namespace forebay::engine {
namespace {

class MergedNames final : public StagedNames {
 public:
  MergedNames(std::unique_ptr<StagedNames> staged, std::vector<std::string> prefixes)
      : staged_(std::move(staged)), prefixes_(std::move(prefixes)) {}

  bool Valid() const override { return staged_->Valid() || at_ < prefixes_.size(); }
  const std::string& name() const override {
    return PrefixIsNext() ? prefixes_[at_] : staged_->name();
  }
  void Next() override {
    if (PrefixIsNext()) {
      ++at_;
    } else {
      staged_->Next();
    }
  }
  void SkipPrefix(std::string_view prefix) override {
    while (at_ < prefixes_.size() && prefixes_[at_].starts_with(prefix)) ++at_;
    if (staged_->Valid() && staged_->name().starts_with(prefix)) staged_->SkipPrefix(prefix);
  }
  Result<> status() const override { return staged_->status(); }

 private:
  bool PrefixIsNext() const {
    if (at_ == prefixes_.size()) return false;
    return !staged_->Valid() || prefixes_[at_] <= staged_->name();
  }

  std::unique_ptr<StagedNames> staged_;
  std::vector<std::string> prefixes_;
  std::size_t at_ = 0;
};

}  // namespace

std::unique_ptr<StagedNames> WithLakePrefixes(std::unique_ptr<StagedNames> staged,
                                              std::vector<std::string> prefixes) {
  return std::make_unique<MergedNames>(std::move(staged), std::move(prefixes));
}

}  // namespace forebay::engine
