#include "tier/overflow_verify.h"

#include <algorithm>
#include <functional>
#include <optional>
#include <string_view>
#include <utility>

#include "engine/lake_objects.h"
#include "engine/read_gate.h"
#include "lake/failure.h"
#include "meta/namespace.h"
#include "tier/evict_walk.h"
#include "tier/live_names.h"

namespace forebay::tier {
namespace {

constexpr std::size_t kLooksPerRead = 1000;

// An object of the lake, as it is listed.
struct Listed {
  std::uint64_t body = 0;
  std::uint64_t etag = 0;  // a hash of it
};

std::uint64_t HashOf(std::string_view etag) { return std::hash<std::string_view>()(etag); }

class Verifier {
 public:
  Verifier(engine::Services& services, OpContext context, const OverflowMover& mover,
           AttachmentPtr attachment, VerifyOptions options)
      : services_(services),
        context_(std::move(context)),
        mover_(mover),
        attachment_(std::move(attachment)),
        options_(options) {}

  Task<OverflowReport> Run() {
    FB_CO_RETURN_IF_ERROR(co_await ListAll());
    FB_CO_RETURN_IF_ERROR(co_await CheckNames());
    FB_CO_RETURN_IF_ERROR(co_await CheckObjects());
    co_return std::move(report_);
  }

 private:
  Task<> ListAll() {
    lake::ListRequest request;
    request.max_results = options_.names_per_page;
    request.metadata = false;
    request.copy = false;
    do {
      FB_CO_RETURN_IF_ERROR(context_.Check());
      FB_CO_ASSIGN_OR_RETURN(lake::ListPage page, co_await attachment_->lake->List(
                                                      {context_, lake::Cause::kAdmin}, request));
      for (const lake::BlobState& state : page.blobs) {
        if (state.directory) continue;
        if (const auto body = engine::BodyOfLakeObject(state.name.view())) {
          listed_.push_back({.body = body->value(), .etag = HashOf(state.etag().str())});
        } else if (state.name.view() != kOwnerObject) {
          ++report_.foreign;
        }
      }
      request.marker = std::move(page.next_marker);
    } while (!request.marker.empty());
    std::ranges::sort(listed_, {}, &Listed::body);
    report_.objects = listed_.size();
    co_return Result<>{};
  }

  bool IsListedAs(const meta::BlobRecord& record) const {
    const std::uint64_t body = record.body.id.value();
    const auto at = std::ranges::lower_bound(listed_, body, {}, &Listed::body);
    return at != listed_.end() && at->body == body && at->etag == HashOf(record.lake->etag);
  }

  Task<> CheckNames() {
    WalkRequest request;
    request.attachment = attachment_;
    do {
      FB_CO_RETURN_IF_ERROR(context_.Check());
      FB_CO_ASSIGN_OR_RETURN(WalkPage page, co_await Walk(services_, request));
      for (WalkedName& walked : page.names) {
        const meta::BlobRecord& record = walked.record;
        if (!record.body.in_lake || !record.lake) continue;
        ++report_.blobs;
        report_.bytes += record.length;
        if (IsListedAs(record)) continue;
        FB_CO_RETURN_IF_ERROR(co_await LookAgain(walked.name, record));
      }
      request.start = std::move(page.next);
    } while (!request.start.empty());
    co_return Result<>{};
  }

  // Sent, or changed here, since it was listed; or damaged.
  Task<> LookAgain(std::string name, meta::BlobRecord record) {
    const std::string object = engine::LakeObjectName(record.body.id);
    auto state = co_await attachment_->lake->Head({context_, lake::Cause::kAdmin},
                                                  {.name = lake::BlobName(object)});
    std::string what;
    if (!state) {
      if (lake::Classify(state.error()) != lake::Failure::kNotFound) {
        co_return Fail(std::move(state.error()));
      }
      what = "is missing";
    } else if (state->length() != record.length) {
      what = "has " + std::to_string(state->length()) + " bytes instead of " +
             std::to_string(record.length);
    } else if (state->etag().str() != record.lake->etag) {
      what = "was replaced by somebody else";
    } else {
      co_return Result<>{};
    }
    FB_CO_ASSIGN_OR_RETURN(const bool named,
                           co_await engine::ReadMetaOnPool(
                               services_,
                               [attachment = attachment_, name,
                                body = record.body.id](const kv::Reader& reader) -> Result<bool> {
                                 FB_ASSIGN_OR_RETURN(const meta::ContainerRecord container,
                                                     AttachedContainer(reader, *attachment));
                                 FB_ASSIGN_OR_RETURN(
                                     const auto now,
                                     meta::NamespaceOf(container).Find(reader, container.id, name));
                                 return now && now->body.id == body;
                               }));
    if (!named) co_return Result<>{};
    ++report_.damaged;
    if (report_.damage.size() < options_.most_damage) {
      report_.damage.push_back({.name = std::move(name), .object = object, .what = what});
    }
    co_return Result<>{};
  }

  // Whose they are. What is under way is asked for first: it may have an owner since.
  Task<> CheckObjects() {
    std::erase_if(listed_,
                  [this](const Listed& one) { return mover_.IsUnderWay(meta::BodyId(one.body)); });
    struct Counts {
      std::uint64_t to_delete = 0, unowned = 0;
    };
    for (std::size_t first = 0; first < listed_.size(); first += kLooksPerRead) {
      FB_CO_RETURN_IF_ERROR(context_.Check());
      const std::size_t last = std::min(first + kLooksPerRead, listed_.size());
      FB_CO_ASSIGN_OR_RETURN(
          const Counts counts,
          co_await engine::ReadMetaOnPool(
              services_, [this, first, last](const kv::Reader& reader) -> Result<Counts> {
                Counts out;
                for (std::size_t i = first; i < last; ++i) {
                  const meta::BodyId body(listed_[i].body);
                  FB_ASSIGN_OR_RETURN(const bool owned, engine::IsLakeObjectOwned(reader, body));
                  if (owned) continue;
                  FB_ASSIGN_OR_RETURN(const bool doomed, engine::IsLakeObjectDoomed(
                                                             reader, attachment_->container, body));
                  ++(doomed ? out.to_delete : out.unowned);
                }
                return out;
              }));
      report_.to_delete += counts.to_delete;
      report_.unowned += counts.unowned;
    }
    co_return Result<>{};
  }

  engine::Services& services_;
  const OpContext context_;
  const OverflowMover& mover_;
  const AttachmentPtr attachment_;
  const VerifyOptions options_;
  std::vector<Listed> listed_;
  OverflowReport report_;
};

}  // namespace

Task<OverflowReport> VerifyOverflow(engine::Services& services, OpContext context,
                                    const OverflowMover& mover, AttachmentPtr attachment,
                                    VerifyOptions options) {
  Verifier verifier(services, std::move(context), mover, std::move(attachment), options);
  co_return co_await verifier.Run();
}

}  // namespace forebay::tier
