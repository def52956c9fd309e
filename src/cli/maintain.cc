#include "cli/maintain.h"

#include <cstdio>
#include <filesystem>

#include "cli/backup.h"
#include "cli/control.h"
#include "cli/node.h"

namespace forebay::cli {
namespace {

int Refuse(const Error& error) {
  std::fprintf(stderr, "forebay: %s\n", error.message().c_str());
  return 1;
}

}  // namespace

int Fsck(const config::Config& config, bool verify_bytes) {
  auto node = Node::Open(config);
  if (!node) return Refuse(node.error());
  int status = 0;
  if (verify_bytes) {
    if (auto sound = (*node)->store().VerifyChecksums(); !sound) {
      std::printf("metadata: %s\n", sound.error().message().c_str());
      status = 2;
    }
  }
  chunk::FsckOptions options;
  options.verify_checksums = verify_bytes;
  auto report = (*node)->chunks().Fsck(options);
  if (!report) return Refuse(report.error());
  for (const std::string& problem : report->problems) std::printf("%s\n", problem.c_str());
  std::printf("%llu chunks (%llu MiB) in %llu segments, %llu to be freed, %llu problems%s\n",
              static_cast<unsigned long long>(report->chunks),
              static_cast<unsigned long long>(report->chunk_bytes >> 20),
              static_cast<unsigned long long>(report->segments),
              static_cast<unsigned long long>(report->free_records),
              static_cast<unsigned long long>(report->problem_count),
              verify_bytes ? "" : " (bytes not read; --verify reads them)");
  return report->problem_count > 0 || !report->corrupt.empty() ? 2 : status;
}

int BackupCommand(const config::Config& config, const std::string& directory) {
  const std::string folder = std::filesystem::absolute(directory).lexically_normal().string();
  auto node = Node::Open(config);
  if (!node && node.error().code() == Code::kLocked) {
    auto said = CallServer(config, "/v1/backup", folder);
    if (!said) return Refuse(said.error());
    std::printf("%s", said->c_str());
    return 0;
  }
  if (!node) return Refuse(node.error());
  auto report = Backup(**node, folder);
  if (!report) return Refuse(report.error());
  std::printf("backup complete: %llu segments copied (%llu MiB), %llu kept\n",
              static_cast<unsigned long long>(report->segments_copied),
              static_cast<unsigned long long>(report->bytes_copied >> 20),
              static_cast<unsigned long long>(report->segments_kept));
  return 0;
}

int RestoreCommand(const std::string& backup, const std::vector<std::string>& directories) {
  if (auto done = Restore(backup, directories); !done) return Refuse(done.error());
  std::printf("restored; start it with: forebay serve");
  for (const std::string& directory : directories) std::printf(" --data %s", directory.c_str());
  std::printf("\n");
  return 0;
}

}  // namespace forebay::cli
