"""`forebay mount` when things go wrong: the server dies, the mount dies, the link is gone."""

import errno
import hashlib
import multiprocessing
import os
import random
import signal
import subprocess
import threading
import time

import pytest
from harness import needs
from harness.accounts import DEVELOPMENT, LAKE
from harness.waiting import until

pytestmark = [pytest.mark.forebay_only, needs.left_out("MOUNT")]


@pytest.fixture
def server(make_server):
    return make_server(accounts=(DEVELOPMENT, LAKE)).start()


def work(place, number, stop, results, count):
    """Writes, reads back and renames files until `stop`; what it wrote, or what went wrong. Counts them."""
    rng, i, written = random.Random(number), 0, {}
    try:
        while not stop.is_set():
            name, data = f"f{number}-{i}", rng.randbytes(rng.choice([10, 5000, 3_000_000]))
            with open(place / name, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            if (place / name).read_bytes() != data:
                results.put((None, f"{name} reads differently"))
                return
            os.rename(place / name, place / (name + ".done"))
            written[name + ".done"] = hashlib.sha256(data).hexdigest()
            i += 1
            with count.get_lock():
                count.value += 1
        results.put((written, None))
    except OSError as error:
        results.put((None, f"{name}: {error}"))


def test_the_server_is_killed_under_load_and_everything_goes_on(server, container, make_mount):
    mount = make_mount()
    # Processes, not threads: a fork closes what its parent has open, and a close waits for the server
    # that this process is about to start.
    stop, results = multiprocessing.Event(), multiprocessing.Queue()
    count = multiprocessing.Value("i", 0)
    workers = [
        multiprocessing.Process(target=work, args=(mount.place, number, stop, results, count))
        for number in range(4)
    ]

    def written_more(files):
        wanted = count.value + files
        # One that gives up says so below.
        until(lambda: count.value >= wanted or not all(worker.is_alive() for worker in workers))

    for worker in workers:
        worker.start()
    kept = open(mount.place / "kept-open", "w+b")
    kept.write(b"before")
    kept.flush()
    os.fsync(kept.fileno())
    for _ in range(3):
        written_more(8)
        server.kill()
        time.sleep(0.5)
        server.start()
    written_more(8)
    stop.set()
    everything = {}
    for _ in workers:
        written, problem = results.get(timeout=90)
        assert not problem, f"{problem}\n{mount.log()}"
        everything |= written
    for worker in workers:
        worker.join(30)
    assert len(everything) >= 32
    os.pwrite(kept.fileno(), b"after!", 6)
    os.fsync(kept.fileno())
    assert os.pread(kept.fileno(), 20, 0) == b"beforeafter!"
    kept.close()
    for name, digest in everything.items():
        data = container.get_blob_client(name).download_blob().readall()
        assert hashlib.sha256(data).hexdigest() == digest, name


def test_an_operation_waits_for_the_server_or_fails_after_the_timeout(server, make_mount):
    patient, hasty = make_mount(), make_mount("timeout=2s")
    (patient.place / "f").write_text("x")
    server.kill()
    begin = time.monotonic()
    done = []
    waiter = threading.Thread(target=lambda: done.append((patient.place / "g").write_text("y")))
    waiter.start()
    with pytest.raises(OSError) as failed:
        (hasty.place / "g").write_text("y")
    assert failed.value.errno in (errno.ETIMEDOUT, errno.EIO)
    assert 1 < time.monotonic() - begin < 15
    assert not done and waiter.is_alive()
    server.start()
    waiter.join(40)
    assert done and (patient.place / "g").read_text() == "y"


def test_a_signal_ends_a_wait_for_a_server_that_is_away(server, make_mount):
    mount = make_mount()
    (mount.place / "f").write_text("x")
    server.kill()
    child = subprocess.Popen(["touch", mount.place / "new"])
    time.sleep(1)
    child.send_signal(signal.SIGTERM)
    assert child.wait(20) != 0


def test_a_killed_mount_says_so_and_is_replaced(server, container, make_mount):
    mount = make_mount()
    (mount.place / "f").write_text("safe")
    half = open(mount.place / "f", "wb")
    half.write(b"never finished" * 100_000)
    half.flush()
    mount.kill()
    with pytest.raises(OSError) as dead:
        os.listdir(mount.place)
    assert dead.value.errno == errno.ENOTCONN
    with pytest.raises(OSError):
        half.close()
    refused = mount.run()
    assert refused.returncode == 1 and "--recover" in refused.stderr
    mount.start("--recover")
    assert (mount.place / "f").read_text() == "safe"
    assert container.get_blob_client("f").download_blob().readall() == b"safe"


def test_locks_of_a_killed_mount_fall_free(make_mount):
    import fcntl

    a, b = make_mount(), make_mount()
    (a.place / "lock").write_text("x")
    held = open(a.place / "lock", "r+b")
    fcntl.lockf(held, fcntl.LOCK_EX)
    a.kill()
    begin = time.monotonic()
    with open(b.place / "lock", "r+b") as other:
        fcntl.lockf(other, fcntl.LOCK_EX)
    assert time.monotonic() - begin < 90


def test_sigterm_ends_a_busy_mount(make_mount):
    mount = make_mount()
    busy = open(mount.place / "f", "wb")
    busy.write(b"x" * 100)
    busy.flush()
    os.fsync(busy.fileno())
    begin = time.monotonic()
    mount.terminate(timeout=60)
    assert time.monotonic() - begin < 50
    assert not mount.is_mounted()
    with pytest.raises(OSError):
        os.write(busy.fileno(), b"more")
        os.fsync(busy.fileno())


def test_memory_stays_within_its_bounds(server, make_mount):
    mount = make_mount("write_memory=64MiB,cache_memory=64MiB")
    before = mount.resident_kib()
    block = os.urandom(1 << 20)

    def write(number):
        with open(mount.place / f"large-{number}", "wb") as file:
            for _ in range(200):
                file.write(block)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    peak = 0
    while any(thread.is_alive() for thread in threads):
        peak = max(peak, mount.resident_kib())
        time.sleep(0.05)
    for number in range(4):
        with open(mount.place / f"large-{number}", "rb") as file:
            while file.read(1 << 20):
                peak = max(peak, mount.resident_kib())
    assert peak - before < (64 + 64 + 64 + 200) * 1024, f"{peak} KiB"
