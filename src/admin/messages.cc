#include "admin/messages.h"

#include "admin/json_object.h"
#include "base/http_date.h"

namespace forebay::admin {
namespace {

using azure::Json;
using azure::JsonReader;

Json JsonOf(const VolumeInfo& volume) {
  return ObjectWriter()
      .Text("uuid", volume.uuid)
      .Text("path", volume.path)
      .Text("state", volume.state)
      .TextIfAny("failure", volume.failure)
      .Flag("holds_metadata", volume.holds_metadata)
      .Number("total_bytes", volume.total_bytes)
      .Number("available_bytes", volume.available_bytes)
      .Number("live_bytes", volume.live_bytes)
      .Number("segment_bytes", volume.segment_bytes)
      .Number("segments", volume.segments)
      .Done();
}

Result<VolumeInfo> ReadVolume(JsonReader at) {
  ObjectReader in(std::move(at));
  VolumeInfo volume{.uuid = in.Required("uuid"),
                    .path = in.Required("path"),
                    .state = in.Required("state"),
                    .failure = in.Text("failure"),
                    .holds_metadata = in.Flag("holds_metadata"),
                    .total_bytes = in.Number("total_bytes"),
                    .available_bytes = in.Number("available_bytes"),
                    .live_bytes = in.Number("live_bytes"),
                    .segment_bytes = in.Number("segment_bytes"),
                    .segments = in.Number("segments")};
  return in.Finish(std::move(volume));
}

Result<VolumeRequest> ReadVolumeRequest(JsonReader at) {
  ObjectReader in(std::move(at));
  VolumeRequest request{.volume = in.Required("volume"), .force = in.Flag("force")};
  return in.Finish(std::move(request));
}

Result<ScrubInfo> ReadScrub(JsonReader at) {
  ObjectReader in(std::move(at));
  ScrubInfo scrub{.running = in.Flag("running"),
                  .started = in.Text("started"),
                  .finished = in.Text("finished"),
                  .chunks = in.RequiredNumber("chunks"),
                  .bytes = in.Number("bytes"),
                  .live_bytes = in.Number("live_bytes"),
                  .damaged = in.RequiredNumber("damaged"),
                  .findings = in.Texts("findings")};
  return in.Finish(std::move(scrub));
}

Result<BackupRequest> ReadBackupRequest(JsonReader at) {
  ObjectReader in(std::move(at));
  BackupRequest request{.to = in.Required("to")};
  return in.Finish(std::move(request));
}

Result<BackupInfo> ReadBackup(JsonReader at) {
  ObjectReader in(std::move(at));
  BackupInfo backup{.segments_copied = in.RequiredNumber("segments_copied"),
                    .segments_kept = in.RequiredNumber("segments_kept"),
                    .bytes_copied = in.RequiredNumber("bytes_copied")};
  return in.Finish(backup);
}

// The error that a document carries; none where it is none of ours.
std::optional<Error> ReadError(const Json& json) {
  const auto at = JsonReader(json).Find("error");
  if (!at) return std::nullopt;
  ObjectReader in(*at);
  const std::string code = in.Text("code"), message = in.Text("message");
  // Those that a command tells apart; any other is the server's affair.
  for (Code known : {Code::kNotFound, Code::kBusy, Code::kNoSpace, Code::kVolumeFailed,
                     Code::kInvalidInput, Code::kAlreadyExists, Code::kAuthenticationFailed,
                     Code::kUnsupported, Code::kDeadlineExceeded}) {
    if (CodeName(known) == code) return Error(known, message);
  }
  if (message.empty()) return std::nullopt;
  return Error(Code::kIo, message);
}

}  // namespace

std::string TimeText(WallTime time) { return time.ticks == 0 ? "" : FormatIso8601(time, 0); }

std::string EncodeVolumes(const std::vector<VolumeInfo>& volumes) {
  return WriteMessages("volumes", volumes, &JsonOf);
}

Result<std::vector<VolumeInfo>> DecodeVolumes(std::string_view text) {
  return ReadMessages(text, "volumes", &ReadVolume);
}

std::string EncodeVolumeRequest(const VolumeRequest& request) {
  return ObjectWriter().Text("volume", request.volume).Flag("force", request.force).Write();
}

Result<VolumeRequest> DecodeVolumeRequest(std::string_view text) {
  return ReadMessage(text, &ReadVolumeRequest);
}

std::string EncodeVolume(const VolumeInfo& volume) { return WriteMessage(JsonOf(volume)); }

Result<VolumeInfo> DecodeVolume(std::string_view text) { return ReadMessage(text, &ReadVolume); }

std::string EncodeScrub(const ScrubInfo& scrub) {
  return ObjectWriter()
      .Flag("running", scrub.running)
      .Text("started", scrub.started)
      .Text("finished", scrub.finished)
      .Number("chunks", scrub.chunks)
      .Number("bytes", scrub.bytes)
      .Number("live_bytes", scrub.live_bytes)
      .Number("damaged", scrub.damaged)
      .Texts("findings", scrub.findings)
      .Write();
}

Result<ScrubInfo> DecodeScrub(std::string_view text) { return ReadMessage(text, &ReadScrub); }

std::string EncodeScrubRequest(const ScrubRequest& request) {
  ObjectWriter out;
  if (request.bytes_per_second) out.Number("bytes_per_second", *request.bytes_per_second);
  return out.Write();
}

Result<ScrubRequest> DecodeScrubRequest(std::string_view text) {
  if (text.empty()) return ScrubRequest{};
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  const JsonReader at(json);
  ObjectReader in{at};
  ScrubRequest request;
  if (at.Find("bytes_per_second")) request.bytes_per_second = in.Number("bytes_per_second");
  return in.Finish(request);
}

std::string EncodeBackupRequest(const BackupRequest& request) {
  return ObjectWriter().Text("to", request.to).Write();
}

Result<BackupRequest> DecodeBackupRequest(std::string_view text) {
  return ReadMessage(text, &ReadBackupRequest);
}

std::string EncodeBackup(const BackupInfo& backup) {
  return ObjectWriter()
      .Number("segments_copied", backup.segments_copied)
      .Number("segments_kept", backup.segments_kept)
      .Number("bytes_copied", backup.bytes_copied)
      .Write();
}

Result<BackupInfo> DecodeBackup(std::string_view text) { return ReadMessage(text, &ReadBackup); }

std::string EncodeError(const Error& error) {
  ObjectWriter inner;
  inner.Text("code", CodeName(error.code())).Text("message", error.message());
  return ObjectWriter().Value("error", inner.Done()).Write();
}

Error DecodeError(std::string_view text) {
  if (const auto json = ParseMessage(text)) {
    if (auto error = ReadError(*json)) return std::move(*error);
  }
  return {Code::kIo, "The server answered: " + std::string(text)};
}

}  // namespace forebay::admin
