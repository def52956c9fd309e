#include "engine/account_layout.h"

#include "base/codec.h"
#include "meta/keys.h"

namespace forebay::engine {

Result<> CheckAccountLayout(const kv::Store& store, const Account& account) {
  const auto snapshot = store.GetSnapshot();
  const std::string prefix = meta::keys::ContainersOf(account.name.view());
  const auto it = snapshot->Scan(prefix, PrefixEnd(prefix));
  // Any one will do: with this check, all were made alike.
  if (!it->Valid()) return it->status();
  FB_ASSIGN_OR_RETURN(const meta::ContainerRecord record, meta::DecodeContainer(it->value()));
  if (record.hierarchical == account.hierarchical) return {};
  const std::string name(account.name.view());
  const std::string_view stored = record.hierarchical ? "hierarchical" : "flat";
  return Fail(Code::kInvalidConfig,
              "account \"" + name + "\" holds containers with " + std::string(stored) +
                  " names, which cannot be changed: configure it with hierarchical = " +
                  (record.hierarchical ? "true" : "false") +
                  ", or copy its data to an account of another name");
}

}  // namespace forebay::engine
