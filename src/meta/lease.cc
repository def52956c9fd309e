#include "meta/lease.h"

#include <string>
#include <utility>
#include <vector>

#include "base/codec.h"
#include "base/strong.h"
#include "meta/keys.h"

namespace forebay::meta {
namespace {

struct LeaseRecord {
  std::uint64_t owner = 0;
  FencingToken token;
  WallTime ends;
};

std::string KeyOf(std::string_view job) { return keys::Setting("lease/" + std::string(job)); }

std::string Encode(const LeaseRecord& record) {
  return Encoder()
      .U8(1)
      .U64(record.owner)
      .U64(record.token.value())
      .Signed(record.ends.ticks)
      .str();
}

Result<LeaseRecord> Decode(std::string_view stored) {
  LeaseRecord record;
  Decoder in(stored);
  in.U8();  // version
  record.owner = in.U64();
  record.token = FencingToken(in.U64());
  record.ends.ticks = in.Signed();
  FB_RETURN_IF_ERROR(in.Finish("a lease record"));
  return record;
}

Result<LeaseRecord> Load(const kv::Reader& reader, std::string_view job) {
  LeaseRecord record;
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(KeyOf(job)));
  return stored ? Decode(*stored) : Result<LeaseRecord>(record);
}

}  // namespace

Result<FencingToken> AcquireLease(kv::Transaction& txn, std::string_view job, std::uint64_t owner,
                                  WallTime now, std::chrono::nanoseconds duration) {
  FB_ASSIGN_OR_RETURN(LeaseRecord record, Load(txn, job));
  if (record.owner != owner) {
    if (record.owner != 0 && record.ends > now) {
      return Fail(Code::kLocked, "Another process does the job " + std::string(job) + ".");
    }
    record.token = FencingToken(record.token.value() + 1);
    record.owner = owner;
  }
  record.ends = now + duration;
  txn.MakesRoom();  // what empties a disk has a lease, and the record takes no more room than
                    // before
  txn.Put(KeyOf(job), Encode(record));
  return record.token;
}

Result<> CheckLease(const kv::Reader& reader, std::string_view job, FencingToken token) {
  FB_ASSIGN_OR_RETURN(LeaseRecord record, Load(reader, job));
  if (record.token == token) return {};
  return Fail(Code::kLocked, "Another process has taken over the job " + std::string(job) + ".");
}

Result<> ReleaseLease(kv::Transaction& txn, std::string_view job, std::uint64_t owner) {
  FB_ASSIGN_OR_RETURN(LeaseRecord record, Load(txn, job));
  if (record.owner != owner) return {};
  record.ends = {};
  txn.MakesRoom();
  txn.Put(KeyOf(job), Encode(record));
  return {};
}

Result<> EndLeases(kv::Store& store) {
  return store.TransactBlocking([](kv::Transaction& txn) -> Result<> {
    txn.MakesRoom();
    std::vector<std::pair<std::string, LeaseRecord>> leases;
    {
      const std::string prefix = KeyOf("");
      auto it = txn.Scan(prefix, PrefixEnd(prefix));
      for (; it->Valid(); it->Next()) {
        FB_ASSIGN_OR_RETURN(const LeaseRecord lease, Decode(it->value()));
        leases.emplace_back(it->key(), lease);
      }
      FB_RETURN_IF_ERROR(it->status());
    }
    for (auto& [key, lease] : leases) {
      lease.ends = {};
      txn.Put(key, Encode(lease));
    }
    return {};
  });
}

}  // namespace forebay::meta
