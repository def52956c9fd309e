#include "engine/find_blobs_by_tags.h"

#include <algorithm>

#include "base/codec.h"
#include "engine/get_container.h"
#include "engine/read_gate.h"
#include "engine/tag_rows.h"
#include "meta/keys.h"
#include "meta/namespace.h"

namespace forebay::engine {
namespace {

constexpr std::size_t kCheckEvery = 256;  // steps between looks at deadline and cancellation
// Steps (index rows and containers) after which a page ends early.
constexpr std::size_t kMaxSteps = 50'000;

class Finder {
 public:
  Finder(const kv::Reader& reader, const OpContext& context, const FindBlobsByTagsRequest& request)
      : reader_(reader), context_(context), request_(request) {}

  Result<FindBlobsByTagsResult> Find() {
    if (request_.where.comparisons.empty()) {
      return Fail(Code::kInvalidQueryParameterValue, "The expression names no tag.");
    }
    if (request_.container) {
      FB_ASSIGN_OR_RETURN(const meta::ContainerRecord record,
                          RequireContainer(reader_, request_.account.name, *request_.container));
      if (!request_.where.container || *request_.where.container == request_.container->str()) {
        FB_RETURN_IF_ERROR(SearchContainer(request_.container->str(), record));
      }
      return std::move(result_);
    }
    FB_RETURN_IF_ERROR(SearchAccount());
    return std::move(result_);
  }

 private:
  Result<> SearchAccount();
  // False when the page is full and the search is to stop.
  Result<bool> SearchContainer(const std::string& name, const meta::ContainerRecord& container);
  Result<> Consider(const std::string& container_name, const meta::ContainerRecord& container,
                    const std::string& name);
  Result<> CountStep() { return ++steps_ % kCheckEvery == 0 ? context_.Check() : Result<>(); }

  const kv::Reader& reader_;
  const OpContext& context_;
  const FindBlobsByTagsRequest& request_;
  std::size_t steps_ = 0;
  FindBlobsByTagsResult result_;
};

Result<> Finder::SearchAccount() {
  const std::string_view account = request_.account.name.view();
  const std::string all = meta::keys::ContainersOf(account);
  std::string begin = meta::keys::Container(account, request_.start_container);
  std::string end = PrefixEnd(all);
  if (request_.where.container) {
    const std::string only = meta::keys::Container(account, *request_.where.container);
    if (only < begin) return {};
    begin = only;
    end = PrefixEnd(only);
  }
  const auto it = reader_.Scan(begin, end);
  for (; it->Valid(); it->Next()) {
    FB_RETURN_IF_ERROR(CountStep());
    const std::string name = KeyReader(it->key().substr(all.size())).Text();
    FB_ASSIGN_OR_RETURN(const meta::ContainerRecord record, meta::DecodeContainer(it->value()));
    FB_ASSIGN_OR_RETURN(const bool go_on, SearchContainer(name, record));
    if (!go_on) return {};
  }
  return it->status();
}

Result<bool> Finder::SearchContainer(const std::string& name,
                                     const meta::ContainerRecord& container) {
  const bool resumes = name == request_.start_container;
  const auto rows =
      FindTagRows(reader_, container.id, request_.where,
                  resumes ? std::string_view(request_.start_name) : std::string_view());
  for (; rows->Valid(); rows->Step()) {
    if (result_.blobs.size() >= request_.max_results || steps_ >= kMaxSteps) {
      result_.next_container = name;
      result_.next_name = rows->position();
      return false;
    }
    FB_RETURN_IF_ERROR(CountStep());
    if (rows->AtRow()) FB_RETURN_IF_ERROR(Consider(name, container, rows->name()));
  }
  FB_RETURN_IF_ERROR(rows->status());
  return true;
}

Result<> Finder::Consider(const std::string& container_name, const meta::ContainerRecord& container,
                          const std::string& name) {
  FB_ASSIGN_OR_RETURN(const auto record,
                      meta::NamespaceOf(container).Find(reader_, container.id, name));
  if (!record || !request_.where.Matches(record->tags)) return {};
  FoundBlob found{azure::ContainerName(container_name), azure::BlobName(name), {}};
  for (const std::string& key : request_.where.Keys()) {
    if (const auto tag = record->tags.find(key); tag != record->tags.end()) found.tags.insert(*tag);
  }
  result_.blobs.push_back(std::move(found));
  return {};
}

}  // namespace

Task<FindBlobsByTagsResult> FindBlobsByTags(Services& services, OpContext context,
                                            FindBlobsByTagsRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await ReadMetaOnPool(
      services, [context = std::move(context), request = std::move(request)](
                    const kv::Reader& reader) { return Finder(reader, context, request).Find(); });
}

}  // namespace forebay::engine
