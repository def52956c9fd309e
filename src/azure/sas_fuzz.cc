// Shared access signatures from hostile queries: nothing that the key did not sign is ever
// accepted.
#include <cstdint>
#include <cstdlib>

#include "azure/sas.h"

using namespace forebay;         // NOLINT
using namespace forebay::azure;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::vector<SigningKey> keys = {SigningKey::FromBase64("c2VjcmV0").value()};
  auto query = Query::Parse({reinterpret_cast<const char*>(data), size});
  if (!query) return 0;
  auto token = ParseSas(*query);
  if (!token || !*token) return 0;
  SasScope scope{AccountName("acc"), ContainerName("con"), BlobName("a/b/c"), {}, {}};
  // The fuzzer has no key.
  if (VerifySasSignature(**token, scope, keys)) std::abort();
  StoredPolicy policy{(*token)->identifier, {}, WallTime::FromSeconds(4'000'000'000), "r"};
  if (auto sas = ResolveSas(**token, &policy)) {
    (void)CheckSas(*sas, WallTime{}, "127.0.0.1", false);
    for (const OperationInfo& info : AllOperations()) (void)AuthorizeSas(*sas, info.operation, {});
  }
  if ((*token)->kind == SasKind::kUserDelegation) return 0;
  // Signed by us, it verifies exactly when it covers the scope, and survives being printed.
  SasToken made = SignSas(**token, scope, keys[0]);
  auto again = ParseSas(Query::Parse(made.ToQuery()).value());
  if (!again || !*again) std::abort();
  if (VerifySasSignature(made, scope, keys).has_value() !=
      VerifySasSignature(**again, scope, keys).has_value()) {
    std::abort();
  }
  return 0;
}
