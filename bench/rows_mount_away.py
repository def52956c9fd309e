"""Rows about mounts of containers in front of a lake: what many readers cost it, and what its absence and the way there
cost who works on the mount."""
import contextlib
import multiprocessing
import os
import shutil
import threading

from lakes import Counted, Near, fill, started, way_to
from peers import unmount
from rows import Forebay, at_most, compare, progress
from rows_lake_write import CAP
from rows_mount import ACCOUNT, Local, fio, mount, save
from rows_mount_lake import FAR

MOUNTS, READERS = 2, 64


class Mounted(Near):
    """A Forebay in front of a lake, whose container is attached read-write and mounted."""

    def __init__(self, base, way, **lake):
        super().__init__(base, **lake)
        self.way = way
        self.place = self.directory / "mount"
        self.place.mkdir()

    def start(self):
        super().start()
        self.attach(f"{ACCOUNT}/here", self.way, "there", "--mode", "read-write", "--wait")
        mount(self, "here", self.place, self.directory / "mount.log")
        return self

    def close(self):
        unmount(self.place)
        super().close()

    def clear(self):
        """No files, and nothing on its way any more."""
        for entry in self.place.iterdir():
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
        self.drained("here")


def _read_whole(path, size, failed):
    with open(path, "rb", buffering=0) as file:
        left = size
        while got := file.read(1 << 20):
            left -= len(got)
    if left != 0:
        failed.put(f"{left} bytes of {path} are missing")


@contextlib.contextmanager
def _mounts(near, count):
    """`count` mounts of the attached container, nothing of which is here or in their caches."""
    near.evict(f"{ACCOUNT}/cold")
    places = [near.directory / f"mount-{i}" for i in range(count)]
    try:
        for place in places:
            place.mkdir(exist_ok=True)
            mount(near, "cold", place, near.directory / "mount.log")
        yield places
    finally:
        for place in places:
            unmount(place)


def readers(setting):
    """A cold model file is read by 64 processes at once, on two mounts, and by one: bytes that the lake sent."""
    size = setting.scaled(4 << 30, 64 << 20)
    ratios = []
    with started(Forebay(setting.base)) as (lake,), way_to(setting, lake, FAR) as way:
        fill(lake, "data", 1, size)
        with started(Near(setting.base)) as (near,):
            near.attach(f"{ACCOUNT}/cold", way, "data", "--wait")
            for i in range(min(setting.rounds, 3)):
                sent = {}
                for count in (1, READERS):
                    failed = multiprocessing.Queue()
                    with _mounts(near, min(MOUNTS, count)) as places, Counted(lake) as counted:
                        jobs = [multiprocessing.Process(target=_read_whole,
                                                        args=(places[j % len(places)] / "0", size, failed))
                                for j in range(count)]
                        [job.start() for job in jobs], [job.join() for job in jobs]
                    if not failed.empty() or any(job.exitcode for job in jobs):
                        raise RuntimeError(failed.get() if not failed.empty() else "a reader failed")
                    if counted.bytes < 0.99 * size:
                        raise RuntimeError(f"not cold: {counted.bytes} bytes from the lake, and not {size}")
                    sent[count] = counted.bytes
                ratios.append(sent[READERS] / sent[1])
                progress(f"round {i + 1}: {sent[READERS]:,.0f} bytes for {READERS} readers, {sent[1]:,.0f} for one")
    return [at_most(f"mount, lake at {FAR}: {READERS} readers of a cold file of {size >> 20} MiB",
                    "one reader (lake bytes)", 1.02, ratios)]


def stall(setting):
    """How long a checkpoint takes its writers while the lake swallows everything, and on ext4."""
    size = setting.scaled(256 << 20, 16 << 20)
    with started(Forebay(setting.base)) as (lake,), way_to(setting, lake, FAR) as way:
        lake.make_container("there")
        theirs = Local(setting.base)
        with started(Mounted(setting.base, way)) as (ours,):
            def measure(side):
                way.set(black_hole=int(side is ours))
                spent = save(side.place, 8, size)
                way.set(black_hole=0)
                if side is ours:
                    ours.clear()
                else:
                    shutil.rmtree(side.place / "step")
                os.sync()
                return spent

            ratios = compare(setting, ours, theirs, measure)
        theirs.close()
    return [at_most(f"mount, the lake black-holed: checkpoint, 8 writers x {size >> 20} MiB + fsync + rename",
                    "ext4 (time)", 1.25, ratios)]


def beside_checkpoint(setting):
    """p99 of reads of 64 KiB that are here, 4 at a time: while a checkpoint is written and drains, and quiet."""
    resident = setting.scaled(1 << 30, 64 << 20)
    # More than the cap lets through while this is measured.
    size = int(2 * (setting.seconds + 2) * (50 << 20) / 8)

    def p99(near):
        return fio(near.place, "--rw=randread", "--bs=64k", "--numjobs=4", "--filename=data", f"--size={resident}",
                   "--direct=1", "--ioengine=psync", "--norandommap",
                   seconds=setting.seconds)["read"]["clat_ns"]["percentile"]["99.000000"]

    def busy(near):
        writer = threading.Thread(target=save, args=(near.place, 8, size))
        writer.start()
        slow = p99(near)
        writer.join()
        if not near.status("here")["backlog"]["files"]:
            raise RuntimeError("the checkpoint was in the lake before the reads were over")
        near.set(upload_rate="")
        shutil.rmtree(near.place / "step")
        near.drained("here")
        near.set(upload_rate=CAP)
        return slow

    with started(Forebay(setting.base)) as (lake,), way_to(setting, lake, FAR) as way:
        lake.make_container("there")
        with started(Mounted(setting.base, way)) as (near,):
            with open(near.place / "data", "wb") as file:
                for _ in range(resident >> 20):
                    file.write(os.urandom(1 << 20))
            near.drained("here")
            near.set(upload_rate=CAP)
            ratios = compare(setting, "busy", "quiet", lambda when: busy(near) if when == "busy" else p99(near))
    return [at_most(f"mount, lake at {FAR}: p99 of reads of 64 KiB while a checkpoint is written and drains at {CAP}",
                    "quiet", 2, ratios)]
