#include "lake/stored_credential.h"

#include <filesystem>
#include <mutex>
#include <utility>

namespace forebay::lake {
namespace {

using namespace std::chrono_literals;

// "/etc/lake.key" of "key:@/etc/lake.key"; empty where nothing is kept in a file of ours.
std::string FileOf(const std::string& reference) {
  const std::size_t at = reference.find(":@");
  return at == std::string::npos ? std::string() : reference.substr(at + 2);
}

class StoredCredential final : public Credential {
 public:
  StoredCredential(const LakeEndpoint& endpoint, std::string reference)
      : endpoint_(endpoint), reference_(std::move(reference)), path_(FileOf(reference_)) {}

  std::string description() const override {
    const std::lock_guard lock(mutex_);
    return made_ ? made_->description() : "not readable";
  }

  Task<> Authorize(OpContext context, LakeRequest& request) override {
    FB_CO_ASSIGN_OR_RETURN(const std::shared_ptr<Credential> now, Current());
    co_return co_await now->Authorize(std::move(context), request);
  }

  bool Refresh() override {
    std::shared_ptr<Credential> made;
    {
      const std::lock_guard lock(mutex_);
      if (!path_.empty() && Stamp() != stamp_) return Make().has_value();
      made = made_;
    }
    return made != nullptr && made->Refresh();
  }

  std::optional<Error> WhyRefused(Code said, WallTime here, WallTime there) override {
    const std::lock_guard lock(mutex_);
    return made_ ? made_->WhyRefused(said, here, there) : std::nullopt;
  }

  Task<SourceAccess> AuthorizeSource(OpContext context, std::string blob_name) override {
    FB_CO_ASSIGN_OR_RETURN(const std::shared_ptr<Credential> now, Current());
    co_return co_await now->AuthorizeSource(std::move(context), std::move(blob_name));
  }

 private:
  using FileStamp = std::pair<std::filesystem::file_time_type, std::uintmax_t>;

  Result<std::shared_ptr<Credential>> Current() {
    const std::lock_guard lock(mutex_);
    const SteadyTime now = std::chrono::steady_clock::now();
    const bool look = now >= look_at_;
    if (look) look_at_ = now + 1s;
    if (!made_ || (look && !path_.empty() && Stamp() != stamp_)) {
      // One that is being replaced is looked at again; the secret in use stays meanwhile.
      auto made = Make();
      if (!made && !made_) return Fail(std::move(made.error()));
    }
    return made_;
  }

  FileStamp Stamp() const {
    std::error_code error;
    const auto time = std::filesystem::last_write_time(path_, error);
    return {time, std::filesystem::file_size(path_, error)};
  }

  // With mutex_ held.
  Result<> Make() {
    const FileStamp stamp = path_.empty() ? FileStamp() : Stamp();
    FB_ASSIGN_OR_RETURN(std::unique_ptr<Credential> made, MakeCredential(endpoint_, reference_));
    made_ = std::move(made);
    stamp_ = stamp;
    return {};
  }

  const LakeEndpoint endpoint_;
  const std::string reference_;
  const std::string path_;
  mutable std::mutex mutex_;
  std::shared_ptr<Credential> made_;
  FileStamp stamp_{};
  SteadyTime look_at_{};
};

}  // namespace

std::unique_ptr<Credential> MakeStoredCredential(const LakeEndpoint& endpoint,
                                                 std::string reference) {
  return std::make_unique<StoredCredential>(endpoint, std::move(reference));
}

}  // namespace forebay::lake
