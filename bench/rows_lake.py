"""Rows about reading through a container that stands in front of a lake."""
import contextlib
import http.client
import random
import threading
import time
import urllib.parse

from lakes import WAYS, Counted, Near, fill, remove, started, way_to
from rows import Forebay, at_least, at_most, compare, progress
from rows_azcopy import azcopy, least_time

CELL = 64 << 10
FAR = WAYS[1]


def download(setting, way, container):
    """AzCopy's time for a container; the files' place is left for whoever reads them."""
    target = setting.base / "down"
    remove(target)
    return azcopy(setting, "copy", way.url(f"{container}/*"), target, "--recursive", "--from-to=BlobLocal"), target


def cold_read(setting):
    """4 GiB, one blob of a GiB after the other over one connection, nothing of it here; against AzCopy from the lake."""
    size = setting.scaled(1 << 30, 32 << 20)
    out = []
    with started(Forebay(setting.base)) as (lake,):
        fill(lake, "data", 4, size, connections=2)
        note = f"AzCopy takes {least_time(setting, lake):.1f} s for a single small blob"
        for name in WAYS:
            with way_to(setting, lake, name) as way, started(Near(setting.base)) as (near,):
                near.attach("cold", way, "data", "--wait")

                def measure(side):
                    if side is way:
                        spent, target = download(setting, way, "data")
                        remove(target)
                        return 4 * size / spent
                    near.evict("cold")
                    with Counted(lake) as counted:
                        got = near.load(near.path("cold/{n}"), connections=1, requests=4)
                    if got["bytes"] != 4 * size or counted.bytes < 0.99 * 4 * size:
                        raise RuntimeError(f"not a cold read: {got}, {counted.bytes} bytes from the lake")
                    return got["bytes_per_second"]

                out.append(at_least(f"lake, {name}: cold sequential read of {4 * size >> 20} MiB", "AzCopy from the lake",
                                    0.9, compare(setting, near, way, measure), note))
    return out


def cold_random(setting):
    """4 KiB in cells of 64 KiB that nobody has touched, 16 at a time; then the same again, which is here now."""
    size = setting.scaled(1 << 30, 64 << 20)
    out = []
    with started(Forebay(setting.base)) as (lake,):
        fill(lake, "data", 1, size)
        for name in WAYS:
            with way_to(setting, lake, name) as way, started(Near(setting.base)) as (near,):
                near.attach("cold", way, "data", "--wait")
                fill(near, "local", 1, size)
                reads = min(size // CELL, 20_000 if way is lake else 4_000)
                cold, again = random_rounds(setting, name, near, lake, way, size // CELL, reads)
                out.append(at_least(f"lake, {name}: {reads:,} cold 4 KiB random reads, 16 at a time",
                                    "ranged GETs to the lake", 0.8, cold))
                out.append(at_least(f"lake, {name}: the same reads again", "resident from the start", 0.9, again))
    return out


def random_rounds(setting, name, near, lake, way, cells, reads):
    def load(side, container):
        return side.load(side.path(f"{container}/0"), connections=16, requests=reads, range=4096, cells=cells,
                         cell=CELL)["per_second"]

    cold, again = [], []
    for i in range(setting.rounds):
        near.evict("cold")
        value = {}
        for side in ("near", "lake") if i % 2 == 0 else ("lake", "near"):
            with Counted(lake) as counted:
                value[side] = load(near, "cold") if side == "near" else load(way, "data")
            # Ours come in fewer and larger requests; the last ones may be counted after their answer.
            least = CELL if side == "near" else 4096
            if counted.bytes < 0.99 * least * reads:
                raise RuntimeError(f"not cold: {counted.bytes} bytes from the lake for {reads} reads")
        with Counted(lake) as counted:
            second = load(near, "cold")
        if counted.bytes > 4096 * reads / 100:
            raise RuntimeError(f"the second pass took {counted.bytes} bytes from the lake")
        cold.append(value["near"] / value["lake"])
        again.append(second / load(near, "local"))
        progress(f"round {i + 1} of {setting.rounds}, {name}: cold {value['near']:.0f}/s, {cold[-1]:.3g}; "
                 f"again {second:.0f}/s, {again[-1]:.3g}")
    return cold, again


def first_files(setting):
    """From the attach to a thousand of a hundred thousand files read, against AzCopy of everything and reading those."""
    count, first, size = setting.scaled(100_000, 2_000), setting.scaled(1_000, 20), 16 << 10
    ratios = []
    with started(Forebay(setting.base)) as (lake,), way_to(setting, lake, FAR) as way:
        fill(lake, "data", count, size)
        for i in range(min(setting.rounds, 2)):
            with started(Near(setting.base)) as (near,):
                began = time.monotonic()
                near.attach("first", way, "data")
                near.load(near.path("first/{n}"), connections=16, requests=first)
                ours = time.monotonic() - began
            spent, target = download(setting, way, "data")
            began = time.monotonic()
            for n in range(first):
                if len((target / str(n)).read_bytes()) != size:
                    raise RuntimeError(f"AzCopy brought another {n}")
            theirs = spent + time.monotonic() - began
            remove(target)
            ratios.append(ours / theirs)
            progress(f"round {i + 1}: {ours:.2f} s, AzCopy {theirs:.1f} s: {ratios[-1]:.3g}")
    return [at_most(f"lake, {FAR}: attach, then {first:,} of {count:,} files read, 16 at a time",
                    "AzCopy of everything, then read (time)", 0.1, ratios)]


def all_pages(lake, container, count):
    """Names a second of the lake's listing, in the pages that an import asks for, dropped."""
    connection = http.client.HTTPConnection("127.0.0.1", lake.port, timeout=600)
    marker, names = "", 0
    began = time.monotonic()
    while True:
        query = f"restype=container&comp=list&maxresults=5000&include=metadata,copy,tags&marker={urllib.parse.quote(marker)}"
        connection.request("GET", lake.path(container, query))
        text = connection.getresponse().read()
        names += text.count(b"<Blob>")
        marker = text[-4096:].partition(b"<NextMarker>")[2].partition(b"</NextMarker>")[0].decode()
        if not marker:
            break
    if names != count:
        raise RuntimeError(f"{names} names listed, not {count}")
    return names / (time.monotonic() - began)


def importing(setting):
    """A million names, from the attach until all are here; against asking the lake for the same pages."""
    count = setting.scaled(1_000_000, 20_000)

    def measure(side):
        if side == "lake":
            return all_pages(lake, "data", count)
        with started(Near(setting.base)) as (near,):
            began = time.monotonic()
            near.attach("names", lake, "data")
            status = near.imported("names")
            spent = time.monotonic() - began
        if status["import"]["names"] != count:
            raise RuntimeError(f"imported {status['import']}")
        return count / spent

    with started(Forebay(setting.base)) as (lake,):
        fill(lake, "data", count, 0)
        ratios = compare(setting, "near", "lake", measure)
    return [at_least(f"lake: import of {count:,} names", "the lake's pages, discarded", 0.8, ratios)]


class Reader(threading.Thread):
    """A client that reads every blob of a container, in an order of its own, epoch after epoch."""

    def __init__(self, server, container, blobs, epochs, seed):
        super().__init__()
        self.server, self.container, self.blobs, self.epochs = server, container, blobs, epochs
        self.random = random.Random(seed)
        self.read_bytes, self.error = 0, None

    def run(self):
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=120)
            for _ in range(self.epochs):
                order = list(range(self.blobs))
                self.random.shuffle(order)
                for n in order:
                    connection.request("GET", self.server.path(f"{self.container}/{n}"))
                    answer = connection.getresponse()
                    if answer.status != 200:
                        raise RuntimeError(f"{n}: {answer.status}")
                    self.read_bytes += len(answer.read())
        except Exception as error:  # noqa: BLE001: told by whoever joins
            self.error = error


def lake_bytes(setting):
    """Eight clients at once read a data set that fits, three times each in orders of their own: what the lake sent."""
    blobs, size = setting.scaled(512, 32), (2 << 20) + 12_345
    ratios = []
    with started(Forebay(setting.base)) as (lake,), way_to(setting, lake, FAR) as way:
        fill(lake, "data", blobs, size)
        for i in range(min(setting.rounds, 2)):
            with started(Near(setting.base)) as (near,), Counted(lake) as counted:
                near.attach("epochs", way, "data")
                readers = [Reader(near, "epochs", blobs, 3, seed) for seed in range(8)]
                [reader.start() for reader in readers], [reader.join() for reader in readers]
            for reader in readers:
                if reader.error or reader.read_bytes != 3 * blobs * size:
                    raise RuntimeError(f"a reader: {reader.error}, {reader.read_bytes} bytes")
            ratios.append(counted.bytes / (blobs * size))
            progress(f"round {i + 1}: {counted.bytes:,.0f} bytes of {blobs * size:,}, {counted.requests:.0f} requests")
    return [at_most(f"lake: bytes it sent for 8 clients x 3 epochs over {blobs * size >> 20} MiB", "the data set's bytes",
                    1.02, ratios, "attach and import counted too")]


def lake_requests(setting):
    """A thousand cold files of 100 KiB, each looked at and read: how many requests the lake got, attach included."""
    files, size = setting.scaled(1_000, 100), 100 << 10
    ratios = []
    with started(Forebay(setting.base)) as (lake,), way_to(setting, lake, FAR) as way:
        fill(lake, "data", files, size)
        for i in range(min(setting.rounds, 2)):
            with started(Near(setting.base)) as (near,), Counted(lake) as counted:
                near.attach("files", way, "data", "--wait")
                near.load(near.path("files/{n}"), method="HEAD", connections=8, requests=files)
                got = near.load(near.path("files/{n}"), connections=8, requests=files)
            if got["bytes"] != files * size:
                raise RuntimeError(f"read {got}")
            ratios.append(counted.requests / files)
            progress(f"round {i + 1}: {counted.requests:.0f} requests for {files} files")
    return [at_most(f"lake: requests for {files:,} cold files of 100 KiB, opened and read", "files", 1.1, ratios,
                    "attach and import counted too")]


def black_hole(setting):
    """Reads of what is here while the link swallows everything, against the same with the link up."""
    files, ratios = 64, []
    with started(Forebay(setting.base)) as (lake,), way_to(setting, lake, FAR) as way:
        fill(lake, "data", files + 1, 64 << 10)
        with started(Near(setting.base)) as (near,):
            near.attach("here", way, "data", "--wait")
            near.load(near.path("here/{n}"), connections=8, requests=files)

            def load():
                return near.load(near.path("here/{r}"), connections=16, random=files, seconds=setting.seconds)

            for i in range(setting.rounds):
                value = {}
                for hole in (False, True) if i % 2 == 0 else (True, False):
                    way.set(black_hole=int(hole))
                    with asking_in_vain(near, f"here/{files}") if hole else contextlib.nullcontext():
                        value[hole] = load()
                way.set(black_hole=0)
                ratios.append(value[True]["per_second"] / value[False]["per_second"])
                progress(f"round {i + 1} of {setting.rounds}: {ratios[-1]:.3g}, p99 {value[True]['p99_us']} us, "
                         f"up {value[False]['p99_us']} us")
    return [at_least("lake: reads of 64 KiB that is here, the link black-holed", "the link up", 0.95, ratios)]


@contextlib.contextmanager
def asking_in_vain(near, path):
    """Somebody wants what is not here, again and again."""
    stop = threading.Event()

    def ask():
        while not stop.wait(0.2):
            with contextlib.suppress(RuntimeError):  # 503 within a second: what it has to say
                near.request("GET", path)

    asks = threading.Thread(target=ask)
    asks.start()
    try:
        yield
    finally:
        stop.set()
        asks.join()
