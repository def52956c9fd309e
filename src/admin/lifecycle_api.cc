#include "admin/lifecycle_api.h"

#include <memory>
#include <optional>
#include <utility>

#include "admin/lifecycle_messages.h"
#include "admin/messages.h"
#include "azure/lifecycle_policy.h"
#include "azure/target.h"
#include "tier/lifecycle_run.h"

namespace forebay::admin {
namespace {

LifecycleReportInfo InfoOf(const tier::LifecycleReport& report) {
  LifecycleReportInfo out{.dry_run = report.dry_run,
                          .started = TimeText(report.started),
                          .finished = TimeText(report.finished),
                          .blobs = report.blobs,
                          .moved = report.moved,
                          .deleted = report.deleted,
                          .skipped = report.skipped,
                          .failed = report.failed};
  for (const tier::LifecycleMove& move : report.moves) {
    out.moves.push_back({.container = move.container,
                         .name = move.name,
                         .action = std::string(azure::LifecycleActionName(move.action)),
                         .rule = move.rule,
                         .bytes = move.length,
                         .error = move.error});
  }
  return out;
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
    FB_CO_ASSIGN_OR_RETURN(const LifecycleRequest request, DecodeLifecycleRequest(body));
    FB_CO_ASSIGN_OR_RETURN(azure::AccountName account, Account(request.account));
    if (!request.policy) co_return Fail(Code::kInvalidInput, "\"policy\" is missing.");
    FB_CO_RETURN_IF_ERROR(
        co_await tier::PutLifecyclePolicy(parts_.services, context, account, *request.policy));
    co_return co_await Answer(std::move(context), std::move(account));
  }

  Task<std::string> Delete(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const LifecycleRequest request, DecodeLifecycleRequest(body));
    FB_CO_ASSIGN_OR_RETURN(azure::AccountName account, Account(request.account));
    FB_CO_RETURN_IF_ERROR(
        co_await tier::DeleteLifecyclePolicy(parts_.services, std::move(context), account));
    co_return Encode(LifecycleRequest{.account = account.str()});
  }

  Task<std::string> Run(OpContext context, std::string body) const {
    FB_CO_ASSIGN_OR_RETURN(const LifecycleRequest request, DecodeLifecycleRequest(body));
    FB_CO_ASSIGN_OR_RETURN(azure::AccountName account, Account(request.account));
    tier::LifecycleOptions options;
    options.dry_run = request.dry_run;
    std::optional<azure::LifecyclePolicy> policy;
    if (request.policy) {
      if (!options.dry_run) {
        co_return Fail(Code::kInvalidInput, "A policy that is not stored takes \"dry_run\": true.");
      }
      FB_CO_ASSIGN_OR_RETURN(policy, azure::ParseLifecyclePolicy(*request.policy));
    }
    FB_CO_ASSIGN_OR_RETURN(const tier::LifecycleReport report,
                           co_await tier::RunLifecycle(parts_.services, std::move(context), account,
                                                       options, std::move(policy)));
    co_return Encode(InfoOf(report));
  }

 private:
  Result<azure::AccountName> Account(const std::string& name) const {
    if (name.empty()) return Fail(Code::kInvalidInput, "\"account\" is missing.");
    const rest::AccountsPtr accounts = parts_.accounts.Get();
    if (const rest::AccountEntry* entry = accounts->Find(name)) return entry->name;
    return Fail(Code::kNotFound, "This server has no account \"" + name + "\".");
  }

  Task<std::string> Answer(OpContext context, azure::AccountName account) const {
    LifecycleInfo info{.account = account.str()};
    FB_CO_ASSIGN_OR_RETURN(info.policy, co_await tier::GetLifecyclePolicy(
                                            parts_.services, std::move(context), account));
    if (const auto report = parts_.tier.lifecycle().LastReport(info.account)) {
      info.last_run = InfoOf(*report);
    }
    co_return Encode(info);
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
