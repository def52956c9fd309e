#include "admin/event_messages.h"

#include <charconv>

#include "admin/json_object.h"

namespace forebay::admin {
namespace {

using azure::Json;
using azure::JsonReader;

// Numbers of conflicts are hashes of 64 bits, which JSON's readers round: they
// travel as text.
std::uint64_t ToId(const std::string& text) {
  std::uint64_t id = 0;
  std::from_chars(text.data(), text.data() + text.size(), id);
  return id;
}

Json JsonOf(const EventInfo& event) {
  return ObjectWriter()
      .Number("cursor", event.cursor)
      .Text("kind", event.kind)
      .Flag("warning", event.warning)
      .Text("at", event.at)
      .TextIfAny("name", event.name)
      .TextIfAny("other", event.other)
      .TextIfAny("etag_before", event.etag_before)
      .TextIfAny("etag_now", event.etag_now)
      .TextIfAny("text", event.text)
      .Done();
}

Result<EventInfo> ReadEvent(const JsonReader& at) {
  ObjectReader in(at);
  EventInfo out{.cursor = in.Number("cursor"),
                .kind = in.Required("kind"),
                .warning = in.Flag("warning"),
                .at = in.Text("at"),
                .name = in.Text("name"),
                .other = in.Text("other"),
                .etag_before = in.Text("etag_before"),
                .etag_now = in.Text("etag_now"),
                .text = in.Text("text")};
  return in.Finish(std::move(out));
}

Json JsonOf(const ConflictInfo& conflict) {
  return ObjectWriter()
      .Text("id", std::to_string(conflict.id))
      .Text("kind", conflict.kind)
      .Text("outcome", conflict.outcome)
      .Text("name", conflict.name)
      .TextIfAny("kept_as", conflict.kept_as)
      .Text("at", conflict.at)
      .TextIfAny("etag_before", conflict.etag_before)
      .TextIfAny("etag_now", conflict.etag_now)
      .Number("length_here", conflict.length_here)
      .Number("length_there", conflict.length_there)
      .TextIfAny("modified_here", conflict.modified_here)
      .TextIfAny("modified_there", conflict.modified_there)
      .Done();
}

Result<ConflictInfo> ReadConflict(const JsonReader& at) {
  ObjectReader in(at);
  ConflictInfo out{.id = ToId(in.Required("id")),
                   .kind = in.Required("kind"),
                   .outcome = in.Required("outcome"),
                   .name = in.Required("name"),
                   .kept_as = in.Text("kept_as"),
                   .at = in.Text("at"),
                   .etag_before = in.Text("etag_before"),
                   .etag_now = in.Text("etag_now"),
                   .length_here = in.Number("length_here"),
                   .length_there = in.Number("length_there"),
                   .modified_here = in.Text("modified_here"),
                   .modified_there = in.Text("modified_there")};
  return in.Finish(std::move(out));
}

template <class T>
std::string WritePage(std::string_view name, const std::vector<T>& values, bool more) {
  Json list = Json::Array();
  for (const T& value : values) list.Add(JsonOf(value));
  return ObjectWriter().Value(name, std::move(list)).Flag("more", more).Write();
}

}  // namespace

std::string Encode(const EventPageInfo& page) {
  return WritePage("events", page.events, page.more);
}

Result<EventPageInfo> DecodeEventPage(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  EventPageInfo page{.more = in.Flag("more")};
  for (const JsonReader& item : in.Items("events")) {
    FB_ASSIGN_OR_RETURN(EventInfo event, ReadEvent(item));
    page.events.push_back(std::move(event));
  }
  return in.Finish(std::move(page));
}

std::string Encode(const ConflictPageInfo& page) {
  return WritePage("conflicts", page.conflicts, page.more);
}

Result<ConflictPageInfo> DecodeConflictPage(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  ConflictPageInfo page{.more = in.Flag("more")};
  for (const JsonReader& item : in.Items("conflicts")) {
    FB_ASSIGN_OR_RETURN(ConflictInfo conflict, ReadConflict(item));
    page.conflicts.push_back(std::move(conflict));
  }
  return in.Finish(std::move(page));
}

std::string Encode(const ConflictRequest& request) {
  return ObjectWriter()
      .Text("container", request.container)
      .Text("id", std::to_string(request.id))
      .TextIfAny("keep", request.keep)
      .Write();
}

Result<ConflictRequest> DecodeConflictRequest(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  ConflictRequest out{.container = in.Required("container"),
                      .id = ToId(in.Required("id")),
                      .keep = in.Text("keep")};
  return in.Finish(std::move(out));
}

std::string Encode(const CheckInfo& check) {
  return ObjectWriter()
      .TextIfAny("finished", check.finished)
      .Number("names", check.names)
      .Number("changed", check.changed)
      .Number("deleted", check.deleted)
      .Number("conflicts", check.conflicts)
      .Write();
}

Result<CheckInfo> DecodeCheck(std::string_view text) {
  FB_ASSIGN_OR_RETURN(const Json json, ParseMessage(text));
  ObjectReader in{JsonReader(json)};
  CheckInfo out{.finished = in.Text("finished"),
                .names = in.Number("names"),
                .changed = in.Number("changed"),
                .deleted = in.Number("deleted"),
                .conflicts = in.Number("conflicts")};
  return in.Finish(std::move(out));
}

std::string Encode(const LookedAtInfo& looked) {
  return ObjectWriter().Number("names", looked.names).Number("skipped", looked.skipped).Write();
}

}  // namespace forebay::admin
