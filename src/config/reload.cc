#include "config/reload.h"

#include <algorithm>

#include "config/schema.h"

namespace forebay::config {
namespace {

template <class T>
T* Find(std::vector<T>& items, const std::string& value, std::string T::* member) {
  auto at = std::ranges::find(items, value, member);
  return at == items.end() ? nullptr : &*at;
}

void PlanAccounts(const Config& running, ReloadPlan& plan, std::vector<Account> next) {
  auto old = running.accounts;
  for (Account& account : next) {
    Account* before = Find(old, account.name, &Account::name);
    if (before == nullptr || before->hierarchical == account.hierarchical) continue;
    // The layout of the names on disk follows from it.
    plan.restart.push_back("account." + account.name + ".hierarchical");
    account.hierarchical = before->hierarchical;
  }
  if (next != running.accounts) plan.applied.push_back("account");
  plan.effective.accounts = std::move(next);
}

void PlanListeners(const Config& running, ReloadPlan& plan, std::vector<Listener> next) {
  bool moved = next.size() != running.listeners.size();
  bool files = false;
  for (Listener& listener : plan.effective.listeners) {
    const Listener* after = Find(next, listener.address, &Listener::address);
    if (after == nullptr || after->tls_cert.empty() != listener.tls_cert.empty()) {
      moved = true;
    } else if (*after != listener) {
      listener = *after;
      files = true;
    }
  }
  if (moved) plan.restart.push_back("listener");
  if (files) plan.applied.push_back("listener.tls");
}

}  // namespace

Result<ReloadPlan> PlanReload(const Config& running, const Config& next) {
  ReloadPlan plan{.applied = {}, .restart = {}, .effective = running};
  for (const Key& key : Schema()) {
    if (key.name == "listen" || Show(key, running) == Show(key, next)) continue;
    (key.reloadable ? plan.applied : plan.restart).emplace_back(key.name);
    if (!key.reloadable) continue;
    std::visit([&](auto field) { plan.effective.*field = next.*field; }, key.field);
  }
  PlanAccounts(running, plan, next.accounts);
  PlanListeners(running, plan, next.listeners);
  if (!std::ranges::all_of(running.accounts, HasDevelopmentKey) &&
      std::ranges::all_of(next.accounts, HasDevelopmentKey)) {
    return Fail(Code::kInvalidConfig,
                "the configuration has no account of its own any more, which would lock every "
                "client out; to go back to the development account, restart");
  }
  FB_RETURN_IF_ERROR(CheckDevelopmentAccount(plan.effective));
  return plan;
}

}  // namespace forebay::config
