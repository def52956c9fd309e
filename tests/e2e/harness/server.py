"""The server under test as a process: start, stop, kill -9, restart, reload.

The port and the data directory stay the same over restarts, so that a client can live through one.
Nothing here is thread safe except `alive`.
"""

import contextlib
import http.client
import os
import random
import signal
import socket
import subprocess
import time
import urllib.parse
from pathlib import Path

from . import paths
from .accounts import DEVELOPMENT, SECOND


def free_port():
    """A loopback port that nobody has, below those that outgoing connections get from the kernel: one
    of these could take it while a server restarts, also the connection that asks whether it is back."""
    first_outgoing = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(max(1024, first_outgoing - 16_000), first_outgoing)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class ServerProcess:
    """What Forebay and the second implementation have in common."""

    scheme = "http"

    def __init__(self, directory: Path):
        self.directory = Path(directory)
        self.directory.mkdir(parents=True, exist_ok=True)
        self.data = self.directory / "data"
        self.log_path = self.directory / "server.log"
        self.port = free_port()
        self.process = None

    # --- addresses -------------------------------------------------------------------------------
    @property
    def endpoint(self):
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def url(self, account=DEVELOPMENT, *names, sas=None):
        """The path-style URL of an account, a container or a blob (quoted, but for AzCopy's `*`)."""
        quoted = [urllib.parse.quote(name, safe="/*") for name in names]
        url = "/".join([self.endpoint, account.name, *quoted])
        return f"{url}?{sas}" if sas else url

    def connection_string(self, account=DEVELOPMENT):
        return (
            f"DefaultEndpointsProtocol={self.scheme};AccountName={account.name};"
            f"AccountKey={account.key};BlobEndpoint={self.url(account)};"
        )

    # --- life ------------------------------------------------------------------------------------
    def start(self, timeout=90):
        assert not self.alive
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                self.command(), cwd=self.directory, stdout=log, stderr=log, env=self.environment()
            )
        deadline = time.monotonic() + timeout
        while not self.answers():
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended ({self.process.returncode}):\n{self.log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise RuntimeError(f"the server did not answer in {timeout} s:\n{self.log()}")
            time.sleep(0.02)
        return self

    def answers(self):
        """Whether a request gets an answer, whatever it says."""
        try:
            connection = self.connect(timeout=5)
            connection.request("GET", "/")
            connection.getresponse().read()
            connection.close()
            return True
        except (OSError, http.client.HTTPException):
            return False

    def connect(self, timeout=60):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    def kill(self):
        """kill -9: nothing is flushed, nothing is said."""
        if self.alive:
            self.process.kill()
        if self.process is not None:
            self.process.wait()

    def terminate(self):
        self.process.send_signal(signal.SIGTERM)

    def stop(self, timeout=40):
        """SIGTERM and the exit code. A server that does not end in time is killed and fails the test."""
        if not self.alive:
            return self.process.returncode if self.process else None
        self.terminate()
        try:
            return self.process.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"the server did not end {timeout} s after SIGTERM:\n{self.log()}")

    def restart_after_kill(self):
        self.kill()
        self.start()

    def reload(self):
        self.process.send_signal(signal.SIGHUP)

    def log(self, lines=60):
        if not self.log_path.exists():
            return ""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:])

    def environment(self):
        return {key: value for key, value in os.environ.items() if not key.startswith("FOREBAY_")}

    def resident_kib(self):
        for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1])
        raise RuntimeError("the process has no VmRSS")

    def io_bytes(self):
        """What this process has read and written by system calls, sockets and caches included."""
        counts = dict(line.split(": ") for line in Path(f"/proc/{self.process.pid}/io").read_text().splitlines())
        return int(counts["rchar"]), int(counts["wchar"])


class Azurite(ServerProcess):
    """The second implementation, to check that a test asks for what Azure does."""

    def command(self):
        return [
            str(paths.NODE), paths.AZURITE, "--blobHost", "127.0.0.1", "--blobPort", str(self.port),
            "--location", str(self.data), "--silent", "--skipApiVersionCheck",
            "--disableTelemetry",
        ]  # fmt: skip

    def environment(self):
        accounts = ";".join(f"{a.name}:{a.key}" for a in (DEVELOPMENT, SECOND))
        return {**os.environ, "AZURITE_ACCOUNTS": accounts}
