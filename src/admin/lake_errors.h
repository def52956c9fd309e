// Errors of calls that may reach a lake, as the administration tells them. Pure.
#pragma once

#include "base/error.h"

namespace forebay::admin {

// What went wrong on our side is told as it is; whatever else such a call answers, the lake said:
// kNetwork, with the lake's words and what to do about them (lake/advice.h).
Error ToldByLake(Error error);

}  // namespace forebay::admin
