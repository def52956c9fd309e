"""Rows about mounts of data that a lake has: a container that is attached to it, against JuiceFS with its objects in
the same lake, on the same machine and over the same way."""
import contextlib
import multiprocessing
import os
import random
import time

from lakes import WAYS, Counted, Near, fill, make_files, remove, started, way_to
from peers import JuiceFs, JuiceVolume, unmount
from rows import Forebay, at_least, progress
from rows_mount import ACCOUNT, fio, mount

FAR = WAYS[1]
PEER = "JuiceFS over the same lake"


class Attached(Near):
    """A Forebay in front of the lake; its container is mounted, and forgotten between two mounts."""

    def __init__(self, base, way):
        super().__init__(base)
        self.way = way
        self.place = self.directory / "mount"
        self.place.mkdir()

    def start(self):
        super().start()
        self.attach(f"{ACCOUNT}/cold", self.way, "data", "--wait")
        return self

    @contextlib.contextmanager
    def cold(self):
        self.evict(f"{ACCOUNT}/cold")
        mount(self, "cold", self.place, self.directory / "mount.log")
        try:
            yield self
        finally:
            unmount(self.place)


class Juice:
    """The same bytes in a volume of JuiceFS, put there directly."""

    def __init__(self, setting, lake, way, files):
        self.base, self.way = setting.base, way
        self.volume = JuiceVolume(setting.base, lake)
        with started(JuiceFs(setting.base, self.volume, lake)) as (loader,):
            for name in sorted(os.listdir(files)):
                (loader.place / name).write_bytes((files / name).read_bytes())

    @contextlib.contextmanager
    def cold(self):
        with started(JuiceFs(self.base, self.volume, self.way)) as (mounted,):
            yield mounted

    def close(self):
        self.volume.close()


@contextlib.contextmanager
def sides(setting, count, size):
    """Ours and theirs over a lake with `count` files of `size` bytes, the place of the same as local files, and the lake."""
    with started(Forebay(setting.base)) as (lake,), way_to(setting, lake, FAR) as way:
        fill(lake, "data", count, size)
        files = make_files(setting.base / "files", count, size, per_directory=count) / "0"
        with contextlib.closing(Juice(setting, lake, way, files)) as theirs:
            with started(Attached(setting.base, way)) as (ours,):
                yield ours, theirs, files, lake
        remove(files.parent)


def from_lake(lake, least, measure):
    """What `measure` tells, which is only true of bytes that came from the lake: at least so many."""
    with Counted(lake) as counted:
        value = measure()
    if counted.bytes < least:
        raise RuntimeError(f"not cold: {counted.bytes} bytes from the lake, and not {least}")
    return value


def _read_files(place, names, size, failed):
    for name in names:
        with open(f"{place}/{name}", "rb", buffering=0) as file:
            left = size
            while left > 0 and (got := file.read(1 << 20)):
                left -= len(got)
        if left != 0:
            failed.put(f"{name} is {left} bytes too short")
            return


def epoch(place, count, size, order):
    """Files a second: all of them, each once, in a random order, by 8 readers."""
    names = list(range(count))
    random.Random(order).shuffle(names)
    failed = multiprocessing.Queue()
    jobs = [multiprocessing.Process(target=_read_files, args=(place, names[j::8], size, failed)) for j in range(8)]
    began = time.monotonic()
    [job.start() for job in jobs], [job.join() for job in jobs]
    spent = time.monotonic() - began
    if not failed.empty() or any(job.exitcode for job in jobs):
        raise RuntimeError(failed.get() if not failed.empty() else "a reader failed")
    return count / spent


def epochs(setting):
    """20,000 files of 64 KiB in random order, three times; nothing of them is here the first time."""
    count, size = setting.scaled(20_000, 200), 64 << 10
    ratios = {(peer, n): [] for peer in (PEER, "ext4") for n in range(3)}
    with sides(setting, count, size) as (ours, theirs, files, lake):
        for i in range(min(setting.rounds, 3)):
            rate = {}
            for side in (ours, theirs) if i % 2 == 0 else (theirs, ours):
                with side.cold() as mounted:
                    read = lambda n: epoch(mounted.place, count, size, 3 * i + n)  # noqa: B023, E731
                    rate[side] = [from_lake(lake, 0.99 * count * size, lambda: read(0)), read(1), read(2)]
            warm = [epoch(files, count, size, n) for n in range(3)]
            for n in range(3):
                ratios[PEER, n].append(rate[ours][n] / rate[theirs][n])
                ratios["ext4", n].append(rate[ours][n] / warm[n])
            progress(f"round {i + 1}: " + "; ".join(
                f"epoch {n + 1} {rate[ours][n]:.0f}/s, {ratios[PEER, n][-1]:.3g}, {ratios['ext4', n][-1]:.3g} of ext4"
                for n in range(3)))
    work = f"mount, lake at {FAR}: {{}} epoch of {count:,} files in random order"
    out = [at_least(work.format("first"), PEER, 2, ratios[PEER, 0])]
    for n, name in ((1, "second"), (2, "third")):
        out.append(at_least(work.format(name), PEER, 1.5, ratios[PEER, n]))
        out.append(at_least(work.format(name), "ext4", 0.8, ratios["ext4", n]))
    return out


def one_file(setting):
    """1 GiB in one file: front to back and at random places, not here and then here; the kernel's pages are dropped."""
    size = setting.scaled(1 << 30, 64 << 20)
    reads = setting.scaled(4_000, 400)
    works = {  # name: fio's words, what fio tells, the target cold and warm, bytes that it takes at least
        "sequential read": (["--rw=read", "--bs=1M", f"--size={size}"], "bw_bytes", 1.5, 1.5, 0.99 * size),
        f"{reads:,} random reads of 4 KiB, 16 jobs": (
            ["--rw=randread", "--bs=4k", "--numjobs=16", f"--number_ios={reads // 16}", f"--size={size}",
             "--norandommap"], "iops", 2, 1.5, 4096 * reads // 2),
    }
    ratios = {(work, state): [] for work in works for state in ("cold", "warm")}
    with sides(setting, 1, size) as (ours, theirs, _, lake):
        for i in range(setting.rounds):
            for work, (words, tells, _, _, least) in works.items():
                rate = {}
                for side in (ours, theirs) if i % 2 == 0 else (theirs, ours):
                    with side.cold() as mounted:
                        read = lambda: fio(mounted.place, "--filename=0", "--ioengine=psync",  # noqa: B023, E731
                                           "--invalidate=1", *words)["read"][tells]
                        rate[side, "cold"] = from_lake(lake, least, read)
                        rate[side, "warm"] = read()
                for state in ("cold", "warm"):
                    ratios[work, state].append(rate[ours, state] / rate[theirs, state])
                progress(f"round {i + 1} of {setting.rounds}, {work}: cold {ratios[work, 'cold'][-1]:.3g}, "
                         f"warm {ratios[work, 'warm'][-1]:.3g}")
    return [at_least(f"mount, lake at {FAR}: {work}, {state}, of {size >> 20} MiB", PEER,
                     works[work][2 if state == "cold" else 3], values) for (work, state), values in ratios.items()]
