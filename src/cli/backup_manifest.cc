#include "cli/backup_manifest.h"

#include "base/codec.h"

namespace forebay::cli {
namespace {

constexpr std::string_view kMagic = "forebay backup 1\n";

}  // namespace

std::string EncodeBackupManifest(const BackupManifest& manifest) {
  Encoder out;
  out.Raw(kMagic).Varint(manifest.size());
  for (const auto& [name, size] : manifest) out.String(name).Varint(size);
  return out.Take();
}

Result<BackupManifest> DecodeBackupManifest(std::string_view text) {
  if (!text.starts_with(kMagic)) return Fail(Code::kCorruption, "No manifest of a backup.");
  BackupManifest manifest;
  Decoder in(text.substr(kMagic.size()));
  const std::uint64_t count = in.Varint();
  for (std::uint64_t i = 0; i < count && in.ok(); ++i) {
    std::string name = in.String();
    manifest.emplace(std::move(name), in.Varint());
  }
  FB_RETURN_IF_ERROR(in.Finish("a backup manifest"));
  return manifest;
}

}  // namespace forebay::cli
