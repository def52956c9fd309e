#include "lake/faulty_lake.h"

#include <algorithm>
#include <utility>

#include "async/sleep.h"

namespace forebay::lake {
namespace {

bool IsWrite(LakeOperation operation) {
  switch (operation) {
    case LakeOperation::kPut:
    case LakeOperation::kCommitBlocks:
    case LakeOperation::kCopy:
    case LakeOperation::kUpdate:
    case LakeOperation::kDelete:
    case LakeOperation::kRename:
    case LakeOperation::kMakeDirectory:
    case LakeOperation::kSetAcl:
      return true;
    default:
      return false;
  }
}

// A body that breaks after some bytes.
class BrokenBody final : public BodyReader {
 public:
  BrokenBody(std::unique_ptr<BodyReader> inside, std::uint64_t bytes, Error error)
      : inside_(std::move(inside)), left_(bytes), error_(std::move(error)) {}
  std::optional<std::uint64_t> content_length() const override { return inside_->content_length(); }
  Task<std::size_t> Read(MutableByteView data) override {
    if (left_ == 0) co_return Fail(error_);
    const auto most = static_cast<std::size_t>(std::min<std::uint64_t>(left_, data.size()));
    FB_CO_ASSIGN_OR_RETURN(const std::size_t got, co_await inside_->Read(data.first(most)));
    left_ -= got;
    if (got == 0) co_return Fail(error_);
    co_return got;
  }

 private:
  std::unique_ptr<BodyReader> inside_;
  std::uint64_t left_;
  Error error_;
};

}  // namespace

void FaultyLake::FailNext(Fault fault, std::optional<LakeOperation> operation, std::size_t count) {
  const std::lock_guard lock(mutex_);
  if (count > 0) script_.push_back({.fault = fault, .operation = operation, .left = count});
}
void FaultyLake::SetLink(LinkState state) {
  const std::lock_guard lock(mutex_);
  link_ = state;
}
void FaultyLake::SetLatency(std::chrono::nanoseconds latency) {
  const std::lock_guard lock(mutex_);
  latency_ = latency;
}
void FaultyLake::SetRandom(RandomFaults faults) {
  const std::lock_guard lock(mutex_);
  random_ = faults;
  generator_.seed(faults.seed);
}
void FaultyLake::Heal() {
  const std::lock_guard lock(mutex_);
  script_.clear();
  link_ = LinkState::kUp;
  latency_ = {};
  random_ = {};
}
std::uint64_t FaultyLake::faults() const {
  const std::lock_guard lock(mutex_);
  return faults_;
}

std::uint64_t FaultyLake::swallowed(Cause cause) const {
  const std::lock_guard lock(mutex_);
  return swallowed_[static_cast<std::size_t>(cause)];
}

LinkState FaultyLake::link() const {
  const std::lock_guard lock(mutex_);
  return link_;
}

bool FaultyLake::Chance(double share) {
  return share > 0 && std::uniform_real_distribution<double>(0, 1)(generator_) < share;
}

std::optional<Fault> FaultyLake::Draw(LakeOperation operation) {
  const std::lock_guard lock(mutex_);
  const auto scripted = std::ranges::find_if(script_, [operation](const Scripted& entry) {
    return !entry.operation || *entry.operation == operation;
  });
  if (scripted != script_.end()) {
    const Fault fault = scripted->fault;
    if (--scripted->left == 0) script_.erase(scripted);
    ++faults_;
    return fault;
  }
  if (Chance(random_.error)) {
    ++faults_;
    const bool busy = Chance(0.5);
    return Fault{.kind = Fault::Kind::kError,
                 .code = busy ? Code::kServerBusy : Code::kOperationTimedOut};
  }
  if (IsWrite(operation) && Chance(random_.lost_answer)) {
    ++faults_;
    return Fault{.kind = Fault::Kind::kLostAnswer};
  }
  if (operation == LakeOperation::kGet && Chance(random_.short_body)) {
    ++faults_;
    return Fault{.kind = Fault::Kind::kShortBody, .bytes = generator_()};
  }
  return std::nullopt;
}

Task<std::optional<Fault>> FaultyLake::Enter(LakeCall call, LakeOperation operation) {
  FB_CO_RETURN_IF_ERROR(call.context.Check());
  std::chrono::nanoseconds wait{0};
  {
    const std::lock_guard lock(mutex_);
    wait = latency_;
    if (random_.max_latency.count() > 0) {
      const auto most = static_cast<std::uint64_t>(random_.max_latency.count());
      wait += std::chrono::milliseconds(generator_() % (most + 1));
    }
  }
  if (wait.count() > 0) FB_CO_RETURN_IF_ERROR(co_await SleepFor(wait, call.context));
  bool swallowed = false;
  while (link() == LinkState::kBlackHole) {
    if (!std::exchange(swallowed, true)) {
      const std::lock_guard lock(mutex_);
      ++swallowed_[static_cast<std::size_t>(call.cause)];
    }
    FB_CO_RETURN_IF_ERROR(co_await SleepFor(std::chrono::milliseconds(5), call.context));
  }
  if (swallowed || link() == LinkState::kDown) {
    co_return Fail(Code::kNetwork, "The link to the lake is down.");
  }
  co_return Draw(operation);
}

template <class T>
Task<T> FaultyLake::Through(LakeCall call, LakeOperation operation, Task<T> inside) {
  FB_CO_ASSIGN_OR_RETURN(const std::optional<Fault> fault, co_await Enter(call, operation));
  if (fault && fault->kind == Fault::Kind::kError) {
    co_return Fail(Error(fault->code, "A fault was injected.").WithRetryAfter(fault->retry_after));
  }
  auto out = co_await std::move(inside);
  if (fault && fault->kind == Fault::Kind::kLostAnswer) {
    co_return Fail(IsWrite(operation) ? Code::kUnknownOutcome : Code::kConnectionClosed,
                   "The answer was lost.");
  }
  if constexpr (std::is_same_v<T, GetAnswer>) {
    if (fault && out && fault->kind == Fault::Kind::kShortBody) {
      // Short means short: a drawn length never reaches the end.
      const std::uint64_t bytes = out->length == 0 ? 0 : fault->bytes % out->length;
      out->body = std::make_unique<BrokenBody>(
          std::move(out->body), bytes, Error(Code::kConnectionClosed, "The body was cut short."));
    }
    if (fault && out && fault->kind == Fault::Kind::kLongBody) {
      out->body = std::make_unique<BrokenBody>(std::move(out->body), out->length,
                                               Error(Code::kCorruption, "The body is too long."));
    }
  }
  co_return out;
}

Task<LakeTraits> FaultyLake::Probe(LakeCall call, ProbeRequest request) {
  return Through(call, LakeOperation::kProbe, inside_.Probe(call, std::move(request)));
}
Task<BlobState> FaultyLake::Head(LakeCall call, HeadRequest request) {
  return Through(call, LakeOperation::kHead, inside_.Head(call, std::move(request)));
}
Task<ListPage> FaultyLake::List(LakeCall call, ListRequest request) {
  return Through(call, LakeOperation::kList, inside_.List(call, std::move(request)));
}
Task<GetAnswer> FaultyLake::Get(LakeCall call, GetRequest request) {
  return Through(call, LakeOperation::kGet, inside_.Get(call, std::move(request)));
}
Task<BlockLists> FaultyLake::GetBlockList(LakeCall call, BlobName name) {
  return Through(call, LakeOperation::kGetBlockList, inside_.GetBlockList(call, std::move(name)));
}
Task<WriteAnswer> FaultyLake::Put(LakeCall call, PutRequest request) {
  return Through(call, LakeOperation::kPut, inside_.Put(call, std::move(request)));
}
Task<> FaultyLake::PutBlock(LakeCall call, PutBlockRequest request) {
  return Through(call, LakeOperation::kPutBlock, inside_.PutBlock(call, std::move(request)));
}
Task<WriteAnswer> FaultyLake::CommitBlocks(LakeCall call, CommitRequest request) {
  return Through(call, LakeOperation::kCommitBlocks,
                 inside_.CommitBlocks(call, std::move(request)));
}
Task<CopyAnswer> FaultyLake::Copy(LakeCall call, CopyRequest request) {
  return Through(call, LakeOperation::kCopy, inside_.Copy(call, std::move(request)));
}
Task<UpdateAnswer> FaultyLake::Update(LakeCall call, UpdateRequest request) {
  return Through(call, LakeOperation::kUpdate, inside_.Update(call, std::move(request)));
}
Task<> FaultyLake::Delete(LakeCall call, DeleteRequest request) {
  return Through(call, LakeOperation::kDelete, inside_.Delete(call, std::move(request)));
}
Task<WriteAnswer> FaultyLake::Rename(LakeCall call, RenameRequest request) {
  return Through(call, LakeOperation::kRename, inside_.Rename(call, std::move(request)));
}
Task<WriteAnswer> FaultyLake::MakeDirectory(LakeCall call, MakeDirectoryRequest request) {
  return Through(call, LakeOperation::kMakeDirectory,
                 inside_.MakeDirectory(call, std::move(request)));
}
Task<AccessControl> FaultyLake::GetAcl(LakeCall call, BlobName name) {
  return Through(call, LakeOperation::kGetAcl, inside_.GetAcl(call, std::move(name)));
}
Task<> FaultyLake::SetAcl(LakeCall call, SetAclRequest request) {
  return Through(call, LakeOperation::kSetAcl, inside_.SetAcl(call, std::move(request)));
}

}  // namespace forebay::lake
