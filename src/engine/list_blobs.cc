#include "engine/list_blobs.h"

#include <algorithm>
#include <compare>
#include <memory>

#include "engine/get_container.h"
#include "engine/lake_prefixes.h"
#include "engine/lake_side.h"
#include "engine/read_gate.h"
#include "engine/staged_names.h"
#include "meta/namespace.h"
#include "meta/path.h"

namespace forebay::engine {
namespace {

constexpr std::size_t kCheckEvery = 256;  // items between looks at deadline and cancellation
// Pages up to this size are short enough to be read on an event loop when they are cached.
constexpr std::size_t kMaxInlineItems = 64;

// What a page's names and attributes may come to. Metadata of 8 KiB each would make a full page
// 45 MiB; then it ends early, as Azure's pages may.
constexpr std::size_t kMaxPageBytes = 8 << 20;

std::size_t BytesOf(const std::string& name, const meta::BlobRecord& record) {
  constexpr std::size_t kRest = 256;  // numbers, dates and what stands around the values
  std::size_t bytes = kRest + name.size() + record.copy.source.size();
  for (const auto& [key, value] : record.metadata) bytes += key.size() + value.size();
  for (const auto& [key, value] : record.tags) bytes += key.size() + value.size();
  const azure::BlobHttpHeaders& http = record.http;
  return bytes + http.content_type.size() + http.content_encoding.size() +
         http.content_language.size() + http.cache_control.size() + http.content_disposition.size();
}

// Merges committed and uncommitted names into one page.
class PageReader {
 public:
  PageReader(const kv::Reader& reader, const OpContext& context, const ListBlobsRequest& request,
             const meta::ContainerRecord& container, std::unique_ptr<StagedNames> staged,
             std::string until)
      : reader_(reader),
        context_(context),
        request_(request),
        container_(container),
        names_(meta::NamespaceOf(container)),
        committed_(names_.List(reader, container.id, request.prefix)),
        staged_(std::move(staged)),
        until_(std::move(until)) {
    if (!request.start.empty()) committed_->Seek(request.start);
  }

  Result<ListBlobsResult> Read() {
    page_.hierarchical = container_.hierarchical;
    while (committed_->Valid() || staged_->Valid()) {
      const std::string& next = CommittedIsNext() ? committed_->name() : staged_->name();
      const bool full = page_.items.size() >= request_.max_results || bytes_ >= kMaxPageBytes;
      if (full || IsBeyondCover(next)) {
        page_.next = IsBeyondCover(next) ? until_ : next;
        break;
      }
      if (page_.items.size() % kCheckEvery == 0) FB_RETURN_IF_ERROR(context_.Check());
      FB_RETURN_IF_ERROR(CommittedIsNext() ? AddCommitted() : AddStaged());
    }
    // A failed scan looks like the end of its names.
    FB_RETURN_IF_ERROR(committed_->status());
    FB_RETURN_IF_ERROR(staged_->status());
    if (page_.next.empty()) page_.next = until_;
    return std::move(page_);
  }

 private:
  // Of equal names the committed one wins: the blob is listed as it is, whatever is staged for it.
  bool CommittedIsNext() const {
    if (!committed_->Valid() || !staged_->Valid()) return committed_->Valid();
    return container_.hierarchical ? meta::ComparePaths(committed_->name(), staged_->name()) <= 0
                                   : committed_->name() <= staged_->name();
  }

  bool IsBeyondCover(const std::string& name) const { return !until_.empty() && name >= until_; }

  // The prefix item that the name belongs to; nullopt when it is an item of its own.
  std::optional<std::string> GroupOf(const std::string& name) const {
    if (request_.delimiter.empty()) return std::nullopt;
    const std::size_t at = name.find(request_.delimiter, request_.prefix.size());
    if (at == std::string::npos) return std::nullopt;
    return name.substr(0, at + request_.delimiter.size());
  }

  Result<> AddCommitted() {
    std::string name = committed_->name();
    // What is staged for a name that has a blob is not listed; nor, where a directory has taken the
    // name since, is it ever to be.
    if (staged_->Valid() && staged_->name() == name) staged_->Next();
    if (auto group = GroupOf(name)) return AddGroup(std::move(*group), std::nullopt);
    FB_ASSIGN_OR_RETURN(meta::BlobRecord record, committed_->record());
    if (record.directory && !request_.delimiter.empty()) {
      return AddGroup(name + "/", std::move(record));
    }
    committed_->Next();
    bytes_ += BytesOf(name, record);
    std::optional<Resident> resident;
    if (request_.include_residency && record.lake && !record.directory) {
      FB_ASSIGN_OR_RETURN(resident, ResidentOf(reader_, record));
    }
    page_.items.push_back(
        {.name = std::move(name), .record = std::move(record), .resident = resident});
    return {};
  }

  Result<> AddStaged() {
    std::string name = staged_->name();
    if (auto group = GroupOf(name)) return AddGroup(std::move(*group), std::nullopt);
    staged_->Next();
    page_.items.push_back({.name = std::move(name), .uncommitted = true, .record = std::nullopt});
    return {};
  }

  Result<> AddGroup(std::string group, std::optional<meta::BlobRecord> directory) {
    if (container_.hierarchical && !directory) {
      // The page began inside the directory, or only uncommitted blobs made it known.
      const std::string_view path = std::string_view(group).substr(0, group.size() - 1);
      FB_ASSIGN_OR_RETURN(directory, names_.Find(reader_, container_.id, path));
    }
    if (committed_->Valid()) {
      const std::string& name = committed_->name();
      const bool is_directory =
          container_.hierarchical && name.size() + 1 == group.size() && group.starts_with(name);
      if (is_directory || name.starts_with(group)) committed_->SkipPrefix(group);
    }
    if (staged_->Valid() && staged_->name().starts_with(group)) staged_->SkipPrefix(group);
    page_.items.push_back(
        {.name = std::move(group), .is_prefix = true, .record = std::move(directory)});
    return {};
  }

  const kv::Reader& reader_;
  const OpContext& context_;
  const ListBlobsRequest& request_;
  const meta::ContainerRecord& container_;
  const meta::Namespace& names_;
  std::unique_ptr<meta::NameCursor> committed_;
  std::unique_ptr<StagedNames> staged_;
  const std::string until_;  // names from here on may not have come in from the lake; or empty
  std::size_t bytes_ = 0;    // of the items so far
  ListBlobsResult page_;
};

Result<ListBlobsResult> ListPage(const kv::Reader& reader, const OpContext& context,
                                 const ListBlobsRequest& request, const ListingCover* cover) {
  FB_ASSIGN_OR_RETURN(
      const meta::ContainerRecord container,
      RequireContainer(reader, request.target.account.name, request.target.container));
  if (container.hierarchical && !request.delimiter.empty() && request.delimiter != "/") {
    return Fail(Code::kInvalidQueryParameterValue,
                "In a hierarchical account the only delimiter is '/'.");
  }
  if (container.lake.importing && cover == nullptr) {
    return Fail(Code::kStale, "The lake must be asked for these names first.");
  }
  std::unique_ptr<StagedNames> staged = NoStagedNames();
  if (request.include_uncommitted) {
    FB_ASSIGN_OR_RETURN(staged, ListStagedNames(reader, context, container,
                                                {.prefix = request.prefix,
                                                 .delimiter = request.delimiter,
                                                 .start = request.start,
                                                 .max_results = request.max_results}));
  }
  std::string until;
  if (cover != nullptr) {
    until = cover->until;
    if (!cover->prefixes.empty()) staged = WithLakePrefixes(std::move(staged), cover->prefixes);
  }
  return PageReader(reader, context, request, container, std::move(staged), std::move(until))
      .Read();
}

// Names of the page that have not come in from the lake yet come in now.
Task<ListingCover> Cover(Services& services, OpContext context, const ListBlobsRequest& request) {
  if (services.lake == nullptr) {
    co_return Fail(Code::kOffline, "The container's lake is not served by this process.");
  }
  ListingSpan span;
  FB_CO_ASSIGN_OR_RETURN(span.container, co_await GetContainer(services, context, request.target));
  span.prefix = request.prefix;
  span.delimiter = request.delimiter;
  span.start = request.start;
  span.max_results = request.max_results;
  co_return co_await services.lake->CoverListing(std::move(context), std::move(span));
}

}  // namespace

Task<ListBlobsResult> ListBlobs(Services& services, OpContext context, ListBlobsRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  const bool is_short = request.max_results <= kMaxInlineItems && !request.include_uncommitted;
  std::optional<ListingCover> cover;
  auto read = [&context, &request, &cover](const kv::Reader& reader) {
    return ListPage(reader, context, request, cover ? &*cover : nullptr);
  };
  Result<ListBlobsResult> page;
  if (is_short) {
    page = co_await ReadMeta(services, read);
  } else {
    page = co_await ReadMetaOnPool(services, read);
  }
  if (page || page.error().code() != Code::kStale) co_return page;
  FB_CO_ASSIGN_OR_RETURN(cover, co_await Cover(services, context, request));
  co_return co_await ReadMetaOnPool(services, read);
}

}  // namespace forebay::engine
