#include "engine/sweep_sessions.h"

#include "base/codec.h"
#include "engine/node_session.h"
#include "engine/release_node.h"
#include "meta/node_keys.h"
#include "meta/session_records.h"

namespace forebay::engine {
namespace {

namespace keys = meta::keys;

// Collects the keys under a prefix whose value `is_due`.
template <class Fn>
Result<> Collect(const kv::Reader& reader, const std::string& prefix, std::size_t most, Fn is_due,
                 std::vector<std::string>& out) {
  auto it = reader.Scan(prefix, PrefixEnd(prefix));
  for (; it->Valid() && out.size() < most; it->Next()) {
    if (is_due(it->key(), it->value())) out.emplace_back(it->key());
  }
  return it->status();
}

WallTime TimeOfToken(std::string_view value) {
  Decoder in(value);
  in.U8();
  return WallTime{in.Signed()};
}

}  // namespace

Result<LeftBehind> FindLeftBehind(const Services& services, const kv::Reader& reader,
                                  std::size_t most) {
  LeftBehind found;
  const WallTime now = services.clock.Now();
  FB_RETURN_IF_ERROR(Collect(
      reader, keys::Sessions(), most,
      [&](std::string_view key, std::string_view) {
        const keys::SessionKeyParts parts = keys::PartsOfSessionKey(key);
        const auto alive = IsAlive(services, reader, parts.container, parts.session);
        return alive && !*alive;
      },
      found.sessions));
  FB_RETURN_IF_ERROR(Collect(
      reader, keys::Tokens(), most,
      [now](std::string_view, std::string_view value) {
        return TimeOfToken(value) + kTokenLife < now;
      },
      found.tokens));
  return found;
}

Result<bool> SweepSessionStep(Services& services, kv::Transaction& txn, std::string_view key) {
  const keys::SessionKeyParts parts = keys::PartsOfSessionKey(key);
  FB_ASSIGN_OR_RETURN(auto stored, txn.Get(key));
  if (!stored) return true;
  FB_ASSIGN_OR_RETURN(const bool alive, IsAlive(services, txn, parts.container, parts.session));
  if (alive) return true;  // renewed since
  FB_ASSIGN_OR_RETURN(meta::SessionRecord record, meta::DecodeSession(*stored));
  FB_ASSIGN_OR_RETURN(const bool done, ForgetSessionStep(services, txn, parts.container,
                                                         parts.session, services.clock.Now()));
  if (done || record.ends.ticks == 0) return done;
  // What is half taken away does not come back to life.
  record.ends = {};
  txn.Put(key, meta::Encode(record));
  return false;
}

}  // namespace forebay::engine
