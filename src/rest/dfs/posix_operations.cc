#include "rest/dfs/posix_operations.h"

#include <array>

#include "azure/error_table.h"
#include "rest/dfs/posix_handlers.h"

namespace forebay::rest::dfs {
namespace {

using P = azure::Permissions;
using Near = azure::Operation;
using azure::Effect;
using azure::Level;
using azure::OperationInfo;

constexpr auto kNever = azure::PublicAccess::kNone;

struct Verb {
  std::string_view name;
  Handler handler;
  OperationInfo info;
};

// A line of the table: what the log calls it, the method, what it does, the rights it takes.
constexpr Verb Read(std::string_view name, std::string_view log, std::string_view method,
                    Handler handler, std::uint32_t rights = P::kRead) {
  return {
      name,
      handler,
      {Near::kGetBlobProperties, log, method, Level::kBlob, Effect::kRead, rights, rights, kNever}};
}
constexpr Verb Write(std::string_view name, std::string_view log, std::string_view method,
                     Handler handler, std::uint32_t rights = P::kWrite,
                     Effect effect = Effect::kWrite) {
  return {name,
          handler,
          {Near::kSetBlobMetadata, log, method, Level::kBlob, effect, rights, rights, kNever}};
}

constexpr auto kVerbs = std::to_array<Verb>({
    Read("info", "PosixInfo", "GET", &HandlePosixInfo),
    Read("stat", "PosixStat", "HEAD", &HandlePosixStat),
    Read("list", "PosixList", "GET", &HandlePosixList, P::kList),
    {"read",
     &HandlePosixRead,
     {Near::kGetBlob, "PosixRead", "GET", Level::kBlob, Effect::kRead, P::kRead, P::kRead, kNever}},
    Read("layout", "PosixLayout", "GET", &HandlePosixLayout),
    Read("seek", "PosixSeek", "HEAD", &HandlePosixSeek),
    Write("create", "PosixCreate", "PUT", &HandlePosixCreate, P::kCreate | P::kWrite),
    Write("link", "PosixLink", "PUT", &HandlePosixLink),
    Write("remove", "PosixRemove", "DELETE", &HandlePosixRemove, P::kDelete, Effect::kDelete),
    Write("rename", "PosixRename", "PUT", &HandlePosixRename),
    Write("setattr", "PosixSetAttributes", "POST", &HandlePosixSetAttributes),
    Read("xattrs", "PosixListXattrs", "GET", &HandlePosixListXattrs),
    Read("xattr", "PosixGetXattr", "GET", &HandlePosixGetXattr),
    Write("xattr", "PosixSetXattr", "PUT", &HandlePosixSetXattr),
    Write("xattr", "PosixRemoveXattr", "DELETE", &HandlePosixRemoveXattr),
    Write("stage", "PosixStage", "PUT", &HandlePosixStage),
    Write("commit", "PosixCommit", "POST", &HandlePosixCommit),
    Write("sync", "PosixSync", "POST", &HandlePosixSync),
    Write("session", "PosixOpenSession", "POST", &HandlePosixOpenSession, P::kRead | P::kWrite),
    Write("session", "PosixRenewSession", "PUT", &HandlePosixRenewSession, P::kRead | P::kWrite),
    Write("session", "PosixEndSession", "DELETE", &HandlePosixEndSession, P::kRead | P::kWrite),
    Write("hold", "PosixHold", "PUT", &HandlePosixHold, P::kRead | P::kWrite),
    Write("hold", "PosixRelease", "DELETE", &HandlePosixHold, P::kRead | P::kWrite),
    Write("lock", "PosixLock", "POST", &HandlePosixLock, P::kRead | P::kWrite),
    Read("lock", "PosixTestLock", "GET", &HandlePosixTestLock),
});

}  // namespace

bool IsPosixRequest(const azure::RequestTarget& target) { return target.query.Has("posix"); }

Result<DialectRoute> RecognizePosix(std::string_view method, const azure::RequestTarget& target) {
  const std::string_view name = target.query.Get("posix");
  if (!target.container) {
    return Fail(Code::kInvalidInput, "The POSIX extensions are of a file system.");
  }
  bool known = false;
  for (const Verb& verb : kVerbs) {
    if (verb.name != name) continue;
    known = true;
    if (verb.info.method != method) continue;
    DialectRoute route;
    route.info = &verb.info;
    route.handler = verb.handler;
    // A number is bound to no path: only a token for the whole container will do.
    route.scope = azure::BlobName("");
    return route;
  }
  if (!known) return Fail(azure::InvalidQueryError("posix", name));
  return Fail(Code::kUnsupportedHttpVerb, "The resource doesn't support specified Http Verb.");
}

}  // namespace forebay::rest::dfs
