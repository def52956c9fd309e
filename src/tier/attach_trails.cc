#include "tier/attach_trails.h"

#include <algorithm>
#include <chrono>
#include <optional>

#include "base/log.h"
#include "base/uuid.h"
#include "engine/get_container.h"
#include "engine/read_gate.h"

namespace forebay::tier {
namespace {

// Of each server on the way.
constexpr std::chrono::seconds kPatience{10};

std::string NameOf(const engine::ContainerTarget& target) {
  return target.account.name.str() + "/" + target.container.str();
}

}  // namespace

AttachTrails::UnderWay::UnderWay(AttachTrails& trails, const engine::ContainerTarget& target,
                                 std::shared_ptr<GuardedLake> lake)
    : trails_(trails), token_(NewUuid()) {
  std::lock_guard lock(trails_.mutex_);
  trails_.under_way_[token_] = {NameOf(target), std::move(lake)};
}

AttachTrails::UnderWay::~UnderWay() {
  std::lock_guard lock(trails_.mutex_);
  trails_.under_way_.erase(token_);
}

azure::AttachTrail AttachTrails::UnderWay::trail() const {
  return {.token = token_, .steps = azure::kMaxTrailSteps};
}

Task<std::shared_ptr<GuardedLake>> AttachTrails::LakeOf(engine::ContainerTarget target) {
  {
    std::lock_guard lock(mutex_);
    for (const auto& [token, attach] : under_way_) {
      if (attach.name == NameOf(target)) co_return attach.lake;
    }
  }
  auto container = co_await engine::ReadMeta(services_, [&target](const kv::Reader& reader) {
    return engine::RequireContainer(reader, target.account.name, target.container);
  });
  // Whoever asked hears by itself that there is none.
  if (!container && container.error().code() == Code::kContainerNotFound) co_return nullptr;
  if (!container) co_return Fail(std::move(container.error()));
  if (!container->lake.attached()) co_return nullptr;
  FB_CO_ASSIGN_OR_RETURN(const AttachmentPtr attachment, attachments_.Find(container->id));
  co_return attachment->lake;
}

Task<std::string> AttachTrails::Follow(OpContext context, engine::ContainerTarget target,
                                       azure::AttachTrail trail) {
  const std::string name = NameOf(target);
  {
    std::lock_guard lock(mutex_);
    const auto ours = under_way_.find(trail.token);
    if (ours != under_way_.end() && ours->second.name == name) co_return name;
  }
  auto lake = co_await LakeOf(std::move(target));
  if (lake && !*lake) co_return std::string();
  if (!lake || trail.steps == 0) co_return std::string(azure::kLeadsWhoKnowsWhere);
  --trail.steps;
  context.deadline = std::min(context.deadline, std::chrono::steady_clock::now() + kPatience);
  const auto traits = co_await (*lake)->Probe({std::move(context), lake::Cause::kAdmin},
                                              {.trail = std::move(trail)});
  if (!traits) {
    Log(LogLevel::kWarn, "a lake cannot be asked where it leads",
        {{"container", name}, {"error", traits.error().ToString()}});
    co_return std::string(azure::kLeadsWhoKnowsWhere);
  }
  if (traits->leads_back.empty() || traits->leads_back == azure::kLeadsWhoKnowsWhere) {
    co_return traits->leads_back;
  }
  co_return name + " -> " + traits->leads_back;
}

}  // namespace forebay::tier
