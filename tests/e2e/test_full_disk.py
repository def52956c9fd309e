"""A disk that fills up: a clear error before anything breaks, reads and deletes go on, and writing
resumes when there is room. On a small file system in memory, so it needs the right to mount."""

import errno
import itertools
import os
import subprocess
import time

import pytest
from harness import disks, needs, paths
from harness.raw import RawClient

pytestmark = needs.left_out("MOUNT")
SIZE_MIB = 240
RESERVE_MIB = 64


@pytest.fixture
def small_disk(tmp_path):
    with disks.small_disk(tmp_path / "disk", SIZE_MIB) as disk:
        yield disk


@pytest.fixture
def server(make_server, small_disk):
    made = make_server(extra=f'[storage]\ndisk_reserve = "{RESERVE_MIB}MiB"')
    made.data = small_disk / "data"
    made.write_config()
    yield made.start()
    made.kill()  # before its disk goes


def fill_from_outside(disk):
    """Another program takes all that is left; answers its file."""
    other = disk / "other"
    with other.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(b"x" * (1 << 16))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    return other


def free_mib(disk):
    stat = os.statvfs(disk)
    return stat.f_bavail * stat.f_frsize >> 20


def usage(disk):
    """What takes the room, for who reads that a test failed."""
    taken = subprocess.run(["du", "-ak", str(disk)], capture_output=True, text=True).stdout
    return f"{free_mib(disk)} MiB free; KiB used:\n{taken}"


def fill(client, prefix, size, at_most=200_000):
    """Puts blobs until one is refused; answers what is there, and the name that is not. The refusal is of
    this moment: buffers and logs may give room back in the next."""
    stored = {}
    for n in range(at_most):
        name, data = f"{prefix}{n}", os.urandom(size)
        answer = client.put_blob("box", name, data)
        if answer.status != 201:
            assert (answer.status, answer.code) == (507, "InsufficientStorage"), answer.body
            return stored, name
        stored[name] = data
    assert at_most < 200_000, "the disk never was full"
    return stored, None


def delete_all(client, names, disk):
    for done, name in enumerate(names):
        answer = client.request("DELETE", f"/box/{name}")
        assert answer.status == 202, f"delete {done} of {len(names)}: {answer.body}\n{usage(disk)}"


def fill_again(client, prefix, size, count, disk):
    """Until so many more blobs found room, however long it takes to come back."""
    stored = {}
    until = time.monotonic() + 120
    for attempt in itertools.count():
        more, _ = fill(client, f"{prefix}{attempt}-", size, count - len(stored))
        stored |= more
        if len(stored) == count:
            return stored
        assert time.monotonic() < until, f"{len(stored)} of {count} found room again\n{usage(disk)}"
        time.sleep(0.2)


def put_when_there_is_room(client, name, data):
    for _ in range(300):
        answer = client.put_blob("box", name, data)
        if answer.status == 201:
            return
        assert answer.status == 507, answer.body
        time.sleep(0.1)
    raise AssertionError("there is no room again")


def expect_all(client, stored):
    for name, data in stored.items():
        answer = client.get_blob("box", name)
        assert answer.status == 200 and answer.body == data, name


@pytest.mark.parametrize("size", [4 << 20, 30_000], ids=["chunks", "records"])
def test_a_full_disk_refuses_writes_and_recovers(server, small_disk, size):
    client = RawClient(server)
    client.create_container("box")
    stored, _ = fill(client, "a", size)
    # All there is but for the reserve, although records are in the log, in memory and in files for a while.
    assert len(stored) * size > 120 << 20
    assert free_mib(small_disk) >= RESERVE_MIB // 4, "the reserve is for deletes"

    # What is smaller may still fit; in the end nothing does, and everything else goes on.
    small, late = fill(client, "s", 2_000)
    stored |= small
    expect_all(client, dict(list(stored.items())[:20]))
    name = next(iter(stored))
    headers = {"x-ms-meta-still": "works"}
    assert client.request("PUT", f"/box/{name}?comp=metadata", b"", headers).status == 200
    assert client.request("DELETE", "/box/not-there").status == 404

    # Every delete commits, and the space comes back. Every second one goes, so that no file of the
    # store is garbage as a whole.
    large = [name for name in stored if name not in small]
    doomed = large[::2] + list(small)
    delete_all(client, doomed, small_disk)
    for name in doomed:
        del stored[name]
    stored |= fill_again(client, "b", size, len(large) // 4, small_disk)
    # To the brim once more, and through a restart.
    stored |= fill(client, "c", size)[0]
    client.close()
    server.kill()
    server.start()
    client = RawClient(server)
    expect_all(client, stored)
    assert client.get_blob("box", late).status == 404
    client.close()
    server.stop()
    checked = subprocess.run(
        [str(paths.SERVER), "fsck", "--config", str(server.config)],
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_deletes_go_on_where_others_took_the_last_byte(server, small_disk):
    client = RawClient(server)
    client.create_container("box")
    stored = {f"b{n}": os.urandom(4 << 20) for n in range(10)}
    stored |= {f"s{n}": os.urandom(20_000) for n in range(50)}
    for name, data in stored.items():
        assert client.put_blob("box", name, data).status == 201
    for _ in range(100):
        if (server.data / "RESERVE").exists():
            break
        time.sleep(0.1)
    other = fill_from_outside(small_disk)
    assert free_mib(small_disk) == 0
    assert client.put_blob("box", "new", b"x").status == 507
    for name in list(stored)[:5]:
        assert client.request("DELETE", f"/box/{name}").status == 202
        del stored[name]
    assert not (server.data / "RESERVE").exists()
    for _ in range(300):  # what was deleted is room again
        if free_mib(small_disk) >= RESERVE_MIB // 2 + 15:
            break
        time.sleep(0.1)
    assert free_mib(small_disk) >= RESERVE_MIB // 2 + 15
    expect_all(client, stored)
    other.unlink()
    put_when_there_is_room(client, "again", b"y" * 2_000)
    client.close()
