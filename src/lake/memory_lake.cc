#include "lake/memory_lake.h"

#include <cstring>

#include "lake/memory_state.h"

namespace forebay::lake {
namespace {

class DataReader final : public BodyReader {
 public:
  DataReader(std::shared_ptr<const std::string> data, std::uint64_t offset, std::uint64_t length,
             LakeCall call, Accounting* accounting)
      : data_(std::move(data)),
        left_(std::string_view(*data_).substr(offset, length)),
        length_(length),
        call_(std::move(call)),
        accounting_(accounting) {}
  std::optional<std::uint64_t> content_length() const override { return length_; }
  Task<std::size_t> Read(MutableByteView data) override {
    FB_CO_RETURN_IF_ERROR(call_.context.Check());
    const std::size_t size = std::min(data.size(), left_.size());
    if (size > 0) std::memcpy(data.data(), left_.data(), size);
    left_.remove_prefix(size);
    if (accounting_ != nullptr) accounting_->CountDown(call_.cause, size);
    co_return size;
  }

 private:
  std::shared_ptr<const std::string> data_;
  std::string_view left_;
  std::uint64_t length_;
  LakeCall call_;
  Accounting* accounting_;
};

Task<std::string> ReadContent(std::shared_ptr<Content> content) {
  std::string out;
  if (content == nullptr) co_return out;
  out.reserve(content->length());
  FB_CO_ASSIGN_OR_RETURN(const std::unique_ptr<BodySource> source, co_await content->Open());
  for (;;) {
    FB_CO_ASSIGN_OR_RETURN(const auto piece, co_await source->Next(false));
    if (!piece) break;
    out += AsText(piece->memory);
  }
  if (out.size() != content->length()) {
    co_return Fail(Code::kInternal, "A body is not as long as it said.");
  }
  co_return out;
}

}  // namespace

MemoryLake::MemoryLake(MemoryLakeOptions options)
    : accounting_(options.accounting),
      leads_back_(options.leads_back),
      state_(std::make_unique<internal::MemoryState>(options)) {}
MemoryLake::~MemoryLake() = default;

Result<> MemoryLake::Begin(const LakeCall& call, LakeOperation operation) {
  FB_RETURN_IF_ERROR(call.context.Check());
  if (accounting_ != nullptr) accounting_->CountRequest(operation, call.cause);
  return {};
}

void MemoryLake::End(LakeOperation operation, const BlobName& name) {
  std::function<void(LakeOperation, const std::string&)> hook;
  {
    const std::lock_guard lock(hook_mutex_);
    hook = hook_;
  }
  if (hook) hook(operation, name.str());
}

Task<LakeTraits> MemoryLake::Probe(LakeCall call, ProbeRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kProbe));
  auto out = state_->Probe();
  if (out && request.trail && leads_back_) {
    FB_CO_ASSIGN_OR_RETURN(out->leads_back, co_await leads_back_(std::move(*request.trail)));
  }
  End(LakeOperation::kProbe, BlobName());
  co_return out;
}

Task<BlobState> MemoryLake::Head(LakeCall call, HeadRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kHead));
  auto out = state_->Head(request);
  End(LakeOperation::kHead, request.name);
  co_return out;
}

Task<ListPage> MemoryLake::List(LakeCall call, ListRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kList));
  auto out = state_->List(request);
  End(LakeOperation::kList, BlobName(request.prefix));
  co_return out;
}

Task<GetAnswer> MemoryLake::Get(LakeCall call, GetRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kGet));
  auto opened = state_->Open(request);
  End(LakeOperation::kGet, request.name);
  if (!opened) co_return Fail(std::move(opened.error()));
  GetAnswer out;
  out.state = std::move(opened->state);
  out.offset = opened->offset;
  out.length = opened->length;
  out.body = std::make_unique<DataReader>(std::move(opened->data), opened->offset, opened->length,
                                          std::move(call), accounting_);
  co_return out;
}

Task<BlockLists> MemoryLake::GetBlockList(LakeCall call, BlobName name) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kGetBlockList));
  auto out = state_->GetBlockList(name);
  End(LakeOperation::kGetBlockList, name);
  co_return out;
}

Task<WriteAnswer> MemoryLake::Put(LakeCall call, PutRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kPut));
  FB_CO_ASSIGN_OR_RETURN(std::string bytes, co_await ReadContent(request.content));
  if (accounting_ != nullptr) accounting_->CountUp(call.cause, bytes.size());
  const BlobName name = request.name;
  auto out = state_->Put(std::move(request), std::move(bytes));
  End(LakeOperation::kPut, name);
  co_return out;
}

Task<> MemoryLake::PutBlock(LakeCall call, PutBlockRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kPutBlock));
  FB_CO_ASSIGN_OR_RETURN(std::string bytes, co_await ReadContent(request.content));
  if (accounting_ != nullptr) accounting_->CountUp(call.cause, bytes.size());
  auto out = state_->PutBlock(request, std::move(bytes));
  End(LakeOperation::kPutBlock, request.name);
  co_return out;
}

Task<WriteAnswer> MemoryLake::CommitBlocks(LakeCall call, CommitRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kCommitBlocks));
  const BlobName name = request.name;
  auto out = state_->Commit(std::move(request));
  End(LakeOperation::kCommitBlocks, name);
  co_return out;
}

Task<CopyAnswer> MemoryLake::Copy(LakeCall call, CopyRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kCopy));
  auto out = state_->Copy(request);
  End(LakeOperation::kCopy, request.destination);
  co_return out;
}

Task<UpdateAnswer> MemoryLake::Update(LakeCall call, UpdateRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kUpdate));
  auto out = state_->Update(request);
  End(LakeOperation::kUpdate, request.name);
  co_return out;
}

Task<> MemoryLake::Delete(LakeCall call, DeleteRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kDelete));
  auto out = state_->Delete(request);
  End(LakeOperation::kDelete, request.name);
  co_return out;
}

Task<WriteAnswer> MemoryLake::Rename(LakeCall call, RenameRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kRename));
  auto out = state_->Rename(request);
  End(LakeOperation::kRename, request.destination);
  co_return out;
}

Task<WriteAnswer> MemoryLake::MakeDirectory(LakeCall call, MakeDirectoryRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kMakeDirectory));
  auto out = state_->MakeDirectory(request);
  End(LakeOperation::kMakeDirectory, request.name);
  co_return out;
}

Task<AccessControl> MemoryLake::GetAcl(LakeCall call, BlobName name) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kGetAcl));
  auto out = state_->GetAcl(name);
  End(LakeOperation::kGetAcl, name);
  co_return out;
}

Task<> MemoryLake::SetAcl(LakeCall call, SetAclRequest request) {
  FB_CO_RETURN_IF_ERROR(Begin(call, LakeOperation::kSetAcl));
  auto out = state_->SetAcl(request);
  End(LakeOperation::kSetAcl, request.name);
  co_return out;
}

std::optional<std::string> MemoryLake::Bytes(const std::string& name) const {
  return state_->Bytes(name);
}
std::optional<BlobState> MemoryLake::State(const std::string& name) const {
  return state_->State(name);
}
std::vector<std::string> MemoryLake::Names() const { return state_->Names(); }
void MemoryLake::Plant(const std::string& name, std::string bytes, Metadata metadata) {
  state_->Plant(name, std::move(bytes), std::move(metadata));
}
void MemoryLake::PlantPath(const std::string& name, std::string bytes) {
  state_->Plant(name, std::move(bytes), {}, /*of_path=*/true);
}
void MemoryLake::Remove(const std::string& name) { state_->Remove(name); }
void MemoryLake::SetLease(const std::string& name, std::string lease_id) {
  state_->SetLease(name, std::move(lease_id));
}
void MemoryLake::SetContainerMissing(bool missing) { state_->SetMissing(missing); }
void MemoryLake::OnRequest(std::function<void(LakeOperation, const std::string&)> hook) {
  const std::lock_guard lock(hook_mutex_);
  hook_ = std::move(hook);
}

}  // namespace forebay::lake
