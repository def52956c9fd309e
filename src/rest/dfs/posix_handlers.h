// One handler a verb of the POSIX extensions; see rest/blob/handlers.h for what a handler is, and
// docs/posix-extensions.md for the verbs.
#pragma once

#include "engine/node.h"
#include "http/message.h"
#include "rest/blob/call.h"

namespace forebay::rest::dfs {

Task<http::Response> HandlePosixInfo(Call& call);
Task<http::Response> HandlePosixStat(Call& call);
Task<http::Response> HandlePosixList(Call& call);
Task<http::Response> HandlePosixRead(Call& call);
Task<http::Response> HandlePosixLayout(Call& call);
Task<http::Response> HandlePosixSeek(Call& call);
Task<http::Response> HandlePosixCreate(Call& call);
Task<http::Response> HandlePosixLink(Call& call);
Task<http::Response> HandlePosixRemove(Call& call);
Task<http::Response> HandlePosixRename(Call& call);
Task<http::Response> HandlePosixSetAttributes(Call& call);
Task<http::Response> HandlePosixListXattrs(Call& call);
Task<http::Response> HandlePosixGetXattr(Call& call);
Task<http::Response> HandlePosixSetXattr(Call& call);
Task<http::Response> HandlePosixRemoveXattr(Call& call);
Task<http::Response> HandlePosixStage(Call& call);
Task<http::Response> HandlePosixCommit(Call& call);
Task<http::Response> HandlePosixOpenSession(Call& call);
Task<http::Response> HandlePosixRenewSession(Call& call);
Task<http::Response> HandlePosixEndSession(Call& call);
Task<http::Response> HandlePosixHold(Call& call);  // and release
Task<http::Response> HandlePosixLock(Call& call);
Task<http::Response> HandlePosixTestLock(Call& call);
Task<http::Response> HandlePosixSync(Call& call);

// The node or name that the URL and its query say, with the conditions. `writes`: those of a write.
Result<engine::NodeTarget> NodeOf(const Call& call, bool writes);
// A number of the query; nullopt when absent. kInvalidQueryParameterValue.
Result<std::optional<std::uint64_t>> QueryNumber(const Call& call, std::string_view name);
// kMissingRequiredQueryParameter when absent.
Result<std::uint64_t> RequireNumber(const Call& call, std::string_view name);
// x-ms-posix-set; empty when absent.
Result<azure::PosixChanges> ChangesOf(const Call& call);
// x-ms-posix-lazy: the client asks for durability later, by `sync`. kInvalidHeaderValue.
Result<bool> LazyOf(const Call& call);
// After a change: x-ms-posix-mark, where it was asked for lazily.
Task<http::Response> WithMark(Call& call, http::Response response);
// An answer with the attributes as x-ms-posix, and the ETag.
http::Response WithAttributes(unsigned status, const azure::PosixAttributes& attributes);

}  // namespace forebay::rest::dfs
