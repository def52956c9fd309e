#include "admin/volume_api.h"

#include <memory>
#include <utility>

#include "admin/messages.h"
#include "base/log.h"

namespace forebay::admin {
namespace {

// What the operations need; shared by the routes. All calls block.
class Volumes {
 public:
  Volumes(chunk::SegmentChunkStore& chunks, std::string metadata_directory)
      : chunks_(chunks), metadata_directory_(std::move(metadata_directory)) {}

  Result<std::string> List() const {
    FB_ASSIGN_OR_RETURN(auto all, chunks_.Volumes());
    std::vector<VolumeInfo> infos;
    for (const chunk::VolumeStatus& volume : all) infos.push_back(Info(volume));
    return EncodeVolumes(infos);
  }

  Result<std::string> Drain(const std::string& body) const {
    FB_ASSIGN_OR_RETURN(VolumeRequest request, DecodeVolumeRequest(body));
    FB_ASSIGN_OR_RETURN(chunk::VolumeStatus volume, Find(request.volume));
    FB_RETURN_IF_ERROR(CheckRoom(volume));
    FB_RETURN_IF_ERROR(chunks_.DrainVolume(volume.uuid));
    Log(LogLevel::kInfo, "volume is drained", {{"volume", volume.uuid}, {"path", volume.path}});
    return Now(volume);
  }

  Result<std::string> Activate(const std::string& body) const {
    FB_ASSIGN_OR_RETURN(VolumeRequest request, DecodeVolumeRequest(body));
    FB_ASSIGN_OR_RETURN(chunk::VolumeStatus volume, Find(request.volume));
    FB_RETURN_IF_ERROR(chunks_.ActivateVolume(volume.uuid));
    Log(LogLevel::kInfo, "volume is active", {{"volume", volume.uuid}, {"path", volume.path}});
    return Now(volume);
  }

  Result<std::string> Remove(const std::string& body) const {
    FB_ASSIGN_OR_RETURN(VolumeRequest request, DecodeVolumeRequest(body));
    FB_ASSIGN_OR_RETURN(chunk::VolumeStatus volume, Find(request.volume));
    if (volume.path == metadata_directory_) {
      return Fail(Code::kInvalidInput,
                  volume.path +
                      " holds the metadata and cannot be removed; `forebay backup` and `forebay "
                      "restore` move the whole store elsewhere.");
    }
    FB_RETURN_IF_ERROR(chunks_.RemoveVolume(volume.uuid, request.force));
    Log(request.force ? LogLevel::kWarn : LogLevel::kInfo, "volume is removed",
        {{"volume", volume.uuid}, {"path", volume.path}, {"force", request.force}});
    return Now(volume);
  }

 private:
  VolumeInfo Info(const chunk::VolumeStatus& volume) const {
    return {.uuid = volume.uuid,
            .path = volume.path,
            .state = std::string(chunk::VolumeStateName(volume.state)),
            .failure = volume.failure,
            .holds_metadata = volume.path == metadata_directory_,
            .total_bytes = volume.total_bytes,
            .available_bytes = volume.available_bytes,
            .live_bytes = volume.live_bytes,
            .segment_bytes = volume.segment_bytes,
            .segments = volume.segments};
  }

  // As it is after the change; a removed one as it was.
  Result<std::string> Now(const chunk::VolumeStatus& volume) const {
    FB_ASSIGN_OR_RETURN(auto all, chunks_.Volumes());
    for (const chunk::VolumeStatus& now : all) {
      if (now.uuid == volume.uuid) return EncodeVolume(Info(now));
    }
    VolumeInfo gone = Info(volume);
    gone.state = "removed";
    return EncodeVolume(gone);
  }

  Result<chunk::VolumeStatus> Find(std::string name) const {
    if (name.size() > 1 && name.ends_with('/')) name.pop_back();
    FB_ASSIGN_OR_RETURN(auto all, chunks_.Volumes());
    const chunk::VolumeStatus* found = nullptr;
    for (const chunk::VolumeStatus& volume : all) {
      if (volume.path != name && (name.size() < 4 || !volume.uuid.starts_with(name))) continue;
      if (found != nullptr) {
        return Fail(Code::kInvalidInput, "\"" + name + "\" fits several volumes; use the UUID.");
      }
      found = &volume;
    }
    if (found == nullptr) {
      return Fail(Code::kNotFound, "There is no volume \"" + name + "\"; `forebay volume list`.");
    }
    return *found;
  }

  Result<> CheckRoom(const chunk::VolumeStatus& volume) const {
    FB_ASSIGN_OR_RETURN(auto all, chunks_.Volumes());
    std::uint64_t room = 0;
    bool others = false;
    for (const chunk::VolumeStatus& other : all) {
      if (other.uuid == volume.uuid || other.state != chunk::VolumeState::kActive) continue;
      others = true;
      room += other.available_bytes;
    }
    if (!others) {
      return Fail(Code::kBusy,
                  "No other data directory is active: there would be none to write to. "
                  "Start with another one in `data` first.");
    }
    if (room >= volume.live_bytes) return {};
    return Fail(Code::kNoSpace, "The other data directories have room for " +
                                    std::to_string(room >> 20) + " MiB of its " +
                                    std::to_string(volume.live_bytes >> 20) + " MiB.");
  }

  chunk::SegmentChunkStore& chunks_;
  const std::string metadata_directory_;
};

using Action = Result<std::string> (Volumes::*)(const std::string&) const;

Task<std::string> Run(ThreadPool& pool, std::shared_ptr<const Volumes> volumes, Action action,
                      std::string body) {
  co_return co_await pool.Run([volumes = std::move(volumes), action, body = std::move(body)] {
    return (*volumes.*action)(body);
  });
}

Task<std::string> List(ThreadPool& pool, std::shared_ptr<const Volumes> volumes) {
  co_return co_await pool.Run([volumes = std::move(volumes)] { return volumes->List(); });
}

}  // namespace

void AddVolumeOperations(ControlApi& api, chunk::SegmentChunkStore& chunks, ThreadPool& pool,
                         std::string metadata_directory) {
  auto volumes = std::make_shared<const Volumes>(chunks, std::move(metadata_directory));
  api.Add("GET", "/v1/volumes",
          [&pool, volumes](OpContext, std::string) { return List(pool, volumes); });
  const std::pair<const char*, Action> actions[] = {{"/v1/volumes/drain", &Volumes::Drain},
                                                    {"/v1/volumes/activate", &Volumes::Activate},
                                                    {"/v1/volumes/remove", &Volumes::Remove}};
  for (const auto& [path, action] : actions) {
    api.Add("POST", path, [&pool, volumes, action](OpContext, std::string body) {
      return Run(pool, volumes, action, std::move(body));
    });
  }
}

}  // namespace forebay::admin
