"""What a test cannot do without. Missing it is a failure that says what to install, never a silent
skip: only FOREBAY_E2E_<NAME>=0, set by hand, leaves such tests out."""

import os

import pytest


def left_out(name):
    """The marker for tests that FOREBAY_E2E_<name>=0 leaves out."""
    switch = f"FOREBAY_E2E_{name}"
    return pytest.mark.skipif(os.environ.get(switch) == "0", reason=f"{switch}=0")


def need(there, name, what):
    if not there:
        pytest.fail(f"{what} (FOREBAY_E2E_{name}=0 leaves these tests out)", pytrace=False)


def need_fuse():
    may = os.geteuid() == 0 and os.path.exists("/dev/fuse")
    need(may, "MOUNT", "mounts take root and /dev/fuse; a container: --device /dev/fuse --cap-add SYS_ADMIN")
