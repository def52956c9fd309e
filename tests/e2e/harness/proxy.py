"""A bad link: tests/fault_proxy between a client and a server, changed while it runs."""

import json
import subprocess
import urllib.parse
import urllib.request

from . import paths

PROGRAM = paths.SERVER.parent / "fault_proxy"
# What a real lake is like: a round trip, and a refusal now and then.
REAL_LINK = {"rtt_ms": 15, "error_share": 0.01}


class FaultProxy:
    """Listens on a port of its own and forwards to `server`, with the settings of the README."""

    def __init__(self, server, **settings):
        self.server = server
        self.process = subprocess.Popen(
            [str(PROGRAM), "--listen", "0", "--control", "0",
             "--upstream", f"127.0.0.1:{server.port}",
             "--set", urllib.parse.urlencode(settings)],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        words = self.process.stdout.readline().split()
        self.port, self.control_port = int(words[1]), int(words[3])

    def url(self, account, *names):
        """The server's URL, by way of the bad link."""
        return self.server.url(account, *names).replace(f":{self.server.port}/", f":{self.port}/")

    def set(self, **settings):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.control_port}/set?{urllib.parse.urlencode(settings)}",
            method="POST", data=b"",
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert answer.status == 200

    def stats(self):
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.control_port}/stats", timeout=10
        ) as answer:
            return json.loads(answer.read())

    def stop(self):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()
