"""`forebay mount --cache DIR`: what one mount has read the next one has."""

import os
import random

import pytest
from harness import needs
from harness.accounts import DEVELOPMENT, LAKE

pytestmark = [pytest.mark.forebay_only, needs.left_out("MOUNT")]


@pytest.fixture
def server(make_server):
    return make_server(accounts=(DEVELOPMENT, LAKE)).start()


def status(directory):
    (place,) = (entry for entry in directory.iterdir() if entry.is_dir())
    return {name: int(value) for name, value in map(str.split, (place / "status").read_text().splitlines())}


def test_the_next_mount_reads_without_the_servers_bytes(server, container, make_mount, tmp_path):
    cache = tmp_path / "cache"
    data = random.Random(1).randbytes(20_000_003)
    container.upload_blob("large", data)
    for i in range(20):
        container.upload_blob(f"small-{i}", data[i : i + 1000])

    def read(mount):
        assert (mount.place / "large").read_bytes() == data
        for i in range(20):
            assert (mount.place / f"small-{i}").read_bytes() == data[i : i + 1000]
        mount.unmount()
        return status(cache)

    def sent():
        return server.metric("forebay_sent_bytes_total")

    before = sent()
    first = read(make_mount(f"cache={cache}"))
    assert sent() - before >= len(data)
    assert first["hits"] == 0 and first["written_bytes"] >= len(data)
    assert os.stat(cache).st_mode & 0o077 == 0
    before = sent()
    second = read(make_mount(f"cache={cache}"))
    assert second["hit_bytes"] >= len(data) and second["misses"] == 0 and second["written"] == 0
    assert sent() - before < 1_000_000

    # Another version is another page.
    changed = data[::-1]
    container.upload_blob("large", changed, overwrite=True)
    mount = make_mount(f"cache={cache}")
    assert (mount.place / "large").read_bytes() == changed


def test_a_killed_mount_leaves_a_cache_that_is_right(server, container, make_mount, tmp_path):
    cache = tmp_path / "cache"
    data = random.Random(2).randbytes(30_000_000)
    container.upload_blob("f", data)
    for _ in range(3):
        mount = make_mount(f"cache={cache},cache_size=64MiB")
        with open(mount.place / "f", "rb") as file:
            assert file.read(15_000_000) == data[:15_000_000]
        mount.kill()
        mount.close()
    mount = make_mount(f"cache={cache},cache_size=64MiB")
    assert (mount.place / "f").read_bytes() == data
    # Bit rot, and a file of somebody else's.
    (place,) = (entry for entry in cache.iterdir() if entry.is_dir())
    mount.unmount()
    for page in place.glob("*.page"):
        with open(page, "r+b") as file:
            file.seek(os.path.getsize(page) // 2)
            file.write(b"rotten")
    mount = make_mount(f"cache={cache},cache_size=64MiB")
    assert (mount.place / "f").read_bytes() == data
    mount.unmount()
    assert status(cache)["damaged"] > 0


def test_two_mounts_do_not_share_a_directory(make_mount, tmp_path):
    make_mount(f"cache={tmp_path}/cache")
    other = make_mount(f"cache={tmp_path}/cache", start=False)
    refused = other.run()
    assert refused.returncode == 1 and "directory of its own" in refused.stderr
