"""Rows about what is written here and travels to a lake."""
import time

from lakes import BLOCK_BLOB, WAYS, Near, make_files, names_in, remove, started, way_to
from rows import Forebay, at_least, at_most, compare, progress
from rows_azcopy import azcopy, least_time


class Uploads:
    """The same blobs on their way to a lake: out of a Forebay that has them already, and by AzCopy from files. Each
    time on servers of its own, so that nothing that was done before goes on beside it."""

    def __init__(self, setting, count, size, connections):
        self.setting, self.count, self.size, self.connections = setting, count, size, connections
        self.files = make_files(setting.base / f"files-{count}", count, size)

    def from_here(self, way_name, paused):
        """Seconds until the lake has all: from lifting the pause, or from the last acknowledgement."""
        lake, near = Forebay(self.setting.base), Near(self.setting.base, upload_rate="paused" if paused else "")
        with started(lake, near), way_to(self.setting, lake, way_name) as way:
            lake.make_container("there")
            near.attach("here", way, "there", "--mode", "read-write", "--wait")
            near.load(near.path("here/{n}"), method="PUT", body=self.size, header=BLOCK_BLOB,
                      connections=min(self.connections, self.count), requests=self.count)
            began = time.monotonic()
            if paused:
                near.set(upload_rate="")
            near.drained("here")
            spent = time.monotonic() - began
            self.check(lake)
            return spent

    def by_azcopy(self, way_name):
        lake = Forebay(self.setting.base)
        with started(lake), way_to(self.setting, lake, way_name) as way:
            lake.make_container("there")
            spent = azcopy(self.setting, "copy", f"{self.files}/*", way.url("there"), "--recursive", "--from-to=LocalBlob")
            self.check(lake)
            return spent

    def check(self, lake):
        found = names_in(lake, "there")
        if found != self.count:
            raise RuntimeError(f"{found} blobs in the lake, not {self.count}")

    def times(self, way_name, paused):
        """Ours over AzCopy's, a round each."""
        return compare(self.setting, "here", "azcopy", lambda side: self.from_here(way_name, paused) if side == "here"
                       else self.by_azcopy(way_name))


def least(setting):
    with started(Forebay(setting.base)) as (server,):
        return f"AzCopy takes {least_time(setting, server):.1f} s for a single small blob"


def offload(setting):
    """Bytes that are here already, on their way to the lake, against AzCopy on its way there with the same."""
    out, note = [], least(setting)
    large, files = setting.scaled(1 << 30, 32 << 20), setting.scaled(20_000, 500)
    for work, count, size, connections in ((f"4 x {large >> 20} MiB", 4, large, 4),
                                           (f"{files:,} x 16 KiB", files, 16 << 10, 64)):
        uploads = Uploads(setting, count, size, connections)
        for name in WAYS:
            ratios = [1 / ratio for ratio in uploads.times(name, paused=True)]
            out.append(at_least(f"lake, {name}: offload of {work}", "AzCopy to the lake", 1.0, ratios, note))
        remove(uploads.files)
    return out


def checkpoint(setting):
    """Eight shards at once: from the last acknowledgement here until all are in the lake, against AzCopy of them."""
    out, note = [], least(setting)
    size = setting.scaled(512 << 20, 16 << 20)
    uploads = Uploads(setting, 8, size, 8)
    for name in WAYS:
        out.append(at_most(f"lake, {name}: 8 x {size >> 20} MiB, last acknowledgement to all in the lake",
                           "AzCopy to the lake (time)", 1.1, uploads.times(name, paused=False), note))
    remove(uploads.files)
    return out


CAP = "50MiB/s"


def foreground(setting):
    """PUTs into a container whose backlog drains at a capped rate, against PUTs into one that has no lake, nothing else
    going on. Two sizes: many small ones, few large ones."""
    out = []
    for name in WAYS:
        lake, near = Forebay(setting.base), Near(setting.base, upload_rate="paused")
        with started(lake, near), way_to(setting, lake, name) as way:
            out += beside_a_drain(setting, name, near, lake, way)
    return out


def beside_a_drain(setting, name, near, lake, way):
    lake.make_container("there")
    near.attach("here", way, "there", "--mode", "read-write", "--wait")
    near.make_container("plain")
    # More than the cap lets through while this is measured.
    backlog = int(2 * setting.rounds * (setting.seconds + 2) * 50 / 8) + 1
    near.load(near.path("here/backlog-{n}"), method="PUT", body=8 << 20, header=BLOCK_BLOB,
              connections=min(4, backlog), requests=backlog)
    out = []
    for work, size, connections in (("16 KiB, 16 at a time", 16 << 10, 16), ("1 MiB, 4 at a time", 1 << 20, 4)):
        rate, slow = [], []
        for i in range(setting.rounds):
            got = {}
            for drains in (True, False) if i % 2 == 0 else (False, True):
                near.set(upload_rate=CAP if drains else "paused")
                container = "here" if drains else "plain"
                got[drains] = near.load(near.path(f"{container}/{size}-{i}-{{n}}"), method="PUT", body=size,
                                        header=BLOCK_BLOB, connections=connections, seconds=setting.seconds)
                if drains and not near.status("here")["backlog"]["files"]:
                    raise RuntimeError("the backlog was too small")
            rate.append(got[True]["per_second"] / got[False]["per_second"])
            slow.append(got[True]["p99_us"] / got[False]["p99_us"])
            progress(f"round {i + 1} of {setting.rounds}, {name}, {work}: {rate[-1]:.3g}, p99 {slow[-1]:.3g}")
        out.append(at_least(f"lake, {name}: PUT of {work}, while the backlog drains at {CAP}", "no offload", 0.8, rate))
        out.append(at_most(f"lake, {name}: p99 of those PUTs of {work}", "no offload", 2, slow))
    return out
