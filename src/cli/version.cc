#include "cli/version.h"

namespace forebay::cli {

const char* Version() { return FOREBAY_VERSION; }

}  // namespace forebay::cli
