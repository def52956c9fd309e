"""Rows that drive real AzCopy."""
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from rows import ROOT, Azurite, Forebay, Measure, at_least, at_most, progress
from sides import NginxBlobs, listing_of

AZCOPY = ROOT / "build/clients/node_modules/@azure-tools/azcopy-linux/dist/bin/azcopy_linux_amd64"


def azcopy(setting, *arguments):
    """Runs AzCopy and answers its wall time in seconds."""
    environment = dict(os.environ, AZCOPY_LOG_LOCATION=str(setting.base / "azcopy-log"),
                       AZCOPY_JOB_PLAN_LOCATION=str(setting.base / "azcopy-plan"),
                       AZCOPY_DISABLE_SYSLOG="true")
    began = time.monotonic()
    done = subprocess.run([str(AZCOPY), *map(str, arguments), "--skip-version-check", "--output-level=quiet"],
                          env=environment, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"azcopy {arguments}: {done.stdout[-2000:]} {done.stderr[-2000:]}")
    return time.monotonic() - began


def make_trees(setting):
    """4 GiB in large files, and 20,000 files of 16 KiB."""
    large, small = setting.base / "large", setting.base / "small"
    large.mkdir(), small.mkdir()
    block = os.urandom(1 << 20)
    for i in range(4):
        with open(large / f"{i}.bin", "wb") as f:
            for j in range(setting.scaled(1024)):
                f.write(j.to_bytes(8, "big") + block[8:])
    for i in range(setting.scaled(20_000)):
        directory = small / f"{i % 100:02}"
        directory.mkdir(exist_ok=True)
        (directory / f"{i}.bin").write_bytes(i.to_bytes(8, "big") + block[8:16 << 10])
    return large, small


def cp_and_sync(source, target):
    began = time.monotonic()
    subprocess.run(["cp", "-r", str(source), str(target)], check=True)
    os.sync()
    spent = time.monotonic() - began
    shutil.rmtree(target)
    return spent


def least_time(setting, server):
    """What AzCopy takes for one small blob: it looks at its own job only every two seconds."""
    server.make_container("least")
    one = setting.base / "one"
    one.write_bytes(b"x")
    spent = azcopy(setting, "copy", one, server.url("least/one"), "--from-to=LocalBlob")
    one.unlink()
    return spent


def download(setting, server):
    """AzCopy's time for the container, and the files' place is empty again."""
    target = setting.base / "down"
    spent = azcopy(setting, "copy", server.url("bench/*"), target, "--recursive", "--from-to=BlobLocal")
    shutil.rmtree(target)
    return spent


def up_and_down(setting):
    """AzCopy up and down against Azurite; and the limits: cp -r with sync, and AzCopy down from nginx."""
    trees = dict(zip(("4 GiB in large files", "20,000 files of 16 KiB"), make_trees(setting)))
    out = []
    rounds = min(setting.rounds, 2)  # minutes each on Azurite's side
    least = 0
    for name, tree in trees.items():
        up, down, limit, floor = [], [], [], []
        for i in range(rounds):
            spent = {}
            for side in (Forebay, Azurite) if i % 2 == 0 else (Azurite, Forebay):
                server = side(setting.base).start()
                least = least or least_time(setting, server)
                server.make_container("bench")
                url = server.url("bench")
                put = azcopy(setting, "copy", f"{tree}/*", url, "--recursive", "--from-to=LocalBlob")
                get = download(setting, server)
                if side is Forebay:
                    limits = NginxBlobs(setting.base, tree, listing_of(server, "bench", tree))
                server.close()
                spent[side] = (put, get)
                progress(f"{name}, {side.__name__}: up {put:.1f} s, down {get:.1f} s")
            up.append(spent[Azurite][0] / spent[Forebay][0])
            down.append(spent[Azurite][1] / spent[Forebay][1])
            limit.append(cp_and_sync(tree, setting.base / "copy") / spent[Forebay][0])
            nginx = download(setting, limits.start())
            limits.close()
            progress(f"{name}, nginx: down {nginx:.1f} s")
            floor.append(nginx / spent[Forebay][1])
        note = f"AzCopy takes {least:.1f} s for a single small blob"
        out.append(at_least(f"AzCopy up, {name}", "Azurite (times as fast)", 3, up, note))
        out.append(at_least(f"AzCopy down, {name}", "Azurite (times as fast)", 3, down, note))
        out.append(Measure(f"AzCopy up, {name}", "cp -r and sync, the limit", "reported",
                           statistics.median(limit), True, limit))
        out.append(Measure(f"AzCopy down, {name}", "AzCopy down from nginx, the limit", "reported",
                           statistics.median(floor), True, floor))
        shutil.rmtree(tree)
    return out


def service_to_service(setting):
    """Copies within the server, against AzCopy's uploads of the same: 4 GiB, and three times as much, of which AzCopy's
    two-second look at its own job is a smaller part."""
    tree, small = make_trees(setting)
    shutil.rmtree(small)
    server = Forebay(setting.base).start()
    least = least_time(setting, server)
    note = f"AzCopy takes {least:.1f} s for a single small blob"
    out = []
    for work, rounds in (("4 GiB", min(setting.rounds, 3)), ("12 GiB", min(setting.rounds, 2))):
        if out:
            for file in list(tree.iterdir()):
                for copy in "bc":
                    os.link(file, tree / f"{copy}{file.name}")
        ratios = []
        for i in range(rounds):
            source, into = (f"{way}-{len(out)}-{i}" for way in ("from", "into"))
            server.make_container(source), server.make_container(into)
            up = azcopy(setting, "copy", f"{tree}/*", server.url(source), "--recursive", "--from-to=LocalBlob")
            copy = azcopy(setting, "copy", server.url(source), server.url(into), "--recursive", "--from-to=BlobBlob")
            ratios.append(copy / up)
            progress(f"{work}, round {i + 1}: up {up:.1f} s, copy {copy:.1f} s")
            for container in (source, into):
                server.request("DELETE", container, "restype=container")
        out.append(at_most(f"service-to-service copy of {work}", "AzCopy upload of the same (time)", 0.2, ratios, note))
    server.close()
    shutil.rmtree(tree)
    return out
