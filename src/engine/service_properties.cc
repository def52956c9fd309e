#include "engine/service_properties.h"

#include "base/codec.h"
#include "engine/read_gate.h"
#include "meta/keys.h"

namespace forebay::engine {
namespace {

constexpr std::uint8_t kVersion = 1;  // docs/formats/meta-records.md

Result<std::optional<std::string>> Load(const kv::Reader& reader, const std::string& key) {
  FB_ASSIGN_OR_RETURN(const auto value, reader.Get(key));
  if (!value) return std::optional<std::string>();
  Decoder in(*value);
  if (in.U8() != kVersion) {
    return Fail(Code::kCorruption,
                "Service properties of an unknown version; were they written by a newer Forebay?");
  }
  return std::optional<std::string>(in.Rest());
}

}  // namespace

Task<std::optional<std::string>> GetServiceProperties(Services& services, OpContext context,
                                                      azure::AccountName account) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await ReadMeta(
      services, [key = meta::keys::ServiceProperties(account.view())](const kv::Reader& reader) {
        return Load(reader, key);
      });
}

Task<> SetServiceProperties(Services& services, OpContext context, azure::AccountName account,
                            std::function<Result<std::string>(std::optional<std::string>)> merge) {
  FB_CO_RETURN_IF_ERROR(context.Check());
  co_return co_await services.store.Transact(
      [key = meta::keys::ServiceProperties(account.view()),
       merge = std::move(merge)](kv::Transaction& txn) -> Result<> {
        FB_ASSIGN_OR_RETURN(auto stored, Load(txn, key));
        FB_ASSIGN_OR_RETURN(const std::string merged, merge(std::move(stored)));
        txn.Put(key, Encoder().U8(kVersion).Raw(merged).str());
        return {};
      });
}

}  // namespace forebay::engine
