"""The rows of the benchmark table. Each row function yields nothing and returns a list of Measures:
a ratio in one run, sides interleaved, medians quoted."""
import dataclasses
import json
import os
import random
import re
import shutil
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from sides import ACCOUNT, ROOT, Azurite, Forebay, Nginx, make_certificate, run


@dataclasses.dataclass
class Measure:
    work: str
    against: str
    reach: str             # as the target is written
    ratio: float           # median over the rounds
    met: bool
    rounds: list           # every round's ratio
    note: str = ""


@dataclasses.dataclass
class Setting:
    base: Path             # where servers keep their data: the file system under test
    rounds: int = 5
    seconds: float = 4.0   # of load, a side and round
    scale: float = 1.0     # 1: the sizes of the table; smaller for a quick look
    shared: dict = dataclasses.field(default_factory=dict)  # what several rows use: see `share`

    def scaled(self, n, least=1):
        return max(least, int(n * self.scale))

    def share(self, name, make):
        """What is costly to make and serves several rows, until `close`."""
        if name not in self.shared:
            self.shared[name] = make()
        return self.shared[name]

    def close(self):
        for thing in self.shared.values():
            thing.close()
        self.shared.clear()


def progress(text):
    print(f"    {text}", file=sys.stderr, flush=True)


def compare(setting, ours, theirs, measure):
    """measure(side) -> a number; alternates the sides and returns ours/theirs of each round."""
    ratios = []
    for i in range(setting.rounds):
        order = (ours, theirs) if i % 2 == 0 else (theirs, ours)
        value = {id(side): measure(side) for side in order}
        ratios.append(value[id(ours)] / value[id(theirs)])
        progress(f"round {i + 1} of {setting.rounds}: {ratios[-1]:.3g}")
    return ratios


def at_least(work, against, limit, ratios, note=""):
    m = statistics.median(ratios)
    return Measure(work, against, f">= {limit}", m, m >= limit, ratios, note)


def at_most(work, against, limit, ratios, note=""):
    m = statistics.median(ratios)
    return Measure(work, against, f"<= {limit}", m, m <= limit, ratios, note)


def with_path(side, path):
    side.bench_path = path
    return side


def get_large(setting):
    """GET 256 MiB over 4 connections, resident, against nginx with sendfile; plain and TLS."""
    size = setting.scaled(256 << 20, 16 << 20)
    data = os.urandom(size)
    out = []
    for tls in (None, make_certificate(setting.base)):
        ours, theirs = Forebay(setting.base).start(), Nginx(setting.base, tls)
        (theirs.directory / "www/large").write_bytes(data)
        theirs.start()
        ours.make_container("bench")
        ours.put_large("bench/large", data)
        if tls:  # the same data behind a TLS listener
            ours.kill()
            ours.tls = tls
            ours.start()
        with_path(ours, ours.path("bench/large"))
        with_path(theirs, "/large")
        cpu = {ours: [], theirs: []}

        def measure(side):
            before = side.cpu_seconds()
            options = {"tls": True} if tls else {}
            got = side.load(side.bench_path, connections=4, seconds=setting.seconds, **options)
            cpu[side].append((side.cpu_seconds() - before) / (got["bytes"] / (1 << 30)))
            return got["bytes_per_second"]

        measure(ours), measure(theirs)
        cpu[ours].clear(), cpu[theirs].clear()
        ratios = compare(setting, ours, theirs, measure)
        kind = "TLS" if tls else "plain"
        out.append(at_least(f"GET 256 MiB, 4 connections, {kind}: throughput", "nginx", 0.85 if tls else 0.9, ratios))
        if not tls:
            out.append(at_most("GET 256 MiB, 4 connections, plain: CPU-seconds a GiB", "nginx sendfile", 1.2,
                               [a / b for a, b in zip(cpu[ours], cpu[theirs])]))
        ours.close(), theirs.close()
    return out


def get_small(setting):
    """GET 4 KiB, 64 connections, keep-alive, SAS, against an nginx static file without authentication."""
    ours, theirs = Forebay(setting.base).start(), Nginx(setting.base)
    data = os.urandom(4096)
    (theirs.directory / "www/small").write_bytes(data)
    theirs.start()
    ours.make_container("bench")
    ours.put("bench/small", data)
    with_path(ours, ours.path("bench/small"))
    with_path(theirs, "/small")
    ratios = compare(setting, ours, theirs, lambda s: s.load(
        s.bench_path, connections=64, seconds=setting.seconds)["per_second"])
    ours.close(), theirs.close()
    return [at_least("GET 4 KiB, 64 connections, SAS", "nginx static file", 0.8, ratios)]


def put_blocks(setting):
    """PUT of 8 MiB blocks, 4 connections, durable, against fio: 4 jobs, fdatasync every 8 MiB."""
    ours = Forebay(setting.base).start()
    ours.make_container("bench")
    total = setting.scaled(2 << 30, 256 << 20)
    ratios = []
    for i in range(setting.rounds):
        def forebay():
            # A blob each, one block a blob: nothing is replaced, so nothing is freed meanwhile.
            got = ours.load(ours.path(f"bench/{i}-{{n}}", "comp=block&blockid=QUFBQQ%3D%3D"),
                            method="PUT", body=8 << 20, connections=4, requests=total // (8 << 20))
            return got["bytes_per_second"]

        def fio():
            directory = setting.base / "fio"
            directory.mkdir(exist_ok=True)
            text = run(["fio", "--name=w", "--rw=write", "--bs=1M", "--numjobs=4", f"--size={total // 4}",
                        "--fdatasync=8", "--ioengine=psync", "--fallocate=none", f"--directory={directory}",
                        "--group_reporting", "--output-format=json", "--refill_buffers"]).stdout
            shutil.rmtree(directory)
            return json.loads(text)["jobs"][0]["write"]["bw_bytes"]
        pair = [forebay, fio] if i % 2 == 0 else [fio, forebay]
        value = {f.__name__: f() for f in pair}
        ratios.append(value["forebay"] / value["fio"])
        progress(f"round {i + 1} of {setting.rounds}: {ratios[-1]:.3g}")
    ours.close()
    return [at_least("PUT 8 MiB blocks, 4 connections, durable", "fio, fdatasync every 8 MiB", 0.8, ratios)]


def put_small(setting):
    """PUT of 4 KiB blobs, 64 connections, durable, against db_bench fillsync with 64 threads."""
    ours = Forebay(setting.base).start()
    ours.make_container("bench")
    ratios, in_sync = [], []
    for i in range(setting.rounds):
        def forebay():
            before = ours.metric("forebay_kv_log_sync_seconds_sum")
            got = ours.load(ours.path(f"bench/{i}-{{n}}"), method="PUT", body=4096, connections=64,
                            header="x-ms-blob-type: BlockBlob", seconds=setting.seconds)
            in_sync.append((ours.metric("forebay_kv_log_sync_seconds_sum") - before) / got["seconds"])
            return got["per_second"]

        def db_bench():
            directory = setting.base / "db_bench"
            text = subprocess.run(
                ["db_bench", "--benchmarks=fillsync", "--threads=64", "--value_size=4096", "--num=1000000",
                 f"--duration={max(1, int(setting.seconds))}", f"--db={directory}", "--compression_type=none"],
                capture_output=True, text=True).stdout
            shutil.rmtree(directory, ignore_errors=True)
            return float(re.search(r"fillsync\s*:.*?(\d+)\s*ops/sec", text).group(1))
        pair = [forebay, db_bench] if i % 2 == 0 else [db_bench, forebay]
        value = {f.__name__: f() for f in pair}
        ratios.append(value["forebay"] / value["db_bench"])
        progress(f"round {i + 1} of {setting.rounds}: {ratios[-1]:.3g}, in fdatasync {in_sync[-1]:.0%}")
    ours.close()
    share = f"the log is in fdatasync {statistics.median(in_sync):.0%} of the time"
    return [at_least("PUT 4 KiB blobs, 64 connections, durable", "db_bench fillsync, 64 threads", 0.5, ratios,
                     share)]


def azurite_small(setting):
    """GET and PUT of 4 KiB against Azurite, same clients."""
    ours, theirs = Forebay(setting.base).start(), Azurite(setting.base).start()
    for side in (ours, theirs):
        side.make_container("bench")
        side.put("bench/small", os.urandom(4096))
    gets = compare(setting, ours, theirs, lambda s: s.load(
        s.path("bench/small"), connections=64, seconds=setting.seconds)["per_second"])
    puts = compare(setting, ours, theirs, lambda s: s.load(
        s.path(f"bench/{random.random()}-{{n}}"), method="PUT", body=4096, connections=64,
        header="x-ms-blob-type: BlockBlob", seconds=setting.seconds)["per_second"])
    ours.close(), theirs.close()
    return [at_least("GET 4 KiB, 64 connections", "Azurite", 25, gets),
            at_least("PUT 4 KiB, 64 connections", "Azurite", 25, puts)]
