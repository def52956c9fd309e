#include "admin/container_finder.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "engine/get_container.h"

namespace forebay::admin {
namespace {

std::string Quoted(const std::string& name) { return "\"" + name + "\""; }

std::string Join(const std::vector<engine::Account>& accounts, const std::string& container) {
  std::string out;
  for (const engine::Account& account : accounts) {
    out += (out.empty() ? "" : ", ") + account.name.str() + "/" + container;
  }
  return out;
}

// Where a container of that name would be made; null where nobody can tell.
const engine::Account* Usual(const std::vector<engine::Account>& accounts) {
  if (accounts.size() == 1) return &accounts.front();
  const auto flat = [](const engine::Account& account) { return !account.hierarchical; };
  const auto first = std::ranges::find_if(accounts, flat);
  return std::ranges::count_if(accounts, flat) == 1 ? &*first : nullptr;
}

}  // namespace

Task<bool> ContainerFinder::Exists(OpContext context, engine::ContainerTarget target) const {
  auto found = co_await engine::GetContainer(services_, std::move(context), std::move(target));
  if (found) co_return true;
  if (found.error().code() == Code::kContainerNotFound) co_return false;
  co_return Fail(std::move(found.error()));
}

Task<FoundContainer> ContainerFinder::Find(OpContext context, std::string name) const {
  std::vector<engine::Account> accounts;
  for (const auto& [key, entry] : accounts_.Get()->entries()) {
    accounts.push_back({.name = entry.name, .hierarchical = entry.hierarchical});
  }
  const std::size_t slash = name.find('/');
  const std::string in = slash == std::string::npos ? "" : name.substr(0, slash);
  const auto container =
      azure::ParseContainerName(slash == std::string::npos ? name : name.substr(slash + 1));
  if (!container) {
    co_return Fail(Code::kInvalidInput,
                   Quoted(name) + " names no container; write CONTAINER or ACCOUNT/CONTAINER. " +
                       container.error().message());
  }
  if (!in.empty()) {
    std::erase_if(accounts, [&in](const engine::Account& a) { return a.name.str() != in; });
    if (accounts.empty()) {
      co_return Fail(Code::kNotFound, "This server has no account " + Quoted(in) + ".");
    }
  }
  std::vector<engine::Account> having;
  for (const engine::Account& account : accounts) {
    FB_CO_ASSIGN_OR_RETURN(const bool there, co_await Exists(context, {account, *container}));
    if (there) having.push_back(account);
  }
  if (having.size() > 1) {
    co_return Fail(Code::kInvalidInput, "Several accounts have a container " + Quoted(name) +
                                            "; name one: " + Join(having, name) + ".");
  }
  if (having.size() == 1) co_return FoundContainer{{having.front(), *container}, true};
  if (const engine::Account* account = Usual(accounts)) {
    co_return FoundContainer{{*account, *container}, false};
  }
  co_return Fail(Code::kNotFound, "No account has a container " + Quoted(name) +
                                      "; to make one, name its account: " + Join(accounts, name) +
                                      ".");
}

Task<engine::ContainerTarget> ContainerFinder::Require(OpContext context, std::string name) const {
  FB_CO_ASSIGN_OR_RETURN(FoundContainer found, co_await Find(std::move(context), name));
  if (found.exists) co_return std::move(found.target);
  co_return Fail(Code::kNotFound, "There is no container " + Quoted(name) + ".");
}

}  // namespace forebay::admin
