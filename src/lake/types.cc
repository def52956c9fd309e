#include "lake/types.h"

namespace forebay::lake {

std::string_view CauseName(Cause cause) {
  switch (cause) {
    case Cause::kReadThrough:
      return "read_through";
    case Cause::kPrefetch:
      return "prefetch";
    case Cause::kOffload:
      return "offload";
    case Cause::kImport:
      return "import";
    case Cause::kRehydrate:
      return "rehydrate";
    case Cause::kReconcile:
      return "reconcile";
    case Cause::kAdmin:
      return "admin";
  }
  return "admin";
}

}  // namespace forebay::lake
