// libfuse, in the version of its interface that this folder is written to. Include this, never
// libfuse itself.
#pragma once

#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 12)
#include <fuse3/fuse_lowlevel.h>
