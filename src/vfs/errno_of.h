// What an Error is called by the manual pages.
//
// Pure, thread safe.
#pragma once

#include "base/error.h"

namespace forebay::vfs {

// The errno (positive) of a failed operation. Everything that nothing better is known for is EIO.
int ErrnoOf(Code code);
inline int ErrnoOf(const Error& error) { return ErrnoOf(error.code()); }

}  // namespace forebay::vfs
