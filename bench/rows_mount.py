"""The rows of `forebay mount`: against a FUSE server that answers from memory, against ext4, and against JuiceFS."""
import json
import multiprocessing
import os
import shutil
import time
import urllib.request

from peers import JUICEFS, JuiceFs, JuiceVolume, mounted, unmount
from rows import at_least, compare, progress
from sides import FOREBAY, ROOT, Server, account_sas, free_port, run

CEILING = ROOT / "build/release/bin/fuse_ram_ceiling"
ACCOUNT = "devlakeaccount1"


def mount(server, container, place, log, options=""):
    """A container of the hierarchical development account at `place`."""
    run([FOREBAY, "mount", "-o", ",".join(filter(None, [f"log={log}", options])),
         f"http://127.0.0.1:{server.port}/{ACCOUNT}/{container}", place])


class MountServer(Server):
    """A Forebay server with a container of its hierarchical development account mounted."""
    def __init__(self, base):
        super().__init__(base)
        self.admin_port = free_port()
        self.place = self.directory / "mount"
        self.place.mkdir()

    def command(self):
        return [str(FOREBAY), "serve", "--log-requests", "false", "--data", str(self.directory / "data"),
                "--admin-listen", f"127.0.0.1:{self.admin_port}", "--listen", f"127.0.0.1:{self.port}"]

    def wait_ready(self):
        for _ in range(3000):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{self.admin_port}/readyz", timeout=1) as answer:
                    if answer.status == 200:
                        return
            except OSError:
                pass
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended: see {self.directory}/log")
            time.sleep(0.01)
        raise RuntimeError("server did not start")

    def start(self):
        super().start()
        url = f"http://127.0.0.1:{self.port}/{ACCOUNT}/bench?restype=container&{account_sas(ACCOUNT)}"
        urllib.request.urlopen(urllib.request.Request(url, method="PUT"), timeout=60).close()
        mount(self, "bench", self.place, self.directory / "mount.log")
        return self

    def close(self):
        unmount(self.place)
        super().close()


class Ceiling(Server):
    """fuse_ram_ceiling, with files of any size that exist as soon as they are asked for."""

    def __init__(self, base, size):
        super().__init__(base)
        self.place = self.directory / "mount"
        self.place.mkdir()
        self.size = size

    def command(self):
        return [str(CEILING), str(self.place), "--size", str(self.size)]

    def wait_ready(self):
        for _ in range(500):
            if mounted(self.place) and (self.place / "data").exists():
                return
            time.sleep(0.01)
        raise RuntimeError("the ceiling did not mount")

    def close(self):
        unmount(self.place)
        super().close()


class Local(Server):
    """The file system that the servers' data is on."""

    def __init__(self, base):
        super().__init__(base)
        self.place = self.directory / "files"
        self.place.mkdir()

    def start(self):
        return self


def fio(place, *words, seconds=None):
    command = ["fio", "--name=x", f"--directory={place}", "--group_reporting", "--output-format=json",
               "--fallocate=none", *words]
    if seconds:
        command += ["--time_based", f"--runtime={seconds:g}"]
    return json.loads(run(command).stdout)["jobs"][0]


def sequential_read(setting):
    """4 GiB in requests of 1 MiB, 1 and 4 jobs; the server has the bytes in its page cache, the mount's kernel has not."""
    size = setting.scaled(4 << 30, 256 << 20)
    ours, theirs = MountServer(setting.base).start(), Ceiling(setting.base, size).start()
    run(["dd", "if=/dev/urandom", f"of={ours.place}/data", "bs=1M", f"count={size >> 20}"])
    out = []
    for jobs in (1, 4):
        words = ["--rw=read", "--bs=1M", "--filename=data", f"--numjobs={jobs}", f"--size={size // jobs}",
                 f"--offset_increment={size // jobs}", "--ioengine=psync", "--invalidate=1"]
        measure = lambda side: fio(side.place, *words)["read"]["bw_bytes"]  # noqa: E731
        measure(ours), measure(theirs)
        out.append(at_least(f"mount: read {size >> 20} MiB, 1 MiB, {jobs} job(s)", "FUSE from memory", 0.6,
                            compare(setting, ours, theirs, measure)))
    ours.close(), theirs.close()
    return out


def sequential_write(setting):
    """4 GiB in requests of 1 MiB and an fsync at the end."""
    size = setting.scaled(4 << 30, 256 << 20)
    out = []
    for jobs in (1, 4):
        ours, theirs = MountServer(setting.base).start(), Local(setting.base)

        def measure(side):
            got = fio(side.place, "--rw=write", "--bs=1M", f"--numjobs={jobs}", f"--size={size // jobs}",
                      "--ioengine=psync", "--end_fsync=1", "--refill_buffers")["write"]["bw_bytes"]
            for path in side.place.iterdir():
                path.unlink()
            os.sync()
            return got

        out.append(at_least(f"mount: write {size >> 20} MiB + fsync, {jobs} job(s)", "ext4", 0.7,
                            compare(setting, ours, theirs, measure)))
        ours.close(), theirs.close()
    return out


def random_read(setting):
    """4 KiB at random places of a resident file, 16 jobs, O_DIRECT."""
    size = setting.scaled(4 << 30, 256 << 20)
    ours, theirs = MountServer(setting.base).start(), Ceiling(setting.base, size).start()
    run(["dd", "if=/dev/urandom", f"of={ours.place}/data", "bs=1M", f"count={size >> 20}"])

    def measure(side):
        return fio(side.place, "--rw=randread", "--bs=4k", "--numjobs=16", "--filename=data", f"--size={size}",
                   "--direct=1", "--ioengine=psync", "--norandommap", seconds=setting.seconds)["read"]["iops"]

    out = [at_least("mount: random read 4 KiB, 16 jobs, direct", "FUSE from memory", 0.4,
                    compare(setting, ours, theirs, measure))]
    ours.close(), theirs.close()
    return out


def _small_files(place, job, count, step, times):
    data = os.urandom(4096)
    begin = time.monotonic()
    for i in range(count):
        path = f"{place}/{job}-{i}"
        if step == "create":
            file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            os.write(file, data)
            os.close(file)
        elif step == "stat":
            os.stat(path)
        else:
            os.unlink(path)
    times.put(time.monotonic() - begin)


def metadata(setting):
    """8 jobs: create + write 4 KiB + close, stat, unlink. Each step against the same on the RAM ceiling and on JuiceFS."""
    count = setting.scaled(1000, 100)
    against = {"FUSE from memory": (0.1, Ceiling(setting.base, 1).start())}
    volumes = []
    if JUICEFS.exists():
        volumes.append(JuiceVolume(setting.base))
        against["JuiceFS, Redis and local files"] = (2, JuiceFs(setting.base, volumes[0]).start())
    else:
        progress(f"without JuiceFS: {JUICEFS} is missing; bench/install_juicefs builds it, and says what it lacks")
    ours = MountServer(setting.base).start()
    sides = [ours, *(side for _, side in against.values())]
    steps = ("create", "stat", "unlink")
    ratios = {(peer, step): [] for peer in against for step in steps}
    for i in range(setting.rounds):
        rate = {}
        for side in sides[i % len(sides):] + sides[:i % len(sides)]:
            for step in steps:
                if step == "stat":
                    time.sleep(1.1)  # what the kernel knows is too old to answer with
                times = multiprocessing.Queue()
                jobs = [multiprocessing.Process(target=_small_files, args=(side.place, j, count, step, times))
                        for j in range(8)]
                begin = time.monotonic()
                [job.start() for job in jobs], [times.get() for _ in jobs], [job.join() for job in jobs]
                rate[side, step] = 8 * count / (time.monotonic() - begin)
        for peer, step in ratios:
            ratios[peer, step].append(rate[ours, step] / rate[against[peer][1], step])
        progress(f"round {i + 1} of {setting.rounds}: " + ", ".join(
            f"{step} {rate[ours, step]:.0f}/s" for step in steps) + "; " + ", ".join(
            f"{step} / {peer} {ratios[peer, step][-1]:.3g}" for peer, step in ratios))
    [thing.close() for thing in (*sides, *volumes)]
    return [at_least(f"mount: {step} of small files, 8 jobs", peer, against[peer][0], ratios[peer, step])
            for peer, step in ratios]


def _shard(path, size):
    data = os.urandom(1 << 20)
    file = os.open(path, os.O_WRONLY | os.O_CREAT)
    for _ in range(size >> 20):
        os.write(file, data)
    os.fsync(file)
    os.close(file)


def save(place, shards, size):
    """Seconds of a checkpoint: shards by as many writers, each with an fsync, then the rename of their directory."""
    pending = place / "step.tmp"
    pending.mkdir()
    began = time.monotonic()
    jobs = [multiprocessing.Process(target=_shard, args=(pending / f"shard-{i}", size)) for i in range(shards)]
    [job.start() for job in jobs], [job.join() for job in jobs]
    if any(job.exitcode for job in jobs):
        raise RuntimeError("a writer failed")
    os.rename(pending, place / "step")
    return time.monotonic() - began


def checkpoint(setting):
    """8 writers of 1 GiB each, fsync, and the rename of the directory."""
    size = setting.scaled(1 << 30, 32 << 20)
    ours, theirs = MountServer(setting.base).start(), Local(setting.base)

    def measure(side):
        rate = 8 * size / save(side.place, 8, size)
        shutil.rmtree(side.place / "step")
        os.sync()
        return rate

    out = [at_least(f"mount: checkpoint, 8 writers x {size >> 20} MiB + fsync + rename", "ext4", 0.8,
                    compare(setting, ours, theirs, measure))]
    ours.close(), theirs.close()
    return out
