#include "meta/session_records.h"

#include "base/codec.h"

namespace forebay::meta {
namespace {

constexpr std::uint8_t kVersion = 1;

Result<> CheckVersion(Decoder& in, std::string_view what) {
  if (const std::uint8_t version = in.U8(); in.ok() && version != kVersion) {
    return Fail(Code::kCorruption, std::string(what) + " of version " + std::to_string(version) +
                                       " was written by a newer Forebay; run that version.");
  }
  return {};
}

}  // namespace

std::string Encode(const SessionRecord& r) {
  Encoder out;
  out.U8(kVersion).Varint(r.seconds).Signed(r.opened.ticks).Signed(r.ends.ticks).String(r.owner);
  return out.Take();
}

Result<SessionRecord> DecodeSession(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A session"));
  SessionRecord r;
  r.seconds = static_cast<std::uint32_t>(in.Varint());
  r.opened = WallTime{in.Signed()};
  r.ends = WallTime{in.Signed()};
  r.owner = in.String();
  FB_RETURN_IF_ERROR(in.Finish("a session"));
  return r;
}

std::string EncodeLocks(const std::vector<FileLock>& locks) {
  Encoder out;
  out.U8(kVersion).Varint(locks.size());
  for (const FileLock& lock : locks) {
    out.Varint(lock.session).U64(lock.owner).U8(static_cast<std::uint8_t>(lock.family));
    out.U8(lock.exclusive ? 1 : 0).Varint(lock.start).Varint(lock.end).Varint(lock.pid);
  }
  return out.Take();
}

Result<std::vector<FileLock>> DecodeLocks(std::string_view text) {
  Decoder in(text);
  FB_RETURN_IF_ERROR(CheckVersion(in, "A list of locks"));
  std::vector<FileLock> locks;
  const std::uint64_t count = in.Varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    FileLock lock;
    lock.session = in.Varint();
    lock.owner = in.U64();
    lock.family = static_cast<LockFamily>(in.U8());
    lock.exclusive = in.U8() != 0;
    lock.start = in.Varint();
    lock.end = in.Varint();
    lock.pid = static_cast<std::uint32_t>(in.Varint());
    locks.push_back(lock);
  }
  FB_RETURN_IF_ERROR(in.Finish("a list of locks"));
  return locks;
}

}  // namespace forebay::meta
