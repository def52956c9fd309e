"""`forebay mount` as a directory of a test. Whatever happens, `close` takes it away."""

import ctypes
import os
import signal
import subprocess
import time
from pathlib import Path

from . import needs, paths
from .accounts import LAKE


NOREPLACE, EXCHANGE = 1, 2


def rename2(source, target, flags):
    """renameat2(2), which Python has no word for: its errno, or 0."""
    libc = ctypes.CDLL(None, use_errno=True)
    at_cwd = -100
    failed = libc.renameat2(at_cwd, os.fsencode(source), at_cwd, os.fsencode(target), flags)
    return ctypes.get_errno() if failed else 0


class Mount:
    """A container of `server` at `place`."""

    def __init__(self, server, container, place: Path, account=LAKE, options=""):
        needs.need_fuse()
        self.server = server
        self.url = server.url(account, container)
        self.place = Path(place)
        self.account = account
        self.log_path = self.place.parent / f"{self.place.name}.mount.log"
        self.options = ",".join(filter(None, [f"log={self.log_path}", options]))

    def command(self, *extra):
        return [str(paths.SERVER), "mount", *extra, "-o", self.options, self.url, str(self.place)]

    def environment(self):
        return {**os.environ, "AZURE_STORAGE_KEY": self.account.key}

    def run(self, *extra, timeout=60):
        """The command to its end; the process that serves goes on."""
        self.place.mkdir(parents=True, exist_ok=True) if not self.is_mounted() else None
        return subprocess.run(
            self.command(*extra), capture_output=True, text=True, timeout=timeout, check=False,
            env=self.environment(), cwd="/",
        )  # fmt: skip

    def start(self, *extra):
        done = self.run(*extra)
        assert done.returncode == 0, f"{done.stderr}\n{self.log()}"
        assert self.is_mounted()
        return self

    def is_mounted(self):
        lines = Path("/proc/self/mountinfo").read_text().splitlines()
        return any(line.split()[4] == str(self.place) for line in lines)

    def pid(self):
        """The process that serves the mount."""
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if b"mount" in words and str(self.place).encode() in words:
                if any(word.startswith(b"--ready-fd") for word in words):
                    return int(entry.name)
        return None

    def kill(self):
        """kill -9 of the process: what is left is a mount that says ENOTCONN."""
        pid = self.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        self.wait_gone(pid)

    def terminate(self, timeout=60):
        pid = self.pid()
        os.kill(pid, signal.SIGTERM)
        self.wait_gone(pid, timeout)

    @staticmethod
    def wait_gone(pid, timeout=30):
        deadline = time.monotonic() + timeout
        while os.path.exists(f"/proc/{pid}"):
            try:
                state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
                threads = len(os.listdir(f"/proc/{pid}/task"))
            except OSError:
                return
            # Its parent is not ours to make wait. But where its first thread is gone, others may go on
            # for a moment, and have open what the process had open.
            if state == "Z" and threads == 1:
                return
            assert time.monotonic() < deadline, "the process of the mount does not end"
            time.sleep(0.01)

    def unmount(self, timeout=60):
        """`forebay umount`, and the end of the process."""
        pid = self.pid()
        done = subprocess.run(
            [str(paths.SERVER), "umount", str(self.place)],
            capture_output=True, text=True, timeout=timeout, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        if pid is not None:
            self.wait_gone(pid)
        return self

    def close(self):
        pid = self.pid()
        while self.is_mounted():
            if subprocess.run(["umount", "-l", str(self.place)], check=False).returncode != 0:
                break
        if pid is None:
            return
        try:
            self.wait_gone(pid, 5)
        except AssertionError:  # a test that failed may still have files open
            os.kill(pid, signal.SIGTERM)
            self.wait_gone(pid, 60)

    def log(self, lines=60):
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def resident_kib(self):
        for line in Path(f"/proc/{self.pid()}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("the process has no VmRSS")
