#include "cli/operations.h"

#include "admin/messages.h"
#include "admin/scrub_api.h"
#include "admin/volume_api.h"
#include "cli/backup.h"

namespace forebay::cli {
namespace {

Result<std::string> RunBackup(Node& node, const std::string& body, std::stop_token stop) {
  FB_ASSIGN_OR_RETURN(admin::BackupRequest request, admin::DecodeBackupRequest(body));
  if (!request.to.starts_with('/')) {
    return Fail(Code::kInvalidInput, "\"to\" must be an absolute folder.");
  }
  FB_ASSIGN_OR_RETURN(BackupReport report, Backup(node, request.to, std::move(stop)));
  return admin::EncodeBackup({.segments_copied = report.segments_copied,
                              .segments_kept = report.segments_kept,
                              .bytes_copied = report.bytes_copied});
}

// It ends when the one who asked goes away, or the server does.
Task<std::string> HandleBackup(Node& node, ThreadPool& pool, OpContext context, std::string body) {
  co_return co_await pool.Run([&node, body = std::move(body), stop = context.cancel] {
    return RunBackup(node, body, stop);
  });
}

}  // namespace

void AddOperations(admin::ControlApi& api, Node& node, ThreadPool& pool) {
  admin::AddVolumeOperations(api, node.chunks(), pool, node.directory());
  admin::AddScrubOperations(api, node.scrubber(), node.chunks(), pool);
  api.Add("POST", "/v1/backup", [&node, &pool](OpContext context, std::string body) {
    return HandleBackup(node, pool, std::move(context), std::move(body));
  });
}

}  // namespace forebay::cli
