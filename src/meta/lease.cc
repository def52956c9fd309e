#include "meta/lease.h"

#include <string>

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

Result<LeaseRecord> Load(const kv::Reader& reader, std::string_view job) {
  LeaseRecord record;
  FB_ASSIGN_OR_RETURN(auto stored, reader.Get(KeyOf(job)));
  if (!stored) return record;
  Decoder in(*stored);
  in.U8();  // version
  record.owner = in.U64();
  record.token = FencingToken(in.U64());
  record.ends.ticks = in.Signed();
  FB_RETURN_IF_ERROR(in.Finish("a lease record"));
  return record;
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
  txn.Put(
      KeyOf(job),
      Encoder().U8(1).U64(record.owner).U64(record.token.value()).Signed(record.ends.ticks).str());
  return record.token;
}

Result<> CheckLease(const kv::Reader& reader, std::string_view job, FencingToken token) {
  FB_ASSIGN_OR_RETURN(LeaseRecord record, Load(reader, job));
  if (record.token == token) return {};
  return Fail(Code::kLocked, "Another process has taken over the job " + std::string(job) + ".");
}

}  // namespace forebay::meta
