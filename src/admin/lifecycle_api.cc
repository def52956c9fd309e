#include "admin/lifecycle_api.h"

#include <memory>
#include <optional>
#include <utility>

#include "admin/json_object.h"
#include "azure/lifecycle_policy.h"
#include "azure/target.h"
#include "base/http_date.h"
#include "tier/lifecycle_run.h"

namespace forebay::admin {
namespace {

using azure::Json;
using azure::JsonReader;

std::string TimeOf(WallTime time) { return time.ticks == 0 ? "" : FormatIso8601(time, 0); }

// The member itself, to be read by whoever knows its form; null where it is
// absent.
const Json* Member(const Json& json, std::string_view name) {
  for (const azure::JsonMember& member : json.members) {
    if (member.name == name && member.value.kind != Json::Kind::kNull) return &member.value;
  }
  return nullptr;
}

Json JsonOf(const tier::LifecycleReport& report) {
  Json moves = Json::Array();
  for (const tier::LifecycleMove& move : report.moves) {
    moves.Add(ObjectWriter()
                  .Text("container", move.container)
                  .Text("name", move.name)
                  .Text("action", azure::LifecycleActionName(move.action))
                  .Text("rule", move.rule)
                  .Number("bytes", move.length)
                  .TextIfAny("error", move.error)
                  .Done());
  }
  return ObjectWriter()
      .Flag("dry_run", report.dry_run)
      .Text("started", TimeOf(report.started))
      .Text("finished", TimeOf(report.finished))
      .Number("blobs", report.blobs)
      .Number("moved", report.moved)
      .Number("deleted", report.deleted)
      .Number("skipped", report.skipped)
      .Number("failed", report.failed)
      .Value("moves", std::move(moves))
      .Done();
}

class LifecycleOperations {
 public:
  explicit LifecycleOperations(LakeParts parts) : parts_(std::move(parts)) {}

  Task<std::string> Get(OpContext context, std::string query_text) const {
    FB_CO_ASSIGN_OR_RETURN(const azure::Query query, azure::Query::Parse(query_text));
    FB_CO_ASSIGN_OR_RETURN(azure::AccountName account, Account(std::string(query.Get("account"))));
    co_return co_await Answer(std::move(context), std::move(account));
  }

  Task<std::string> Put(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const Json json, ParseMessage(body));
    FB_CO_ASSIGN_OR_RETURN(azure::AccountName account, AccountIn(json));
    const Json* policy = Member(json, "policy");
    if (policy == nullptr) co_return Fail(Code::kInvalidInput, "\"policy\" is missing.");
    FB_CO_RETURN_IF_ERROR(co_await tier::PutLifecyclePolicy(parts_.services, context, account,
                                                            azure::WriteJson(*policy)));
    co_return co_await Answer(std::move(context), std::move(account));
  }

  Task<std::string> Delete(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const Json json, ParseMessage(body));
    FB_CO_ASSIGN_OR_RETURN(azure::AccountName account, AccountIn(json));
    FB_CO_RETURN_IF_ERROR(
        co_await tier::DeleteLifecyclePolicy(parts_.services, std::move(context), account));
    co_return ObjectWriter().Text("account", account.view()).Write();
  }

  Task<std::string> Run(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const Json json, ParseMessage(body));
    FB_CO_ASSIGN_OR_RETURN(azure::AccountName account, AccountIn(json));
    ObjectReader in{JsonReader(json)};
    tier::LifecycleOptions options;
    options.dry_run = in.Flag("dry_run");
    FB_CO_ASSIGN_OR_RETURN(options, in.Finish(options));
    std::optional<azure::LifecyclePolicy> policy;
    if (const Json* given = Member(json, "policy")) {
      if (!options.dry_run) {
        co_return Fail(Code::kInvalidInput, "A policy that is not stored takes \"dry_run\": true.");
      }
      FB_CO_ASSIGN_OR_RETURN(policy, azure::ParseLifecyclePolicy(azure::WriteJson(*given)));
    }
    FB_CO_ASSIGN_OR_RETURN(const tier::LifecycleReport report,
                           co_await tier::RunLifecycle(parts_.services, std::move(context), account,
                                                       options, std::move(policy)));
    co_return azure::WriteJson(JsonOf(report)) + "\n";
  }

 private:
  Result<azure::AccountName> Account(const std::string& name) const {
    if (name.empty()) return Fail(Code::kInvalidInput, "\"account\" is missing.");
    const rest::AccountsPtr accounts = parts_.accounts.Get();
    if (const rest::AccountEntry* entry = accounts->Find(name)) return entry->name;
    return Fail(Code::kNotFound, "This server has no account \"" + name + "\".");
  }

  Result<azure::AccountName> AccountIn(const Json& json) const {
    ObjectReader in{JsonReader(json)};
    const std::string name = in.Required("account");
    FB_ASSIGN_OR_RETURN(const std::string account, in.Finish(name));
    return Account(account);
  }

  Task<std::string> Answer(OpContext context, azure::AccountName account) const {
    FB_CO_ASSIGN_OR_RETURN(
        const std::string text,
        co_await tier::GetLifecyclePolicy(parts_.services, std::move(context), account));
    FB_CO_ASSIGN_OR_RETURN(Json policy, ParseMessage(text));
    ObjectWriter out;
    out.Text("account", account.view()).Value("policy", std::move(policy));
    if (const auto report = parts_.tier.lifecycle().LastReport(account.str())) {
      out.Value("last_run", JsonOf(*report));
    }
    co_return out.Write();
  }

  const LakeParts parts_;
};

using Operation = Task<std::string> (LifecycleOperations::*)(OpContext, std::string) const;

// Keeps what it works on alive.
Task<std::string> Run(std::shared_ptr<const LifecycleOperations> operations, Operation operation,
                      OpContext context, std::string body) {
  co_return co_await (*operations.*operation)(std::move(context), std::move(body));
}

}  // namespace

void AddLifecycleOperations(ControlApi& api, LakeParts parts) {
  auto operations = std::make_shared<const LifecycleOperations>(std::move(parts));
  const auto add = [&](const char* method, const char* path, Operation operation) {
    api.Add(method, path, [operations, operation](OpContext context, std::string body) {
      return Run(operations, operation, std::move(context), std::move(body));
    });
  };
  add("GET", "/v1/lifecycle", &LifecycleOperations::Get);
  add("POST", "/v1/lifecycle", &LifecycleOperations::Put);
  add("POST", "/v1/lifecycle/delete", &LifecycleOperations::Delete);
  add("POST", "/v1/lifecycle/run", &LifecycleOperations::Run);
}

}  // namespace forebay::admin
