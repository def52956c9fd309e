#include "engine/list_blobs.h"

#include <algorithm>
#include <compare>
#include <memory>

#include "engine/get_container.h"
#include "engine/read_gate.h"
#include "engine/staged_names.h"
#include "meta/namespace.h"
#include "meta/path.h"

namespace forebay::engine {
namespace {

constexpr std::size_t kCheckEvery = 256;  // items between looks at deadline and cancellation
// Pages up to this size are short enough to be read on an event loop when they are cached.
constexpr std::size_t kMaxInlineItems = 64;

// Merges committed and uncommitted names into one page.
class PageReader {
 public:
  PageReader(const kv::Reader& reader, const OpContext& context, const ListBlobsRequest& request,
             const meta::ContainerRecord& container, std::unique_ptr<StagedNames> staged)
      : reader_(reader),
        context_(context),
        request_(request),
        container_(container),
        names_(meta::NamespaceOf(container)),
        committed_(names_.List(reader, container.id, request.prefix)),
        staged_(std::move(staged)) {
    if (!request.start.empty()) committed_->Seek(request.start);
  }

  Result<ListBlobsResult> Read() {
    page_.hierarchical = container_.hierarchical;
    while (committed_->Valid() || staged_->Valid()) {
      if (page_.items.size() >= request_.max_results) {
        page_.next = CommittedIsNext() ? committed_->name() : staged_->name();
        break;
      }
      if (page_.items.size() % kCheckEvery == 0) FB_RETURN_IF_ERROR(context_.Check());
      FB_RETURN_IF_ERROR(CommittedIsNext() ? AddCommitted() : AddStaged());
    }
    // A failed scan looks like the end of its names.
    FB_RETURN_IF_ERROR(committed_->status());
    FB_RETURN_IF_ERROR(staged_->status());
    return std::move(page_);
  }

 private:
  // Of equal names the committed one wins: the blob is listed as it is, whatever is staged for it.
  bool CommittedIsNext() const {
    if (!committed_->Valid() || !staged_->Valid()) return committed_->Valid();
    return container_.hierarchical ? meta::ComparePaths(committed_->name(), staged_->name()) <= 0
                                   : committed_->name() <= staged_->name();
  }

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
    page_.items.push_back({.name = std::move(name), .record = std::move(record)});
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
  ListBlobsResult page_;
};

Result<ListBlobsResult> ListPage(const kv::Reader& reader, const OpContext& context,
                                 const ListBlobsRequest& request) {
  FB_ASSIGN_OR_RETURN(
      const meta::ContainerRecord container,
      RequireContainer(reader, request.target.account.name, request.target.container));
  if (container.hierarchical && !request.delimiter.empty() && request.delimiter != "/") {
    return Fail(Code::kInvalidQueryParameterValue,
                "In a hierarchical account the only delimiter is '/'.");
  }
  std::unique_ptr<StagedNames> staged = NoStagedNames();
  if (request.include_uncommitted) {
    FB_ASSIGN_OR_RETURN(staged, ListStagedNames(reader, context, container,
                                                {.prefix = request.prefix,
                                                 .delimiter = request.delimiter,
                                                 .start = request.start,
                                                 .max_results = request.max_results}));
  }
  return PageReader(reader, context, request, container, std::move(staged)).Read();
}

}  // namespace

Task<ListBlobsResult> ListBlobs(Services& services, OpContext context, ListBlobsRequest request) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  const bool is_short = request.max_results <= kMaxInlineItems && !request.include_uncommitted;
  auto read = [context = std::move(context), request = std::move(request)](
                  const kv::Reader& reader) { return ListPage(reader, context, request); };
  if (is_short) co_return co_await ReadMeta(services, std::move(read));
  co_return co_await ReadMetaOnPool(services, std::move(read));
}

}  // namespace forebay::engine
