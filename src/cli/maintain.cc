#include "cli/maintain.h"

#include <fmt/format.h>

#include <filesystem>

#include "admin/messages.h"
#include "cli/backup.h"
#include "cli/control.h"
#include "cli/node.h"
#include "engine/fsck.h"

namespace forebay::cli {

namespace {

// The namespace against the chunk store. Answers how many problems are left.
Result<std::uint64_t> CheckNames(Node& node, const Console& console, bool repair) {
  engine::NamespaceFsckOptions options;
  options.repair = repair;
  FB_ASSIGN_OR_RETURN(engine::NamespaceFsckReport report,
                      engine::CheckNamespace(node.store(), node.services().chunks, options));
  for (const std::string& problem : report.problems) console.Say(problem);
  for (std::size_t i = 0; i < engine::kFsckProblems; ++i) {
    if (report.counts[i] == 0) continue;
    console.Say(fmt::format("{}: {}", engine::FsckProblemName(static_cast<engine::FsckProblem>(i)),
                            report.counts[i]));
  }
  console.Say(fmt::format("{} blobs in {} containers name {} chunks and small bodies, {} problems",
                          report.blobs, report.containers, report.chunks, report.problem_count));
  if (report.short_block_lists > 0) {
    console.Say(fmt::format("{} blobs are longer than their block lists: their ends were appended",
                            report.short_block_lists));
  }
  if (report.orphans_skipped) {
    console.Say(
        "bytes that nothing names were not looked for: a record cannot be read, or changes "
        "wait for a lake");
  }
  if (report.repaired == 0) return report.problem_count;
  console.Say(fmt::format("{} repairs made; checking again", report.repaired));
  return CheckNames(node, console, /*repair=*/false);
}

}  // namespace

int Fsck(const config::Config& config, const Console& console, const FsckCommand& command) {
  auto node = Node::OpenExisting(config);
  if (!node) return console.Refuse(node.error());
  int status = 0;
  if (command.verify_bytes) {
    if (auto sound = (*node)->store().VerifyChecksums(); !sound) {
      console.Say("metadata: " + sound.error().message());
      status = kExitProblems;
    }
  }
  auto names = CheckNames(**node, console, command.repair);
  if (!names) return console.Refuse(names.error());
  if (*names > 0) status = kExitProblems;
  chunk::FsckOptions options;
  options.verify_checksums = command.verify_bytes;
  auto report = (*node)->chunks().Fsck(options);
  if (!report) return console.Refuse(report.error());
  for (const std::string& problem : report->problems) console.Say(problem);
  console.Say(fmt::format("{} chunks ({} MiB) in {} segments, {} to be freed, {} problems{}",
                          report->chunks, report->chunk_bytes >> 20, report->segments,
                          report->free_records, report->problem_count,
                          command.verify_bytes ? "" : " (bytes not read; --verify reads them)"));
  return report->problem_count > 0 || !report->corrupt.empty() ? kExitProblems : status;
}

int BackupCommand(const config::Config& config, const Console& console,
                  const std::string& directory) {
  const std::string folder = std::filesystem::absolute(directory).lexically_normal().string();
  auto control = Control::Connect(config);
  if (!control) return console.Refuse(control.error());
  auto answer = (*control)->Call("POST", "/v1/backup", admin::EncodeBackupRequest({.to = folder}));
  if (!answer) return console.Refuse(answer.error());
  auto backup = admin::DecodeBackup(*answer);
  if (!backup) return console.Refuse(backup.error());
  console.Say(fmt::format("backup complete: {} segments copied ({} MiB), {} kept",
                          backup->segments_copied, backup->bytes_copied >> 20,
                          backup->segments_kept));
  return 0;
}

int RestoreCommand(const Console& console, const std::string& backup,
                   const std::vector<std::string>& directories) {
  if (auto done = Restore(backup, directories); !done) return console.Refuse(done.error());
  std::string said = "restored; start it with: forebay serve";
  for (const std::string& directory : directories) said += " --data " + directory;
  console.Say(said);
  return 0;
}

}  // namespace forebay::cli
