// The version of this build.
#pragma once

namespace forebay::cli {

const char* Version();  // "0.1.0"

}  // namespace forebay::cli
