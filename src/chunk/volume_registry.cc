// OpenVolumes of recovery.h: which directory is which volume.
#include <map>
#include <optional>

#include "base/log.h"
#include "base/uuid.h"
#include "chunk/recovery.h"

namespace forebay::chunk {
namespace {

// The identity file `VOLUME` (docs/formats/segment.md): three lines, the last two of them UUIDs.
constexpr std::string_view kIdentityTitle = "forebay volume 1";

struct Identity {
  std::string store;
  std::string volume;
};

std::string IdentityPath(const std::string& directory) { return directory + "/VOLUME"; }

std::string FormatIdentity(const Identity& identity) {
  return std::string(kIdentityTitle) + "\nstore " + identity.store + "\nvolume " + identity.volume +
         "\n";
}

Result<std::optional<Identity>> ReadIdentity(io::FileSystem& fs, const std::string& directory) {
  FB_ASSIGN_OR_RETURN(bool exists, fs.Exists(IdentityPath(directory)));
  if (!exists) return std::nullopt;
  FB_ASSIGN_OR_RETURN(std::string text, io::ReadFile(fs, IdentityPath(directory)));
  constexpr std::size_t kUuid = 36;
  std::size_t store_at = kIdentityTitle.size() + 7;
  std::size_t volume_at = store_at + kUuid + 8;
  if (text.size() == volume_at + kUuid + 1) {
    Identity identity{text.substr(store_at, kUuid), text.substr(volume_at, kUuid)};
    if (FormatIdentity(identity) == text) return identity;
  }
  return Fail(Code::kInvalidConfig, IdentityPath(directory) + " is not a volume's identity file");
}

struct Registered {
  std::string store;
  std::map<std::string, VolumeRecord> volumes;  // by UUID

  VolumeNumber NextNumber() const {
    std::uint32_t next = 1;
    for (const auto& [uuid, record] : volumes) next = std::max(next, record.number.value() + 1);
    return VolumeNumber(next);
  }
};

Result<Registered> LoadRegistered(Core& core) {
  Registered registered;
  FB_RETURN_IF_ERROR(core.kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    registered = {};
    FB_ASSIGN_OR_RETURN(auto store, txn.Get(keys::kStore));
    registered.store = store ? *store : NewUuid();
    if (!store) txn.Put(keys::kStore, registered.store);
    auto it = txn.Scan(keys::TableBegin('V'), keys::TableEnd('V'));
    for (; it->Valid(); it->Next()) {
      FB_ASSIGN_OR_RETURN(std::string uuid, keys::ParseVolume(it->key()));
      FB_ASSIGN_OR_RETURN(registered.volumes[uuid], VolumeRecord::Decode(it->value()));
    }
    return it->status();
  }));
  return registered;
}

VolumeState StateFor(VolumeMode mode) {
  switch (mode) {
    case VolumeMode::kActive:
      return VolumeState::kActive;
    case VolumeMode::kDraining:
      return VolumeState::kDraining;
    case VolumeMode::kLost:
      return VolumeState::kLost;
  }
  return VolumeState::kLost;
}

// A directory without an identity file is new, unless a volume was there: then its disk is not
// mounted, and what would be written there would end up underneath.
Result<Identity> NewIdentity(Core& core, const Registered& registered,
                             const std::string& directory) {
  for (const auto& [uuid, record] : registered.volumes) {
    if (record.path == directory && record.mode != VolumeMode::kLost) {
      return Fail(Code::kVolumeFailed,
                  directory + " should hold volume " + uuid +
                      " but has no VOLUME file; is the disk mounted? If it is gone for good, start "
                      "without this directory and remove the volume");
    }
  }
  Identity identity{registered.store, NewUuid()};
  FB_RETURN_IF_ERROR(
      io::WriteFileAtomically(core.fs, IdentityPath(directory), FormatIdentity(identity)));
  return identity;
}

Result<> OpenVolume(Core& core, Registered& registered, const std::string& directory) {
  FB_RETURN_IF_ERROR(core.fs.MakeDirs(directory));
  FB_ASSIGN_OR_RETURN(auto lock, core.fs.Lock(directory + "/VOLUME.lock"));
  FB_ASSIGN_OR_RETURN(std::optional<Identity> identity, ReadIdentity(core.fs, directory));
  if (!identity) {
    FB_ASSIGN_OR_RETURN(identity, NewIdentity(core, registered, directory));
  }
  if (identity->store != registered.store) {
    return Fail(Code::kInvalidConfig, directory + " belongs to another store (" + identity->store +
                                          "); this one is " + registered.store);
  }
  auto it = registered.volumes.find(identity->volume);
  VolumeRecord record;
  if (it != registered.volumes.end()) {
    record = it->second;
  } else {
    record.number = registered.NextNumber();
  }
  record.path = directory;
  registered.volumes[identity->volume] = record;
  FB_RETURN_IF_ERROR(core.kv.TransactBlocking([&](kv::Transaction& txn) -> Result<> {
    txn.MakesRoom();  // a server has to come up on a full disk
    txn.Put(keys::Volume(identity->volume), record.Encode());
    return {};
  }));
  auto volume = std::make_shared<Volume>(core.fs, identity->volume, record.number, directory,
                                         StateFor(record.mode));
  FB_RETURN_IF_ERROR(core.fs.MakeDirs(volume->SegmentsPath()));
  volume->HoldLock(std::move(lock));
  volume->OpenBoard();
  core.AddVolume(std::move(volume));
  return {};
}

}  // namespace

Result<> OpenVolumes(Core& core, const std::vector<std::string>& directories) {
  if (directories.empty()) return Fail(Code::kInvalidConfig, "no data directory was given");
  FB_ASSIGN_OR_RETURN(Registered registered, LoadRegistered(core));
  for (const std::string& directory : directories) {
    Result<> opened = OpenVolume(core, registered, directory);
    if (opened) continue;
    // A dead disk must not keep the others from being served, where the user said so.
    Code code = opened.error().code();
    bool survivable =
        (code == Code::kIo || code == Code::kVolumeFailed) && core.options.allow_missing_volumes;
    if (!survivable) return opened;
    Log(LogLevel::kError, "data directory cannot be opened",
        {{"path", directory}, {"error", opened.error().ToString()}});
  }
  for (const auto& [uuid, record] : registered.volumes) {
    if (core.FindVolume(record.number)) continue;
    bool lost = record.mode == VolumeMode::kLost;
    if (!lost && !core.options.allow_missing_volumes) {
      return Fail(Code::kVolumeFailed, "volume " + uuid + ", last seen at " + record.path +
                                           ", is not among the data directories");
    }
    core.AddVolume(std::make_shared<Volume>(core.fs, uuid, record.number, record.path,
                                            lost ? VolumeState::kLost : VolumeState::kMissing));
  }
  return {};
}

}  // namespace forebay::chunk
