"""Small disks for tests: file systems in memory, which take the right to mount."""

import contextlib
import subprocess

from . import needs


@contextlib.contextmanager
def small_disk(directory, size_mib):
    """A file system of that size, mounted at `directory`, which is made."""
    directory.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(directory)],
        capture_output=True, text=True,
    )  # fmt: skip
    needs.need(
        mounted.returncode == 0, "MOUNT",
        f"cannot mount a small file system: {mounted.stderr.strip()}; run as root, and a container with "
        "CAP_SYS_ADMIN",
    )  # fmt: skip
    try:
        yield directory
    finally:
        subprocess.run(["umount", "-l", str(directory)], check=True)
