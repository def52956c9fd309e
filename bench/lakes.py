"""A container in front of a lake, for the rows about lakes: a second Forebay is the lake, on loopback
or behind the fault proxy, and both sides of a comparison go to it by the same way."""
import contextlib
import http.client
import json
import os
import shutil
import signal
import subprocess
import time
import urllib.parse
import urllib.request

from rows import progress
from sides import ACCOUNT, FOREBAY, KEY, ROOT, BlobServer, Forebay, free_port

PROXY = ROOT / "build/release/bin/fault_proxy"
ROUND_TRIP_MS = 15
BLOCK_BLOB = "x-ms-blob-type: BlockBlob"


class Link(BlobServer):
    """The way to a server through the fault proxy: another port of the same account."""

    def __init__(self, base, server, **settings):
        super().__init__(base)
        self.control_port = free_port()
        self.server = server
        self.settings = settings

    def command(self):
        return [str(PROXY), "--listen", str(self.port), "--control", str(self.control_port), "--upstream",
                f"127.0.0.1:{self.server.port}", "--set", urllib.parse.urlencode(self.settings)]

    def set(self, **settings):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.control_port}/set?{urllib.parse.urlencode(settings)}", method="POST", data=b"")
        urllib.request.urlopen(request, timeout=10).close()


WAYS = ("loopback", f"{ROUND_TRIP_MS} ms")


@contextlib.contextmanager
def way_to(setting, lake, name):
    """Where to ask for what the lake has."""
    if name == "loopback":
        yield lake
        return
    link = Link(setting.base, lake, rtt_ms=ROUND_TRIP_MS).start()
    try:
        yield link
    finally:
        link.close()


@contextlib.contextmanager
def started(*servers):
    """Servers with nothing in them, and nothing left of them afterwards."""
    try:
        yield [server.start() for server in servers]
    finally:
        for server in servers:
            server.close()


class Near(Forebay):
    """The Forebay in front. Keys of the table `lake` of its configuration can change while it runs."""

    def __init__(self, base, **lake):
        super().__init__(base)
        self.config = self.directory / "forebay.toml"
        self.credential = self.directory / "lake.key"
        self.credential.write_text(KEY + "\n")
        self.credential.chmod(0o600)
        self.write_config(lake)

    def write_config(self, lake):
        lines = [f"{key} = {json.dumps(value)}" for key, value in lake.items()]
        self.config.write_text("\n".join(["[lake]", *lines]) + "\n")

    def command(self):
        return [*super().command(), "--config", str(self.config)]

    def wait_ready(self):
        super().wait_ready()
        for _ in range(1000):  # the admin listener is bound last
            with contextlib.suppress(OSError):
                self.admin("/v1/lakes")
                return
            time.sleep(0.01)
        raise RuntimeError("the admin listener does not answer")

    def set(self, **lake):
        self.write_config(lake)
        self.process.send_signal(signal.SIGHUP)
        time.sleep(0.5)

    def admin(self, path):
        token = (self.directory / "data/admin.token").read_text().strip()
        connection = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=60)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        if answer.status != 200:
            raise RuntimeError(f"GET {path}: {answer.status} {text[:300]}")
        return json.loads(text)

    def forebay(self, *arguments):
        done = subprocess.run([str(FOREBAY), *arguments, "--data", str(self.directory / "data")],
                              capture_output=True, text=True)
        if done.returncode != 0:
            raise RuntimeError(f"forebay {arguments}: {done.stdout} {done.stderr}")
        return done.stdout

    def attach(self, container, way, lake_container, *flags):
        self.forebay("lake", "attach", container, "--endpoint",
                     f"http://127.0.0.1:{way.port}/{ACCOUNT}/{lake_container}",
                     "--credential", f"key:@{self.credential}", *flags)

    def status(self, container):
        (found,) = [lake for lake in self.admin("/v1/lakes")["lakes"] if lake["container"].split("/")[-1] == container]
        return found

    def wait(self, container, condition, seconds=3600):
        """Until the condition holds of the status. That walks the names, so it is asked for a hundredth of the time."""
        began = time.monotonic()
        while not condition(status := self.status(container)):
            spent = time.monotonic() - began
            if spent > seconds:
                raise RuntimeError(f"{container}: {status}")
            time.sleep(min(max(spent / 50, 0.02), 0.5))
        return status

    def imported(self, container):
        return self.wait(container, lambda status: status["import"]["finished"])

    def drained(self, container):
        """All changes are in the lake, and noted here as being there."""
        return self.wait(container, lambda status: status["backlog"]["files"] == 0)

    def evict(self, container):
        self.forebay("tier", "evict", container, "**")


class Counted:
    """What a lake is asked for and gives inside a `with`, as it counts itself: free of noise."""
    NAMES = {"requests": "forebay_requests_total", "bytes": "forebay_response_body_bytes_total"}

    def __init__(self, lake):
        self.lake = lake

    def read(self):
        return {name: self.lake.metric(metric) for name, metric in self.NAMES.items()}

    def __enter__(self):
        self.before = self.read()
        return self

    def __exit__(self, *_):
        after = self.read()
        self.requests = after["requests"] - self.before["requests"]
        self.bytes = after["bytes"] - self.before["bytes"]


def fill(server, container, count, size, connections=64, pattern="{n}"):
    """`count` blobs of `size` bytes in a container that is made for them."""
    server.make_container(container)
    began = time.monotonic()
    server.load(server.path(f"{container}/{pattern}"), method="PUT", body=size, connections=min(connections, count),
                requests=count, header=BLOCK_BLOB)
    progress(f"{count:,} blobs of {size:,} bytes put into {container} in {time.monotonic() - began:.1f} s")


def names_in(server, container):
    """How many blobs are there, by all pages of the listing."""
    count, marker = 0, ""
    while True:
        page = server.request("GET", container, f"restype=container&comp=list&marker={urllib.parse.quote(marker)}")
        count += page.count(b"<Blob>")
        marker = page.partition(b"<NextMarker>")[2].partition(b"</NextMarker>")[0].decode()
        if not marker:
            return count


def make_files(directory, count, size, per_directory=1000):
    """The same as local files, for AzCopy to take up."""
    directory.mkdir()
    data = os.urandom(1 << 20)
    for i in range(count):
        if i % per_directory == 0:
            (directory / f"{i // per_directory}").mkdir()
        with open(directory / f"{i // per_directory}/{i}", "wb") as file:
            file.write(i.to_bytes(8, "big"))
            left = size - 8
            while left > 0:
                left -= file.write(data[:left])
    return directory


def remove(path):
    shutil.rmtree(path, ignore_errors=True)
