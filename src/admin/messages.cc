#include "admin/messages.h"

#include <nlohmann/json.hpp>

namespace forebay::admin {
namespace {

using Json = nlohmann::ordered_json;

// Indented: people read it with curl. Bytes of a path that are no UTF-8 are replaced, not thrown
// at.
std::string Dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<Json> Parse(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!json.is_object()) return Fail(Code::kInvalidInput, "A JSON object is expected.");
  return json;
}

// Reads fields, and remembers the first that is missing or of another type.
class Fields {
 public:
  explicit Fields(const Json& json) : json_(json) {}

  std::string Text(const char* name, bool required = false) {
    const Json* value = Find(name, required);
    if (value == nullptr) return "";
    if (value->is_string()) return value->get<std::string>();
    Wrong(name, "text");
    return "";
  }
  std::uint64_t Number(const char* name, bool required = false) {
    const Json* value = Find(name, required);
    if (value == nullptr) return 0;
    if (value->is_number_unsigned()) return value->get<std::uint64_t>();
    Wrong(name, "a whole number");
    return 0;
  }
  bool Flag(const char* name) {
    const Json* value = Find(name, false);
    if (value == nullptr) return false;
    if (value->is_boolean()) return value->get<bool>();
    Wrong(name, "true or false");
    return false;
  }
  std::vector<std::string> Texts(const char* name) {
    std::vector<std::string> out;
    const Json* value = Find(name, false);
    if (value == nullptr) return out;
    for (const Json& item : *value) {
      if (!value->is_array() || !item.is_string()) {
        Wrong(name, "a list of text");
        return out;
      }
      out.push_back(item.get<std::string>());
    }
    return out;
  }
  bool Has(const char* name) const { return json_.contains(name) && !json_[name].is_null(); }

  template <class T>
  Result<T> Finish(T value) const {
    if (!problem_.empty()) return Fail(Code::kInvalidInput, problem_);
    return value;
  }

 private:
  const Json* Find(const char* name, bool required) {
    auto at = json_.find(name);
    if (at != json_.end() && !at->is_null()) return &*at;
    if (required && problem_.empty()) problem_ = "\"" + std::string(name) + "\" is missing.";
    return nullptr;
  }
  void Wrong(const char* name, const char* expected) {
    if (problem_.empty()) problem_ = "\"" + std::string(name) + "\" must be " + expected + ".";
  }

  const Json& json_;
  std::string problem_;
};

Json VolumeJson(const VolumeInfo& volume) {
  Json json{{"uuid", volume.uuid}, {"path", volume.path}, {"state", volume.state}};
  if (!volume.failure.empty()) json["failure"] = volume.failure;
  json["holds_metadata"] = volume.holds_metadata;
  json["total_bytes"] = volume.total_bytes;
  json["available_bytes"] = volume.available_bytes;
  json["live_bytes"] = volume.live_bytes;
  json["segment_bytes"] = volume.segment_bytes;
  json["segments"] = volume.segments;
  return json;
}

Result<VolumeInfo> ReadVolume(const Json& json) {
  if (!json.is_object()) return Fail(Code::kInvalidInput, "A volume must be a JSON object.");
  Fields in(json);
  VolumeInfo volume{.uuid = in.Text("uuid", true),
                    .path = in.Text("path", true),
                    .state = in.Text("state", true),
                    .failure = in.Text("failure"),
                    .holds_metadata = in.Flag("holds_metadata"),
                    .total_bytes = in.Number("total_bytes"),
                    .available_bytes = in.Number("available_bytes"),
                    .live_bytes = in.Number("live_bytes"),
                    .segment_bytes = in.Number("segment_bytes"),
                    .segments = in.Number("segments")};
  return in.Finish(std::move(volume));
}

}  // namespace

std::string EncodeVolumes(const std::vector<VolumeInfo>& volumes) {
  Json list = Json::array();
  for (const VolumeInfo& volume : volumes) list.push_back(VolumeJson(volume));
  return Dump({{"volumes", std::move(list)}});
}

Result<std::vector<VolumeInfo>> DecodeVolumes(std::string_view text) {
  FB_ASSIGN_OR_RETURN(Json json, Parse(text));
  auto list = json.find("volumes");
  if (list == json.end() || !list->is_array()) {
    return Fail(Code::kInvalidInput, "\"volumes\" is missing.");
  }
  std::vector<VolumeInfo> volumes;
  for (const Json& item : *list) {
    FB_ASSIGN_OR_RETURN(VolumeInfo volume, ReadVolume(item));
    volumes.push_back(std::move(volume));
  }
  return volumes;
}

std::string EncodeVolumeRequest(const VolumeRequest& request) {
  return Dump({{"volume", request.volume}, {"force", request.force}});
}

Result<VolumeRequest> DecodeVolumeRequest(std::string_view text) {
  FB_ASSIGN_OR_RETURN(Json json, Parse(text));
  Fields in(json);
  VolumeRequest request{.volume = in.Text("volume", true), .force = in.Flag("force")};
  return in.Finish(std::move(request));
}

std::string EncodeVolume(const VolumeInfo& volume) { return Dump(VolumeJson(volume)); }

Result<VolumeInfo> DecodeVolume(std::string_view text) {
  FB_ASSIGN_OR_RETURN(Json json, Parse(text));
  return ReadVolume(json);
}

std::string EncodeScrub(const ScrubInfo& scrub) {
  return Dump({{"running", scrub.running},
               {"started", scrub.started},
               {"finished", scrub.finished},
               {"chunks", scrub.chunks},
               {"bytes", scrub.bytes},
               {"live_bytes", scrub.live_bytes},
               {"damaged", scrub.damaged},
               {"findings", scrub.findings}});
}

Result<ScrubInfo> DecodeScrub(std::string_view text) {
  FB_ASSIGN_OR_RETURN(Json json, Parse(text));
  Fields in(json);
  ScrubInfo scrub{.running = in.Flag("running"),
                  .started = in.Text("started"),
                  .finished = in.Text("finished"),
                  .chunks = in.Number("chunks", true),
                  .bytes = in.Number("bytes"),
                  .live_bytes = in.Number("live_bytes"),
                  .damaged = in.Number("damaged", true),
                  .findings = in.Texts("findings")};
  return in.Finish(std::move(scrub));
}

std::string EncodeScrubRequest(const ScrubRequest& request) {
  Json json = Json::object();
  if (request.bytes_per_second) json["bytes_per_second"] = *request.bytes_per_second;
  return Dump(json);
}

Result<ScrubRequest> DecodeScrubRequest(std::string_view text) {
  if (text.empty()) return ScrubRequest{};
  FB_ASSIGN_OR_RETURN(Json json, Parse(text));
  Fields in(json);
  ScrubRequest request;
  if (in.Has("bytes_per_second")) request.bytes_per_second = in.Number("bytes_per_second");
  return in.Finish(request);
}

std::string EncodeBackupRequest(const BackupRequest& request) { return Dump({{"to", request.to}}); }

Result<BackupRequest> DecodeBackupRequest(std::string_view text) {
  FB_ASSIGN_OR_RETURN(Json json, Parse(text));
  Fields in(json);
  BackupRequest request{.to = in.Text("to", true)};
  return in.Finish(std::move(request));
}

std::string EncodeBackup(const BackupInfo& backup) {
  return Dump({{"segments_copied", backup.segments_copied},
               {"segments_kept", backup.segments_kept},
               {"bytes_copied", backup.bytes_copied}});
}

Result<BackupInfo> DecodeBackup(std::string_view text) {
  FB_ASSIGN_OR_RETURN(Json json, Parse(text));
  Fields in(json);
  BackupInfo backup{.segments_copied = in.Number("segments_copied", true),
                    .segments_kept = in.Number("segments_kept", true),
                    .bytes_copied = in.Number("bytes_copied", true)};
  return in.Finish(backup);
}

std::string EncodeError(const Error& error) {
  return Dump(
      {{"error", {{"code", std::string(CodeName(error.code()))}, {"message", error.message()}}}});
}

Error DecodeError(std::string_view text) {
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_object() && json.contains("error") && json["error"].is_object()) {
    Fields in(json["error"]);
    const std::string code = in.Text("code"), message = in.Text("message");
    // Those that a command tells apart; any other is the server's affair.
    for (Code known : {Code::kNotFound, Code::kBusy, Code::kNoSpace, Code::kVolumeFailed,
                       Code::kInvalidInput, Code::kAlreadyExists, Code::kAuthenticationFailed,
                       Code::kUnsupported, Code::kDeadlineExceeded}) {
      if (CodeName(known) == code) return {known, message};
    }
    if (!message.empty()) return {Code::kIo, message};
  }
  return {Code::kIo, "The server answered: " + std::string(text)};
}

}  // namespace forebay::admin
