"""Rows that drive real AzCopy."""
import os
import shutil
import statistics
import subprocess
import time
from pathlib import Path

from rows import ROOT, Azurite, Forebay, Measure, at_least, at_most, progress

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


def up_and_down(setting):
    """AzCopy up and down against Azurite, and cp -r with sync as the limit."""
    trees = dict(zip(("4 GiB in large files", "20,000 files of 16 KiB"), make_trees(setting)))
    out = []
    rounds = min(setting.rounds, 2)  # minutes each on Azurite's side
    least = 0
    for name, tree in trees.items():
        up, down, limit = [], [], []
        for i in range(rounds):
            spent = {}
            for side in (Forebay, Azurite) if i % 2 == 0 else (Azurite, Forebay):
                server = side(setting.base).start()
                least = least or least_time(setting, server)
                server.make_container("bench")
                url = server.url("bench")
                put = azcopy(setting, "copy", f"{tree}/*", url, "--recursive", "--from-to=LocalBlob")
                target = setting.base / "down"
                get = azcopy(setting, "copy", server.url("bench/*"), target, "--recursive", "--from-to=BlobLocal")
                shutil.rmtree(target)
                server.close()
                spent[side] = (put, get)
                progress(f"{name}, {side.__name__}: up {put:.1f} s, down {get:.1f} s")
            up.append(spent[Azurite][0] / spent[Forebay][0])
            down.append(spent[Azurite][1] / spent[Forebay][1])
            limit.append(cp_and_sync(tree, setting.base / "copy") / spent[Forebay][0])
        note = f"AzCopy takes {least:.1f} s for a single small blob"
        out.append(at_least(f"AzCopy up, {name}", "Azurite (times as fast)", 3, up, note))
        out.append(at_least(f"AzCopy down, {name}", "Azurite (times as fast)", 3, down, note))
        out.append(Measure(f"AzCopy up, {name}", "cp -r and sync, the limit", "reported",
                           statistics.median(limit), True, limit))
        shutil.rmtree(tree)
    return out


def service_to_service(setting):
    """A copy of 4 GiB within the server, against AzCopy's upload of the same."""
    tree, small = make_trees(setting)
    shutil.rmtree(small)
    server = Forebay(setting.base).start()
    least = least_time(setting, server)
    ratios = []
    for i in range(min(setting.rounds, 3)):
        server.make_container(f"from{i}"), server.make_container(f"into{i}")
        up = azcopy(setting, "copy", f"{tree}/*", server.url(f"from{i}"), "--recursive", "--from-to=LocalBlob")
        copy = azcopy(setting, "copy", server.url(f"from{i}"), server.url(f"into{i}"), "--recursive",
                      "--from-to=BlobBlob")
        ratios.append(copy / up)
        progress(f"round {i + 1}: up {up:.1f} s, copy {copy:.1f} s")
        server.request("DELETE", f"from{i}", "restype=container")
        server.request("DELETE", f"into{i}", "restype=container")
    server.close()
    shutil.rmtree(tree)
    return [at_most("service-to-service copy of 4 GiB", "AzCopy upload of the same (time)", 0.2, ratios,
                    f"AzCopy takes {least:.1f} s for a single small blob")]
