// Breaks another lake, as told or at random: for tests of whatever stands above.
//
// Thread safe. The lake inside outlives it. What it fakes is what is left after an implementation's
// own retries: a failed try is a failed call here. Lost answers happen for real inside: the write
// is done, and the caller hears kUnknownOutcome (kConnectionClosed for reads and staged blocks).
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <optional>
#include <random>

#include "lake/accounting.h"
#include "lake/object_lake.h"

namespace forebay::lake {

enum class LinkState : std::uint8_t {
  kUp,
  kDown,       // refuses at once: kNetwork
  kBlackHole,  // swallows: waits until the caller's deadline or cancellation, or until it is up
               // again (kNetwork then)
};

struct Fault {
  enum class Kind : std::uint8_t {
    kError,       // nothing is done
    kLostAnswer,  // it is done, and nobody hears of it
    kShortBody,   // Get: the body ends with kConnectionClosed after `bytes` of it
    kLongBody,    // Get: the body ends with kCorruption after all of its bytes
  };
  Kind kind = Kind::kError;
  Code code = Code::kServerBusy;  // of kError
  std::chrono::milliseconds retry_after{0};
  std::uint64_t bytes = 0;
};

// Shares of all calls, each between 0 and 1.
struct RandomFaults {
  std::uint64_t seed = 1;
  double error = 0;        // kServerBusy or kOperationTimedOut
  double lost_answer = 0;  // of writes
  double short_body = 0;   // of Gets, somewhere within the body
  std::chrono::milliseconds max_latency{0};
};

class FaultyLake final : public ObjectLake {
 public:
  explicit FaultyLake(ObjectLake& inside) : inside_(inside) {}

  // The next `count` calls of that operation (of any, without one) meet the fault. Scripted faults
  // come first, in the order they were given.
  void FailNext(Fault fault, std::optional<LakeOperation> operation = {}, std::size_t count = 1);
  void SetLink(LinkState state);
  void SetLatency(std::chrono::nanoseconds latency);  // before each call
  void SetRandom(RandomFaults faults);
  void Heal();  // all of the above off; scripted faults are forgotten
  // Faults that calls have met so far.
  std::uint64_t faults() const;
  // Calls for that cause that the black hole has swallowed so far.
  std::uint64_t swallowed(Cause cause) const;

  std::string description() const override { return inside_.description(); }
  SteadyTime last_heard() const override { return inside_.last_heard(); }
  Task<LakeTraits> Probe(LakeCall call, ProbeRequest request) override;
  Task<BlobState> Head(LakeCall call, HeadRequest request) override;
  Task<ListPage> List(LakeCall call, ListRequest request) override;
  Task<GetAnswer> Get(LakeCall call, GetRequest request) override;
  Task<BlockLists> GetBlockList(LakeCall call, BlobName name) override;
  Task<WriteAnswer> Put(LakeCall call, PutRequest request) override;
  Task<> PutBlock(LakeCall call, PutBlockRequest request) override;
  Task<WriteAnswer> CommitBlocks(LakeCall call, CommitRequest request) override;
  Task<CopyAnswer> Copy(LakeCall call, CopyRequest request) override;
  Task<UpdateAnswer> Update(LakeCall call, UpdateRequest request) override;
  Task<> Delete(LakeCall call, DeleteRequest request) override;
  Task<WriteAnswer> Rename(LakeCall call, RenameRequest request) override;
  Task<WriteAnswer> MakeDirectory(LakeCall call, MakeDirectoryRequest request) override;
  Task<AccessControl> GetAcl(LakeCall call, BlobName name) override;
  Task<> SetAcl(LakeCall call, SetAclRequest request) override;

 private:
  struct Scripted {
    Fault fault;
    std::optional<LakeOperation> operation;
    std::size_t left = 0;
  };

  template <class T>
  Task<T> Through(LakeCall call, LakeOperation operation, Task<T> inside);
  // Latency and the link; then the fault that this call meets, if any.
  Task<std::optional<Fault>> Enter(LakeCall call, LakeOperation operation);
  std::optional<Fault> Draw(LakeOperation operation);
  bool Chance(double share);  // with mutex_ held
  LinkState link() const;

  ObjectLake& inside_;
  mutable std::mutex mutex_;
  std::deque<Scripted> script_;
  LinkState link_ = LinkState::kUp;
  std::chrono::nanoseconds latency_{0};
  RandomFaults random_;
  std::mt19937_64 generator_;
  std::uint64_t faults_ = 0;
  std::array<std::uint64_t, kCauses> swallowed_{};
};

}  // namespace forebay::lake
