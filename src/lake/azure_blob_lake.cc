// The client itself, and its reads.
#include "lake/azure_blob_lake.h"

#include "azure/answers.h"
#include "azure/ranges.h"
#include "base/http_date.h"
#include "lake/azure_headers.h"
#include "lake/download.h"

namespace forebay::lake {
namespace {

http::ClientOptions ClientOptionsOf(const AzureBlobLakeOptions& options) {
  http::ClientOptions out;
  out.max_idle_connections = options.concurrent_up + options.concurrent_down;
  out.connect_timeout = std::chrono::ceil<std::chrono::seconds>(options.connect_timeout);
  out.stall_timeout = std::chrono::ceil<std::chrono::seconds>(options.stall_timeout);
  out.ca_file = options.ca_file;
  return out;
}

Result<BlobState> StateOf(const LakeAnswer& answer, BlobName name) {
  const auto fields = answer.Fields();
  BlobState out;
  FB_ASSIGN_OR_RETURN(out.properties, azure::PropertiesFromAnswer(fields));
  out.name = std::move(name);
  out.metadata = azure::MetadataFromAnswer(fields);
  out.version_id = answer.Get("x-ms-version-id");
  out.directory = IsDirectory(out);
  return out;
}

std::string IncludeOf(const ListRequest& request) {
  std::string out;
  const auto add = [&out](bool wanted, std::string_view word) {
    if (!wanted) return;
    if (!out.empty()) out += ',';
    out += word;
  };
  add(request.metadata, "metadata");
  add(request.copy, "copy");
  add(request.tags, "tags");
  add(request.uncommitted, "uncommittedblobs");
  add(request.deleted, "deleted");
  add(request.snapshots, "snapshots");
  add(request.versions, "versions");
  return out;
}

}  // namespace

AzureBlobLake::AzureBlobLake(AzureBlobLakeOptions options)
    : endpoint_(std::move(options.endpoint)),
      credential_(std::move(options.credential)),
      accounting_(options.accounting == nullptr ? &own_accounting_ : options.accounting),
      clock_(*options.clock),
      link_(options.concurrent_up, options.concurrent_down),
      client_(ClientOptionsOf(options)),
      sender_(client_, endpoint_, *credential_, link_, *accounting_, options.retry, clock_) {
  link_.Set(options.limits);
}

LakeSpec AzureBlobLake::Spec(LakeOperation operation, Repeat repeat, http::Method method,
                             const BlobName& name) const {
  LakeSpec out;
  out.operation = operation;
  out.repeat = repeat;
  out.method = method;
  out.path = endpoint_.BlobPath(name.view());
  return out;
}

Task<LakeTraits> AzureBlobLake::Probe(LakeCall call, ProbeRequest request) {
  azure::OwnedHeaders trail;
  if (request.trail) {
    trail.emplace_back(azure::kAttachTrailHeader, azure::FormatAttachTrail(*request.trail));
  }
  LakeSpec spec;
  spec.headers = trail;
  spec.operation = LakeOperation::kProbe;
  spec.method = http::Method::kHead;
  spec.path = endpoint_.ContainerPath();
  spec.query.Add("restype", "container");
  auto probed = co_await sender_.Run(call, std::move(spec));
  if (!probed && Classify(probed.error()) == Failure::kForbidden) {
    // A container's SAS may not ask for its properties, but list it.
    LakeSpec list;
    list.headers = std::move(trail);
    list.operation = LakeOperation::kProbe;
    list.path = endpoint_.ContainerPath();
    list.query.Add("restype", "container");
    list.query.Add("comp", "list");
    list.query.Add("maxresults", "1");
    probed = co_await sender_.Run(call, std::move(list));
  }
  FB_CO_ASSIGN_OR_RETURN(const LakeAnswer answer, std::move(probed));
  LakeTraits out;
  out.leads_back = answer.Get(azure::kLeadsBackHeader);
  if (!out.leads_back.empty()) co_return out;
  out.container_etag = azure::UnquoteETag(answer.Get("ETag"));
  if (const auto time = ParseHttpDate(answer.Get("Last-Modified"))) out.container_modified = *time;
  if (const auto date = ParseHttpDate(answer.Get("Date"))) {
    out.clock_skew = std::chrono::seconds(date->seconds() - clock_.Now().seconds());
  }
  FB_CO_RETURN_IF_ERROR(co_await FindHierarchy(call, &out));
  layout_ = out.hierarchical ? Known::kHierarchical : Known::kFlat;
  co_return out;
}

// Get Account Information says it, where the credential may ask; else the filesystem's properties.
// A lake without either is flat. Only a link that fails is an error here.
Task<> AzureBlobLake::FindHierarchy(LakeCall call, LakeTraits* traits) {
  LakeSpec account;
  account.operation = LakeOperation::kProbe;
  account.method = http::Method::kHead;
  account.path = endpoint_.ContainerPath();
  account.query.Add("restype", "account");
  account.query.Add("comp", "properties");
  const auto said = co_await sender_.Run(call, std::move(account));
  if (said) {
    traits->account_kind = said->Get("x-ms-account-kind");
    traits->sku = said->Get("x-ms-sku-name");
    const auto hierarchical = azure::ParseBool(said->Get("x-ms-is-hns-enabled"));
    if (hierarchical) {
      traits->hierarchical = *hierarchical;
      co_return Result<>();
    }
  } else if (IsTransient(Classify(said.error()))) {
    co_return Fail(said.error());
  }
  LakeSpec filesystem;
  filesystem.operation = LakeOperation::kProbe;
  filesystem.method = http::Method::kHead;
  filesystem.dfs = true;
  filesystem.path = endpoint_.ContainerPath();
  filesystem.query.Add("resource", "filesystem");
  const auto dfs = co_await sender_.Run(call, std::move(filesystem));
  if (dfs) {
    traits->hierarchical = azure::ParseBool(dfs->Get("x-ms-namespace-enabled")).value_or(false);
  } else if (endpoint_.dfs_origin == endpoint_.origin && IsTransient(Classify(dfs.error()))) {
    co_return Fail(dfs.error());
  }
  co_return Result<>();
}

Task<BlobState> AzureBlobLake::Head(LakeCall call, HeadRequest request) {
  LakeSpec spec = Spec(LakeOperation::kHead, Repeat::kRead, http::Method::kHead, request.name);
  AddConditions(spec.headers, request.conditions);
  auto answer = co_await sender_.Run(call, std::move(spec));
  if (!answer) {
    // A HEAD has no body, and some answers to it no error code: what is missing is the blob.
    if (answer.error().code() == Code::kResourceNotFound) {
      co_return Fail(Code::kBlobNotFound, answer.error().message());
    }
    co_return Fail(std::move(answer.error()));
  }
  FB_CO_ASSIGN_OR_RETURN(BlobState state, StateOf(*answer, request.name));
  if (!request.tags) co_return state;
  state.tags.emplace();
  if (state.properties.tag_count > 0) {
    FB_CO_ASSIGN_OR_RETURN(state.tags, co_await GetTags(call, request.name));
  }
  co_return state;
}

Task<Tags> AzureBlobLake::GetTags(LakeCall call, BlobName name) {
  LakeSpec spec = Spec(LakeOperation::kGetTags, Repeat::kRead, http::Method::kGet, name);
  spec.query.Add("comp", "tags");
  FB_CO_ASSIGN_OR_RETURN(const LakeAnswer answer, co_await sender_.Run(call, std::move(spec)));
  co_return azure::ParseTagsXml(answer.text);
}

Task<ListPage> AzureBlobLake::List(LakeCall call, ListRequest request) {
  LakeSpec spec;
  spec.operation = LakeOperation::kList;
  spec.path = endpoint_.ContainerPath();
  spec.answer_limit = azure::kMaxListAnswerBytes;
  spec.query.Add("restype", "container");
  spec.query.Add("comp", "list");
  const std::string prefix = endpoint_.prefix + request.prefix;
  if (!prefix.empty()) spec.query.Add("prefix", prefix);
  if (!request.delimiter.empty()) spec.query.Add("delimiter", request.delimiter);
  if (!request.marker.empty()) {
    spec.query.Add("marker", request.marker);
  } else if (!request.start_from.empty()) {
    spec.query.Add("startFrom", endpoint_.prefix + request.start_from);
  }
  spec.query.Add("maxresults", std::to_string(request.max_results));
  const std::string include = IncludeOf(request);
  if (!include.empty()) spec.query.Add("include", include);
  FB_CO_ASSIGN_OR_RETURN(const LakeAnswer answer, co_await sender_.Run(call, std::move(spec)));
  FB_CO_ASSIGN_OR_RETURN(azure::ListBlobsAnswer list, azure::ParseListBlobsAnswer(answer.text));
  ListPage page;
  page.next_marker = std::move(list.next_marker);
  page.blobs.reserve(list.blobs.size());
  const std::size_t skip = endpoint_.prefix.size();
  // A lake that does not know startFrom begins at the beginning.
  const auto wanted = [&request](std::string_view name) {
    return request.start_from.empty() || !request.marker.empty() || name >= request.start_from;
  };
  for (azure::ListedBlob& blob : list.blobs) {
    const std::string_view name = blob.name.view().substr(std::min(skip, blob.name.size()));
    if (name.empty() || !wanted(name)) continue;
    BlobState& state = page.blobs.emplace_back();
    state.name = BlobName(name);
    state.properties = std::move(blob.properties);
    state.metadata = std::move(blob.metadata);
    if (request.tags) state.tags = std::move(blob.tags);
    state.snapshot = std::move(blob.snapshot);
    state.version_id = std::move(blob.version_id);
    state.deleted = blob.deleted;
    state.directory = IsDirectory(state);
  }
  for (std::string& group : list.prefixes) {
    group.erase(0, skip);
    if (wanted(group) || request.start_from.starts_with(group)) {
      page.prefixes.push_back(std::move(group));
    }
  }
  co_return page;
}

Task<GetAnswer> AzureBlobLake::Get(LakeCall call, GetRequest request) {
  LakeSpec spec = Spec(LakeOperation::kGet, Repeat::kRead, http::Method::kGet, request.name);
  spec.stream = true;
  AddConditions(spec.headers, request.conditions);
  const std::uint64_t offset = request.range ? request.range->offset : 0;
  const std::optional<std::uint64_t> length =
      request.range ? request.range->length : std::optional<std::uint64_t>();
  if (request.range) {
    if (length && *length == 0) co_return Fail(Code::kInvalidRange, "An empty range.");
    AskForRange(spec, offset, length);
    if (request.checksum && length && *length <= azure::kMaxChecksumRange) {
      spec.headers.emplace_back("x-ms-range-get-content-crc64", "true");
    }
  }
  DownloadBody::Start start;
  FB_CO_ASSIGN_OR_RETURN(start.slot, co_await link_.down_slots.Acquire(1, call.context));
  start.call = call;
  start.spec = spec;
  FB_CO_ASSIGN_OR_RETURN(LakeAnswer answer, co_await sender_.Run(call, std::move(spec)));
  GetAnswer out;
  FB_CO_ASSIGN_OR_RETURN(out.state, StateOf(answer, request.name));
  FB_CO_ASSIGN_OR_RETURN(const AnsweredRange range,
                         CheckRange(answer, offset, length, out.state.length()));
  if (request.range && request.checksum) {
    if (const auto crc = azure::ParseCrc64(answer.Get("x-ms-content-crc64"))) start.crc64 = *crc;
  }
  out.offset = start.offset = range.offset;
  out.length = start.length = range.length;
  start.etag = out.state.etag();
  start.body = std::move(answer.body);
  out.body = std::make_unique<DownloadBody>(sender_, link_, *accounting_, std::move(start));
  co_return out;
}

Task<BlockLists> AzureBlobLake::GetBlockList(LakeCall call, BlobName name) {
  LakeSpec spec = Spec(LakeOperation::kGetBlockList, Repeat::kRead, http::Method::kGet, name);
  spec.query.Add("comp", "blocklist");
  spec.query.Add("blocklisttype", "all");
  spec.answer_limit = azure::kMaxBlockListAnswerBytes;
  FB_CO_ASSIGN_OR_RETURN(const LakeAnswer answer, co_await sender_.Run(call, std::move(spec)));
  FB_CO_ASSIGN_OR_RETURN(azure::BlockListAnswer list, azure::ParseBlockListAnswer(answer.text));
  const WriteAnswer about = WriteAnswerOf(answer);
  BlockLists out;
  out.etag = about.etag;
  out.modified = about.modified;
  out.length = azure::ParseUint(answer.Get("x-ms-blob-content-length")).value_or(0);
  out.committed = std::move(list.committed);
  out.uncommitted = std::move(list.uncommitted);
  co_return out;
}

}  // namespace forebay::lake
