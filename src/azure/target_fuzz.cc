// Targets, Host headers and copy sources: whatever comes in, the parts are within their rules, and
// what is printed again means the same.
#include <cstdint>
#include <cstdlib>

#include "azure/permissions.h"
#include "azure/target.h"

using namespace forebay;         // NOLINT
using namespace forebay::azure;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  auto newline = text.find('\n');
  std::string_view host = text.substr(0, newline);
  std::string_view target = newline == std::string_view::npos ? "/" : text.substr(newline + 1);
  auto known = [](std::string_view name) { return name == "devstoreaccount1"; };
  if (auto parsed = ParseTarget(target, host, known)) {
    if (parsed->blob && (!ParseBlobName(parsed->blob->view()) || !parsed->container)) std::abort();
    if (parsed->container && !ParseContainerName(parsed->container->view())) std::abort();
    auto again = Query::Parse(parsed->query.ToString());
    if (!again || again->size() != parsed->query.size()) std::abort();
    for (const char* method : {"GET", "PUT", "DELETE", "POST", "HEAD"}) {
      auto operation = RecognizeOperation(method, *parsed, {});
      if (operation && InfoOf(*operation).name.empty()) std::abort();
    }
  }
  if (auto url = ParseSourceUrl(target)) {
    if (url->host.empty() || url->port == 0 || !url->target.starts_with('/')) std::abort();
  }
  return 0;
}
