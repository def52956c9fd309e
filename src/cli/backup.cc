#include "cli/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <set>

#include "cli/backup_manifest.h"

namespace forebay::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = 4 << 20;

Error Trouble(const std::string& what, const std::error_code& error) {
  return Error(error == std::errc::no_space_on_device ? Code::kNoSpace : Code::kIo,
               what + ": " + error.message() + ".");
}

Result<> MakeDirs(const fs::path& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error) return Fail(Trouble("Cannot make " + path.string(), error));
  return {};
}

// Copies the file whole, keeping holes, and syncs it before it gets its name.
Result<std::uint64_t> CopyFile(io::FileSystem& files, const std::string& from,
                               const std::string& to, const std::stop_token& stop = {}) {
  const std::string partial = to + ".partial";
  if (auto gone = files.Remove(partial); !gone && gone.error().code() != Code::kNotFound) {
    return Fail(std::move(gone.error()));
  }
  FB_ASSIGN_OR_RETURN(auto in, files.Open(from, io::OpenMode::kRead));
  FB_ASSIGN_OR_RETURN(auto out, files.Open(partial, io::OpenMode::kCreate));
  FB_ASSIGN_OR_RETURN(const std::uint64_t size, in->Size());
  auto buffer = std::make_unique_for_overwrite<std::byte[]>(kCopyBytes);
  static const std::vector<std::byte> kZeros(kCopyBytes);
  for (std::uint64_t at = 0; at < size;) {
    if (stop.stop_requested()) return Fail(Code::kCancelled, "The backup was stopped.");
    FB_ASSIGN_OR_RETURN(const std::size_t n, in->ReadAt({buffer.get(), kCopyBytes}, at));
    if (n == 0) break;
    const bool hole = std::memcmp(buffer.get(), kZeros.data(), n) == 0;
    if (!hole) FB_RETURN_IF_ERROR(out->WriteAt({buffer.get(), n}, at));
    at += n;
  }
  FB_RETURN_IF_ERROR(out->Truncate(size));
  FB_RETURN_IF_ERROR(out->Sync());
  out.reset();
  FB_RETURN_IF_ERROR(files.Rename(partial, to));
  return size;
}

// What an earlier backup left; empty where there is none.
Result<BackupManifest> ReadManifest(io::FileSystem& files, const std::string& path) {
  auto text = io::ReadFile(files, path);
  if (!text && text.error().code() == Code::kNotFound) return BackupManifest();
  if (!text) return Fail(std::move(text.error()));
  auto manifest = DecodeBackupManifest(*text);
  if (manifest) return manifest;
  return Fail(manifest.error().code(),
              path + " is not the manifest of a backup; choose another folder.");
}

// The new checkpoint takes the old one's place.
Result<> ReplaceMetadata(const fs::path& directory) {
  std::error_code error;
  const fs::path current = directory / "metadata";
  const fs::path old = directory / "metadata.old";
  fs::remove_all(old, error);
  if (fs::exists(current)) fs::rename(current, old, error);
  if (!error) fs::rename(directory / "metadata.new", current, error);
  if (error) return Fail(Trouble("Cannot put the new metadata in place", error));
  fs::remove_all(old, error);
  return {};
}

// Segments that no longer exist in the store.
Result<> RemoveOthers(io::FileSystem& files, const fs::path& volumes,
                      const std::set<std::string>& wanted) {
  FB_ASSIGN_OR_RETURN(auto folders, files.List(volumes.string()));
  for (const io::DirEntry& folder : folders) {
    const fs::path segments = volumes / folder.name / "segments";
    FB_ASSIGN_OR_RETURN(auto entries, files.List(segments.string()));
    for (const io::DirEntry& entry : entries) {
      if (!wanted.contains(folder.name + "/segments/" + entry.name)) {
        FB_RETURN_IF_ERROR(files.Remove((segments / entry.name).string()));
      }
    }
  }
  return {};
}

bool IsEmptyOrMissing(const fs::path& path) {
  std::error_code error;
  return !fs::exists(path, error) || fs::is_empty(path, error);
}

}  // namespace

Result<BackupReport> Backup(Node& node, const std::string& directory, std::stop_token stop) {
  io::PosixFileSystem files;
  const fs::path root = fs::absolute(directory);
  FB_RETURN_IF_ERROR(MakeDirs(root / "volumes"));
  FB_ASSIGN_OR_RETURN(const BackupManifest complete,
                      ReadManifest(files, (root / "manifest").string()));
  std::error_code ignored;
  fs::remove_all(root / "metadata.new", ignored);

  // First the pin, then the records, then the bytes: what the records name cannot go meanwhile.
  auto pin = node.chunks().PinForBackup();
  FB_RETURN_IF_ERROR(node.store().Checkpoint((root / "metadata.new").string()));
  FB_ASSIGN_OR_RETURN(auto volumes, node.chunks().Volumes());
  for (const chunk::VolumeStatus& volume : volumes) {
    const fs::path target = root / "volumes" / volume.uuid;
    FB_RETURN_IF_ERROR(MakeDirs(target / "segments"));
    FB_RETURN_IF_ERROR(CopyFile(files, volume.path + "/VOLUME", (target / "VOLUME").string()));
  }
  BackupReport report;
  BackupManifest now;
  std::set<std::string> wanted;
  for (const chunk::SegmentInfo& segment : node.chunks().ListSegments()) {
    const std::string name =
        segment.volume_uuid + "/segments/" + fs::path(segment.path).filename().string();
    wanted.insert(name);
    auto earlier = complete.find(name);
    if (segment.sealed && earlier != complete.end() && earlier->second == segment.size) {
      now.insert(*earlier);
      ++report.segments_kept;
      continue;
    }
    FB_ASSIGN_OR_RETURN(const std::uint64_t bytes,
                        CopyFile(files, segment.path, (root / "volumes" / name).string(), stop));
    if (segment.sealed) now.emplace(name, segment.size);
    ++report.segments_copied;
    report.bytes_copied += bytes;
  }
  FB_RETURN_IF_ERROR(ReplaceMetadata(root));
  FB_RETURN_IF_ERROR(
      io::WriteFileAtomically(files, (root / "manifest").string(), EncodeBackupManifest(now)));
  FB_RETURN_IF_ERROR(RemoveOthers(files, root / "volumes", wanted));
  FB_RETURN_IF_ERROR(files.SyncDir(root.string()));
  return report;
}

Result<> Restore(const std::string& backup, const std::vector<std::string>& directories) {
  io::PosixFileSystem files;
  const fs::path root = fs::absolute(backup);
  FB_ASSIGN_OR_RETURN(bool whole, files.Exists((root / "manifest").string()));
  if (!whole) {
    return Fail(Code::kNotFound, root.string() + " holds no complete backup (no manifest).");
  }
  FB_ASSIGN_OR_RETURN(auto volumes, files.List((root / "volumes").string()));
  if (volumes.size() != directories.size()) {
    return Fail(Code::kInvalidConfig, "The backup has " + std::to_string(volumes.size()) +
                                          " data directories; name as many with --data.");
  }
  for (const std::string& directory : directories) {
    if (IsEmptyOrMissing(directory)) continue;
    return Fail(Code::kAlreadyExists,
                directory + " is not empty; restore only into new data directories.");
  }
  for (std::size_t i = 0; i < volumes.size(); ++i) {
    const fs::path target = fs::absolute(directories[i]);
    const fs::path source = root / "volumes" / volumes[i].name;
    FB_RETURN_IF_ERROR(MakeDirs(target / "segments"));
    FB_ASSIGN_OR_RETURN(auto segments, files.List((source / "segments").string()));
    for (const io::DirEntry& entry : segments) {
      FB_RETURN_IF_ERROR(CopyFile(files, (source / "segments" / entry.name).string(),
                                  (target / "segments" / entry.name).string()));
    }
    FB_RETURN_IF_ERROR(files.SyncDir((target / "segments").string()));
    FB_RETURN_IF_ERROR(CopyFile(files, (source / "VOLUME").string(), (target / "VOLUME").string()));
  }
  // Last: a server does not start on a directory without it.
  const fs::path metadata = fs::absolute(directories.front()) / "metadata";
  FB_RETURN_IF_ERROR(MakeDirs(metadata));
  FB_ASSIGN_OR_RETURN(auto tables, files.List((root / "metadata").string()));
  for (const io::DirEntry& entry : tables) {
    FB_RETURN_IF_ERROR(CopyFile(files, (root / "metadata" / entry.name).string(),
                                (metadata / entry.name).string()));
  }
  FB_RETURN_IF_ERROR(files.SyncDir(metadata.string()));
  return files.SyncDir(fs::absolute(directories.front()).string());
}

}  // namespace forebay::cli
