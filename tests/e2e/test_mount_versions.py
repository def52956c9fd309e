"""Open files of a mount keep their version; locks and blocks of several mounts."""

import mmap
import os
import subprocess

import pytest
from harness import needs
from harness.accounts import DEVELOPMENT, LAKE
from harness.waiting import until

pytestmark = [pytest.mark.forebay_only, needs.left_out("MOUNT")]


@pytest.fixture
def server(make_server):
    return make_server(accounts=(DEVELOPMENT, LAKE)).start()


def test_an_open_keeps_its_version_and_a_later_one_sees_the_next(make_mount):
    a, b = make_mount(), make_mount()
    first, second = os.urandom(3_000_000), os.urandom(1_000_000)
    (a.place / "f").write_bytes(first)
    number = os.stat(b.place / "f").st_ino
    with open(b.place / "f", "rb", buffering=0) as old:
        assert old.read(10) == first[:10]
        (a.place / "f").write_bytes(second)
        with open(b.place / "f", "rb") as young:
            assert young.read() == second
            assert os.fstat(young.fileno()).st_size == len(second)
            # Mapped and read, long after the other began and while it goes on.
            with mmap.mmap(young.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ) as mapped:
                assert mapped[:] == second
            assert os.fstat(old.fileno()).st_size == len(first)
            assert os.pread(old.fileno(), 1_000_000, 2_000_000) == first[2_000_000:]
            with mmap.mmap(old.fileno(), 0, mmap.MAP_SHARED, mmap.PROT_READ) as mapped:
                assert mapped[:] == first
        assert os.fstat(old.fileno()).st_ino == os.stat(b.place / "f").st_ino == number
        until(lambda: os.stat(b.place / "f").st_size == len(second))
    assert (b.place / "f").read_bytes() == second


def test_a_file_that_grows_is_followed(make_mount):
    a, b = make_mount(), make_mount()
    (a.place / "log").write_text("line 0\n")
    tail = subprocess.Popen(
        ["tail", "-n", "+1", "-s", "0.2", "-f", str(b.place / "log")], stdout=subprocess.PIPE, text=True
    )
    try:
        for i in range(1, 6):
            assert tail.stdout.readline() == f"line {i - 1}\n"
            with open(a.place / "log", "a") as log:
                log.write(f"line {i}\n")
        assert tail.stdout.readline() == "line 5\n"
    finally:
        tail.kill()
        tail.wait()


def test_another_mounts_commits_take_nothing_from_a_writer(make_mount):
    a, b = make_mount("write_memory=16MiB"), make_mount()
    data = os.urandom(60_000_000)
    with open(a.place / "f", "wb", buffering=0) as file:
        os.fsync(file.fileno())
        for at in range(0, len(data), 6_000_000):
            file.write(data[at : at + 6_000_000])
            with open(b.place / "f", "r+b") as other:
                other.seek(70_000_000)
                other.write(b"theirs")
    got = (b.place / "f").read_bytes()
    assert got[: len(data)] == data
    assert got[70_000_000:] == b"theirs"


def test_a_server_that_is_not_there_is_told_at_once(server, make_mount):
    mount, patient = make_mount(start=False), make_mount("connect_timeout=10m", start=False)
    server.stop()
    patient.place.mkdir()
    waits = subprocess.Popen(patient.command("--foreground"), env=patient.environment(), stderr=subprocess.DEVNULL)
    try:
        done = mount.run()
        assert done.returncode == 1 and "Cannot reach" in done.stderr
        assert waits.poll() is None, "it waited as long as who was told to"
    finally:
        waits.kill()
        waits.wait()
    server.start()
    mount.start()
